"""What callers give, checked and made into spaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError
from foretell.measure.spaces.bits import BinarySpace, Rows, as_rows, as_signable, checked_ids
from foretell.measure.spaces.floats import FloatSpace, check_directions
from foretell.measure.spaces.libraries import as_array, labels_of, names_of_items
from foretell.measure.spaces.space import PointSpace, Space


@dataclass(frozen=True, eq=False)
class _RowsOfArray:
    """Items that are the rows of an array, and their names where they have any."""

    data: NDArray[Any]
    ids: tuple[str, ...] | None

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return len(self.data)

    @property
    def n_tokens(self) -> int:
        """One: arrays are not parted into tokens."""
        return 1


class GivenDistances(_RowsOfArray):
    """An N x N array of distances, and the names of its items where it has them."""


Input = Space | PointSpace | GivenDistances
"""A space of bits, a space of floats, or an N x N array of distances."""

Spaces = Mapping[Any, Any] | Iterable[Any]
"""Spaces with names, or in order."""

Made = dict[int, tuple[Any, Input]]
"""Objects and the inputs that they were made into, by the objects' ids: which are theirs alone only while they live,
and the parts of an array of many layers are made as they are asked for."""


@dataclass(frozen=True, eq=False)
class Signed(_RowsOfArray):
    """A space of the signs of an array, taken when asked."""

    name: str

    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        """Signs of the items at `rows`."""
        try:
            return BinarySpace.of_items(self.data, rows)
        except InputError as error:
            raise type(error)(f"{self.name}: {error}") from error

    def __repr__(self) -> str:
        return f"<signs of {self.data.dtype} of shape {self.data.shape}>"


def as_input(x: Any, metric: str, name: str) -> Input:
    """`x` as a space that the metric is of; `name` is what errors call it.

    Parameters
    ----------
    x : Space, PointSpace or array of shape (N, ...)
        An array that `as_array` takes; the index of a table of pandas, or the first coordinate of an array of xarray if
        it has one, are ids. For ``metric="precomputed"`` an N x N array of distances.
    metric, name : str
    """
    try:
        if metric == "precomputed":
            return _as_distances(x)
        if metric == "hamming":
            if isinstance(x, Space):
                return x
            _refuse_other_metrics(x, PointSpace, metric, "floats", "euclidean")
            array = as_rows(as_signable(x))
            return Signed(array, checked_ids(names_of_items(x), len(array)), name)
        if isinstance(x, PointSpace) and not isinstance(x, FloatSpace):
            return x
        _refuse_other_metrics(x, Space, metric, "bits", "hamming")
        points = x if isinstance(x, FloatSpace) else FloatSpace(x)
        if metric == "cosine":
            check_directions(points.data, np.arange(points.n_items))
        return points
    except InputError as error:
        raise type(error)(f"{name}: {error}") from error


def _as_distances(d: Any) -> GivenDistances:
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


def _refuse_other_metrics(x: Any, kind: type, metric: str, of: str, instead: str) -> None:
    if isinstance(x, kind):
        raise InputError(f"A space of {of} is not of metric={metric!r}: give metric={instead!r}, or the array itself.")


def alike(name: str, space: Input) -> str:
    """What is said of a space whose items are all alike: why, and what helps."""
    if isinstance(space, Signed) and _differ(space.data) and not _differ(space.bits().data):
        return (
            f"All items of {name} have the same signs, and metric='hamming' compares nothing else: subtract each "
            "dimension's median first, compare the numbers by metric='euclidean', or say metric='precomputed' if these "
            "are distances."
        )
    return f"All items of {name} are alike, or equally far apart, so that none is nearer: check what was given."


def _differ(items: NDArray[Any]) -> bool:
    return bool((items != items[:1]).any())


def check_sizes(inputs: Sequence[Input]) -> None:
    """Refuse inputs of different N, and too few items."""
    sizes = [space.n_items for space in inputs]
    if len(set(sizes)) != 1:
        raise InputError(f"a has {sizes[0]} items and b has {sizes[1]}: give the same items in the same order.")
    if sizes[0] < 3:
        raise InputError(f"{sizes[0]} items are too few: an imbalance needs at least 3.")


def checked_neighbours(k: Any, n: int, n_items: int) -> int:
    """`k` as an int, or `OptionError` unless it is a number of neighbours that n candidates can give."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= n - 1:
        raise OptionError(f"k={k!r} is not an option: with {n_items} items give a whole number from 1 to {n - 1}.")
    return int(k)


def named_sides(spaces_a: Spaces, spaces_b: Spaces, metric: str) -> tuple[dict[str, Input], dict[str, Input]]:
    """Spaces of either side by name; those in order are called "0", "1" and so on.

    What is given twice is one input, so that it is measured once.
    """
    made: Made = {}
    return named(spaces_a, metric, "spaces_a", made), named(spaces_b, metric, "spaces_b", made)


def named(spaces: Spaces, metric: str, side: str, made: Made | None = None) -> dict[str, Input]:
    """Spaces of one side by name; `made` has what objects were made into."""
    made = {} if made is None else made
    pairs = _by_name(spaces, side)
    if len({str(name) for name, _ in pairs}) < len(pairs):
        n_names = len({str(name) for name, _ in pairs})
        raise InputError(f"Of {len(pairs)} spaces only {n_names} have names of their own: give every space one.")
    found = {}
    for name, space in pairs:
        if id(space) not in made:
            made[id(space)] = space, as_input(space, metric, f"{side}[{name!r}]")
        found[str(name)] = made[id(space)][1]
    return found


def _by_name(spaces: Spaces, side: str) -> list[tuple[Any, Any]]:
    """Names and spaces: of a mapping, of an array of xarray by its first coordinate, or in order."""
    if isinstance(spaces, Mapping):
        return list(spaces.items())
    is_one = isinstance(spaces, Space | PointSpace | str) or not isinstance(spaces, Iterable)
    if is_one or getattr(spaces, "ndim", 3) < 3:
        raise InputError(
            f"{side} is one {type(spaces).__name__}, not several spaces: give a mapping of names to spaces, or a list "
            "of them, be it of one."
        )
    if getattr(spaces, "dims", ("",))[0] == "item":
        raise InputError(
            f"The first dimension of {side} is 'item', and layers come first: give transpose('layer', 'item', ...)."
        )
    names = names_of_items(spaces)
    return list(enumerate(spaces) if names is None else zip(names, spaces, strict=True))


def check_same_names(spaces_a: Mapping[str, Input], spaces_b: Mapping[str, Input]) -> None:
    """Refuse sides of a curve whose names differ."""
    if list(spaces_a) != list(spaces_b):
        raise InputError(
            f"A curve pairs layers by name, but A has {', '.join(list(spaces_a)[:3])}... and B "
            f"{', '.join(list(spaces_b)[:3])}...: give both the same names in the same order."
        )
