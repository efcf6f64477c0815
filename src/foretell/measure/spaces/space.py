"""What the measure needs of a space, the proof that two hold the same items, and views of some items or tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import AlignmentError, InputError
from foretell.measure.spaces.bits import BinarySpace, Rows


class ManyItems(Protocol):
    """Items in an order, each of as many tokens."""

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        ...

    @property
    def ids(self) -> tuple[str, ...] | None:
        """Names of the items in order, or None where there are none to check."""
        ...

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens that make up an item."""
        ...


@runtime_checkable
class Space(ManyItems, Protocol):
    """What one model makes of one side of the pairs at one layer, for some of its tokens.

    `BinarySpace` are a space held in memory; a view of a store reads its bits when asked.
    """

    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        """Sign bits of the items at `rows` (all by default), shape (rows, T, bytes)."""
        ...


@runtime_checkable
class PointSpace(ManyItems, Protocol):
    """What the measure needs of a space of floats, as `Space` is for bits."""

    def points(self, rows: Rows = slice(None)) -> NDArray[Any]:
        """Numbers of the items at `rows`, float32 or float64 of shape (rows, D)."""
        ...


AnySpace = TypeVar("AnySpace", Space, PointSpace)


@dataclass(frozen=True, eq=False)
class _Selected(Generic[AnySpace]):
    """Some items of a space, in a given order."""

    space: AnySpace
    rows: NDArray[np.intp]

    @property
    def ids(self) -> tuple[str, ...] | None:
        names = self.space.ids
        return None if names is None else tuple(names[row] for row in self.rows)

    @property
    def n_items(self) -> int:
        return len(self.rows)

    @property
    def n_tokens(self) -> int:
        return self.space.n_tokens

    def __repr__(self) -> str:
        return f"<{self.n_items} of {self.space!r}>"


class _SelectedBits(_Selected[Space]):
    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        return self.space.bits(self.rows[rows])


class _SelectedPoints(_Selected[PointSpace]):
    def points(self, rows: Rows = slice(None)) -> NDArray[Any]:
        return self.space.points(self.rows[rows])


_REMEDY = "give the same items in the same order (foretell.align puts spaces with ids into it)"


def check_same_items(spaces: Sequence[ManyItems], names: Sequence[str] | None = None) -> None:
    """Refuse spaces whose items differ in number, set or order; `names` are what errors call them.

    Raises
    ------
    AlignmentError
        Naming the first difference. Spaces without ids are compared by number alone.
    """
    names = [f"space {number}" for number in range(len(spaces))] if names is None else names
    for name, space in zip(names, spaces, strict=True):
        first = spaces[0]
        if space.n_items != first.n_items:
            raise AlignmentError(f"{names[0]} has {first.n_items} items and {name} has {space.n_items}: {_REMEDY}.")
    named = [(number, ids) for number, ids in enumerate(space.ids for space in spaces) if ids is not None]
    for number, ids in named[1:]:
        reference, expected = named[0]
        if ids == expected:
            continue
        where, (want, got) = next(
            (place, pair) for place, pair in enumerate(zip(expected, ids, strict=True)) if pair[0] != pair[1]
        )
        kind = "the same ids in another order" if set(ids) == set(expected) else "other ids"
        raise AlignmentError(
            f"{names[reference]} and {names[number]} have {kind}: item {where} is {want!r} in one and {got!r} "
            f"in the other: {_REMEDY}."
        )


def align(*spaces: AnySpace) -> tuple[AnySpace, ...]:
    """Views of spaces that hold the items common to all, in the order of the first.

    Parameters
    ----------
    *spaces : Space
        Each with ids: all of bits, or all of floats, as `foretell.FloatSpace` are.

    Returns
    -------
    tuple of Space
        As many as were given. Nothing is copied or read.

    Raises
    ------
    AlignmentError
        If a space has no ids, or no item is common to all.
    InputError
        For an array or a table, which is no space yet.
    """
    for number, space in enumerate(spaces):
        if not isinstance(space, Space | PointSpace):
            raise InputError(
                f"What is given as space {number} is a {type(space).__name__}: make it a space with ids, by "
                "foretell.BinarySpace.from_activations or foretell.FloatSpace."
            )
    places: list[dict[str, int]] = []
    for number, space in enumerate(spaces):
        if space.ids is None:
            raise AlignmentError(f"Space {number} has no ids, so it cannot be aligned by them: give it ids.")
        places.append({name: place for place, name in enumerate(space.ids)})
    common = tuple(name for name in places[0] if all(name in place for place in places)) if places else ()
    if not common:
        raise AlignmentError("No id is common to all spaces: check that they come from the same pairs.")
    return tuple(
        select(space, np.array([place[name] for name in common], np.intp))
        for space, place in zip(spaces, places, strict=True)
    )


def select(space: AnySpace, rows: NDArray[np.intp]) -> AnySpace:
    """View some items of a space, in the order of their places `rows`. Nothing is copied or read."""
    # mypy checks this for either kind by itself.
    return _SelectedBits(space, rows) if isinstance(space, Space) else _SelectedPoints(space, rows)  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class _Tokens:
    """Some tokens of a space, as places from its first."""

    space: Space
    places: tuple[int, ...]

    @property
    def n_items(self) -> int:
        return self.space.n_items

    @property
    def ids(self) -> tuple[str, ...] | None:
        return self.space.ids

    @property
    def n_tokens(self) -> int:
        return len(self.places)

    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        whole = self.space.bits(rows)
        first, last = self.places[0], self.places[-1]
        # A run of tokens of bits in memory is a view, and so it costs no memory; of bits just read, none may stay.
        is_run = list(self.places) == list(range(first, last + 1))
        data = whole.data[:, first : last + 1] if is_run else whole.data[:, list(self.places)]
        return BinarySpace(data if isinstance(self.space, BinarySpace) else data.copy(), whole.n_bits, whole.ids)

    def __repr__(self) -> str:
        return f"<tokens {self.places} of {self.space!r}>"


def tokens_at(space: Space, positions: Sequence[int]) -> _Tokens:
    """Tokens at positions from the end."""
    return _Tokens(space, tuple(sorted(space.n_tokens + position for position in positions)))


def single_tokens(space: Space) -> dict[str, Space]:
    """Every token by itself, by its position from the end."""
    return {str(position): tokens_at(space, [position]) for position in range(-space.n_tokens, 0)}
