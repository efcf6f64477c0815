"""The pairwise reduction: a block of queries at a time, every space's distances once, read by reducers.

`foretell.measure.pairwise` explains the idea, its cost, and why no result depends on blocks, threads or memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Protocol

from foretell.exceptions import OptionError
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.reading import Distances
from foretell.measure.kernels.order_keys import TILE, empty_rows, order_dtype, put_places, put_self, row_bytes
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order


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


_LEAST_PANEL = 2**20  # bytes read at a time of a space that is not held


@dataclass(frozen=True)
class Blocks:
    """How the queries of a pass are taken: plain data, decided before anything is computed.

    Parameters
    ----------
    n_queries : int
    n_rows : int
        Queries of a block: whole tiles, but for the last block.
    panel_bytes : int
        Bytes of a space that may be read at a time, where it is not in memory.
    hold : bool
        Whether spaces are read into memory for the whole pass.
    """

    n_queries: int
    n_rows: int
    panel_bytes: int
    hold: bool

    @property
    def count(self) -> int:
        """Number of blocks."""
        return -(-self.n_queries // self.n_rows)


@dataclass
class _Rows:
    """The queries of a block, and for each space the sum of its distances after the steps so far."""

    queries: Items
    own: Items
    is_everyone: bool
    keep_distances: bool
    totals: list[Numbers | None] = field(default_factory=list)


class PairwiseReduction:
    """Passes over the distances of some spaces.

    Parameters
    ----------
    steps : sequence of sequences of Distances
        For each step the same number of spaces; a step's distances are added to those before it.
    layout : Layout
    memory : int
        Bytes that blocks, reducers and spaces read into memory may take.
    threads : int
    by_order : bool
        Whether ties are broken by item order.

    Attributes
    ----------
    saw_ties : bool
        Whether there were ties to break by item order.
    """

    def __init__(
        self, steps: Sequence[Sequence[Distances]], layout: Layout, *, memory: int, threads: int, by_order: bool = False
    ) -> None:
        self._steps, self._layout, self._by_order = steps, layout, by_order
        self._memory, self._threads = memory, threads
        self._kept: Block | None = None
        self.saw_ties = False
        # For each space, the greatest sum of whole distances after each step: it decides how wide they are.
        self._greatest = [
            None if any(g is None for g in of_space) else list(accumulate(g for g in of_space if g is not None))
            for of_space in zip(*([space.greatest for space in step] for step in steps), strict=True)
        ]

    def run(
        self,
        *reducers: Sequence[Reducer],
        rows: range | None = None,
        blocks: Blocks | None = None,
        memory_of_next: int = 0,
    ) -> None:
        """Make one pass.

        Where all queries fit into one block, it is kept, and the next pass reads it again.

        Parameters
        ----------
        *reducers : sequence of Reducer
            For each step, those that read the blocks after it.
        rows : range, optional
            Some of the queries, from the start of a tile on; all by default.
        blocks : Blocks, optional
            How they are taken, where that is decided already.
        memory_of_next : int
            Bytes of the reducers of a next pass, beside which a block is to be kept for it.

        Raises
        ------
        OptionError
            If the memory does not hold a tile of rows.
        """
        every = [reducer for of_step in reducers for reducer in of_step]
        keep_distances = any(reducer.reads_distances for reducer in every)
        if rows is None and self._kept is not None and (self._kept.distances or not keep_distances):
            for reducer in every:
                reducer.update(self._kept, threads=self._threads)
            return
        self._kept = None
        rows = range(len(self._layout.queries)) if rows is None else rows
        blocks = blocks or self.blocks(every, n_queries=len(rows), memory_of_next=memory_of_next, or_without=True)
        if blocks is None:
            raise OptionError(
                f"memory={self._memory / 2**20:.1f} MiB is too little for {len(self._steps[0])} spaces of "
                f"{len(self._layout.candidates)} candidates: give at least {self.least_memory(every) / 2**20:.1f} MiB."
            )
        if blocks.hold:
            every_space = {id(space): space for step in self._steps for space in step}.values()
            for _ in in_order(lambda space: space.hold(), every_space, threads=self._threads):
                pass
        for first in range(rows.start, rows.stop, blocks.n_rows):
            of_block = self._begin(range(first, min(first + blocks.n_rows, rows.stop)), keep_distances=keep_distances)
            for step, spaces in enumerate(self._steps):
                # By a thread each, where there are spaces enough; those left over one after the other.
                at_once = self._spaces_at_once(spaces, blocks.panel_bytes)
                alone = partial(self._add, of_block, step, threads=1, panel_bytes=blocks.panel_bytes // at_once)
                n_alone = len(spaces) // at_once * at_once if at_once > 1 else 0
                made = list(in_order(alone, range(n_alone), threads=self._threads)) if n_alone else []
                for number in range(n_alone, len(spaces)):
                    made.append(self._add(of_block, step, number, self._threads, blocks.panel_bytes))
                orders, distances = zip(*made, strict=True)
                n_candidates = len(self._layout.candidates)
                block = Block(first, of_block.own, n_candidates, orders, distances if keep_distances else ())
                for reducer in reducers[step]:
                    reducer.update(block, threads=self._threads)
            if len(block.own) == len(self._layout.queries) and len(self._steps) == 1:
                self._kept = block
            del of_block, made, orders, distances, block  # or two blocks would be in memory while the next is made

    def blocks(
        self,
        reducers: Sequence[Reducer],
        *,
        n_queries: int | None = None,
        memory_of_next: int = 0,
        or_without: bool = False,
    ) -> Blocks | None:
        """How a pass takes all queries, or so many, within the memory; None where it does not hold a tile of rows.

        Parameters
        ----------
        reducers : sequence of Reducer
        n_queries : int, optional
        memory_of_next : int
            Bytes of the reducers of a next pass, which are to fit beside the block that is kept for it.
        or_without : bool
            Whether the next pass may make its own blocks where both do not fit.
        """
        a_row = self._row_bytes(keep_distances=any(reducer.reads_distances for reducer in reducers))
        left = self._memory - self._fixed_bytes(reducers) - memory_of_next
        n_queries, to_read = n_queries or len(self._layout.queries), self._to_hold()
        n_tiles = -(-n_queries // TILE)

        def of_tiles(n_tiles_that_fit: int, panel_bytes: int, *, hold: bool) -> Blocks | None:
            if n_tiles_that_fit <= 0:
                return None
            n_rows = min(n_queries, min(n_tiles, n_tiles_that_fit) * TILE)
            return Blocks(n_queries, n_rows, panel_bytes, hold)

        blocks: Blocks | None
        whole, beside = left - n_queries * a_row, left - sum(to_read.values())
        if not to_read:
            blocks = of_tiles(left // (TILE * a_row), _LEAST_PANEL, hold=False)
        elif whole >= max(to_read.values()):
            blocks = Blocks(n_queries, n_queries, whole, hold=False)  # each space is read once, and let go
        elif beside >= TILE * a_row:
            blocks = of_tiles(beside // (TILE * a_row), _LEAST_PANEL, hold=True)
        else:
            # Nothing is held: the higher the block, and then the more of a space at a time, the less often it is read.
            panel = max(_LEAST_PANEL, whole if whole >= _LEAST_PANEL else left // 4)
            blocks = of_tiles((left - panel) // (TILE * a_row), panel, hold=False)
        if blocks is None and memory_of_next and or_without:
            return self.blocks(reducers, n_queries=n_queries)
        return blocks

    def least_memory(self, reducers: Sequence[Reducer]) -> int:
        """The least memory, in bytes, in which a pass can be made."""
        a_row = self._row_bytes(keep_distances=any(reducer.reads_distances for reducer in reducers))
        return int(self._fixed_bytes(reducers) + TILE * a_row + (_LEAST_PANEL if self._to_hold() else 0)) + 2**20

    def _begin(self, rows: range, *, keep_distances: bool) -> _Rows:
        queries, own = (of_all[rows.start : rows.stop] for of_all in (self._layout.queries, self._layout.own))
        is_everyone = len(queries) == len(self._layout.queries) and self._layout.is_everyone
        return _Rows(queries, own, is_everyone, keep_distances, [None] * len(self._greatest))

    def _add(self, rows: _Rows, step: int, number: int, threads: int, panel_bytes: int) -> tuple[Numbers, Numbers]:
        """Add a space's distances of a step to those before it; give their order, and them where they are kept."""
        space, greatest, total = self._steps[step][number], self._greatest[number], rows.totals[number]
        n_rows, n = len(rows.queries), len(self._layout.candidates)
        dtype = space.dtype if greatest is None else order_dtype(greatest[step])
        if total is None:
            total = empty_rows(n_rows, n, dtype)
        elif total.dtype != dtype:
            narrow, total = total, empty_rows(n_rows, n, dtype)
            total[:, :n] = narrow[:, :n]
        triangle = rows.is_everyone and space.symmetric
        candidates = self._layout.candidates
        space.fill(total[:, :n], rows.queries, candidates, triangle=triangle, threads=threads, panel_bytes=panel_bytes)
        if greatest is not None:
            put_self(total, rows.own)
        order = self._order(total, rows.own, n) if self._by_order or greatest is None else total
        rows.totals[number] = total if step < len(self._steps) - 1 else None
        return order, total if rows.keep_distances else order

    def _order(self, distances: Numbers, own: Items, n: int) -> Numbers:
        """Places of distances in their rows."""
        order = empty_rows(len(distances), n, order_dtype(n))

        def put(start: int) -> bool:
            rows = slice(start, start + TILE)
            return bool(put_places(distances[rows], n, own[rows], self._by_order, order[rows]))

        ties = list(in_order(put, range(0, len(distances), TILE), threads=self._threads))
        self.saw_ties |= self._by_order and any(ties)
        put_self(order, own)
        return order

    def _spaces_at_once(self, spaces: Sequence[Distances], panel_bytes: int) -> int:
        """How many spaces are made at a time, by a thread each: 1 where there are few, or little memory."""
        at_once = self._threads if len(spaces) >= self._threads else 1
        lets_go = self._by_order or any(greatest is None for greatest in self._greatest)  # of distances, by and by
        return 1 if lets_go or at_once * max(space.to_hold for space in spaces) > panel_bytes else at_once

    def _row_bytes(self, *, keep_distances: bool) -> int:
        """Bytes that a row of a block takes in all spaces."""
        n = len(self._layout.candidates)
        total, passing = 0, 0
        for space, greatest in zip(self._steps[0], self._greatest, strict=True):
            if greatest is not None and not self._by_order:
                total += row_bytes(n, order_dtype(greatest[-1]))
            else:
                total += row_bytes(n, order_dtype(n))
                of_distances = row_bytes(n, space.dtype if greatest is None else order_dtype(greatest[-1]))
                stays = keep_distances or len(self._steps) > 1
                total += of_distances if stays else 0
                passing = max(passing, 0 if stays else of_distances)
        return total + passing

    def _fixed_bytes(self, reducers: Sequence[Reducer]) -> int:
        return sum(reducer.n_bytes(self._layout) for reducer in reducers)

    def _to_hold(self) -> dict[int, int]:
        return {id(space): space.to_hold for step in self._steps for space in step if space.to_hold}
