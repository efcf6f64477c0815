"""Distances of row blocks: one small protocol, several backends.

A backend gives, for a block of queries, one whole number per candidate whose order and ties are those of
the distances. That is all that ranks need: Hamming distances serve as they are, and distances of your own
are replaced by their places in the sorted row.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SELF", "DistanceRows", "order_codes"]

SELF = np.uint32(0xFFFFFFFF)
"""Stands in a query's own place: beyond every distance, so the query is never its own candidate."""


class DistanceRows(Protocol):
    """Distances of one space, a block of rows at a time. Safe to call from several threads at once."""

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        ...

    def rows(self, start: int, stop: int) -> NDArray[np.uint32]:
        """Distances from queries `start` to `stop`, shape (stop - start, N), with `SELF` in their own places.

        Order and ties within a row are those of the distances; values may be compared within a row alone.
        """
        ...


def order_codes(d: NDArray[np.generic], start: int, *, by_order: bool) -> NDArray[np.uint32]:
    """Replace the distances of queries `start`... by whole numbers in the same order.

    Parameters
    ----------
    d : ndarray, shape (rows, N)
        Distances; a query's own place is not read.
    start : int
        Item of the first row.
    by_order : bool
        Whether ties are broken by item order. Otherwise tied distances get the same number.

    Returns
    -------
    ndarray of uint32, shape (rows, N)
        With `SELF` in the queries' own places.
    """
    codes = np.full(d.shape, SELF, np.uint32)
    n_items = d.shape[1]
    for row, distances in enumerate(d):
        others = np.delete(np.arange(n_items), start + row)
        order = others[np.argsort(distances[others], kind="stable")]
        if by_order:
            codes[row, order] = np.arange(n_items - 1, dtype=np.uint32)
        else:
            rises = np.diff(distances[order]) > 0
            codes[row, order] = np.concatenate(([0], np.cumsum(rises))).astype(np.uint32)
    return codes
