"""Tokens of a space, as spaces of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foretell.exceptions import InputError
from foretell.measure.spaces.bits import Bits, Rows
from foretell.measure.spaces.inputs import as_input
from foretell.measure.spaces.space import Space


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

    def bits(self, rows: Rows = slice(None)) -> Bits:
        whole = self.space.bits(rows)
        first, last = self.places[0], self.places[-1]
        # A run of tokens of bits in memory is a view, and so it costs no memory; of bits just read, none may stay.
        is_run = list(self.places) == list(range(first, last + 1))
        data = whole.data[:, first : last + 1] if is_run else whole.data[:, list(self.places)]
        return Bits(data if isinstance(self.space, Bits) else data.copy(), whole.n_bits, whole.ids)

    def __repr__(self) -> str:
        return f"<tokens {self.places} of {self.space!r}>"


def with_tokens(space: Any, name: str) -> Space:
    """A space that has tokens, or `InputError`; `name` is what it is called there."""
    found = as_input(space, "hamming", name)
    if not isinstance(found, Space) or not isinstance(space, Space):
        raise InputError(
            f"{name}: an array says nothing of tokens: give Bits.from_activations(x) of an array of shape "
            "(items, tokens, dimensions), or a view of a store."
        )
    return found


def held(sides: Sequence[Space], memory: int) -> tuple[list[Space], int]:
    """Sides with their bits in memory, and the bytes that are left of it: a store is read once, not once a token.

    Where that takes more than half of the memory they stay as they are.
    """
    to_hold = sum(side.bits(slice(0, 1)).data.nbytes * side.n_items for side in sides if not isinstance(side, Bits))
    if to_hold > memory // 2:
        return list(sides), memory
    return [side if isinstance(side, Bits) else side.bits() for side in sides], memory - to_hold


def tokens_at(space: Space, positions: Sequence[int]) -> _Tokens:
    """Tokens at positions from the end."""
    return _Tokens(space, tuple(sorted(space.n_tokens + position for position in positions)))


def single_tokens(space: Space) -> dict[str, Space]:
    """Every token by itself, by its position from the end."""
    return {str(position): tokens_at(space, [position]) for position in range(-space.n_tokens, 0)}
