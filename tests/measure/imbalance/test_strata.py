"""Permutations within strata: what they are, what they do to the null, and what they are for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import foretell
from foretell.exceptions import InputError, OptionError
from foretell.measure.inference.item_data import items_of, scores_of
from foretell.measure.inference.p_values import stratum_permutations
from foretell.measure.inference.standard_errors import group_codes
from tests.options import call, under

N = 90
RNG = np.random.default_rng(0)
Z = RNG.standard_normal((N, 5))
A = {name: Z @ RNG.standard_normal((5, d)) + RNG.standard_normal((N, d)) for name, d in (("p", 6), ("q", 70))}
B = {name: Z @ RNG.standard_normal((5, d)) + 3 * RNG.standard_normal((N, d)) for name, d in (("p", 40), ("q", 9))}
STRATA = [f"bin {round(abs(x))}" for x in Z[:, 0]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 9))
def test_items_change_places_within_strata_alone(codes: list[int], seed: int) -> None:
    strata = group_codes(codes, len(codes))
    drawn = stratum_permutations(strata, 7, seed)
    assert drawn.shape == (7, len(codes))
    assert (np.sort(drawn, axis=1) == np.arange(len(codes))).all()
    assert (strata[drawn] == strata).all()
    assert (stratum_permutations(strata, 7, seed) == drawn).all()


def test_all_ways_within_a_stratum_are_equally_likely() -> None:
    strata = np.array([0, 1, 0, 1, 0, 2])
    drawn = stratum_permutations(strata, 6000, 0)
    ways, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(ways) == 6 * 2
    assert abs(counts - 500).max() < 100  # four and a half standard deviations of 500 of 6,000


@pytest.mark.parametrize("backend", ["auto", "numpy"])
@pytest.mark.parametrize("groups", [None, [f"g{i // 3}" for i in range(N)]])
def test_the_null_is_that_of_items_permuted_within_strata(backend: str, groups: Any) -> None:
    options: dict[str, Any] = {"null": 25, "seed": 4, "groups": groups, "backend": backend}
    found = call(foretell.imbalance_curve, A, B, strata=STRATA, **options)
    plain = call(foretell.imbalance_curve, A, B, **options)
    draws = np.array(
        [
            [
                [foretell.information_imbalance(near[name], ranked[name][p]).a_to_b for name in A]
                for near, ranked in ((A, B), (B, A))
            ]
            for p in stratum_permutations(group_codes(STRATA, N), 25, 4)
        ]
    )
    value = found["imbalance"].values
    np.testing.assert_allclose(found["null"], np.quantile(draws, [0.025, 0.5, 0.975], axis=0), atol=1e-12)
    np.testing.assert_allclose(found["p_value"], (1 + (draws <= value + 1e-9).sum(0)) / 26)
    least = (draws.min(axis=2) <= value.min(axis=1) + 1e-9).sum(0)
    np.testing.assert_allclose(found["p_value_minimum"], (1 + least) / 26)
    # Groups serve the errors, and no null of theirs is drawn.
    assert "null_of_groups" not in found
    assert ("null_of_groups" in plain) == (groups is not None)
    for name in ("imbalance", "stderr"):
        np.testing.assert_array_equal(found[name], plain[name])
    np.testing.assert_array_equal(scores_of(found)[0].psi, scores_of(plain)[0].psi)
    assert list(items_of(found).strata or ()) == STRATA
    assert found.attrs["null"] == "strata"
    assert plain.attrs["null"] == ("free" if groups is None else "groups")
    assert "null" not in foretell.imbalance_curve(A, B).attrs


def test_a_matrix_has_the_strata_of_the_items_drawn(tmp_path: Any) -> None:
    matrix = foretell.imbalance_matrix(A, B, null=9, strata=STRATA, subsample=50, seed=2)
    items = [int(item) for item in items_of(matrix).ids]
    assert list(items_of(matrix).strata or ()) == [STRATA[item] for item in items]
    alone = foretell.imbalance_matrix(
        {name: x[items] for name, x in A.items()},
        {name: x[items] for name, x in B.items()},
        null=9,
        strata=[STRATA[item] for item in items],
        seed=2,
    )
    np.testing.assert_array_equal(matrix["null"], alone["null"])
    xr.testing.assert_identical(foretell.load_result(foretell.save_result(matrix, tmp_path / "r.nc")), matrix)
    for threads in (2, 5):
        again = under(threads=threads).imbalance_matrix(A, B, null=9, strata=STRATA, subsample=50, seed=2)
        xr.testing.assert_identical(again, matrix)
    # One stratum of all items is no stratum.
    free, one = (foretell.imbalance_matrix(A, B, null=9, strata=of) for of in (None, ["all"] * N))
    np.testing.assert_array_equal(one["null"], free["null"])
    np.testing.assert_array_equal(one["p_value"], free["p_value"])


def test_shared_strata_alone_are_no_evidence() -> None:
    """A and B share nothing but a bin of lengths: free permutations are fooled, those within bins are not."""
    within, free = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        bins = rng.integers(0, 5, 100)
        a, b = (rng.standard_normal((5, 50))[bins] + rng.standard_normal((100, 50)) for _ in range(2))
        names = [f"bin {one}" for one in bins]
        of_bins = foretell.imbalance_curve([a], [b], null=99, strata=names, errors=False, seed=seed)
        within.append(of_bins["p_value_minimum"].values)
        free.append(foretell.imbalance_curve([a], [b], null=99, errors=False)["p_value_minimum"].values)
        assert (of_bins["null"].sel(quantile=0.5) < 0.8).all()
    assert (np.array(free) == 0.01).all()
    assert (np.array(within) <= 0.05).mean() <= 0.13  # .05 but for chance: 120 values, of which pairs depend
    assert np.mean(within) == pytest.approx(0.5, abs=0.12)


def test_what_strata_refuse() -> None:
    with pytest.raises(OptionError, match="strata serve the null: give null="):
        foretell.imbalance_curve(A, B, strata=STRATA)
    with pytest.raises(InputError, match="2 strata for 90 items"):
        foretell.imbalance_matrix(A, B, strata=["x", "y"], null=3)
    with pytest.raises(InputError, match="Every item is a stratum of its own"):
        foretell.imbalance_curve(A, B, strata=[str(i) for i in range(N)], null=3)
    with pytest.raises(OptionError, match="leave the other options at their defaults"):
        foretell.imbalance_matrix(A, B, preset="paper", strata=STRATA)
