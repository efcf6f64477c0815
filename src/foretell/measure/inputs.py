"""What callers give, checked and made into what the backends take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, NotAvailableError, OptionError
from foretell.measure.bits import Bits, as_signable
from foretell.measure.distances.precomputed import as_distances
from foretell.measure.space import Space

__all__ = ["Input", "Spaces", "as_input", "as_space", "check_sizes", "n_items", "named", "refuse"]

Input = Bits | NDArray[Any]
"""A space as the backends take it: its bits, or an N x N array of distances."""

Spaces = Mapping[str, "Space | NDArray[Any]"] | Sequence["Space | NDArray[Any]"]
"""Spaces with names, or in order."""


def as_input(x: Any, metric: str, name: str) -> Input:
    """`x` as bits or as distances, by the metric; `name` is what errors call it."""
    try:
        return as_distances(x) if metric == "precomputed" else as_space(x).bits()
    except InputError as error:
        raise type(error)(f"{name}: {error}") from error


def as_space(x: Any) -> Space:
    """`x` as a space; an array of shape (N, ...) is one of single tokens."""
    if isinstance(x, Space):
        return x
    array = as_signable(x)
    if array.ndim < 2:
        raise InputError(
            f"A space is an array of shape (items, dimensions...), not {array.shape}: "
            "give one row an item, x[:, None] for single numbers."
        )
    return Bits.from_activations(array.reshape(len(array), -1))


def check_sizes(inputs: Sequence[Input], k: int) -> None:
    """Refuse inputs of different N, too few items, and a k that they cannot have."""
    sizes = [n_items(space) for space in inputs]
    if len(set(sizes)) != 1:
        raise InputError(f"a has {sizes[0]} items and b has {sizes[1]}: give the same items in the same order.")
    if sizes[0] < 3:
        raise InputError(f"{sizes[0]} items are too few: an imbalance needs at least 3.")
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= sizes[0] - 2:
        raise OptionError(
            f"k={k!r} is not an option: with {sizes[0]} items give a whole number from 1 to {sizes[0] - 2}."
        )


def refuse(**options: tuple[Any, Any]) -> None:
    """Raise `NotAvailableError` for an option, given as (value, default), that is not at its default."""
    for name, (value, default) in options.items():
        if type(value) is not type(default) or value != default:
            raise NotAvailableError(f"{name}={value!r} is not available yet: leave it at {default!r}.")


def named(spaces: Spaces) -> dict[str, Space]:
    """Spaces by name; those in order are called "0", "1" and so on."""
    pairs = spaces.items() if isinstance(spaces, Mapping) else enumerate(spaces)
    found = {str(name): as_space(space) for name, space in pairs}
    if len(found) < len(spaces):
        raise InputError(f"Of {len(spaces)} spaces only {len(found)} have names of their own: give every space one.")
    return found


def n_items(space: Input) -> int:
    """N, the number of items of a space."""
    return space.n_items if isinstance(space, Bits) else len(space)
