"""Distances of spaces: made of rows that are read, whole or panel by panel where memory is short, or given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from foretell.measure.array_types import Items, Numbers


class Distances(Protocol):
    """Distances between the items of one space."""

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        ...

    @property
    def greatest(self) -> int | None:
        """The greatest distance there can be, where distances are whole numbers from 0; else None."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of distances. Whole numbers may be put into any unsigned dtype that holds their greatest."""
        ...

    @property
    def symmetric(self) -> bool:
        """Whether the distance from i to j is always that from j to i."""
        ...

    @property
    def to_hold(self) -> int:
        """Bytes that `hold` would take; 0 where everything is in memory."""
        ...

    def hold(self) -> None:
        """Read the space into memory, to be kept."""
        ...

    def fill(
        self, out: Numbers, queries: Items, candidates: Items, *, triangle: bool, threads: int, panel_bytes: int
    ) -> None:
        """Add distances to an array.

        Parameters
        ----------
        out : ndarray, shape (Q, C)
            Added to; its lines may be apart in memory.
        queries, candidates : ndarray of int64, shapes (Q,) and (C,)
            Items that lines and columns belong to.
        triangle : bool
            Whether both are the same, so that every pair of items need be taken only once.
        threads : int
            How many may work on it.
        panel_bytes : int
            How much of what is not held may be read at a time.
        """
        ...


class Kernel(Protocol):
    """What makes distances of rows of numbers."""

    def __call__(
        self, x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int
    ) -> None:
        """Add the distances from rows `q` of x to rows `c` of y to `out`, shape (len(q), len(c))."""
        ...


class ReadDistances:
    """Distances by a kernel from rows of numbers, an item a row.

    Parameters
    ----------
    kernel : Kernel
    read : callable
        From a slice or places of items to their rows, shape (items, numbers).
    n_items : int
    greatest : int or None
        The greatest distance there can be, for whole numbers; None for floats.
    in_memory : bool
        Whether all rows are in memory, so that reading them costs nothing.
    """

    symmetric = True

    def __init__(
        self,
        kernel: Kernel,
        read: Callable[[slice | Items], Numbers],
        n_items: int,
        greatest: int | None,
        *,
        in_memory: bool,
    ) -> None:
        self._kernel, self._read, self.n_items = kernel, read, n_items
        self.greatest = greatest
        self.dtype: np.dtype[Any] = np.dtype(np.uint32 if greatest is not None else np.float64)
        self._row_bytes = read(slice(0, 1)).nbytes
        self._rows = read(slice(None)) if in_memory else None

    @property
    def to_hold(self) -> int:
        """Bytes that `hold` would take."""
        return 0 if self._rows is not None else self._row_bytes * self.n_items

    def hold(self) -> None:
        """Read all rows, to be kept."""
        if self._rows is None:
            self._rows = self._read(slice(None))

    def fill(
        self, out: Numbers, queries: Items, candidates: Items, *, triangle: bool, threads: int, panel_bytes: int
    ) -> None:
        """Add distances from queries to candidates (`foretell.measure.distances.reading.Distances`)."""
        rows = self._rows
        if rows is None and self.to_hold <= panel_bytes and 2 * len(candidates) > self.n_items:
            rows = self._read(slice(None))
        if rows is not None:
            self._kernel(rows, queries, rows, candidates, out, triangle=triangle, threads=threads)
            return
        # Candidates are read once for every part of the queries: so the queries get most of what may be read.
        of_c = max(1, panel_bytes // (8 * self._row_bytes))
        of_q = max(1, panel_bytes // self._row_bytes - of_c)
        for q in range(0, len(queries), of_q):
            x = self._read(queries[q : q + of_q])
            every = np.arange(len(x))
            for c in range(0, len(candidates), of_c):
                y = self._read(candidates[c : c + of_c])
                part = out[q : q + of_q, c : c + of_c]
                self._kernel(x, every, y, np.arange(len(y)), part, triangle=False, threads=threads)


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
        """Add distances from queries to candidates (`foretell.measure.distances.reading.Distances`)."""
        for row, query in enumerate(queries):
            out[row] += self._d[query, candidates]
