"""The confidence set of the minimum and the regions around it, on curves whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import InputError
from foretell.measure.inference.minimum import minimum, regions
from foretell.measure.inference.standard_errors import Scores

N = 400


def scores(values: NDArray[np.float64], error: float, seed: int | None = None, shared: float = 0.0) -> Scores:
    """Scores of a curve with independent items and a given standard error; `shared` of the noise is common."""
    rng = np.random.default_rng(seed)
    psi = np.sqrt(1 - shared) * rng.standard_normal((len(values), N)) + np.sqrt(shared) * rng.standard_normal(N)
    psi *= error * np.sqrt(N)
    return Scores(
        values=np.asarray(values, float) + psi.mean(axis=1),
        psi=psi - psi.mean(axis=1, keepdims=True),
        cell=np.zeros(0, np.int64),
        query=np.zeros(0, np.int64),
        candidate=np.zeros(0, np.int64),
        edge=np.zeros(0),
        groups=np.arange(N),
    )


# A plateau of 5 of 30 layers (12-16), its neighbours 4 standard errors higher and more beyond.
ERROR = 0.015
PLATEAU = np.full(30, 0.3)
PLATEAU[[11, 17]] += 4 * ERROR
PLATEAU[:11] += np.linspace(0.3, 0.1, 11)
PLATEAU[18:] += np.linspace(0.1, 0.3, 12)


def test_a_plateau_is_found() -> None:
    held = right = 0
    for seed in range(100):
        curve = scores(PLATEAU, ERROR, seed, shared=0.5)
        held += set(range(12, 17)) <= set(minimum(curve, seed=seed).places)
        (region, *others) = regions(curve)
        right += not others and abs(region.start - 12) <= 1 and abs(region.stop - 16) <= 1
        assert region.start_range[0] <= region.start <= region.start_range[1]
        assert region.stop_range[0] <= region.stop <= region.stop_range[1]
    assert held >= 0.92 * 100  # all five; a set holds each of them with at least 95 %
    assert right >= 0.95 * 100


def test_the_set_covers_a_lone_minimum_and_leaves_out_what_is_far() -> None:
    values = np.array([0.5, 0.31, 0.3, 0.31, 0.5])
    covered, sizes = 0, []
    for seed in range(300):
        found = minimum(scores(values, 0.01, seed), seed=1).places
        covered += 2 in found
        sizes.append(len(found))
        assert not {0, 4} & set(found)
    assert covered >= 0.95 * 300
    assert 1 < np.mean(sizes) <= 3


def test_a_flat_curve_is_called_flat_and_its_layers_are_in_the_set() -> None:
    flat, held, times = 0, np.zeros(20), 100
    for seed in range(times):
        found = minimum(scores(np.full(20, 0.6), 0.02, seed), seed=2)
        flat += found.flat
        held[list(found.places)] += 1
    assert 0.91 * times <= flat <= 0.99 * times
    assert held.mean() >= 0.93 * times  # each is a minimum of the expected curve
    assert not any(minimum(scores(PLATEAU, ERROR, seed)).flat for seed in range(20))


def test_equal_layers_are_never_told_apart() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 200, 60))
    b += a
    result = foretell.imbalance_curve([a, a, a], [b, b, b], null=50)
    found = foretell.semantic_layers(result)["a_to_b"]
    assert found.confidence_set == (0, 1, 2)
    assert found.flat
    assert found.regions == ()


def test_the_seed_alone_decides_the_set() -> None:
    curve = scores(PLATEAU, ERROR, 7)
    assert minimum(curve, seed=3) == minimum(curve, seed=3)


def test_layers_without_a_value_are_in_no_set() -> None:
    values = PLATEAU.copy()
    curve = scores(values, ERROR, 1)
    curve.values[14] = np.nan
    curve.psi[14] = np.nan
    assert 14 not in minimum(curve).places
    assert not any(region.start <= 14 <= region.stop for region in regions(curve))
    only = scores(np.array([np.nan, 0.2]), 0.01, 1)
    only.psi[0] = np.nan
    assert minimum(only).places == (1,)


def test_several_regions() -> None:
    values = np.array([0.6, 0.3, 0.3, 0.6, 0.6, 0.31, 0.6])
    found = regions(scores(values, 1e-4, 0))
    assert [(r.start, r.stop) for r in found] == [(1, 2), (5, 5)]
    assert found[0].start_range == (1, 1)
    # tau is a share of the way from the minimum to 1.
    assert [(r.start, r.stop) for r in regions(scores(values, 1e-4, 0), tau=0.5)] == [(0, 6)]
    # With large errors the ends are wide, and stay on the curve.
    wide = regions(scores(values, 0.2, 3))[0]
    assert wide.start_range[0] >= 0
    assert wide.stop_range[1] <= 6


def test_the_ends_of_a_region_are_those_worked_out() -> None:
    # Minimum .2, threshold .2 + .05 * .8 = .24. Errors are independent, .01 each, but for the minimum's .95 of its own:
    # a difference from the threshold has the error .01 sqrt(1 + .95^2) = .0138, and 1.96 of it is .0270.
    values = np.array([0.50, 0.266, 0.235, 0.20, 0.21, 0.238, 0.268, 0.50])
    psi = np.linalg.qr(np.random.default_rng(0).standard_normal((N, len(values) + 1)))[0]
    psi -= psi.mean(axis=0)
    exact = scores(values, 0.01, 0)
    exact.psi[:] = np.linalg.qr(psi[:, : len(values)])[0].T * 0.01 * np.sqrt(N * (N - 1))
    exact.values[:] = values
    assert np.allclose(exact.stderr(), 0.01)
    (region,) = regions(exact)
    assert (region.start, region.stop) == (2, 5)
    # .266 is .026 above, not surely out; .268 is .028 above, surely out. .235 and .238 are not surely in, .20 and .21
    # are (the minimum by .04, of which the error is .05 of its own).
    assert region.start_range == (1, 3)
    assert region.stop_range == (4, 5)


def test_a_noisy_layer_splits_no_region_and_one_that_is_surely_out_does() -> None:
    values = np.array([0.6, 0.3, 0.3, 0.34, 0.3, 0.6])  # the threshold is .335

    def found(error: float, without: int | None = None) -> list[tuple[int, int]]:
        curve = scores(values, error, 0)
        curve.values[:] = values
        if without is not None:
            curve.values[without] = curve.psi[without] = np.nan
        return [(region.start, region.stop) for region in regions(curve)]

    assert found(0.01) == [(1, 4)]
    assert found(1e-4) == [(1, 2), (4, 4)]
    assert found(0.01, without=3) == [(1, 2), (4, 4)]  # a layer without a value is in no region


def test_no_region_where_shuffled_pairs_do_as_well() -> None:
    rng = np.random.default_rng(1)
    a, b = (list(side) for side in rng.standard_normal((2, 4, 150, 60)))
    result = foretell.imbalance_curve(a, b, null=99)
    for found in foretell.semantic_layers(result).values():
        assert found.p_value is not None
        assert found.p_value > 0.05
        assert found.regions == ()


def test_what_semantic_layers_refuse() -> None:
    rng = np.random.default_rng(1)
    x = list(rng.standard_normal((2, 20, 30)))
    with pytest.raises(InputError, match="read off a curve"):
        foretell.semantic_layers(foretell.imbalance_matrix(x, x))
    with pytest.raises(InputError, match="errors=True"):
        foretell.semantic_layers(foretell.imbalance_curve(x, x, errors=False))
    with pytest.warns(UserWarning, match="alike"):
        result = foretell.imbalance_curve([np.ones((20, 3))], [x[0]])
    with pytest.raises(InputError, match="No layer has a value in direction b_to_a"):
        foretell.semantic_layers(result)
