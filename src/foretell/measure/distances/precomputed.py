"""Distances that somebody else has made, and ties broken by item order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.distances import DistanceRows, order_codes

__all__ = ["OrderedRows", "PrecomputedRows", "as_distances"]


def as_distances(d: Any) -> NDArray[Any]:
    """`d` as an N x N array of real numbers, finite off the diagonal.

    Raises
    ------
    InputError
        For another shape or dtype, or NaN or infinity (which item).
    """
    array = np.asarray(d)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise InputError(
            f"Precomputed distances are an N x N array, not one of shape {array.shape}: give those between all items."
        )
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise InputError(
            f"Precomputed distances are whole numbers or floats of at most 64 bits, not {array.dtype}: "
            "convert the array with .astype first."
        )
    wrong = ~np.isfinite(array)
    np.fill_diagonal(wrong, False)
    if wrong.any():
        item = int(np.flatnonzero(wrong.any(axis=1))[0])
        raise InputError(
            f"NaN or infinity among the distances from item {item}: drop such items from both sides, or mend them."
        )
    return array


class PrecomputedRows:
    """An N x N array of distances; row i holds those from item i. Its diagonal is not read."""

    def __init__(self, d: NDArray[Any]) -> None:
        self._d = d

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return len(self._d)

    def rows(self, start: int, stop: int) -> NDArray[np.uint32]:
        """Places of the distances in their sorted rows, shape (stop - start, N)."""
        return order_codes(self._d[start:stop], start, by_order=False)


class OrderedRows:
    """Another backend's distances with ties broken by item order.

    Attributes
    ----------
    saw_ties : bool
        Whether any row read so far had ties to break.
    """

    def __init__(self, source: DistanceRows) -> None:
        self._source = source
        self.saw_ties = False

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return self._source.n_items

    def rows(self, start: int, stop: int) -> NDArray[np.uint32]:
        """Places in the rows sorted by distance, then item, shape (stop - start, N)."""
        d = self._source.rows(start, stop)
        if (np.diff(np.sort(d, axis=1), axis=1) == 0).any():
            self.saw_ties = True
        return order_codes(d, start, by_order=True)
