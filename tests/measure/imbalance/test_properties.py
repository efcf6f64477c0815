"""What must hold for any input: backends agree, and nothing depends on what should not matter."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import foretell
from foretell.exceptions import InputError, TieOrderWarning
from foretell.measure.imbalance.estimation.conventions import CONVENTIONS
from tests.options import call, under

FIELDS = ("a_to_b", "b_to_a", "asymmetry", "stderr_a_to_b", "stderr_b_to_a", "stderr_asymmetry")


@st.composite
def spaces(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Two related spaces of few to many bits, so with dense ties and with none, and a k."""
    n_items = draw(st.integers(3, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    latent = rng.standard_normal((n_items, 5))
    sides = []
    for _ in range(2):
        n_bits = draw(st.sampled_from([1, 3, 7, 8, 9, 31, 64, 65, 200]))
        noise = draw(st.sampled_from([0.0, 0.5, 3.0]))
        x = latent @ rng.standard_normal((5, n_bits)) + noise * rng.standard_normal((n_items, n_bits))
        if draw(st.booleans()):  # duplicates
            x[rng.integers(0, n_items, n_items // 2)] = x[0]
        sides.append(x.astype(draw(st.sampled_from([np.float16, np.float32, np.float64]))))
    return sides[0], sides[1], draw(st.integers(1, n_items - 2))


def measured(a: Any, b: Any, **options: Any) -> foretell.Imbalance | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        try:
            result: foretell.Imbalance = call(foretell.information_imbalance, a, b, **options)
            return result
        except InputError as error:
            return str(error)[: len("All items of a")]  # why depends on what was given


def assert_same(one: foretell.Imbalance | str, other: foretell.Imbalance | str, *, atol: float = 1e-11) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    for field in FIELDS:
        # A variance of 0 but for rounding has a root far above rounding.
        tolerance = 1e-6 if field.startswith("stderr") else atol
        assert getattr(one, field) == pytest.approx(getattr(other, field), abs=tolerance, nan_ok=True), field


@settings(max_examples=120)
@given(spaces(), st.sampled_from(sorted(CONVENTIONS)))
def test_backends_agree(given_spaces: tuple[Any, Any, int], convention: str) -> None:
    a, b, k = given_spaces
    fast, oracle = (measured(a, b, k=k, convention=convention, backend=name) for name in ("numkong", "numpy"))
    assert_same(fast, oracle)


@settings(max_examples=60)
@given(spaces(), st.sampled_from(sorted(CONVENTIONS)))
def test_threads_change_no_bit(given_spaces: tuple[Any, Any, int], convention: str) -> None:
    a, b, k = given_spaces
    one = measured(a, b, k=k, convention=convention, threads=1)
    for threads in (2, 3, 8):
        assert repr(measured(a, b, k=k, convention=convention, threads=threads)) == repr(one)
        assert_same(measured(a, b, k=k, convention=convention, threads=threads), one, atol=0)


@settings(max_examples=60)
@given(spaces(), st.sampled_from(["adjusted", "paper"]), st.randoms(use_true_random=False))
def test_a_common_permutation_of_items_changes_nothing(
    given_spaces: tuple[Any, Any, int], convention: str, random: Any
) -> None:
    a, b, k = given_spaces
    order = random.sample(range(len(a)), len(a))
    assert_same(measured(a[order], b[order], k=k, convention=convention), measured(a, b, k=k, convention=convention))


@settings(max_examples=60)
@given(spaces(), st.sampled_from(sorted(CONVENTIONS)), st.randoms(use_true_random=False))
def test_flips_and_permutations_of_columns_change_nothing(
    given_spaces: tuple[Any, Any, int], convention: str, random: Any
) -> None:
    a, b, k = given_spaces
    columns = random.sample(range(a.shape[1]), a.shape[1])
    flipped = np.array([random.random() < 0.5 for _ in columns])
    bits = (a > 0)[:, columns] ^ flipped
    assert_same(measured(bits, b, k=k, convention=convention), measured(a, b, k=k, convention=convention))


@settings(max_examples=60)
@given(spaces())
def test_adjusted_is_never_negative_and_swaps_with_its_arguments(given_spaces: tuple[Any, Any, int]) -> None:
    a, b, k = given_spaces
    there, back = measured(a, b, k=k), measured(b, a, k=k)
    if isinstance(there, str) or isinstance(back, str):
        assert isinstance(there, str)
        assert isinstance(back, str)
        return
    assert there.a_to_b >= 0
    assert there.b_to_a >= 0
    assert (there.a_to_b, there.b_to_a) == (back.b_to_a, back.a_to_b)
    assert there.asymmetry == -back.asymmetry


@settings(max_examples=40)
@given(spaces(), st.sampled_from(sorted(CONVENTIONS)))
def test_precomputed_distances_equal_the_bits_they_came_from(
    given_spaces: tuple[Any, Any, int], convention: str
) -> None:
    a, b, k = given_spaces
    d_a, d_b = ((x[:, None] > 0) ^ (x[None] > 0) for x in (a, b))
    distances = [d.sum(axis=-1).astype(dtype) for d, dtype in ((d_a, np.float32), (d_b, np.int16))]
    for d in distances:  # the diagonal is not read
        np.fill_diagonal(d, 77)
    for backend in ("numpy", "numkong"):
        assert_same(
            measured(*distances, metric="precomputed", k=k, convention=convention, backend=backend),
            measured(a, b, k=k, convention=convention),
        )


@pytest.mark.parametrize("backend", ["numpy", "numkong"])
def test_forms_of_input_make_no_difference(backend: str, tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 67, 33))
    expected = under(backend=backend).information_imbalance(a, b)
    read_only = a.copy()
    read_only.flags.writeable = False
    np.save(tmp_path / "a.npy", a)
    forms = {
        "fortran": np.asfortranarray(a),
        "strided": np.repeat(a, 2, axis=1)[:, ::2],
        "read-only": read_only,
        "big-endian": a.astype(">f8"),
        "memory-mapped": np.load(tmp_path / "a.npy", mmap_mode="r"),
        "bool": a > 0,
        "more axes": a.reshape(67, 3, 11),
        "list": a.tolist(),
        "bits": foretell.BinarySpace.from_activations(a),
        "bits of three tokens": foretell.BinarySpace.from_activations(a.reshape(67, 3, 11)),
    }
    for name, form in forms.items():
        assert under(backend=backend).information_imbalance(form, b) == expected, name


def test_zeros_count_as_minus() -> None:
    x = np.array([[0.0, 1.0], [-0.0, -1.0], [5e-324, 1.0], [-5e-324, 2.0]])
    assert foretell.BinarySpace.from_activations(x).unpack()[:, 0].tolist() == [
        [False, True],
        [False, False],
        [True, True],
        [False, True],
    ]
