"""Curves over tokens and maps of them: what measuring each set of tokens by itself gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import AlignmentError, ConstantSpaceWarning, InputError, OptionError
from tests.options import call, under

N, T, H = 150, 5, 70
RNG = np.random.default_rng(0)
LATENT = RNG.standard_normal((N, 6))


def side(*, constant: int = 0) -> foretell.BinarySpace:
    """Bits of T tokens, of which the last so many are the same in every item."""
    x = (LATENT @ RNG.standard_normal((6, T * H)) + 2 * RNG.standard_normal((N, T * H))).reshape(N, T, H)
    if constant:
        x[:, -constant:] = x[0, -constant:]
    return foretell.BinarySpace.from_activations(x)


A, B = side(), side()


def of_tokens(bits: foretell.BinarySpace, positions: list[int]) -> foretell.BinarySpace:
    return foretell.BinarySpace(np.ascontiguousarray(bits.data[:, positions]), bits.n_bits)


@pytest.mark.parametrize("n_bits", [1, 7, 8, 9, 70])
def test_narrow_tokens_that_are_not_side_by_side(n_bits: int) -> None:
    """Every point against the oracle, of the tokens by themselves."""
    rng = np.random.default_rng(n_bits)
    x = rng.standard_normal((60, 5, n_bits)) + rng.standard_normal((60, 1, 1))
    y = rng.standard_normal((60, 5, n_bits)) + x[:, :, :1]
    subsets = [[-1, -3], [-5, -3, -1], [-5, -4, -3, -1]]
    sides = [foretell.BinarySpace.from_activations(side) for side in (x, y)]
    curve = foretell.token_curve(*sides, subsets=subsets)
    for place, tokens in enumerate(subsets):
        alone = under(backend="numpy").information_imbalance(x[:, sorted(tokens)], y[:, sorted(tokens)])
        found = curve["imbalance"].values[:, place]
        np.testing.assert_allclose(found, [alone.a_to_b, alone.b_to_a], atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"k": 3, "convention": "paper"}, {"backend": "numpy"}, {"memory": "400 kB"}])
@pytest.mark.parametrize("subsets", [None, [[-1], [-3, -1], [-5, -4, -3, -1]]])
def test_every_point_is_what_its_tokens_alone_give(subsets: Any, options: dict[str, Any]) -> None:
    curve = call(foretell.token_curve, A, B, subsets=subsets, null=5, **options)
    wanted = subsets or [list(range(-count, 0)) for count in range(1, T + 1)]
    assert curve["tokens"].values.tolist() == [len(positions) for positions in wanted]
    for positions in wanted:
        alone = call(foretell.imbalance_curve, [of_tokens(A, positions)], [of_tokens(B, positions)], null=5, **options)
        point = curve.sel(tokens=len(positions))
        for name in ("imbalance", "stderr", "null", "p_value"):
            np.testing.assert_allclose(point[name], alone[name].isel(layer=0), atol=1e-12, err_msg=name)


def test_more_bits_than_narrow_sums_hold() -> None:
    """Sums begin in 16 bits and go on in 32 where they no longer fit."""
    rng = np.random.default_rng(1)
    a, b = (foretell.BinarySpace(rng.integers(0, 256, (70, 3, 4000), dtype=np.uint8), 32000) for _ in "ab")
    curve = foretell.token_curve(a, b)
    for count in (1, 2, 3):
        alone = foretell.information_imbalance(*(of_tokens(x, list(range(-count, 0))) for x in (a, b)))
        assert curve["imbalance"].sel(tokens=count).values.tolist() == [alone.a_to_b, alone.b_to_a]


def test_scores_of_points_make_contrasts() -> None:
    curve = foretell.token_curve(A, B)
    tested = foretell.contrast(curve, {("a_to_b", 5): 1, ("a_to_b", 1): -1})
    value, error = tested.value, tested.stderr
    assert value == pytest.approx(float(curve["imbalance"][0, 4] - curve["imbalance"][0, 0]))
    assert 0 < error < 0.1


def test_tokens_alike_in_all_items_foretell_nothing() -> None:
    with pytest.warns(ConstantSpaceWarning, match=r"space [12] of A"):
        curve = foretell.token_curve(side(constant=2), B, null=3)
    assert curve["imbalance"].sel(direction="a_to_b").values[:2].tolist() == [1, 1]
    assert np.isnan(curve["imbalance"].sel(direction="b_to_a").values[:2]).all()
    assert (curve["imbalance"].values[:, 2:] < 0.9).all()


def test_a_map_is_the_matrix_of_single_tokens() -> None:
    tokens = {"a": A, "b": B}
    singles = {name: {str(t): of_tokens(x, [t]) for t in range(-T, 0)} for name, x in tokens.items()}
    expected = foretell.imbalance_matrix(singles["a"], singles["b"])
    found = foretell.token_map(A, B)
    np.testing.assert_array_equal(found["imbalance"], expected["imbalance"])
    np.testing.assert_allclose(found["stderr"], expected["stderr"], atol=1e-12)
    values = expected["imbalance"].values
    forward = found["by_distance"].sel(way="forward")
    # From token s of A to token t of B, t = s + 2; and from token t of B to token s of A, s = t + 2.
    assert forward.sel(direction="a_to_b", distance=2).item() == pytest.approx(np.diag(values[0], 2).mean())
    assert forward.sel(direction="b_to_a", distance=2).item() == pytest.approx(np.diag(values[1], -2).mean())
    both = {("a_to_b", str(s), str(s + 2)): 1 / 3 for s in range(-5, -2)}
    mean = foretell.token_map(A, B)
    assert mean["by_distance_stderr"].sel(direction="a_to_b", way="forward", distance=2).item() == pytest.approx(
        foretell.contrast(mean, both).stderr, rel=1e-9
    )


def test_a_map_within_a_text_leaves_a_token_and_itself_out() -> None:
    found = foretell.token_map(A)
    assert (np.diagonal(found["imbalance"], axis1=1, axis2=2) == 0).all()
    assert found["distance"].values.tolist() == [1, 2, 3, 4]
    values = found["imbalance"].sel(direction="a_to_b").values
    way = found["by_distance"].sel(direction="a_to_b", distance=4)
    assert way.values.tolist() == [values[0, 4], values[4, 0]]
    assert "by_distance_stderr" not in foretell.token_map(A, errors=False)


def test_what_is_no_tokens() -> None:
    with pytest.raises(InputError, match="a: an array says nothing of tokens"):
        foretell.token_curve(np.ones((9, 4)), B)
    for subsets, message in (
        ([], "no tokens to begin with"),
        ([[]], "no tokens to begin with"),
        ([[0]], "positions count from the end, -5 to -1"),
        ([[-6]], "positions count from the end, -5 to -1"),
        ([[-1], [-2, -3]], r"does not hold \[-1\]"),
        ([[-1], [-1]], r"does not hold \[-1\]"),
    ):
        with pytest.raises(OptionError, match=message):
            foretell.token_curve(A, B, subsets=subsets)
    named = foretell.BinarySpace(A.data, H, tuple(f"i{i}" for i in range(N)))
    other = foretell.BinarySpace(A.data, H, tuple(f"j{i}" for i in range(N)))
    with pytest.raises(AlignmentError, match="other ids"):
        foretell.token_map(named, other)
    xr.testing.assert_identical(under(threads=1).token_curve(A, B), under(threads=3).token_curve(A, B))
