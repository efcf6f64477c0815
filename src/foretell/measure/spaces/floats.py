"""Spaces of floats, for Euclidean and cosine distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.spaces.bits import Rows, as_floats, as_rows, check_finite, checked_ids
from foretell.measure.spaces.libraries import names_of_items

_GREATEST = 1e150
_LEAST_LENGTH = 1e-150  # of which the square is a number yet
_BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class FloatSpace:
    """N items of D floats.

    Parameters
    ----------
    data : ndarray of float16, float32 or float64, shape (N, ...)
        Of numpy or another library (as for `foretell.information_imbalance`). All axes after the first are dimensions.
        Memory-mapped arrays are read when asked.
    ids : sequence of str, optional
        Names of the items, all different; by default those that a table of pandas or an array of xarray has.

    Raises
    ------
    InputError
        For another dtype, no dimensions, NaN or infinity (which item), numbers whose squares are beyond float64, or ids
        that are repeated or not N.
    """

    data: NDArray[Any]
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        data, ids = as_rows(as_floats(self.data)), names_of_items(self.data) if self.ids is None else self.ids
        check_finite(data)
        _check_magnitude(data)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "ids", checked_ids(ids, len(data)))

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return len(self.data)

    @property
    def n_tokens(self) -> int:
        """Of floats, one: they are not parted into tokens."""
        return 1

    @property
    def is_ready(self) -> bool:
        """Whether `points` gives the data as they are, with no copy made."""
        return self.data.dtype.isnative and self.data.itemsize >= 4 and self.data.strides[1] == self.data.itemsize

    def points(self, rows: Rows = slice(None)) -> NDArray[Any]:
        """Numbers of the items at `rows`: float32 of float16 and float32, else float64."""
        data = self.data[rows]
        if self.is_ready:
            return data
        return np.ascontiguousarray(data, np.float32 if data.itemsize <= 4 else np.float64)

    def __repr__(self) -> str:
        return f"FloatSpace(n_items={self.n_items}, n_dimensions={self.data.shape[1]}, dtype={self.data.dtype})"


def check_directions(points: NDArray[Any], items: NDArray[np.intp]) -> None:
    """Raise `InputError` for an item without a direction; `items` are the places of the rows."""
    step = max(1, _BLOCK_BYTES // (8 * points.shape[1]))
    for start in range(0, len(points), step):
        lengths = np.sqrt(np.square(points[start : start + step], dtype=np.float64).sum(axis=1))
        if (lengths < _LEAST_LENGTH).any():
            item = items[start + int(np.argmin(lengths))]
            raise InputError(
                f"Item {item} is all zeros, or nearly, and has no direction: drop such items from both sides, or use "
                "metric='euclidean'."
            )


def _check_magnitude(data: NDArray[Any]) -> None:
    """Refuse numbers whose squares overflow, and spaces that squares would make all zeros."""
    if data.itemsize < 8:
        return
    greatest = max(float(data.max()), -float(data.min()))
    if greatest > _GREATEST or 0 < greatest < 1 / _GREATEST:
        raise InputError(
            f"The greatest number is {greatest:.3g}, and squares of such numbers are beyond float64: divide the whole "
            "space by it, which changes no neighbour."
        )
