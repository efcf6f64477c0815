"""Distances that somebody else has made."""

from __future__ import annotations

from typing import Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.arrays import Items, Numbers
from foretell.measure.bits import as_array

__all__ = ["PrecomputedDistances", "as_distances"]


def as_distances(d: Any) -> Numbers:
    """`d` as an N x N array of real numbers, finite off the diagonal.

    Raises
    ------
    InputError
        For another shape or dtype, or NaN or infinity (which item).
    """
    array = as_array(d)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise InputError(
            f"Precomputed distances are an N x N array, not one of shape {array.shape}: give those between all items."
        )
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise InputError(
            f"Precomputed distances are whole numbers or floats of at most 64 bits, not {array.dtype}: "
            "convert the array with .astype first."
        )
    for item, row in enumerate(array):
        wrong = ~np.isfinite(row)
        wrong[item] = False
        if wrong.any():
            raise InputError(
                f"NaN or infinity among the distances from item {item}: drop such items from both sides, or mend them."
            )
    return array


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
        """Add distances from queries to candidates (`foretell.measure.distances.Distances`)."""
        for row, query in enumerate(queries):
            out[row] += self._d[query, candidates]
