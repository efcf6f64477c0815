"""Rank sums of shuffled pairs: what the imbalance is where nothing is shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation.conventions import Convention
from foretell.measure.inference.influence import Neighbours
from foretell.measure.kernels.ranks import permuted_rank_sum, rank_rows
from foretell.measure.pairwise.blocks import Block
from foretell.measure.pairwise.passes import Pair
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order


@dataclass(frozen=True, eq=False)
class Shuffles:
    """Permutations of items, and what undoes each: held once, however many reducers there are.

    Attributes
    ----------
    there, back : ndarray of uint32, shape (P, N)
        Item i of A goes with item ``there[p, i]`` of B, and ``back[p, there[p, i]] == i``.
    """

    there: NDArray[np.uint32]
    back: NDArray[np.uint32]

    @classmethod
    def of(cls, permutations: NDArray[np.int32]) -> Shuffles:
        """Of permutations, shape (P, N)."""
        there = permutations.view(np.uint32)
        back = np.empty_like(there)
        for row, item in zip(back, there, strict=True):
            row[item] = np.arange(len(item))
        return cls(there, back)

    @staticmethod
    def bytes_for(n_permutations: int, n_items: int) -> int:
        """Bytes of both ways."""
        return 8 * n_permutations * n_items


class NullRankSums:
    """Sum the ranks in B of A's neighbours while it is permuted which item goes with which.

    A second pass: it needs the neighbours of all queries first.

    Parameters
    ----------
    neighbours : mapping of (int, int) to Neighbours
        For each ordered pair (A, B), the neighbours in A.
    shuffles : Shuffles
        The same for every pair.
    convention : Convention
    """

    reads_distances = False

    def __init__(self, neighbours: Mapping[Pair, Neighbours], shuffles: Shuffles, *, convention: Convention) -> None:
        self._convention = convention
        self._shuffles = shuffles
        self._sources: dict[int, list[int]] = {}
        for a, b in sorted(neighbours):
            self._sources.setdefault(b, []).append(a)
        by_a = {a: of for (a, _), of in neighbours.items()}
        # Targets mostly have the same sources, whose neighbours are then put together once.
        self._by_item = {those: _by_item([by_a[a] for a in those]) for those in set(map(tuple, self._sources.values()))}
        self._total: dict[int, Floats] = {
            b: np.zeros((len(shuffles.there), len(those))) for b, those in self._sources.items()
        }
        self._of_tiles: list[tuple[int, Floats]] | None = None

    def n_bytes(self, layout: Layout) -> int:
        """Bytes of sums, permutations and neighbours."""
        n = len(layout.candidates)
        sums = sum(total.nbytes for total in self._total.values())
        return 2 * self._shuffles.there.nbytes + sums + sum(16 * len(of[1]) + 8 * n for of in self._by_item.values())

    @staticmethod
    def bytes_for(n_pairs: int, n_spaces: int, k: int, n_permutations: int, n_items: int) -> int:
        """About the bytes of a reducer to come, but for the shuffles, with one neighbour in k tied."""
        return 8 * n_permutations * n_pairs + 32 * k * n_items * n_spaces + 16 * n_items

    def update(self, block: Block, *, threads: int) -> None:
        """Sum over a block's queries in every B."""
        tiles = list(block.tiles())

        def sums(task: tuple[Block, int]) -> Floats:
            tile, b = task
            sources = tuple(self._sources[b])
            rank = rank_rows(tile.order[b], tile.n_candidates, tile.own, self._convention.tie_share)
            total = np.zeros_like(self._total[b])
            permuted_rank_sum(
                rank, tile.first, self._shuffles.there, self._shuffles.back, *self._by_item[sources], total
            )
            return total

        tasks = [(tile, b) for tile in tiles for b in self._sources]
        # Taken up in the order of tiles, so that sums of floats do not depend on threads, or on workers.
        for (_, b), total in zip(tasks, in_order(sums, tasks, threads=threads), strict=True):
            if self._of_tiles is None:
                self._total[b] += total
            else:
                self._of_tiles.append((b, total))

    def part(self) -> NullRankSums:
        """One that has summed nothing yet, and keeps the sums of tiles apart."""
        one = copy(self)
        one._of_tiles = []
        return one

    def __getstate__(self) -> dict[str, Any]:
        """What goes from one process to another: of a part that has summed something, the sums alone."""
        return {"_of_tiles": self._of_tiles} if self._of_tiles else self.__dict__

    def merge(self, other: NullRankSums) -> None:
        """Take up the sums of a part, over the tiles that follow."""
        for b, total in other._of_tiles or ():
            self._total[b] += total

    def result(self) -> dict[Pair, Floats]:
        """Give the rank sum of every pair under every permutation, shape (P,)."""
        return {(a, b): self._total[b][:, row] for b, those in self._sources.items() for row, a in enumerate(those)}


_ByItem = tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint32], Floats]


def _by_item(found: Sequence[Neighbours]) -> _ByItem:
    """Neighbours of each item in all spaces together: where they start, their space, candidate and weight."""
    order = np.argsort(np.concatenate([of.query for of in found]), kind="stable")
    space = np.repeat(np.arange(len(found), dtype=np.uint32), [len(of.candidate) for of in found])[order]
    candidate = np.concatenate([of.candidate for of in found]).astype(np.uint32)[order]
    weight = np.concatenate([of.weight for of in found])[order]
    return np.sum([of.start for of in found], axis=0).astype(np.uint64), space, candidate, weight
