"""Standard errors from complementary halves: the splits, and the errors against the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError
from foretell.measure.inference.halves import complementary_halves, halves_stderr
from tests.options import under

Rows = NDArray[np.intp]


def mean_of(x: NDArray[np.float64]) -> Callable[[Rows], Any]:
    return lambda rows: x[rows].mean(axis=0)


@pytest.mark.parametrize("n_items", [4, 40, 41])
def test_halves_share_no_item_and_make_up_the_whole(n_items: int) -> None:
    seen = []
    for first, second in complementary_halves(n_items, splits=20):
        assert sorted([*first, *second]) == list(range(n_items))
        assert abs(len(first) - len(second)) <= 1
        assert (np.diff(first) > 0).all()
        assert (np.diff(second) > 0).all()
        seen.append(tuple(first))
    assert len(set(seen)) > 1


def test_groups_are_never_split_and_halves_are_as_equal_as_they_allow() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    rng.shuffle(group)
    names = [f"g{g}" for g in group]
    for first, second in complementary_halves(len(group), splits=50, groups=names, seed=1):
        assert not set(group[first]) & set(group[second])
        assert abs(len(first) - len(second)) <= 8
    equal = np.repeat(np.arange(10), 4)
    assert {len(first) for first, _ in complementary_halves(40, splits=20, groups=list(equal))} == {20}
    # One group that is most of the items stands alone.
    big = [0] * 50 + [1, 2, 3, 4]
    assert {min(len(a), len(b)) for a, b in complementary_halves(54, splits=20, groups=big)} <= {1, 2, 3, 4}


def test_the_same_seed_gives_the_same_halves() -> None:
    x = np.random.default_rng(0).standard_normal((60, 3))
    errors = [halves_stderr(mean_of(x), 60, seed=seed) for seed in (5, 5, 6)]
    assert (errors[0] == errors[1]).all()
    assert (errors[0] != errors[2]).all()
    assert errors[0].shape == (3,)


def test_the_error_of_a_mean_against_the_truth() -> None:
    rng = np.random.default_rng(1)
    errors = np.array([halves_stderr(mean_of(rng.standard_normal((50, 2))), 50) for _ in range(100)])
    assert np.sqrt((errors**2).mean(axis=0)) * np.sqrt(50) == pytest.approx([1, 1], rel=0.06)


def test_unequal_halves_are_allowed_for() -> None:
    """Groups of very different sizes: halves differ, and the error of a mean of independent items is still right."""
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(7), [30, 20, 12, 9, 5, 3, 1])
    errors = [halves_stderr(mean_of(rng.standard_normal(80)), 80, groups=list(group), seed=seed) for seed in range(300)]
    assert np.sqrt(np.mean(np.square(errors))) * np.sqrt(80) == pytest.approx(1, rel=0.1)


def test_errors_with_groups_are_those_of_groups() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(25), 4)
    with_groups, without = [], []
    for seed in range(100):
        x = rng.standard_normal(25)[group] + 0.5 * rng.standard_normal(100)
        with_groups.append(halves_stderr(mean_of(x), 100, groups=list(group), seed=seed))
        without.append(halves_stderr(mean_of(x), 100, seed=seed))
    truth = np.sqrt((1 + 0.25 / 4) / 25)
    assert np.sqrt(np.mean(np.square(with_groups))) / truth == pytest.approx(1, rel=0.1)
    assert np.sqrt(np.mean(np.square(without))) / truth < 0.7


def test_the_error_of_an_imbalance_against_the_truth_and_its_scores() -> None:
    n_items = 120
    mix = np.random.default_rng(4).standard_normal((2, 6, 48))
    values: list[list[float]] = []
    scored: list[list[float]] = []
    halved: list[NDArray[np.float64]] = []
    for seed in range(40):
        rng = np.random.default_rng([5, seed])
        known = rng.standard_normal((n_items, 6))
        a, b = (known @ m + rng.standard_normal((n_items, 48)) for m in mix)

        def imbalance(rows: Rows, a: NDArray[np.float64] = a, b: NDArray[np.float64] = b) -> list[float]:
            ii = under(threads=1).information_imbalance(a[rows], b[rows])
            return [ii.a_to_b, ii.asymmetry]

        ii = under(threads=1).information_imbalance(a, b)
        values.append([ii.a_to_b, ii.asymmetry])
        scored.append([ii.stderr_a_to_b, ii.stderr_asymmetry])
        halved.append(halves_stderr(imbalance, n_items, splits=20, seed=seed))
    truth = np.std(values, axis=0, ddof=1)  # known to 11 %
    ratio = np.sqrt(np.mean(np.square(halved), axis=0)) / truth
    assert ((ratio > 0.8) & (ratio < 1.45)).all(), ratio
    assert np.sqrt(np.mean(np.square(scored), axis=0)) == pytest.approx(ratio * truth, rel=0.3)


def test_a_half_without_a_value_leaves_no_error() -> None:
    x = np.array([1.0, np.nan, 2.0, 3.0, 4.0])
    assert np.isnan(halves_stderr(mean_of(x), 5))


def test_what_halves_refuse() -> None:
    with pytest.raises(InputError, match="3 items or groups are too few"):
        halves_stderr(mean_of(np.ones(3)), 3)
    with pytest.raises(InputError, match="2 items or groups are too few"):
        halves_stderr(mean_of(np.ones(6)), 6, groups=["a", "b"] * 3)
    with pytest.raises(InputError, match="3 groups for 6 items"):
        halves_stderr(mean_of(np.ones(6)), 6, groups=["a", "b", "c"])
    with pytest.raises(OptionError, match="splits=0"):
        halves_stderr(mean_of(np.ones(6)), 6, splits=0)
    with pytest.raises(OptionError, match="seed=-1"):
        halves_stderr(mean_of(np.ones(6)), 6, seed=-1)
    with pytest.raises(OptionError, match=r"n_items=2\.5"):
        halves_stderr(mean_of(np.ones(6)), 2.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="values of shape"):
        halves_stderr(lambda rows: np.ones(len(rows)), 5)
