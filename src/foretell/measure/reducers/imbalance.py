"""Reducers of the Information Imbalance: tallies of ranks, and the same under permutations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.measure.conventions import Convention, Floats, Neighbours, Tally
from foretell.measure.engine import Block
from foretell.measure.ranks import nearest, permuted_rank_sum, rank_rows, tally_ranks

__all__ = ["NullRankSums", "Pair", "Tallies"]

Pair = tuple[int, int]
"""Places of A and of B in the list of spaces."""

_Rows = tuple[NDArray[np.int64], NDArray[np.int32], Floats]


@dataclass(frozen=True)
class _TileTally:
    rank: Floats
    rank_sum: Floats
    ahead: Floats


@dataclass(frozen=True)
class _TileState:
    neighbours: Mapping[int, _Rows]
    tallies: Mapping[Pair, _TileTally]


class Tallies:
    """Tally, for ordered pairs of spaces (A, B), the ranks in B of A's neighbours.

    Asymmetric; smaller ranks mean that A foretells B better.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Places of A and B in the walk's list of spaces.
    k : int
        Neighbours.
    convention : Convention
    errors : bool
        Whether to tally what the scores need.
    """

    def __init__(self, pairs: Sequence[Pair], *, k: int, convention: Convention, errors: bool) -> None:
        self._k, self._convention, self._errors = k, convention, errors
        self._readers: dict[int, list[int]] = {}
        for a, b in sorted(set(pairs)):
            self._readers.setdefault(b, []).append(a)
        self._neighbours: dict[int, list[_Rows]] = {}
        self._rank: dict[Pair, list[Floats]] = {}
        self._rank_sum: dict[Pair, list[Floats]] = {}
        self._ahead: dict[Pair, Floats] = {}

    def update(self, block: Block) -> _TileState:
        """Find the neighbours of a tile's queries in every A, and rank them in every B."""
        sources = sorted({a for readers in self._readers.values() for a in readers})
        neighbours = {a: nearest(block.distances[a], self._k, self._convention.all_tied) for a in sources}
        place = {a: number for number, a in enumerate(sources)}
        offset = np.cumsum([0] + [int(neighbours[a][0][-1]) for a in sources])
        start = np.stack([neighbours[a][0] + offset[place[a]] for a in sources])
        candidate = np.concatenate([neighbours[a][1] for a in sources])
        weight = np.concatenate([neighbours[a][2] for a in sources])

        tallies: dict[Pair, _TileTally] = {}
        for b, readers in self._readers.items():
            d = block.distances[b]
            which = np.array([place[a] for a in readers], np.int64)
            rank = np.empty((len(readers), len(candidate)))
            rank_sum = np.empty((len(readers), block.n_rows))
            ahead = np.zeros((len(readers), d.shape[1] if self._errors else 0))
            tally_ranks(
                d,
                block.first,
                self._convention.tie_share,
                which,
                start,
                candidate,
                weight,
                rank,
                rank_sum,
                ahead,
            )
            for row, a in enumerate(readers):
                own = slice(start[place[a], 0], start[place[a], -1])
                tallies[a, b] = _TileTally(rank[row, own].copy(), rank_sum[row], ahead[row])
        return _TileState(neighbours, tallies)

    def merge(self, state: _TileState) -> None:
        """Take up the next tile."""
        for a, rows in state.neighbours.items():
            self._neighbours.setdefault(a, []).append(rows)
        for pair, tile in state.tallies.items():
            self._rank.setdefault(pair, []).append(tile.rank)
            self._rank_sum.setdefault(pair, []).append(tile.rank_sum)
            self._ahead[pair] = self._ahead.get(pair, 0.0) + tile.ahead

    def result(self) -> dict[Pair, Tally]:
        """Give the tally of every pair, over all queries."""
        neighbours = {a: _joined(rows) for a, rows in self._neighbours.items()}
        return {
            (a, b): Tally(
                neighbours=neighbours[a],
                rank=np.concatenate(self._rank[a, b]),
                rank_sum=np.concatenate(self._rank_sum[a, b]),
                weight_sum=np.add.reduceat(neighbours[a].weight, neighbours[a].start[:-1]),
                ahead=ahead if self._errors else None,
            )
            for (a, b), ahead in self._ahead.items()
        }


class NullRankSums:
    """Sum the ranks in B of A's neighbours while it is permuted which item goes with which.

    A second walk: it needs the neighbours of all queries first.

    Parameters
    ----------
    neighbours : mapping of (int, int) to Neighbours
        For each ordered pair (A, B), the neighbours in A.
    permutations : ndarray of int32, shape (P, N)
        Item i of A goes with item ``permutations[p, i]`` of B; the same for every pair.
    convention : Convention
    """

    def __init__(
        self,
        neighbours: Mapping[Pair, Neighbours],
        permutations: NDArray[np.int32],
        *,
        convention: Convention,
    ) -> None:
        self._neighbours, self._permutations, self._convention = neighbours, permutations, convention
        self._inverse = np.argsort(permutations, axis=1).astype(np.int32)
        self._pairs_of: dict[int, list[Pair]] = {}
        for pair in sorted(neighbours):
            self._pairs_of.setdefault(pair[1], []).append(pair)
        self._total = {pair: np.zeros(len(permutations)) for pair in neighbours}

    def update(self, block: Block) -> dict[Pair, Floats]:
        """Sum over a tile's queries in every B."""
        sums = {}
        for b, pairs in self._pairs_of.items():
            rank = rank_rows(block.distances[b], block.first, self._convention.tie_share)
            for pair in pairs:
                of = self._neighbours[pair]
                sums[pair] = permuted_rank_sum(
                    rank, block.first, self._permutations, self._inverse, of.start, of.candidate, of.weight
                )
        return sums

    def merge(self, state: dict[Pair, Floats]) -> None:
        """Take up the next tile."""
        for pair, sums in state.items():
            self._total[pair] += sums

    def result(self) -> dict[Pair, Floats]:
        """Give the rank sum of every pair under every permutation, shape (P,)."""
        return self._total


def _joined(rows: Sequence[_Rows]) -> Neighbours:
    """Neighbours of all queries from those of consecutive tiles."""
    counts = np.concatenate([np.diff(start) for start, _, _ in rows])
    return Neighbours(
        np.concatenate(([0], np.cumsum(counts))),
        np.concatenate([candidate for _, candidate, _ in rows]),
        np.concatenate([weight for _, _, weight in rows]),
    )
