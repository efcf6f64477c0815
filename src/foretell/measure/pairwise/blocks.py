"""What passes between the pairwise reduction and what is measured: blocks of distances, and reducers that read them.

The reduction knows of a reducer only the protocol here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from foretell.measure.array_types import Items, Numbers
from foretell.measure.kernels.order_keys import TILE
from foretell.measure.spaces.queries import Layout


@dataclass(frozen=True)
class Block:
    """Distances of some queries in every space.

    Parameters
    ----------
    first : int
        Place of the first row among all queries.
    own : ndarray of int64, shape (R,)
        Each query's place among the candidates, or -1.
    n_candidates : int
        C.
    order : sequence of ndarray of uint16 or uint32, shape (R, P)
        For each space, whole numbers in the order of its distances, whose first C columns are read; the greatest number
        of the dtype in queries' own places. They may be compared within a row alone.
    distances : sequence of ndarray, shape (R, P)
        The distances themselves, where a reducer asks for them; queries' own places are not to be read.
    """

    first: int
    own: Items
    n_candidates: int
    order: Sequence[Numbers]
    distances: Sequence[Numbers] = ()

    @property
    def n_rows(self) -> int:
        """R, the number of queries."""
        return len(self.own)

    def tiles(self) -> Iterator[Block]:
        """Parts of `TILE` rows, the last one maybe of fewer."""
        for start in range(0, self.n_rows, TILE):
            rows = slice(start, start + TILE)
            yield Block(
                self.first + start,
                self.own[rows],
                self.n_candidates,
                [x[rows] for x in self.order],
                [x[rows] for x in self.distances],
            )


class Reducer(Protocol):
    """What is read off blocks of distances."""

    reads_distances: bool
    """Whether distances themselves are wanted beside their order."""

    def n_bytes(self, layout: Layout) -> int:
        """Bytes that the reducer holds, about."""
        ...

    def update(self, block: Block, *, threads: int) -> None:
        """Take up the next block."""
        ...
