"""Which cells are measured in one walk: each once, and what shares a space together as far as memory goes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import foretell
from foretell.measure.engine import Walk
from foretell.measure.request import Pair
from foretell.measure.together import batches, components

CELLS = st.lists(st.tuples(st.integers(0, 9), st.integers(10, 19)), unique=True, min_size=1, max_size=25)


def _places(cells: list[Pair]) -> set[int]:
    return {place for cell in cells for place in cell}


@given(CELLS)
def test_components_share_no_space_and_hang_together(cells: list[Pair]) -> None:
    found = components(cells)
    assert sorted(cell for those in found for cell in those) == sorted(cells)
    for one, other in itertools.combinations(found, 2):
        assert _places(one).isdisjoint(_places(other))
    for those in found:
        reached = set(those[0])
        for _ in those:
            reached |= {place for cell in those if reached.intersection(cell) for place in cell}
        assert reached == _places(those)


@given(CELLS, st.integers(2, 20), st.integers(1, 20))
def test_batches_are_all_cells_within_memory(cells: list[Pair], most: int, at_once: int) -> None:
    """A memory of so many spaces, of which fewer are held with all queries in one block."""

    def n_blocks(some: list[Pair]) -> int:
        n = len(_places(some))
        return 0 if n > most else 1 if n <= at_once else 2

    found = [list(some) for some in batches(cells, n_blocks)]  # type: ignore[arg-type]
    assert sorted(cell for those in found for cell in those) == sorted(cells)
    assert all(n_blocks(those) or len(those) == 1 for those in found)
    for those in found:
        if n_blocks(those) == 2:
            assert len(components(those)) == 1, "what shares no space goes apart where it does not fit into one block"
    for one, following in itertools.pairwise(found):
        whole = n_blocks(one) == n_blocks(following) == 1
        if whole and one in components(cells) and following in components(cells):
            assert n_blocks([*one, *following]) != 1, "what fits together is measured together"


@given(CELLS)
def test_one_cell_that_does_not_fit_is_left_to_the_walk(cells: list[Pair]) -> None:
    found = [list(some) for some in batches(cells, lambda some: 0)]
    assert sorted(found) == [[cell] for cell in sorted(cells)]


@given(CELLS)
def test_cells_of_a_cluster_are_apart_where_they_share_nothing(cells: list[Pair]) -> None:
    assert list(batches(cells, lambda some: 1, apart=True)) == components(cells)


def test_a_curve_beyond_memory_makes_each_distance_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that do not fit into one block together are walked over one after the other, each in one block."""
    rng = np.random.default_rng(0)
    sides = [[foretell.Bits.from_activations(rng.standard_normal((700, 64))) for _ in range(6)] for _ in range(2)]
    taken: list[tuple[int, int]] = []
    feed_block = Walk._feed_block

    def watched(self: Walk, reducers: object, rows: range, *others: object, **options: object) -> None:
        taken.append((len(self._steps[0]), len(rows)))
        feed_block(self, reducers, rows, *others, **options)  # type: ignore[arg-type]

    roomy = foretell.imbalance_curve(*sides, null=10, memory="1 GiB")
    monkeypatch.setattr(Walk, "_feed_block", watched)
    tight = foretell.imbalance_curve(*sides, null=10, memory="4 MiB")
    xr.testing.assert_identical(tight, roomy)
    assert taken == [(2, 700)] * 6


@pytest.mark.parametrize("metric", ["hamming", "euclidean"])
def test_an_array_on_both_sides_is_measured_once(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = list(np.random.default_rng(0).standard_normal((3, 100, 16)))
    copies = [layer.copy() for layer in layers]
    apart = foretell.imbalance_matrix(layers, copies, metric=metric)
    widths: list[int] = []
    feed_block = Walk._feed_block

    def watched(self: Walk, *given: object, **options: object) -> None:
        widths.append(len(self._steps[0]))
        feed_block(self, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Walk, "_feed_block", watched)
    xr.testing.assert_allclose(foretell.imbalance_matrix(layers, layers, metric=metric), apart)
    assert widths == [3]
