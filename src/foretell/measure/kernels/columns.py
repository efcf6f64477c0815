"""Distances of a panel of candidates, compiled: the loop around the tiles of `foretell.measure.kernels.vector_tiles`.

A tile is 4 x 4 pairs of items. A panel stays in the processor's cache while the queries pass by. Where queries and
candidates are the same, the pairs on one side of the diagonal are taken and written to both.
"""

from __future__ import annotations

import numpy as np

from foretell.measure.array_types import Floats, Items, Numbers
from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.llvm import VECTOR_BYTES
from foretell.measure.kernels.vector_rows import prefetch
from foretell.measure.kernels.vector_tiles import SIDE, add_distances

PANEL = 64  # candidates; 90 KiB of 11,520 bits


@compiled
def add_columns(
    like: Numbers,
    x: tuple[int, int],
    y: tuple[int, int],
    n: int,
    items: tuple[Items, Items],
    scales: tuple[Floats, Floats],
    out: Numbers,
    first: int,
    stop: int,
    triangle: bool,
) -> None:
    """Add the distances of columns `first` to `stop`; x and y are an address and the bytes from row to row."""
    q, c = items
    base, line, size = out.ctypes.data, out.strides[0], out.itemsize
    scratch = np.zeros((SIDE, SIDE), out.dtype)
    columns_of_panel = [_four(y, c, 0)] * (PANEL // SIDE)
    for panel in range(first, stop, PANEL):
        end = min(panel + PANEL, stop)
        for k in range(panel, end, SIDE):
            columns_of_panel[(k - panel) // SIDE] = _four(y, c, k)
        for i in range(0, min(q.size, end) if triangle else q.size, SIDE):
            rows = _four(x, q, i)
            # The lines that the next rows write to are far apart, where the processor does not look ahead by itself.
            for r in range(i + 2 * SIDE, min(i + 3 * SIDE, q.size)):
                for byte in range(panel * size, end * size, VECTOR_BYTES):
                    prefetch(base + r * line + byte)
            for j in range(max(panel, i) if triangle else panel, end, SIDE):
                columns = columns_of_panel[(j - panel) // SIDE]
                by = _eight(scales[0], i, scales[1], j)
                both = triangle and i != j
                if i + SIDE <= q.size and j + SIDE <= c.size:
                    mirrored = base + j * line + i * size if both else 0
                    add_distances(like, out, rows, columns, by, n, line, base + i * line + j * size, mirrored)
                    continue
                scratch[:] = 0
                add_distances(like, out, rows, columns, by, n, SIDE * size, scratch.ctypes.data, 0)
                for a in range(min(SIDE, q.size - i)):
                    for b in range(min(SIDE, c.size - j)):
                        out[i + a, j + b] += scratch[a, b]
                        if both:
                            out[j + b, i + a] += scratch[a, b]


@compiled
def _four(rows: tuple[int, int], items: Items, first: int) -> tuple[int, int, int, int]:
    """Addresses of four rows; past the end, of the last one again."""
    last = items.size - 1
    return (
        rows[0] + rows[1] * items[min(first, last)],
        rows[0] + rows[1] * items[min(first + 1, last)],
        rows[0] + rows[1] * items[min(first + 2, last)],
        rows[0] + rows[1] * items[min(first + 3, last)],
    )


@compiled
def _eight(
    of_rows: Floats, i: int, of_columns: Floats, j: int
) -> tuple[float, float, float, float, float, float, float, float]:
    """Scales of four rows and four columns; 1 where there are none."""
    if of_rows.size == 0:
        return (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    r, c = of_rows.size - 1, of_columns.size - 1
    return (
        of_rows[min(i, r)],
        of_rows[min(i + 1, r)],
        of_rows[min(i + 2, r)],
        of_rows[min(i + 3, r)],
        of_columns[min(j, c)],
        of_columns[min(j + 1, c)],
        of_columns[min(j + 2, c)],
        of_columns[min(j + 3, c)],
    )
