"""Distances on the processor, by the kernel of `foretell.measure.kernels.vector_tiles`.

The kernel takes 4 x 4 pairs of items. Candidates are taken a panel at a time, which stays in the processor's cache
while the queries pass by. Where queries and candidates are the same, the pairs on one side of the diagonal are taken
and written to both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import require
from foretell.measure.array_types import Floats, Items, Numbers
from foretell.measure.kernels.columns import PANEL, add_columns
from foretell.measure.kernels.llvm import LANES, VECTOR_BYTES
from foretell.threads import in_order

PARALLEL = 2.0**-96
"""Squared distance of items scaled to length 1 below which they differ by rounding: they count as parallel."""
OPPOSITE = 2.0**-49
"""What a dimension may take from the 4 of opposite items by rounding: a share of 2^-51."""

_TASKS_PER_THREAD = 8  # so that no thread waits long for the last one

_NO_SCALES = np.zeros(0)

_ROWS_OF_NUMKONG = 64


def hamming(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add how many bits of rows `q` of x differ from those of rows `c` of y: packed bits of shape (N, bytes)."""
    _add(x, q, y, c, out, triangle, threads, VECTOR_BYTES, None)


def euclidean(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add squared Euclidean distances of float32 or float64, in 64 bits.

    A squared distance is right to a share of D 2^-52 at worst (1e-12 for D = 4,096), however near two items are: so the
    order of neighbours is that of exact arithmetic where squared distances differ by more than twice that share.
    """
    _add(x, q, y, c, out, triangle, threads, LANES, None)


def cosine(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add squared Euclidean distances of items scaled to length 1: twice the cosine distances, as exact as `euclidean`.

    Parallel items, which scaling leaves apart by rounding, are at 0, and opposite ones at 4 (`snap`).
    """
    _add(x, q, y, c, out, triangle, threads, LANES, (_inverse_lengths(x, q), _inverse_lengths(y, c)))
    snap(out, x.shape[1])


def _add(
    x: Numbers,
    q: Items,
    y: Numbers,
    c: Items,
    out: Numbers,
    triangle: bool,
    threads: int,
    shortest: int,
    scales: tuple[Floats, Floats] | None,
) -> None:
    x, y = (_of_length(rows, shortest) for rows in (x, y))
    of_x, of_y = (x.ctypes.data, x.strides[0]), (y.ctypes.data, y.strides[0])
    sides = (np.empty(0, x.dtype), of_x, of_y, x.shape[1], (q, c), scales or (_NO_SCALES, _NO_SCALES))
    if threads == 1:
        add_columns(*sides, out, 0, len(c), triangle)
        return
    panels = np.arange(0, len(c), PANEL)
    # Panels far from the diagonal's start have most to do: they go first.
    parts = np.array_split(panels[::-1], min(len(panels), threads * _TASKS_PER_THREAD))

    def add(part: NDArray[np.int64]) -> None:
        add_columns(*sides, out, int(part[-1]), min(int(part[0]) + PANEL, len(c)), triangle)

    for _ in in_order(add, parts, threads=threads):
        pass


def _of_length(rows: Numbers, shortest: int) -> Numbers:
    """Rows whose numbers are next to each other, at least one vector of them."""
    missing = shortest - rows.shape[1]
    if missing > 0:  # which keeps columns together where they were
        rows = np.pad(rows, ((0, 0), (0, missing)))
    return rows if rows.strides[1] == rows.itemsize else np.ascontiguousarray(rows)


def _inverse_lengths(x: Numbers, items: Items) -> Floats:
    return np.array([1 / np.sqrt(np.square(x[item], dtype=np.float64).sum()) for item in items])


def snap(squared: Floats, n_dimensions: int) -> None:
    """Put squared distances of items of length 1 to 0 and to 4 where they differ from these by rounding."""
    squared[squared < PARALLEL] = 0.0
    squared[squared > 4 - n_dimensions * OPPOSITE] = 4.0


def numkong_hamming(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """As `hamming`, by numkong's kernels: a second opinion on our own."""
    numkong = require("numkong", "numkong")
    queries = np.ascontiguousarray(x[q])
    packed = numkong.hammings_pack(np.ascontiguousarray(y[c]))

    def add(first: int) -> None:
        some = queries[first : first + _ROWS_OF_NUMKONG]
        d = np.empty((len(some), len(c)), np.uint32)
        numkong.hammings_packed(some, packed, out=numkong.from_dlpack(d))
        out[first : first + _ROWS_OF_NUMKONG] += d.astype(out.dtype)

    for _ in in_order(add, range(0, len(q), _ROWS_OF_NUMKONG), threads=threads):
        pass
