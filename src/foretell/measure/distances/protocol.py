"""Distances between items: one small protocol, several backends.

Distances are added to what an array holds, since those of a concatenation of tokens are sums over its tokens. They are
whole numbers for bits (how many differ) and floats for floats; `foretell.measure.pairwise.reduction` makes of either
what ranks need.
"""

from __future__ import annotations

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
