"""Fewer queries, other candidates, fewer items: what each estimates, and how well its error says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import InputError, OptionError
from foretell.measure.imbalance.cells import PER_ITEM_BYTES
from foretell.measure.inference.item_data import items_of
from tests.options import under

PLAN = np.random.default_rng(5)
MIX = PLAN.standard_normal((2, 6, 48))


def drawn(rng: np.random.Generator, n_items: int) -> tuple[NDArray[Any], NDArray[Any]]:
    z = rng.standard_normal((n_items, 6))
    noise = rng.standard_normal((2, n_items, 48))
    return z @ MIX[0] + noise[0], z @ MIX[1] + 2 * noise[1]


@pytest.mark.parametrize(
    ("options", "n"), [({"queries": 60}, 199), ({"candidates": "split"}, 100), ({"subsample": 120}, 119)]
)
def test_errors_of_other_layouts_are_true(options: dict[str, Any], n: int) -> None:
    values, errors = [], []
    for seed in range(400):
        a, b = drawn(np.random.default_rng([seed, n]), 200)
        result = under(threads=1).imbalance_matrix([a], [b], seed=seed, **options)
        assert result.attrs["n"] == n
        values.append(result["imbalance"].values.ravel())
        errors.append(result["stderr"].values.ravel())
    truth = np.std(values, axis=0, ddof=1)
    stated = np.sqrt(np.nanmean(np.square(errors), axis=0))
    assert ((stated / truth > 0.88) & (stated / truth < 1.25)).all(), stated / truth


def test_fewer_queries_estimate_the_same_number() -> None:
    means = []
    for queries in (None, 40):
        runs = [
            under(threads=1)
            .imbalance_matrix(
                *([x] for x in drawn(np.random.default_rng(seed), 150)), errors=False, seed=seed, queries=queries
            )["imbalance"]
            .values.ravel()
            for seed in range(200)
        ]
        means.append((np.mean(runs, axis=0), np.std(runs, axis=0) / np.sqrt(200)))
    (one, error), (other, other_error) = means
    assert (np.abs(one - other) < 4 * np.hypot(error, other_error)).all()


def test_errors_of_fifty_queries_are_true() -> None:
    """As many as errors need: 95 % intervals cover, within what 300 data sets tell."""
    values, inside = [], []
    for seed in range(300):
        a, b = drawn(np.random.default_rng([seed, 50]), 200)
        result = under(threads=1).imbalance_matrix([a], [b], seed=seed, queries=50)
        values.append(result["imbalance"].values.ravel())
        inside.append((result["low"].values.ravel(), result["high"].values.ravel()))
    mean = np.mean(values, axis=0)
    covered = np.mean([(low <= mean) & (mean <= high) for low, high in inside], axis=0)
    assert (covered > 0.9).all(), covered


def test_all_queries_are_everyone() -> None:
    a, b = drawn(np.random.default_rng(0), 90)
    every = foretell.imbalance_matrix([a], [b])
    as_queries = foretell.imbalance_matrix([a], [b], queries=90, seed=4)
    np.testing.assert_allclose(as_queries["imbalance"], every["imbalance"], atol=1e-13)
    np.testing.assert_allclose(as_queries["stderr"], every["stderr"], atol=1e-12)
    kept = foretell.imbalance_matrix([a], [b], subsample=40, seed=1)
    rows = [int(name) for name in items_of(kept).ids]
    alone = foretell.information_imbalance(a[rows], b[rows])
    assert kept["imbalance"].values.ravel().tolist() == [alone.a_to_b, alone.b_to_a]


def test_several_k_are_each_what_one_gives() -> None:
    a, b = drawn(np.random.default_rng(0), 90)
    several = foretell.imbalance_matrix([a], [b], k=[1, 4, 20], null=4)
    for k in (1, 4, 20):
        one = foretell.imbalance_matrix([a], [b], k=k, null=4)
        for name in ("imbalance", "stderr", "null", "p_value"):
            np.testing.assert_array_equal(several[name].sel(k=k), one[name], err_msg=name)
    for wrong in ([], [1, 1], [1, 89], [0]):
        with pytest.raises(OptionError, match="k="):
            foretell.imbalance_matrix([a], [b], k=wrong)


def test_neighbours_of_every_item() -> None:
    a, b = drawn(np.random.default_rng(0), 60)
    result = foretell.imbalance_matrix([a, b], [b], k=3, per_item=True)
    distance = [((x[:, None] > 0) ^ (x[None] > 0)).sum(-1) + 1000 * np.eye(60, dtype=int) for x in (a, b)]
    nearest = np.argsort(distance[0], axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(result["neighbour"].sel(direction="a_to_b", a=0, b=0), nearest)
    row = distance[1][7]
    for place, candidate in enumerate(nearest[7]):
        rank = 1 + (row < row[candidate]).sum() + ((row == row[candidate]).sum() - 1) / 2
        assert result["neighbour_rank"].sel(direction="a_to_b", a=0, b=0)[7, place] == rank
    few = foretell.imbalance_matrix([a], [b], per_item=True, queries=5, errors=False, seed=2)
    assert few["neighbour"].shape == (2, 1, 1, 5, 1)
    assert set(few["query"].values) <= set(items_of(few).ids)
    many = [foretell.BinarySpace((np.arange(3000) % 256).astype(np.uint8)[:, None, None], 8)]
    assert PER_ITEM_BYTES < 2 * 9 * 3000 * 2990 * 8
    with pytest.raises(OptionError, match=r"per_item=True would take .* MiB of neighbours"):
        foretell.imbalance_matrix(many * 3, many * 3, per_item=True, k=2990, errors=False)


def test_options_that_exclude_each_other() -> None:
    a, b = ([x] for x in drawn(np.random.default_rng(0), 40))
    for options, message in (
        ({"candidates": "others"}, "candidates='others' .* 'leave-one-out', 'split'"),
        ({"candidates": "split", "queries": 5}, "queries=5 is not an option with candidates='split'"),
        ({"k": [1, 2], "per_item": True}, "per_item=True is of one k"),
        ({"candidates": "split", "null": 5}, "null=5 needs every item"),
        ({"queries": 5, "null": 5, "errors": False}, "null=5 needs every item"),
        ({"queries": 39}, "queries=39 is not an option with errors, .*at least 40, or errors=False"),
        ({"queries": 41}, "queries=41 is not an option: there are 40"),
        ({"subsample": 41}, "subsample=41 is not an option: there are 40"),
        ({"subsample": 0.5}, "subsample=0.5 is not an option"),
        ({"preset": "papers"}, "preset='papers'"),
        ({"preset": "paper", "k": 2}, "preset='paper' sets all"),
    ):
        with pytest.raises(OptionError, match=message):
            foretell.imbalance_matrix(a, b, **options)


def test_the_paper_recipe() -> None:
    """Five times half of the positions of a split, by hand."""
    a, b = drawn(np.random.default_rng(0), 200)
    result = foretell.imbalance_matrix([a], [b], preset="paper", seed=3)
    order = np.random.default_rng(3).permutation(200)
    queries, candidates = order[:100], order[100:]
    rng = np.random.default_rng([3, 2])
    values = []
    for _ in range(5):
        positions = rng.choice(100, 50, replace=False)
        d = [((x[queries[positions], None] > 0) ^ (x[None, candidates[positions]] > 0)).sum(-1) for x in (a, b)]
        ranks = [1 + (d[1][i] < d[1][i, j]).sum() for i in range(50) for j in np.flatnonzero(d[0][i] == d[0][i].min())]
        values.append(2 * (np.mean(ranks) - 1) / (50 - 1))
    assert result["imbalance"][0, 0, 0] == pytest.approx(np.mean(values), abs=1e-12)
    assert result["spread"][0, 0, 0] == pytest.approx(np.std(values), abs=1e-12)
    assert (result.attrs["n"], result.attrs["convention"], result.attrs["preset"]) == (50, "paper", "paper")


def test_imbalance_against_n() -> None:
    a, b = drawn(np.random.default_rng(0), 400)
    result = foretell.imbalance_by_n(a, b)
    assert result["n"].values.tolist() == [49, 99, 199, 399]
    assert result["n_parts"].values.tolist() == [8, 4, 2, 1]
    whole = foretell.information_imbalance(a, b)
    last = result.isel(n=-1)
    assert last["imbalance"].values.tolist() == [whole.a_to_b, whole.b_to_a]
    np.testing.assert_allclose(last["stderr"], [whole.stderr_a_to_b, whole.stderr_b_to_a], rtol=1e-9)
    assert (np.diff(result["imbalance"], axis=1) < 0).all()
    for memory, metric in (("3 MB", "hamming"), (None, "euclidean")):
        some = under(memory=memory).imbalance_by_n(a, b, sizes=[100, 30], metric=metric, seed=2)
        assert some["n_parts"].values.tolist() == [13, 4]
        rng = np.random.default_rng(2)
        for place, size in enumerate([30, 100]):
            order = rng.permutation(400)
            alone = [
                foretell.information_imbalance(a[rows], b[rows], metric=metric)
                for rows in np.split(order[: size * (400 // size)], 400 // size)
            ]
            assert some["imbalance"][0, place] == pytest.approx(np.mean([ii.a_to_b for ii in alone]), abs=1e-12)
            error = np.sqrt(np.sum([ii.stderr_b_to_a**2 for ii in alone])) / len(alone)
            assert some["stderr"][1, place] == pytest.approx(error, rel=1e-9)
    for sizes in ([], [401], [2]):
        with pytest.raises(OptionError, match="sizes="):
            foretell.imbalance_by_n(a, b, sizes=sizes)
    with pytest.raises(InputError, match="All items of b are alike"):
        foretell.imbalance_by_n(a, np.ones((400, 3)))
