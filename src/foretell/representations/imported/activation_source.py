"""What the files of activations that something else made have in common: items, layers, real tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError
from foretell.representations.models.base import FINAL, Reading

__all__ = ["Ids", "Source", "first_to_last", "layer_name", "only_dtype", "reading_of"]

_LONGEST_NUMBER = 9  # digits

Ids = Sequence[str] | Mapping[str, str] | str | Path
"""Names of the items in order, or of each request's file; or the file that has them."""


class Source(Protocol):
    """Activations of some items at some layers."""

    ids: tuple[str, ...]
    dtype: str

    @property
    def n_dimensions(self) -> Mapping[str, int]:
        """H of each layer, first to last."""
        ...

    @property
    def files(self) -> Mapping[str, Path]:
        """Every file by a name that says what it is of."""
        ...

    def reading(self, item: int) -> Reading:
        """Which positions of an item are real tokens."""
        ...

    def item_bytes(self, item: int) -> int:
        """Bytes of an item in the files, all layers together."""
        ...

    def activations(self, layer: str, item: int, places: NDArray[np.intp]) -> NDArray[Any]:
        """Of some positions of an item, shape (len(places), H), in 32 or 64 bits."""
        ...

    def release(self) -> None:
        """Let go of files that are open for the items just read."""
        ...


def layer_name(text: str) -> str:
    """The layer that a name such as "layer-12", "12" or "final" is of."""
    numbers = re.findall(r"[0-9]+", text)
    if len(numbers) == 1 and len(numbers[0]) <= _LONGEST_NUMBER:
        return str(int(numbers[0]))
    if not numbers and FINAL in text.lower():
        return FINAL
    raise OptionError(
        f"{text!r:.60} does not tell its layer: name it by its number, as in 12 or layer-12, or final; or give "
        "a mapping of layers to files."
    )


def first_to_last(names: Iterable[str]) -> list[str]:
    """Different layers, first to last."""
    return sorted(set(names), key=lambda name: (name == FINAL, int(name) if name.isdecimal() else 0))


def only_dtype(dtypes: Mapping[str, str]) -> str:
    """The dtype that all files share."""
    (first, dtype), *others = dtypes.items()
    for name, other in others:
        if other != dtype:
            raise InputError(f"{first!r} is {dtype} and {name!r} is {other}: save all in one of them.")
    return dtype


def reading_of(real: NDArray[np.bool_]) -> Reading:
    """An item whose tokens are real or not."""
    return Reading(np.empty(0), len(real), np.flatnonzero(real))
