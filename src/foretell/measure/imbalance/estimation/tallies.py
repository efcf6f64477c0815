"""Reducers of the Information Imbalance: tallies of ranks, and the same under permutations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Ints
from foretell.measure.imbalance.estimation.conventions import Convention
from foretell.measure.inference.influence import Neighbours, Tally
from foretell.measure.kernels.nearest import nearest
from foretell.measure.kernels.order_keys import TILE
from foretell.measure.kernels.outranking import LONG, UNIT, add_ahead, add_ahead_of_long_rows, by_weight
from foretell.measure.kernels.ranks import permuted_rank_sum, rank_entries, rank_own, rank_rows
from foretell.measure.kernels.vector_rows import COUNTED_BYTES
from foretell.measure.pairwise.passes import Pair
from foretell.measure.pairwise.reduction import Block
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order

_TASKS_PER_THREAD = 4


@dataclass(frozen=True)
class _Found:
    """Neighbours of a block's queries in one space, with their weights in whole numbers (`ranks.add_ahead`).

    Those of rows with few are also sorted into runs of one weight.
    """

    of: Neighbours
    entry_unit: Ints
    run_unit: Ints
    run_start: Ints
    row: NDArray[np.int32]
    candidate: NDArray[np.int32]
    long_rows: NDArray[np.int32]


@dataclass(frozen=True)
class _Readers:
    """The neighbours of all spaces A that are ranked in one space B, one after the other."""

    start: Ints
    candidate: NDArray[np.int32]
    weight: Floats
    rank: Floats
    rank_sum: Floats


class Tallies:
    """Tally, for ordered pairs of spaces (A, B), the ranks in B of A's neighbours.

    Asymmetric; smaller ranks mean that A foretells B better.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Places of A and B in the pass's list of spaces.
    k : int
        Neighbours.
    convention : Convention
    errors : bool
        Whether to tally what the scores need.
    """

    reads_distances = False

    def __init__(self, pairs: Sequence[Pair], *, k: int, convention: Convention, errors: bool) -> None:
        self._k, self._convention, self._errors = k, convention, errors
        # Where all tied candidates weigh 1 the sums are as whole, and may be N times as large.
        self._unit = 1.0 if convention.all_tied else UNIT
        self._pairs = sorted(set(pairs))
        self._readers: dict[int, list[int]] = {}
        for a, b in self._pairs:
            if a != b:
                self._readers.setdefault(b, []).append(a)
        self._neighbours: dict[int, list[Neighbours]] = {a: [] for a, _ in self._pairs}
        self._ranked: dict[Pair, list[tuple[Floats, Floats]]] = {pair: [] for pair in self._pairs}
        self._ahead: dict[int, Ints] = {}
        self._own_ahead: dict[int, Ints] = {}

    def n_bytes(self, layout: Layout) -> int:
        """Bytes of what is tallied, with one neighbour in k tied."""
        n_entries = 2 * self._k * len(layout.queries)
        a_pair = 8 * (n_entries + len(layout.queries)) + (8 * len(layout.candidates) if self._errors else 0)
        return len(self._ranked) * a_pair + len(self._neighbours) * 12 * n_entries

    def update(self, block: Block, *, threads: int) -> None:
        """Find the neighbours of a block's queries in every A, and rank them in every B."""
        sources = list(self._neighbours)
        found = dict(zip(sources, in_order(lambda a: self._find(block, a), sources, threads=threads), strict=True))
        for a, those in found.items():
            self._neighbours[a].append(those.of)
            if (a, a) in self._ranked:
                self._rank_own(block, a, those)
        targets = list(self._readers)
        readers = {b: _joined([found[a].of for a in self._readers[b]]) for b in targets}
        if self._errors:
            for b in targets:
                if b not in self._ahead:
                    self._ahead[b] = np.zeros((len(self._readers[b]), block.n_candidates), np.int64)
        parts = -(-_TASKS_PER_THREAD * threads // len(targets)) if threads > 1 and targets else 1
        tasks = [
            (b, rows, columns)
            for b in targets
            for rows, columns in zip(
                _parts(block.n_rows, TILE, parts), _parts(block.n_candidates, COUNTED_BYTES, parts), strict=True
            )
        ]

        def rank(task: tuple[int, slice, slice]) -> None:
            b, rows, columns = task
            of = readers[b]
            rank_entries(
                block.order[b],
                block.n_candidates,
                block.own,
                self._convention.tie_share,
                of.start,
                of.candidate,
                of.weight,
                of.rank,
                of.rank_sum,
                rows.start,
                rows.stop,
            )
            if self._errors:
                self._add_ahead(block, b, [found[a] for a in self._readers[b]], columns)

        for _ in in_order(rank, tasks, threads=threads):
            pass
        for b in targets:
            offset = 0
            for row, a in enumerate(self._readers[b]):
                size = len(found[a].of.candidate)
                self._ranked[a, b].append((readers[b].rank[offset : offset + size], readers[b].rank_sum[row]))
                offset += size

    def part(self) -> Tallies:
        """One of the same pairs that has tallied nothing yet."""
        return Tallies(self._pairs, k=self._k, convention=self._convention, errors=self._errors)

    def merge(self, other: Tallies) -> None:
        """Take up what a part tallied of the queries that follow."""
        # Copies: a part from elsewhere is views of memory that it shares, and much of it can be let go.
        for a, blocks in other._neighbours.items():
            self._neighbours[a] += [Neighbours(of.start.copy(), of.candidate.copy(), of.weight.copy()) for of in blocks]
        for pair, ranked in other._ranked.items():
            self._ranked[pair] += [(rank.copy(), rank_sum.copy()) for rank, rank_sum in ranked]
        for mine, others in ((self._ahead, other._ahead), (self._own_ahead, other._own_ahead)):
            for b, ahead in others.items():
                mine[b] = mine[b] + ahead if b in mine else ahead.copy()

    def result(self) -> dict[Pair, Tally]:
        """Give the tally of every pair, over all queries."""
        neighbours = {a: Neighbours.joined(blocks) for a, blocks in self._neighbours.items()}
        weight_sum = {a: np.add.reduceat(of.weight, of.start[:-1]) for a, of in neighbours.items()}
        return {
            (a, b): Tally(
                neighbours=neighbours[a],
                rank=np.concatenate([rank for rank, _ in self._ranked[a, b]]),
                rank_sum=np.concatenate([rank_sum for _, rank_sum in self._ranked[a, b]]),
                weight_sum=weight_sum[a],
                ahead=self._ahead_of(a, b) if self._errors else None,
            )
            for a, b in self._pairs
        }

    def _ahead_of(self, a: int, b: int) -> Floats:
        ahead = self._own_ahead[b] if a == b else self._ahead[b][self._readers[b].index(a)]
        return np.asarray(ahead * self._unit, np.float64)

    def _find(self, block: Block, a: int) -> _Found:
        of = Neighbours(*nearest(block.order[a], block.n_candidates, self._k, self._convention.all_tied))
        # Half of a weight is what a tie counts.
        unit = np.rint(of.weight / self._unit / (2 if self._convention.tie_share else 1)).astype(np.int64)
        long_rows = np.flatnonzero(np.diff(of.start) > LONG).astype(np.int32)
        return _Found(of, unit, *by_weight(of.start, of.candidate, unit), long_rows)

    def _rank_own(self, block: Block, b: int, found: _Found) -> None:
        of, rank, rank_sum = found.of, np.empty(len(found.of.candidate)), np.empty(block.n_rows)
        ahead = np.zeros(0, np.int64)
        if self._errors:
            ahead = self._own_ahead.setdefault(b, np.zeros(block.n_candidates, np.int64))
        share = self._convention.tie_share
        rank_own(
            block.order[b], share, share > 0, of.start, of.candidate, of.weight, found.entry_unit, rank, rank_sum, ahead
        )
        self._ranked[b, b].append((rank, rank_sum))

    def _add_ahead(self, block: Block, b: int, found: Sequence[_Found], columns: slice) -> None:
        order, ties = block.order[b], self._convention.tie_share > 0
        offset = np.cumsum([0, *(len(those.row) for those in found)])
        add_ahead(
            order,
            ties,
            np.repeat(np.arange(len(found)), [len(those.run_unit) for those in found]),
            np.concatenate([those.run_unit for those in found]),
            np.concatenate([those.run_start + first for those, first in zip(found, offset, strict=False)]),
            np.concatenate([those.row for those in found]),
            np.concatenate([those.candidate for those in found]),
            columns.start,
            columns.stop,
            self._ahead[b],
        )
        for reader, those in enumerate(found):
            if those.long_rows.size:
                add_ahead_of_long_rows(
                    order,
                    block.n_candidates,
                    ties,
                    reader,
                    those.long_rows,
                    those.of.start,
                    those.of.candidate,
                    those.entry_unit,
                    columns.start,
                    columns.stop,
                    self._ahead[b],
                )


def _parts(length: int, multiple: int, count: int) -> list[slice]:
    """So many slices that together are all places, each beginning at a multiple of a number; some may be empty."""
    bounds = [min(length, -(-length * part // (count * multiple)) * multiple) for part in range(count + 1)]
    return [slice(first, stop) for first, stop in pairwise(bounds)]


def _joined(found: Sequence[Neighbours]) -> _Readers:
    """Neighbours in several spaces, one after the other, with room for their ranks."""
    offset = np.cumsum([0, *(len(of.candidate) for of in found)])
    return _Readers(
        start=np.stack([of.start + first for of, first in zip(found, offset, strict=False)]),
        candidate=np.concatenate([of.candidate for of in found]),
        weight=np.concatenate([of.weight for of in found]),
        rank=np.empty(offset[-1]),
        rank_sum=np.empty((len(found), len(found[0].start) - 1)),
    )


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
