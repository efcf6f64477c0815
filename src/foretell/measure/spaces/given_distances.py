"""Distances that the caller made, as an input: an N x N array, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.array_types import Numbers
from foretell.measure.spaces.bits import checked_ids
from foretell.measure.spaces.libraries import as_array, labels_of


@dataclass(frozen=True, eq=False)
class GivenDistances:
    """An N x N array of distances, and the names of its items where it has them."""

    data: Numbers
    ids: tuple[str, ...] | None

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return len(self.data)

    @property
    def n_tokens(self) -> int:
        """Distances are not parted into tokens."""
        return 1


def as_distances(d: Any) -> GivenDistances:
    """`d` as an N x N array of real numbers, finite off the diagonal.

    Raises
    ------
    InputError
        For another shape or dtype, NaN or infinity (which item), or rows and columns in different orders.
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
    rows, columns = labels_of(d)
    if rows is not None and columns is not None and rows != columns and set(rows) == set(columns):
        raise InputError(
            "The rows and the columns of the distances have the same labels in different orders: put the columns in "
            "the order of the rows."
        )
    return GivenDistances(array, checked_ids(rows, len(array)))
