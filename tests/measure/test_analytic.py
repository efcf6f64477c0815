"""Gaussians whose imbalance is known, and what it has to do with conditional entropy (docs/method-checks.md)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.measure.gaussians import CASES, Case, bound_of_entropy, copula_ranks, entropy, limit, reference
from tests.options import under

Floats = NDArray[np.float64]


def measured(case: Case, n: int, runs: int, seed: int) -> Floats:
    """Mean and its standard error over fresh data sets, each way; shape (2, 2)."""
    values = []
    for run in range(runs):
        a, b = case.draw(np.random.default_rng([seed, run]), (n + 1,))
        ii = under(threads=1).information_imbalance(a, b, metric=case.metric)
        values.append((ii.a_to_b, ii.b_to_a))
    return np.array([np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / math.sqrt(runs)]).T


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_are_those_of_a_monte_carlo_reference(case: Case) -> None:
    n = 99
    for back, (value, error) in zip((False, True), measured(case, n, 40, seed=1), strict=True):
        expected, of_expected = reference(case, n, 4000, seed=2, back=back)
        assert abs(value - expected) <= 4 * math.hypot(error, of_expected), (value, expected)
    if case.name.startswith("identical"):
        assert (value, expected) == (0, 0)


def test_the_closed_form_is_that_of_its_derivation() -> None:
    assert limit(1) == pytest.approx(1)
    assert limit(0) == 0
    for v in (0.9, 0.5, 0.1, 0.01):
        ranks = copula_ranks((v,), 20_000, seed=3)
        assert abs(2 * ranks.mean() - limit(v)) <= 4 * 2 * ranks.std() / math.sqrt(len(ranks))


@pytest.mark.parametrize("unexplained", [0.5, 0.1, 0.01])
def test_measured_imbalance_is_near_the_limit(unexplained: float) -> None:
    """With one axis in A the nearest of 1,000 is as good as at the same place."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        a, noise = rng.standard_normal((2, *shape, 1))
        return a, math.sqrt(1 - unexplained) * a + math.sqrt(unexplained) * noise

    ((value, error), _) = measured(Case("", draw), 999, 6, seed=4)
    assert abs(value - limit(unexplained)) <= 4 * error + 0.005


def test_with_one_axis_the_imbalance_tells_the_conditional_entropy() -> None:
    """The limit is strictly increasing in it."""
    found = [limit(math.exp(2 * nats)) for nats in np.linspace(-6, 0, 200)]  # H(B|A) - H(B)
    assert (np.diff(found) > 0).all()


def test_with_two_axes_it_does_not() -> None:
    """Less conditional entropy and more imbalance: distances see the axis that is unknown, entropy the sum of logs."""
    even, uneven = (0.1, 0.1), (0.001, 1.0)
    assert sum(map(math.log, uneven)) < sum(map(math.log, even))
    of_even, of_uneven = (2 * copula_ranks(v, 4000, seed=5).mean() for v in (even, uneven))
    assert of_uneven > of_even + 0.2


@pytest.mark.parametrize("unexplained", [(1.0,), (0.5,), (0.1,), (0.01,), (0.1, 0.1), (0.001, 1.0)])
def test_the_imbalance_bounds_the_entropy_of_ranks(unexplained: tuple[float, ...]) -> None:
    ranks = copula_ranks(unexplained, 20_000 if len(unexplained) == 1 else 4000, seed=6)
    ranks = np.clip(ranks + np.random.default_rng(0).uniform(0, 1e-3, len(ranks)) * (len(unexplained) > 1), 0, 1)
    assert entropy(ranks, 100) <= bound_of_entropy(min(2 * ranks.mean(), 1)) + 0.01


def test_the_bound_is_that_of_known_densities() -> None:
    assert bound_of_entropy(1) == pytest.approx(0, abs=1e-6)  # even ranks
    assert bound_of_entropy(0.01) == pytest.approx(1 + math.log(0.005), abs=1e-9)  # exponential, far from its end
    even = (np.arange(10_000) + 0.5) / 10_000
    assert entropy(even) == pytest.approx(0, abs=1e-3)
    assert entropy(even / 2) < math.log(0.5) + 0.01 * math.log(200)
