"""The measure with its kernels as plain Python, run as a script with NUMBA_DISABLE_JIT=1: writes what it finds.

Numba leaves its functions as they are written then. Four kernels are written as LLVM and have no Python: what stands
in for them here is what their documentation says, in numpy.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import foretell
from foretell.measure.kernels import columns, outranking, packing
from foretell.measure.kernels.vector_rows import COUNTED_BYTES
from foretell.measure.kernels.vector_tiles import SIDE
from foretell.measure.similarity.measures import MEASURES
from tests.options import under


def numbers_at(address: int, n: int, dtype: Any) -> NDArray[Any]:
    """So many numbers in memory, to be read and written."""
    return np.frombuffer((ctypes.c_char * (n * np.dtype(dtype).itemsize)).from_address(int(address)), dtype)


def signs(like: NDArray[Any], address: int, infinite: int) -> tuple[np.uint64, bool]:
    """Stand in for `foretell.measure.kernels.vector_rows.signs`."""
    x = numbers_at(address, 64, like.dtype)
    return np.packbits(x > 0).view(np.uint64)[0], not infinite or not ((x & infinite) == infinite).any()


def count_ahead(
    like: NDArray[Any], distances: int, stride: int, n: int, rows: int, thresholds: int, ties: bool, counts: int
) -> None:
    """Stand in for `foretell.measure.kernels.vector_rows.count_ahead`."""
    lanes = COUNTED_BYTES // like.itemsize
    of_row, of_threshold = numbers_at(rows, n, np.int32), numbers_at(thresholds, n, like.dtype)
    for row, threshold in zip(of_row, of_threshold, strict=True):
        d = numbers_at(distances + int(row) * stride, lanes, like.dtype).astype(np.int64)
        numbers_at(counts, lanes, like.dtype)[:] += np.clip(int(threshold) + ties - d, 0, 1 + ties).astype(like.dtype)


def add_distances(
    of: NDArray[Any],
    like: NDArray[Any],
    rows: Any,
    columns: Any,
    scales: Any,
    n: int,
    stride: int,
    out: int,
    mirrored: int,
) -> None:
    """Stand in for `foretell.measure.kernels.vector_tiles.add_distances`."""
    a, b = ([numbers_at(address, n, of.dtype) for address in side] for side in (rows, columns))
    for i in range(SIDE):
        for j in range(SIDE):
            if of.dtype == np.uint8:
                d: Any = np.bitwise_count(a[i] ^ b[j]).sum()
            else:
                d = np.square(a[i] * np.float64(scales[i]) - b[j] * np.float64(scales[SIDE + j])).sum()
            numbers_at(out + i * stride + j * like.itemsize, 1, like.dtype)[:] += like.dtype.type(d)
            if mirrored:
                numbers_at(mirrored + j * stride + i * like.itemsize, 1, like.dtype)[:] += like.dtype.type(d)


def prefetch(address: int) -> None:
    """Stand in for `foretell.measure.kernels.vector_rows.prefetch`, which changes no number."""


def sides() -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Two layers a side of 45 items, the second with ties: items that are the same, and few dimensions."""
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((45, 4))
    made = [np.rint(2 * latent @ rng.standard_normal((4, d)) + rng.standard_normal((45, d))) for d in (70, 5, 70, 5)]
    for x in made[1::2]:
        x[:36] = x[0] + 1
    return made[:2], made[2:]


def numbers() -> dict[str, NDArray[Any]]:
    """Every number of what is measured, by the result's name and its own."""
    return {
        f"{what}: {name}": values.to_numpy()
        for what, result in found().items()
        for name, values in result.variables.items()
        if values.dtype.kind in "fiub"
    }


def found() -> dict[str, xr.Dataset]:
    """What is measured: between them, these reach every kernel."""
    a, b = sides()
    groups = [str(item // 3) for item in range(45)]
    matrices = {
        f"{metric} {convention}": under(backend="numba").imbalance_matrix(
            a, b, k=k, metric=metric, convention=convention, null=5, groups=groups, per_item=True
        )
        for metric in ("hamming", "euclidean", "cosine")
        for convention, k in (("adjusted", 1), ("paper", 3))
    }
    rng = np.random.default_rng(1)
    apart = rng.random((2, 260, 260))  # items enough for several chunks of a row, of which more than k
    apart += apart.swapaxes(1, 2)
    apart[:, range(260), range(260)] = 0
    tokens = [foretell.BinarySpace.from_activations(rng.standard_normal((45, 3, 9))) for _ in range(2)]
    return {
        **matrices,
        "many": under(backend="numba").imbalance_curve(apart[:1], apart[1:], k=3, metric="precomputed"),
        "few": under(backend="numba").imbalance_matrix(a, b, queries=11, subsample=30, errors=False),
        "split": under(backend="numba").imbalance_curve(a, b, candidates="split"),
        "tokens": under(backend="numba").token_map(*tokens, null=3),
        "greedy": foretell.greedy_tokens(*tokens),
        **{
            f"similarity {metric}": under(backend="numba").similarity_matrix(
                a, b, measures=measures, k=5, metric=metric, errors=True
            )
            for metric, measures in (("hamming", [*MEASURES]), ("euclidean", ["cka", "rsa_pearson"]))
        },
        "items": under(backend="numba").item_imbalance(a[0], b[0]),
    }


def main() -> None:
    """Write every number to the file that is named."""
    for module, stand_in in (
        (packing, signs),
        (outranking, count_ahead),
        (columns, add_distances),
        (columns, prefetch),
    ):
        setattr(module, stand_in.__name__, stand_in)
    made: dict[str, Any] = numbers()
    np.savez(sys.argv[1], **made)


if __name__ == "__main__":
    main()
