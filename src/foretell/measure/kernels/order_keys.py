"""What ranks need of distances: whole numbers in the same order, a row at a time.

Hamming distances serve as they are. Floats, and distances whose ties are broken by item order, are replaced by their
places in their sorted row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Items, Numbers
from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.llvm import VECTOR_BYTES
from foretell.measure.kernels.vector_rows import COUNTED_BYTES

TILE = 64
"""Rows that are taken together."""


def order_dtype(greatest: int) -> np.dtype[Any]:
    """The smallest dtype that holds `greatest` and, above it, the mark of a query's own place."""
    return np.dtype(np.uint16 if greatest < 0xFFFF else np.uint32)


def empty_rows(n_rows: int, n_candidates: int, dtype: np.dtype[Any]) -> Numbers:
    """Zeros of shape (rows, P): P candidates or more, the room that whole reads of `vector.count_ahead` need.

    Lines begin with cache lines, and are an odd number of them apart: at a multiple of 4 KiB, a column would fall into
    few places of the cache.
    """
    shape = (n_rows, row_bytes(n_candidates, dtype) // dtype.itemsize)
    raw = np.zeros(n_rows * row_bytes(n_candidates, dtype) + VECTOR_BYTES, np.uint8)
    skip = -raw.ctypes.data % VECTOR_BYTES
    return raw[skip : raw.size - VECTOR_BYTES + skip].view(dtype).reshape(shape)


def row_bytes(n_candidates: int, dtype: np.dtype[Any]) -> int:
    """Bytes of a line of `empty_rows`."""
    return -(-n_candidates * dtype.itemsize // COUNTED_BYTES) * COUNTED_BYTES + VECTOR_BYTES


def put_self(order: Numbers, own: Items) -> None:
    """Mark queries' own places among the candidates (-1 for none) by the greatest number, beyond all distances."""
    rows = np.flatnonzero(own >= 0)
    order[rows, own[rows]] = np.iinfo(order.dtype).max


@compiled
def put_places(distances: Numbers, n: int, own: Items, by_order: bool, order: NDArray[Any]) -> bool:
    """Write the place of each distance in its sorted row, from 0; a query's own is not read.

    Parameters
    ----------
    distances : ndarray, shape (R, P)
    n : int
        Candidates: the first columns.
    own : ndarray of int64, shape (R,)
        Queries' own places among the candidates, or -1.
    by_order : bool
        Whether ties are broken by item order. Otherwise tied distances have the same place.
    order : ndarray of uint16 or uint32, shape (R, P)
        Written to but for the queries' own places.

    Returns
    -------
    bool
        Whether there were ties.
    """
    saw_ties = False
    for r in range(distances.shape[0]):
        row = distances[r][:n]
        sorted_places = np.argsort(row, kind="mergesort")
        place = -1
        last = row[sorted_places[0]]
        for c in sorted_places:
            if c == own[r]:
                continue
            tied = place >= 0 and row[c] == last
            saw_ties |= tied
            if by_order or not tied:
                place += 1
            last = row[c]
            order[r, c] = place
    return saw_ties
