"""The backend of given distances: rows of the array that the caller made."""

from __future__ import annotations

import numpy as np

from foretell.measure.array_types import Items, Numbers


class PrecomputedDistances:
    """An N x N array; row i holds the distances from item i. Its diagonal is not read."""

    symmetric = False
    greatest = None
    to_hold = 0

    def __init__(self, d: Numbers) -> None:
        self._d = d
        # Half floats are ordered as single ones, which sorting is faster for.
        self.dtype = np.dtype(np.float32) if d.dtype.kind == "f" and d.itemsize == 2 else d.dtype.newbyteorder("=")

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return len(self._d)

    def hold(self) -> None:
        """Everything is in memory."""

    def fill(
        self, out: Numbers, queries: Items, candidates: Items, *, triangle: bool, threads: int, panel_bytes: int
    ) -> None:
        """Add distances from queries to candidates (`foretell.measure.distances.protocol.Distances`)."""
        for row, query in enumerate(queries):
            out[row] += self._d[query, candidates]
