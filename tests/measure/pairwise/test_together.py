"""Which cells are measured in one pass: each once, and what shares a space together as far as memory goes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import foretell
from foretell.measure.distances.backends import distances
from foretell.measure.pairwise.passes import Pair, batches, components
from foretell.measure.pairwise.reduction import PairwiseReduction
from tests.options import under

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


@given(CELLS)
def test_one_cell_that_does_not_fit_is_left_to_the_walk(cells: list[Pair]) -> None:
    found = [list(some) for some in batches(cells, lambda some: 0)]
    assert sorted(found) == [[cell] for cell in sorted(cells)]


@given(CELLS)
def test_cells_of_a_cluster_are_apart_where_they_share_nothing(cells: list[Pair]) -> None:
    assert list(batches(cells, lambda some: 1, apart=True)) == components(cells)


def test_a_curve_beyond_memory_makes_each_distance_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that do not fit into one block together are taken one after the other, each in one block."""
    rng = np.random.default_rng(0)
    sides = [
        [foretell.BinarySpace.from_activations(rng.standard_normal((700, 64))) for _ in range(6)] for _ in range(2)
    ]
    taken: list[tuple[int, int]] = []
    begin = PairwiseReduction._begin

    def watched(self: PairwiseReduction, rows: range, **options: Any) -> Any:
        taken.append((len(self._steps[0]), len(rows)))
        return begin(self, rows, **options)

    roomy = under(memory="1 GiB").imbalance_curve(*sides, null=10)
    monkeypatch.setattr(PairwiseReduction, "_begin", watched)
    tight = under(memory="4 MiB").imbalance_curve(*sides, null=10)
    xr.testing.assert_identical(tight, roomy)
    assert taken == [(2, 700)] * 6


@given(CELLS)
def test_cells_that_fit_are_measured_together(cells: list[Pair]) -> None:
    assert [sorted(some) for some in batches(cells, lambda some: 1)] == [sorted(cells)]
    n = len(components(cells))
    assert len(list(batches(cells, lambda some: 1 if len(components(some)) <= (n + 1) // 2 else 3))) <= 2


def test_many_cells_are_parted_in_little_time() -> None:
    """What is asked of memory grows with the logarithm of the number of cells."""
    cells = [(2 * number, 2 * number + 1) for number in range(4096)]
    asked = 0

    def n_blocks(some: object) -> int:
        nonlocal asked
        asked += len(some)  # type: ignore[arg-type]
        return 1 if len(some) <= 8 else 2  # type: ignore[arg-type]

    assert [len(some) for some in batches(cells, n_blocks)] == [8] * 512
    assert asked <= 10 * 4096


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_few_spaces_are_made_by_all_threads_each(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    layers = [foretell.BinarySpace.from_activations(rng.standard_normal((200, 64))) for _ in range(4)]
    given: list[int] = []

    def watched(self: object, into: Any, *args: object, threads: int, **options: object) -> None:
        if len(into) == 200:  # not what tells whether a space is constant
            given.append(threads)
        fill(self, into, *args, threads=threads, **options)

    space = type(distances(layers[0], "hamming", "numba"))
    fill: Any = space.fill
    monkeypatch.setattr(space, "fill", watched)
    for sides in ((layers[:1], layers[1:2]), (layers[:2], layers[2:])):
        given.clear()
        under(threads=threads).imbalance_matrix(*sides, errors=False)
        n_spaces = 2 * len(sides[0])
        alone = n_spaces // threads * threads if threads > 1 else n_spaces
        assert sorted(given) == sorted([1] * alone + [threads] * (n_spaces - alone))


def test_what_is_made_as_it_is_asked_for_is_not_mixed_up(tmp_path: Path) -> None:
    """Arrays that are gone once they were read: those of B may then be where those of A were."""
    a, b = np.random.default_rng(0).standard_normal((2, 5, 60, 30))
    expected = foretell.imbalance_curve(list(a), list(b))
    xr.testing.assert_identical(foretell.imbalance_curve(a, b), expected)
    for name, side in (("a", a), ("b", b)):
        np.savez(tmp_path / name, **{str(layer): x for layer, x in enumerate(side)})
    with np.load(tmp_path / "a.npz") as of_a, np.load(tmp_path / "b.npz") as of_b:
        xr.testing.assert_identical(foretell.imbalance_curve(of_a, of_b), expected)
    made_a, made_b = (xr.Dataset({str(layer): (("item", "d"), x) for layer, x in enumerate(side)}) for side in (a, b))
    xr.testing.assert_identical(foretell.imbalance_curve(made_a, made_b), expected)


@pytest.mark.parametrize("metric", ["hamming", "euclidean"])
def test_an_array_on_both_sides_is_measured_once(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = list(np.random.default_rng(0).standard_normal((3, 100, 16)))
    copies = [layer.copy() for layer in layers]
    apart = foretell.imbalance_matrix(layers, copies, metric=metric)
    widths: list[int] = []
    begin = PairwiseReduction._begin

    def watched(self: PairwiseReduction, rows: range, **options: Any) -> Any:
        widths.append(len(self._steps[0]))
        return begin(self, rows, **options)

    monkeypatch.setattr(PairwiseReduction, "_begin", watched)
    xr.testing.assert_allclose(foretell.imbalance_matrix(layers, layers, metric=metric), apart)
    assert widths == [3]
