"""The work that is counted is the work that is done: counted again in the kernels while a study is answered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from foretell.measure.distances.backends import distances
from foretell.measure.imbalance.estimation.tallies import NullRankSums, Tallies
from foretell.measure.imbalance.greedy_tokens import Half
from foretell.measure.pairwise.reduction import PairwiseReduction
from foretell.studies.config.study_file import study_from
from foretell.studies.planning.plan import shape_of
from foretell.studies.planning.work import work_of
from foretell.studies.preparation.stores import Stores
from foretell.studies.registry import answer, arrange
from tests.studies.conftest import STUDIES, World


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Work as it is done, counted where it is done."""
    counted: Counter[str] = Counter()
    add, add_half = PairwiseReduction._add, Half._add
    update, shuffle = Tallies.update, NullRankSums.update

    def counting_add(self: Any, rows: Any, step: int, number: int, threads: int, panel_bytes: int) -> Any:
        space = self._steps[step][number]
        counted["bits"] += len(rows.queries) * len(self._layout.candidates) * (space.greatest or 0)
        return add(self, rows, step, number, threads, panel_bytes)

    def counting_update(self: Any, block: Any, *, threads: int) -> None:
        counted["rankings"] += block.n_rows * block.n_candidates * len(self._pairs)
        update(self, block, threads=threads)

    def counting_shuffle(self: Any, block: Any, *, threads: int) -> None:
        counted["permuted ranks"] += block.n_rows * sum(total.size for total in self._total.values())
        shuffle(self, block, threads=threads)

    def counting_half(self: Any, space: Any, out: Any) -> None:
        counted["bits"] += len(self.rows) ** 2 * (distances(space, "hamming", self.options.backend).greatest or 0)
        add_half(self, space, out)

    monkeypatch.setattr(PairwiseReduction, "_add", counting_add)
    monkeypatch.setattr(Half, "_add", counting_half)
    monkeypatch.setattr(Tallies, "update", counting_update)
    monkeypatch.setattr(NullRankSums, "update", counting_shuffle)
    return counted


@pytest.mark.parametrize("kind", STUDIES)
@pytest.mark.parametrize(("permutations", "groups"), [(0, None), (160, None), (160, 20)])
def test_work_is_counted_as_it_is_done(
    world: World, done: Counter[str], kind: str, permutations: int, groups: int | None, tmp_path: Path
) -> None:
    world.groups = groups
    measure = STUDIES[kind].get("measure", {}) | {"null": permutations}
    study = study_from(STUDIES[kind] | {"measure": measure}, source="it")
    arrangement = arrange(study, Stores(tmp_path, tmp_path))
    comparisons = []
    for one in arrangement.comparisons:
        keys = zip(one.sides, one.models, one.tokens, strict=True)
        a, b = (shape_of((side, model), tokens, arrangement) for side, model, tokens in keys)
        comparisons.append((a, b))
    counted = work_of(study, comparisons)
    found = answer(study, arrangement.extracted(progress=False))
    for name in ("bits", "rankings", "permuted ranks"):
        assert counted[name] == pytest.approx(done[name], rel=0.15), name
    assert counted["figures"] == len(found.figures)
