"""The function for two arrays: what it returns, and what it says of bad input."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.exceptions import ConstantSpaceWarning, ForetellError, InputError, OptionError
from foretell.measure.inference.standard_errors import critical
from tests.options import call

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 24))
Y = X + 0.5 * RNG.standard_normal((40, 24))


def with_value(value: float) -> Any:
    x = X.copy()
    x[17, 3] = value
    return x


def test_fields_and_freezing() -> None:
    ii = foretell.information_imbalance(X, Y, k=2)
    assert (ii.n, ii.n_items, ii.k, ii.metric, ii.convention) == (39, 40, 2, "hamming", "adjusted")
    assert ii.asymmetry == pytest.approx(ii.a_to_b - ii.b_to_a)
    with pytest.raises(dataclasses.FrozenInstanceError):
        ii.a_to_b = 0.0  # type: ignore[misc]


def test_repr_says_which_way_is_which() -> None:
    latent = RNG.standard_normal((400, 4))
    z = latent @ RNG.standard_normal((4, 128))
    half = latent[:, :1] @ RNG.standard_normal((1, 64)) + 0.1 * RNG.standard_normal((400, 64))
    ii = foretell.information_imbalance(z, half)
    assert ii.asymmetry < -2 * ii.stderr_asymmetry
    text = repr(ii)
    assert re.search(rf"A -> B +{ii.a_to_b:.4f}", text)
    assert re.search(rf"B -> A +{ii.b_to_a:.4f}", text)
    assert text.endswith("A predicts B better")
    assert repr(foretell.information_imbalance(half, z)).endswith("B predicts A better")
    assert repr(foretell.information_imbalance(z, z)).endswith("neither way is better")
    noise = RNG.standard_normal((2, 60, 64))
    unresolved = foretell.information_imbalance(*noise)
    low, high = (unresolved.asymmetry + sign * critical(60) * unresolved.stderr_asymmetry for sign in (-1, 1))
    assert repr(unresolved).endswith(f"not resolved: 95 % from {low:+.3f} to {high:+.3f}")
    assert low < 0 < high


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        (X, Y[:30], {}, "a has 40 items and b has 30"),
        (X[:2], Y[:2], {}, "2 items are too few: .* at least 3"),
        (X, Y, {"k": 0}, "k=0 .* from 1 to 38"),
        (X, Y, {"k": 39}, "k=39 .* from 1 to 38"),
        (X, Y, {"k": 1.5}, r"k=1\.5 .* whole number"),
        (X, Y, {"k": True}, "k=True .* whole number"),
        (with_value(np.nan), Y, {}, "^a: NaN or infinity .* item 17"),
        (X, with_value(np.inf), {}, "^b: NaN or infinity .* item 17"),
        ([[1.0, 2.0], [3.0]], Y, {}, "^a: This is no array of numbers"),
        ([[1.0, 2.0], [3.0]], Y, {"metric": "precomputed"}, "^a: This is no array of numbers"),
        (X, np.ma.masked_greater(Y, 2), {}, "^b: A masked array that hides 33 numbers: drop"),
        (X, Y, {"convention": np.ones(3)}, "convention=.* 'adjusted', 'paper', 'glielmo'"),
        (np.ones((40, 8)), Y, {}, "All items of a are alike"),
        (X, np.ones((40, 8)), {}, "All items of b are alike"),
        (X, Y, {"metric": "cosin"}, "metric='cosin' .* 'hamming', 'euclidean', 'cosine', 'precomputed'"),
        (X, Y, {"convention": "x"}, "convention='x' .* 'adjusted', 'paper', 'glielmo'"),
        (X, Y, {"backend": "gpu"}, "backend='gpu' .* 'auto', 'numba', 'numkong', 'torch', 'numpy'"),
        (X, Y, {"threads": 0}, "threads=0 .* 1 or more"),
        (X.astype(int), Y, {}, "not of int64: give"),
        (X.astype(complex), Y, {}, "not of complex128: give"),
        (X.astype(object), Y, {}, "not of object: give"),
        (X.astype(np.longdouble), Y, {}, "not of .*: give"),
        (X[:, 0], Y, {}, r"shape \(items, dimensions...\), not \(40,\)"),
        (X[:, :0], Y, {}, r"shape \(items, dimensions...\), not \(40, 0\)"),
        (X, Y, {"metric": "precomputed"}, r"N x N array, not one of shape \(40, 24\)"),
        (np.full((9, 9), np.nan), np.ones((9, 9)), {"metric": "precomputed"}, "NaN or infinity .* from item 0"),
        (np.ones((9, 9)), np.ones((9, 9)), {"metric": "precomputed"}, "All items of a are alike"),
        (np.ones((9, 9), bool), np.ones((9, 9)), {"metric": "precomputed"}, "not bool: convert"),
    ],
)
def test_bad_input_gets_one_line_with_the_remedy(a: Any, b: Any, options: Any, message: str) -> None:
    with pytest.raises(ForetellError, match=message) as caught:
        call(foretell.information_imbalance, a, b, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert ":" in text  # what is wrong: what to do


def test_errors_are_value_errors_too() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(OptionError, InputError)


def test_floats_of_one_sign_are_said_to_be() -> None:
    """What a ReLU leaves, or distances given as if they were coordinates."""
    same = "All items of b have the same signs, .*subtract each dimension's median.*euclidean.*precomputed"
    with pytest.raises(InputError, match=same):
        foretell.information_imbalance(X, np.abs(Y))
    with pytest.raises(InputError, match=same):
        foretell.item_imbalance(X, np.abs(Y))
    with pytest.warns(ConstantSpaceWarning, match=r"space 0 of B have the same signs.*undefined \(NaN\)"):
        foretell.imbalance_matrix([X], [np.abs(Y)])


def test_spaces_equally_far_apart_have_no_ranks() -> None:
    with pytest.raises(InputError, match="All items of b are alike"):
        foretell.information_imbalance(X[:8], np.eye(8, dtype=bool))


def test_many_identical_items_are_found_at_once() -> None:
    # Not by way of all distances, which a space of thousands of identical items would take minutes for.
    with pytest.raises(InputError, match="All items of a are alike"):
        foretell.information_imbalance(np.ones((4000, 8000), bool), RNG.standard_normal((4000, 16)))


def test_smallest_case() -> None:
    ii = foretell.information_imbalance(*RNG.standard_normal((2, 3, 50)))
    assert ii.n == 2
    assert 0 <= ii.a_to_b <= 2
