"""The walk: row blocks of distances of many spaces, each made once and read by a reducer.

For a tile of rows, every space's distances to all candidates are made once; whatever is measured is read
off them before the next tile. A reducer says what one tile tells (`update`, on any thread, touching nothing
shared), and takes such states up one by one in the order of the tiles (`merge`), so its result does not
depend on the number of threads. Cost of L_A x L_B pairs: L_A + L_B distance passes, plus look-ups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from foretell.measure.distances import DistanceRows
from foretell.tasks import in_order

__all__ = ["Block", "Reducer", "walk"]

# Rows a tile. Fixed, since sums are taken tile by tile: the same numbers whatever the machine.
_TILE = 64

State = TypeVar("State")


@dataclass(frozen=True)
class Block:
    """Distances of some queries in every space.

    Parameters
    ----------
    first : int
        Item of the first row.
    distances : sequence of ndarray of uint32, shape (R, N)
        One array a space, as `foretell.measure.distances` describes them.
    """

    first: int
    distances: Sequence[NDArray[np.uint32]]

    @property
    def n_rows(self) -> int:
        """R, the number of queries."""
        return len(self.distances[0])


class Reducer(Protocol[State]):
    """What is read off the rows of distances."""

    def update(self, block: Block) -> State:
        """Say what one tile tells; called from any thread."""
        ...

    def merge(self, state: State) -> None:
        """Take up what a tile told; called once a tile, in the order of the tiles."""
        ...


def walk(spaces: Sequence[DistanceRows], reducer: Reducer[State], *, threads: int) -> None:
    """Feed the distances of all spaces to a reducer, tile by tile.

    Parameters
    ----------
    spaces : sequence of DistanceRows
        Over the same N items.
    reducer : Reducer
    threads : int
    """
    if not spaces:
        return
    n_items = spaces[0].n_items

    def tell(first: int) -> State:
        stop = min(first + _TILE, n_items)
        return reducer.update(Block(first, [space.rows(first, stop) for space in spaces]))

    for state in in_order(tell, range(0, n_items, _TILE), threads=threads):
        reducer.merge(state)
