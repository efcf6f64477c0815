"""Random parts of the items: curves of their own, counted by what semantic layers are."""

from __future__ import annotations

import numpy as np
import pytest

import foretell
from foretell import BinarySpace
from foretell.exceptions import InputError
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.spaces.space import select
from foretell.studies.controls.subsamples import _half, subsampled_regions
from tests.options import call

N, H = 160, 96
NOISE = (4.0, 1.0, 0.2, 0.2, 1.0, 4.0)

Sides = tuple[dict[str, BinarySpace], dict[str, BinarySpace]]


def sides_of(noise: tuple[float, ...], ids: bool = False, copies: int = 1) -> Sides:
    """Layers of two sides that share a latent of four dimensions, with so much noise at each."""
    rng = np.random.default_rng(0)
    latent = np.repeat(rng.standard_normal((N // copies, 4)), copies, axis=0) @ rng.standard_normal((4, H))
    names = [f"item {i}" for i in range(N)] if ids else None
    a, b = (
        {
            str(layer): BinarySpace.from_activations(latent + level * rng.standard_normal((N, H)), names)
            for layer, level in enumerate(noise)
        }
        for _ in range(2)
    )
    return a, b


@pytest.fixture(scope="module")
def sides() -> Sides:
    return sides_of(NOISE)


def test_layers_of_the_region_are_those_planted(sides: Sides) -> None:
    found = subsampled_regions(*sides, count=12)
    assert found["in_region"].dims == found["is_minimum"].dims == ("direction", "layer")
    assert found["layer"].values.tolist() == list(range(len(NOISE)))
    for direction in ("a_to_b", "b_to_a"):
        in_region = found["in_region"].sel(direction=direction).values
        assert (in_region[[0, 5]] == 0).all()
        assert (in_region[[2, 3]] > 0.8).all()
        assert (in_region[[1, 4]] < 0.6).all()
        is_minimum = found["is_minimum"].sel(direction=direction).values
        assert is_minimum.sum() == pytest.approx(1)
        assert is_minimum[[2, 3]].sum() == pytest.approx(1)
    assert found.attrs["n"] == N // 2 - 1
    assert (found.attrs["n_items"], found.attrs["subsamples"]) == (N // 2, 12)


def test_each_part_is_measured_as_if_it_were_all(sides: Sides) -> None:
    found = subsampled_regions(*sides, count=3, k=2, seed=7)
    in_region, is_minimum = np.zeros((2, len(NOISE))), np.zeros((2, len(NOISE)))
    for number in range(3):
        rows = _half(np.arange(N), np.random.default_rng([7, number]))
        assert len(rows) == len(np.unique(rows)) == N // 2
        curve = foretell.imbalance_curve(
            *({name: select(space, rows) for name, space in side.items()} for side in sides), k=2
        )
        np.testing.assert_array_equal(found["imbalance"][number], curve["imbalance"])
        for row, layers in enumerate(semantic_layers(curve, seed=7).values()):
            is_minimum[row, layers.minimum] += 1 / 3
            for region in layers.regions:
                in_region[row, region.start : region.stop + 1] += 1 / 3
    np.testing.assert_allclose(found["in_region"], in_region)
    np.testing.assert_allclose(found["is_minimum"], is_minimum)
    assert len(np.unique(found["imbalance"][:, 0, 2])) == 3


def test_where_nothing_is_shared_there_is_no_region() -> None:
    rng = np.random.default_rng(1)
    a, b = (
        {str(layer): BinarySpace.from_activations(rng.standard_normal((60, H))) for layer in range(4)} for _ in range(2)
    )
    assert (subsampled_regions(a, b, count=10)["in_region"] <= 0.3).all()


def test_groups_stay_whole() -> None:
    codes = np.random.default_rng(0).permutation(np.repeat(np.arange(40), np.tile([1, 2, 4, 9], 10)))
    for seed in range(20):
        items = _half(codes, np.random.default_rng(seed))
        assert len(codes) // 2 - 2 <= len(items) <= round(len(codes) / 2)
        assert np.isin(codes, codes[items]).sum() == len(items)
    a, b = sides_of((1.0, 0.2), copies=4)
    groups = [f"group {i // 4}" for i in range(N)]
    found = subsampled_regions(a, b, count=4, groups=groups)
    assert (found.attrs["n_groups"], found.attrs["n"]) == (N // 4 // 2, N // 2 - 1)
    # What groups of dependent items bring about is in every part.
    assert not np.array_equal(found["imbalance"], subsampled_regions(a, b, count=4)["imbalance"])


def test_the_seed_decides_and_nothing_else(sides: Sides) -> None:
    one = subsampled_regions(*sides, count=2)
    again = call(subsampled_regions, *sides, count=2, threads=1, memory="1 MiB")
    other = subsampled_regions(*sides, count=2, seed=1)
    np.testing.assert_array_equal(one["imbalance"], again["imbalance"])
    assert not np.array_equal(one["imbalance"], other["imbalance"])


def test_too_few_groups_for_errors(sides: Sides) -> None:
    with pytest.raises(InputError, match="A half of the 160 items has 1 groups, and errors need 4"):
        subsampled_regions(*sides, count=1, groups=["one"] * 80 + ["two"] * 80)
