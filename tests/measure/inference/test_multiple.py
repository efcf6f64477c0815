"""P values of contrasts against closed forms, tables and integrals, and Holm's procedure against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import foretell
from foretell.exceptions import InputError, OptionError
from foretell.measure.inference.p_values import contrast_p_value, holm
from foretell.measure.inference.standard_errors import critical
from tests.options import under

ERRORS_FROM_0 = [0.0, 1e-12, 0.01, 0.3, 1.0, 1.96, 3.0, 10.0, 60.0]


def closed(t: float, freedom: int) -> float:
    """Student's two-sided tail for few degrees of freedom, by its elementary forms (Abramowitz, Stegun 26.7.3-4)."""
    theta = math.atan(t / math.sqrt(freedom))
    sin, cos = math.sin(theta), math.cos(theta)
    if freedom % 2:
        terms, factor = cos, cos
        for j in range(3, freedom - 1, 2):
            factor *= (j - 1) / j * cos**2
            terms += factor
        return 1 - 2 / math.pi * (theta + sin * terms)
    terms, factor = 1.0, 1.0
    for j in range(2, freedom - 1, 2):
        factor *= (j - 1) / j * cos**2
        terms += factor
    return 1 - sin * terms


@pytest.mark.parametrize("freedom", [3, 4, 5, 6, 7, 11, 24, 99])
@pytest.mark.parametrize("t", ERRORS_FROM_0)
def test_a_p_value_is_the_tail_of_students_distribution(t: float, freedom: int) -> None:
    assert contrast_p_value(t, 1.0, freedom + 1) == pytest.approx(closed(t, freedom), abs=1e-13)
    assert contrast_p_value(-0.02 * t, 0.02, freedom + 1) == pytest.approx(closed(t, freedom), abs=1e-13)


@pytest.mark.parametrize(
    ("t", "freedom", "p"),  # printed in every table of the distribution
    [
        (3.182446, 3, 0.05),
        (5.840909, 3, 0.01),
        (12.92398, 3, 0.001),
        (2.228139, 10, 0.05),
        (3.169273, 10, 0.01),
        (4.143700, 10, 0.002),
        (2.042272, 30, 0.05),
        (1.983972, 100, 0.05),
        (2.625891, 100, 0.01),
    ],
)
def test_a_p_value_is_that_of_the_tables(t: float, freedom: int, p: float) -> None:
    assert contrast_p_value(t, 1.0, freedom + 1) == pytest.approx(p, rel=2e-6)


def test_small_p_values_keep_their_digits() -> None:
    for freedom in (3, 8, 40, 400):
        for t in (8.0, 25.0, 400.0):
            # The density integrated over u = t / |x|, from 0 to 1: no part of it is far away.
            u, weight = np.polynomial.legendre.leggauss(2000)
            u, weight = (u + 1) / 2, weight / 2
            log_density = -(freedom + 1) / 2 * np.log1p((t / u) ** 2 / freedom) + np.log(t / u**2)
            constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
            assert contrast_p_value(t, 1.0, freedom + 1) == pytest.approx(
                2 * float(weight @ np.exp(log_density + constant)), rel=1e-9
            )
    assert contrast_p_value(4.0, 1.0, 10**7) == pytest.approx(math.erfc(4 / math.sqrt(2)), rel=1e-4)
    assert contrast_p_value(1e300, 1e-300, 9) == 0


@pytest.mark.parametrize("n_groups", [4, 5, 8, 30, 1000, 10**6])
def test_an_interval_ends_where_p_is_5_percent(n_groups: int) -> None:
    assert contrast_p_value(critical(n_groups), 1.0, n_groups) == pytest.approx(0.05, abs=1e-9)


def test_what_has_no_p_value() -> None:
    nan = float("nan")
    for value, error, n_groups in ((nan, 1, 9), (1, nan, 9), (1, 1, 3), (1, 1, 1)):
        assert math.isnan(contrast_p_value(value, error, n_groups))
    assert contrast_p_value(0.0, 0.0, 9) == 1
    assert contrast_p_value(0.1, 0.0, 9) == 0
    with pytest.raises(InputError, match=r"stderr=-0.1 is negative"):
        contrast_p_value(0.1, -0.1, 9)
    with pytest.raises(OptionError, match=r"n_groups=2.5 is not an option"):
        contrast_p_value(0.1, 0.1, 2.5)  # type: ignore[arg-type]


def test_where_nothing_differs_p_values_are_even() -> None:
    """The directions of two spaces that are made alike: p of their contrast is below .05 about as often as it says."""
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        known = rng.standard_normal((80, 6))
        a, b = (known @ rng.standard_normal((6, 60)) + rng.standard_normal((80, 60)) for _ in "ab")
        curve = under(threads=1).imbalance_curve([a], [b])
        tested = foretell.contrast(curve, {("a_to_b", "0"): 1, ("b_to_a", "0"): -1})
        value, error = tested.value, tested.stderr
        p.append(contrast_p_value(value, error, curve.attrs["n_groups"]))
    assert 0.005 <= np.mean(np.array(p) <= 0.05) <= 0.1
    assert np.mean(p) == pytest.approx(0.5, abs=0.1)


def rejected(p: list[float], level: float) -> list[bool]:
    """Holm's procedure as he wrote it: from the least, until one is too large."""
    found = [False] * len(p)
    for step, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[place] * (len(p) - step) > level:
            break
        found[place] = True
    return found


@given(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.02, 1.0, math.nan])), max_size=12))
def test_adjusted_p_values_are_the_levels_at_which_holm_rejects(p: list[float]) -> None:
    adjusted = holm(p)
    there = [one for one in p if not math.isnan(one)]
    assert [math.isnan(one) for one in adjusted] == [math.isnan(one) for one in p]
    found = [one for one in adjusted.tolist() if not math.isnan(one)]
    for level in {*found, 0.05}:
        if level < 1:  # a product above 1 is no level
            assert [one <= level for one in found] == rejected(there, level)
    assert all(min(1, one) <= other <= 1 for one, other in zip(there, found, strict=True))


def test_shapes_of_p_values() -> None:
    assert holm([[0.01, np.nan], [0.02, 0.9]]).tolist()[0][0] == pytest.approx(0.03)
    assert holm([[0.01, np.nan], [0.02, 0.9]]).shape == (2, 2)
    assert holm([]).shape == (0,)
    assert holm(0.2).tolist() == 0.2
    assert np.isnan(holm([np.nan, np.nan])).all()
    with pytest.raises(InputError, match=r"1.5 is no p value"):
        holm([0.1, 1.5])
    with pytest.raises(InputError, match=r"-0.1 is no p value"):
        holm(np.array([-0.1, np.nan]))
