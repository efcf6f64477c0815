"""Products of bits on a device: what needs a GPU is marked; the rest runs the same code on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from tests.options import under

torch = pytest.importorskip("torch")

from foretell.measure.distances import torch_products  # noqa: E402


@pytest.mark.parametrize(
    ("n_items", "n_bytes", "dtype"), [(70, 6000, np.uint16), (300, 9000, np.uint32), (9, 1, np.uint16)]
)
def test_distances_of_any_size_are_exact(n_items: int, n_bytes: int, dtype: type) -> None:
    """Also above 32,767, where 16 bits have a sign."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n_items, n_bytes), np.uint8)
    x[1] = ~x[0]
    queries, candidates = np.arange(0, n_items, 2), np.arange(n_items)[::-1]
    out: NDArray[Any] = np.ones((len(queries), n_items + 3), dtype)[:, :n_items]
    torch_products.hamming(x, queries, x, candidates, out, triangle=False, threads=1)
    wanted = 1 + np.bitwise_count(x[queries][:, None] ^ x[candidates][None]).sum(axis=-1)
    np.testing.assert_array_equal(out, wanted)
    assert out.max() == 8 * n_bytes + 1


@pytest.mark.parametrize("block", [(64, 8), (256, 512)])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, block: tuple[int, int]) -> None:
    monkeypatch.setitem(torch_products._BLOCK, "cpu", block)
    monkeypatch.setattr(torch_products, "_BYTES", 8)
    x = np.random.default_rng(0).integers(0, 256, (150, 40), np.uint8)
    out = np.zeros((150, 150), np.uint16)
    torch_products.hamming(x, np.arange(150), x, np.arange(150), out, triangle=True, threads=1)
    np.testing.assert_array_equal(out, np.bitwise_count(x[:, None] ^ x[None]).sum(axis=-1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_a_gpu_gives_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    known = rng.standard_normal((5000, 10))
    a, b = (
        [known @ rng.standard_normal((10, 500)) + noise * rng.standard_normal((5000, 500)) for noise in (1, 3)]
        for _ in "ab"
    )
    here = under(backend="numba").imbalance_matrix(a, b, null=20)
    there = under(backend="torch").imbalance_matrix(a, b, null=20)
    xr.testing.assert_equal(there.drop_attrs(), here.drop_attrs())
