"""The best layer valued on items that did not choose it: against the truth, and what it is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
import foretell.measure.imbalance.cross_validation
from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure.imbalance.cross_validation import cross_validate, difference
from foretell.measure.inference.halves import complementary_halves
from foretell.measure.spaces.bits import BinarySpace
from tests.options import under

Arrays = dict[str, NDArray[np.float64]]
MIX = np.random.default_rng(0).standard_normal((2, 6, 40))


def curve(rng: np.random.Generator, n_items: int, noise: dict[str, float]) -> tuple[Arrays, Arrays]:
    known = rng.standard_normal((n_items, 6))
    a = {name: known @ MIX[0] + amount * rng.standard_normal((n_items, 40)) for name, amount in noise.items()}
    b = known @ MIX[1] + rng.standard_normal((n_items, 40))
    return a, dict.fromkeys(noise, b)


def of_mean(one: float, other: float) -> object:
    return pytest.approx(np.sqrt(one**2 + other**2 + 2 / 3 * one * other) / 2, rel=1e-9)


@pytest.mark.parametrize("n_layers", [2, 3, 10])
def test_the_correlation_of_the_two_values_of_equal_layers(n_layers: int) -> None:
    """What the error assumes of them, where cells are equal and their errors independent."""
    one, other = np.random.default_rng(0).standard_normal((2, 100_000, n_layers))
    run = np.arange(len(one))
    found = np.corrcoef(other[run, one.argmin(axis=1)], one[run, other.argmin(axis=1)])[0, 1]
    assert found == pytest.approx(one.min(axis=1).mean() ** 2 / (n_layers - 1), abs=0.01)
    assert 0.24 < found < 0.37


@pytest.mark.slow
def test_the_minimum_of_equal_layers_is_low_and_the_cross_fitted_value_is_not() -> None:
    equal = {str(layer): 1.5 for layer in range(6)}
    low: list[float] = []
    fitted: list[float] = []
    errors: list[float] = []
    truth: list[float] = []
    for seed in range(150):
        a, b = curve(np.random.default_rng([1, seed]), 120, equal)
        found = under(threads=1).cross_validate(a, b, curve=True, seed=seed)["a_to_b"]
        fitted.append(found.value)
        errors.append(found.stderr)
        # Fixed layers and the minimum on as many items.
        half = under(threads=1).imbalance_curve(
            {name: x[:60] for name, x in a.items()}, {name: x[:60] for name, x in b.items()}, errors=False
        )
        values = half["imbalance"].sel(direction="a_to_b").values
        truth.append(values.mean())
        low.append(values.min())
    expected = np.mean(truth)
    error_of_mean = np.hypot(np.std(fitted), np.std(truth)) / np.sqrt(len(fitted))
    assert abs(np.mean(fitted) - expected) < 3 * error_of_mean
    assert np.mean(low) < expected - 5 * error_of_mean
    assert 0.85 < np.sqrt(np.mean(np.square(errors))) / np.std(fitted, ddof=1) < 1.3
    inside = np.abs(np.array(fitted) - expected) < 1.96 * np.array(errors)
    assert 0.90 <= inside.mean() <= 0.99


def test_a_value_is_that_of_the_cell_on_the_other_half() -> None:
    a, b = curve(np.random.default_rng(2), 101, {"0": 3.0, "1": 0.5, "2": 2.0})
    found = cross_validate(a, b, curve=True, seed=7)
    ((first, second),) = complementary_halves(101, splits=1, seed=7)
    for direction, one in found.items():
        assert one.direction == direction
        assert one.chosen == (("1", "1"), ("1", "1"))
        assert sorted(one.n) == [49, 50]
        for rows, value, error, n in zip((second, first), one.values, one.stderrs, one.n, strict=True):
            ii = foretell.information_imbalance(a["1"][rows], b["1"][rows])
            assert value == getattr(ii, direction)
            assert error == pytest.approx(getattr(ii, f"stderr_{direction}"), rel=1e-12)
            assert n == ii.n
        assert one.value == np.mean(one.values)
        assert one.stderr == of_mean(*one.stderrs)


def test_the_best_pair_of_a_matrix() -> None:
    rng = np.random.default_rng(3)
    known = rng.standard_normal((200, 6))
    a = {name: known @ MIX[0] + noise * rng.standard_normal((200, 40)) for name, noise in (("p", 4), ("q", 0.3))}
    b = {
        name: known @ MIX[1] + noise * rng.standard_normal((200, 40))
        for name, noise in (("x", 4), ("y", 3), ("z", 0.3))
    }
    found = under(threads=1).cross_validate(a, b, curve=False, k=2, convention="paper")
    assert [one.chosen for one in found.values()] == [(("q", "z"), ("q", "z"))] * 2
    assert found["a_to_b"].settings == {"k": 2, "metric": "hamming", "convention": "paper"}


def test_groups_stay_together_and_make_the_error() -> None:
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(30), 4)
    known = rng.standard_normal((30, 6))[group] + 0.2 * rng.standard_normal((120, 6))
    a, b = ([known @ m + rng.standard_normal((120, 40)) for _ in range(2)] for m in MIX)
    names = [f"g{g}" for g in group]
    one = cross_validate(a, b, curve=True, groups=names)["a_to_b"]
    here, there = ({group[int(item)] for item in half} for half in one.items)
    assert not here & there
    assert one.scores[0].n_groups == 15
    assert one.stderr > cross_validate(a, b, curve=True)["a_to_b"].stderr * 0.5


@pytest.mark.slow
def test_differences_of_best_layers_against_the_truth() -> None:
    fitted: list[float] = []
    errors: list[float] = []
    independent: list[float] = []
    for seed in range(150):
        rng = np.random.default_rng([5, seed])
        known = rng.standard_normal((100, 6))
        b = {name: known @ MIX[1] + rng.standard_normal((100, 40)) for name in "01"}
        models = [
            {name: known @ MIX[0] + noise * rng.standard_normal((100, 40)) for name in "01"} for noise in (1.5, 1.5)
        ]
        ones = [under(threads=1).cross_validate(a, b, curve=True)["a_to_b"] for a in models]
        value, error = difference(*ones)
        assert value == ones[0].value - ones[1].value
        fitted.append(value)
        errors.append(error)
        independent.append(np.hypot(ones[0].stderr, ones[1].stderr))
    assert abs(np.mean(fitted)) < 3 * np.std(fitted) / np.sqrt(len(fitted))
    assert 0.85 < np.sqrt(np.mean(np.square(errors))) / np.std(fitted, ddof=1) < 1.3
    assert np.mean(errors) < np.mean(independent)  # the same items: less than of two samples


def test_the_difference_of_a_value_to_itself_is_nothing() -> None:
    a, b = curve(np.random.default_rng(6), 60, {"0": 1.0, "1": 2.0})
    found = cross_validate(a, b, curve=True)
    assert difference(found["a_to_b"], found["a_to_b"]) == (0, 0)
    # The directions, where both have one best cell, are the asymmetries of the halves.
    one, other = found["a_to_b"], found["b_to_a"]
    assert one.chosen == other.chosen
    ((first, second),) = complementary_halves(60, splits=1)
    halves = [foretell.information_imbalance(a["0"][rows], b["0"][rows]) for rows in (first, second)]
    value, error = difference(one, other)
    assert value == pytest.approx(np.mean([ii.asymmetry for ii in halves]))
    assert error == of_mean(*(ii.stderr_asymmetry for ii in halves))


def test_the_seed_decides_the_halves_and_spaces_with_ids_are_halved_by_place() -> None:
    a, b = curve(np.random.default_rng(7), 60, {"0": 1.0, "1": 2.0})
    ids = [f"item {i}" for i in range(60)]
    plain, again, other = (cross_validate(a, b, curve=True, seed=seed) for seed in (3, 3, 4))
    assert plain == again
    assert plain != other
    named = cross_validate({name: BinarySpace.from_activations(x, ids) for name, x in a.items()}, b, curve=True, seed=3)
    assert named["a_to_b"] == plain["a_to_b"]
    assert named["a_to_b"].names == tuple(ids)
    with pytest.raises(AlignmentError, match="same halves"):
        difference(named["a_to_b"], replace(named["b_to_a"], names=tuple(ids[::-1])))


def test_what_cross_fitting_refuses() -> None:
    a, b = curve(np.random.default_rng(8), 40, {"0": 1.0, "1": 2.0})
    with pytest.raises(OptionError, match="curve=1"):
        cross_validate(a, b, curve=1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no spaces"):
        cross_validate({}, {}, curve=True)
    with pytest.raises(InputError, match="layers by name"):
        cross_validate(a, {"0": b["0"], "x": b["1"]}, curve=True)
    with pytest.raises(InputError, match="too few to halve"):
        cross_validate(a, b, curve=True, groups=["g", "h"] * 20)
    with pytest.raises(AlignmentError, match="40 items and space 2 has 30"):
        cross_validate(a, {name: x[:30] for name, x in b.items()}, curve=True)
    with pytest.warns(UserWarning, match="alike"), pytest.raises(InputError, match="No cell has a value in direction"):
        cross_validate([np.ones((40, 3))], [b["0"]], curve=True)
    one = cross_validate(a, b, curve=True)["a_to_b"]
    with pytest.raises(AlignmentError, match="same halves"):
        difference(one, cross_validate(a, b, curve=True, seed=1)["a_to_b"])
    with pytest.raises(InputError, match="measure both alike"):
        difference(one, cross_validate(a, b, curve=True, k=2)["a_to_b"])
