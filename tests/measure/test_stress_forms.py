"""Numbers as callers hold them: every dtype, order and layout of memory, zeros of both signs, against the oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import InputError
from tests.options import under

BACKENDS = ("numba", "numkong", "torch", "numpy")
N = 37


def directions() -> NDArray[Any]:
    """Small whole numbers, which every float dtype holds, with duplicates and without an item of zeros."""
    x = np.rint(3 * np.random.default_rng(0).standard_normal((N, 19)))
    x[:, 0] = 8
    x[5], x[6] = x[4], 2 * x[4]
    return x


def lengths(x: NDArray[Any]) -> NDArray[Any]:
    """City-block distances: whole numbers with ties."""
    return np.asarray(np.abs(x[:, None] - x[None]).sum(-1))


def unaligned(x: NDArray[Any]) -> NDArray[Any]:
    """A copy that begins one byte off any boundary."""
    return np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)


def as_tensor(dtype: str, **options: Any) -> Callable[[NDArray[Any]], Any]:
    def made(x: NDArray[Any]) -> Any:
        torch = pytest.importorskip("torch")
        return torch.from_numpy(x).to(getattr(torch, dtype)).requires_grad_(**options)

    return made


FORMS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "Fortran order": np.asfortranarray,
    "every second column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "columns backwards": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "rows backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "unaligned": unaligned,
    "big-endian": lambda x: x.astype(">f8"),
    "big-endian float32 in Fortran order": lambda x: np.asfortranarray(x.astype(">f4")),
    "big-endian float16": lambda x: x.astype(">f2"),
    "float16": lambda x: x.astype(np.float16),
    "float32": lambda x: x.astype(np.float32),
    "list": lambda x: x.tolist(),
    "torch": as_tensor("float64"),
    "torch with gradients": as_tensor("float32", requires_grad=True),
    "torch float16": as_tensor("float16", requires_grad=False),
    "torch bfloat16": as_tensor("bfloat16", requires_grad=False),
    "torch transposed": lambda x: as_tensor("float64")(np.ascontiguousarray(x.T)).T,
}
WHOLE: dict[str, Callable[[NDArray[Any]], Any]] = {
    "int8": lambda d: d.astype(np.int8),
    "uint8": lambda d: d.astype(np.uint8),
    "big-endian int16": lambda d: d.astype(">i2"),
    "int64": lambda d: d.astype(np.int64),
}

FEW = ("big-endian float32 in Fortran order", "unaligned", "torch bfloat16")
"""What backends are asked of, once all forms are known to become the same before any of them."""


def backends_of(metric: str) -> tuple[str, ...]:
    return BACKENDS if metric in ("hamming", "precomputed") else tuple(name for name in BACKENDS if name != "numkong")


@pytest.mark.parametrize("metric", ["hamming", "euclidean", "cosine", "precomputed"])
def test_no_form_of_an_array_changes_a_bit(metric: str, tmp_path: Path) -> None:
    """On both sides: each backend gives what it gives of a plain array, and that is what the oracle gives."""
    a, b = directions(), directions()[::-1] + np.arange(19) % 3
    if metric == "precomputed":
        a, b = lengths(a), lengths(b)
        a[a > 100], b[b > 100] = 100, 100  # so that 8 bits hold them
    saved = tmp_path / "a.npy"
    np.save(saved, np.asfortranarray(a))
    forms = FORMS | (WHOLE if metric == "precomputed" else {})
    expected = under(backend="numpy").information_imbalance(a, b, metric=metric)
    for backend in backends_of(metric):
        plain = under(backend=backend).information_imbalance(a, b, metric=metric)
        assert plain.a_to_b == pytest.approx(expected.a_to_b, abs=1e-12)
        assert plain.b_to_a == pytest.approx(expected.b_to_a, abs=1e-12)
        assert plain.stderr_asymmetry == pytest.approx(expected.stderr_asymmetry, abs=1e-7)
        for name in forms if backend == "numba" else FEW:
            found = under(backend=backend).information_imbalance(forms[name](a), forms[name](b), metric=metric)
            assert found == plain, (backend, name)
        mapped = np.load(saved, mmap_mode="r")
        assert under(backend=backend).information_imbalance(mapped, b, metric=metric) == plain


def test_one_dimension_said_many_times_over_without_memory_for_it() -> None:
    x = np.random.default_rng(0).standard_normal((N, 2))
    wide = np.broadcast_to(x[:, :1], (N, 70))  # 70 dimensions at one place in memory
    for metric in ("hamming", "euclidean"):
        assert foretell.information_imbalance(wide, x, metric=metric) == foretell.information_imbalance(
            wide.copy(), x, metric=metric
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_zero_has_no_sign(backend: str) -> None:
    """As a bit it is minus, as a number it is as far from everything as the other zero."""
    rng = np.random.default_rng(0)
    zeros = rng.choice([0.0, -0.0], (N, 40))
    others = rng.integers(-1, 2, (N, 40)).astype(float)
    b = rng.standard_normal((N, 40))
    some = np.where(others == 0, zeros, others)
    assert np.signbit(some[some == 0]).any()
    assert not np.signbit(some[some == 0]).all()
    plain = np.where(others == 0, 0.0, others)
    minus = np.where(others == 0, -1.0, others)
    for dtype in (np.float16, np.float32, np.float64):
        found = under(backend=backend).information_imbalance(some.astype(dtype), b)
        assert found == under(backend=backend).information_imbalance(minus.astype(dtype), b)
    for metric in ("euclidean", "cosine") if backend != "numkong" else ():
        assert under(backend=backend).information_imbalance(some, b, metric=metric) == (
            under(backend=backend).information_imbalance(plain, b, metric=metric)
        )
    d = np.where(lengths(others) < 20, np.where(rng.random((N, N)) < 0.5, 0.0, -0.0), lengths(others))
    expected = under(backend="numpy").information_imbalance(d + 0.0, d + 0.0, metric="precomputed")
    assert under(backend=backend).information_imbalance(d, d, metric="precomputed") == expected
    assert expected.a_to_b == 0


@pytest.mark.parametrize(
    ("dtype", "smallest"), [(np.float16, 2.0**-24), (np.float32, 2.0**-149), (np.float64, 2.0**-1074)]
)
def test_subnormals_are_numbers_like_others(dtype: Any, smallest: float) -> None:
    """As bits by their signs, in every dtype; as numbers where their squares are numbers, as those of 16 and 32 are."""
    rng = np.random.default_rng(0)
    whole = np.rint(3 * rng.standard_normal((N, 65)))
    whole[:, 0] = 7
    tiny = (whole.astype(np.longdouble) * smallest).astype(dtype)
    assert (np.abs(tiny) < np.finfo(dtype).tiny).all()
    b = rng.standard_normal((N, 65))
    for backend in BACKENDS:
        expected = under(backend=backend).information_imbalance(whole, b)
        assert under(backend=backend).information_imbalance(tiny, b) == expected
        for metric in ("euclidean", "cosine") if backend != "numkong" else ():
            if dtype is np.float64:
                with pytest.raises(InputError, match=r"a: The greatest number is .* beyond float64"):
                    under(backend=backend).information_imbalance(tiny, b, metric=metric)
                continue
            expected = under(backend=backend).information_imbalance(whole, b, metric=metric)
            found = under(backend=backend).information_imbalance(tiny, b, metric=metric)
            assert found == expected, (backend, metric)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_subnormal_beside_ordinary_numbers_is_as_good_as_nothing(backend: str) -> None:
    """What is below the rounding of a distance makes no difference to it, and no warning."""
    if backend == "numkong":
        return
    rng = np.random.default_rng(0)
    x, b = rng.standard_normal((2, N, 9))
    with_dust = np.concatenate([x, rng.uniform(-1, 1, (N, 9)) * 2.0**-1060], axis=1)
    padded = np.concatenate([x, np.zeros((N, 9))], axis=1)
    for metric in ("euclidean", "cosine"):
        assert under(backend=backend).information_imbalance(with_dust, b, metric=metric) == (
            under(backend=backend).information_imbalance(padded, b, metric=metric)
        )


@pytest.mark.parametrize("on_the_diagonal", [np.nan, np.inf, -np.inf, -1e300, -0.0])
@pytest.mark.parametrize("backend", BACKENDS)
def test_whatever_stands_on_the_diagonal_of_distances_is_not_read(backend: str, on_the_diagonal: float) -> None:
    rng = np.random.default_rng(0)
    a, b = (lengths(rng.standard_normal((N, 5))) for _ in "ab")
    expected = under(backend="numpy").information_imbalance(a, b, metric="precomputed")
    np.fill_diagonal(a, on_the_diagonal)
    found = under(backend=backend).information_imbalance(a, b, metric="precomputed")
    assert found.a_to_b == pytest.approx(expected.a_to_b, abs=1e-12)
    assert found.b_to_a == pytest.approx(expected.b_to_a, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_distances_beyond_what_floats_hold_keep_their_order(backend: str) -> None:
    """Neighbours in 64-bit whole numbers may differ by less than a float tells apart."""
    places = np.stack([np.random.default_rng(seed).permutation(N * N).reshape(N, N) for seed in (0, 1)])
    great = places + 2**62
    assert len(np.unique(great[0].astype(np.float64))) < N * N / 100
    found, expected = (
        under(backend=name).information_imbalance(*some, metric="precomputed")
        for some, name in ((great, backend), (places, "numpy"))
    )
    assert (found.a_to_b, found.b_to_a) == pytest.approx((expected.a_to_b, expected.b_to_a), abs=1e-12)
    below = under(backend=backend).information_imbalance(*(places - 2**62), metric="precomputed")
    assert below == found


def test_what_torch_holds_and_numpy_cannot_gets_one_clear_error() -> None:
    torch = pytest.importorskip("torch")
    x = torch.eye(N)
    for form in (x.to_sparse(), x.to("meta"), x.to(torch.float8_e4m3fn)):
        for metric in ("hamming", "euclidean", "precomputed"):
            with pytest.raises(InputError, match=r"^a: (This is no array|A sparse matrix is not measured)"):
                foretell.information_imbalance(form, x, metric=metric)


PACKED: dict[str, Callable[[NDArray[Any]], Any]] = {
    "Fortran order": np.asfortranarray,
    "tokens next to each other": lambda x: np.ascontiguousarray(x.transpose(0, 2, 1)).transpose(0, 2, 1),
    "items next to each other": lambda x: np.ascontiguousarray(x.transpose(2, 1, 0)).transpose(2, 1, 0),
    "every second byte": lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
    "items backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "one item after the other, apart": lambda x: np.pad(x, ((0, 0), (0, 3), (0, 5)))[:, : x.shape[1], : x.shape[2]],
    "read-only": lambda x: np.frombuffer(x.tobytes(), np.uint8).reshape(x.shape),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("form", PACKED.values(), ids=PACKED)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (1, 511), (1, 600), (3, 7), (9, 65)])
def test_no_form_of_packed_bits_changes_a_bit(
    shape: tuple[int, int], form: Callable[[NDArray[Any]], Any], backend: str
) -> None:
    """Rows shorter than a vector of the processor are filled up, longer ones are read where they stand."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, *shape))
    a, b = (foretell.BinarySpace.from_activations(side) for side in (x, x + rng.standard_normal(x.shape)))
    expected = under(backend=backend).information_imbalance(a, b)
    others = [foretell.BinarySpace(form(side.data), side.n_bits) for side in (a, b)]
    assert under(backend=backend).information_imbalance(*others) == expected
    oracle = under(backend="numpy").information_imbalance(a, b)
    assert expected.a_to_b == pytest.approx(oracle.a_to_b, abs=1e-12)
