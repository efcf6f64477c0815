"""The walk: distances of many spaces, made a block of queries at a time, each once, and read by reducers.

For a block of queries every space's distances to all candidates are made once; whatever is measured is read off them
before the next block. So L_A x L_B pairs of spaces cost L_A + L_B passes over the bits, plus look-ups.

A budget of memory decides how high a block is. Where all queries fit into one block and everybody is a candidate, only
the pairs on one side of the diagonal are taken, and the block is kept for a second walk. What reducers hold does not
depend on any of this: they sum in whole numbers, or tile by tile of `TILE` rows, and blocks are whole tiles. So every
budget, and every number of threads, gives the same bits.

A walk may have steps, which add to the same block: distances of a concatenation are sums over its tokens, so a curve
over 1 to T tokens costs the T tokens once each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from foretell.exceptions import OptionError
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.protocol import Distances
from foretell.measure.kernels.order_keys import TILE, empty_rows, order_dtype, put_places, put_self, row_bytes
from foretell.measure.pairwise.blocks import Block, Reducer
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order

__all__ = ["Walk"]

_LEAST_PANEL = 2**20  # bytes read at a time of a space that is not held


class Walk:
    """A walk over the queries of a layout.

    Parameters
    ----------
    steps : sequence of sequences of Distances
        For each step the same number of spaces; a step's distances are added to those before it.
    layout : Layout
    by_order : bool
        Whether ties are broken by item order.
    memory : int
        Bytes that blocks, reducers and spaces read into memory may take.
    threads : int

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

    def n_blocks(self, reducers: Sequence[Reducer], *, to_come: int = 0) -> int:
        """How many blocks the queries are taken in, with so many bytes left for reducers of a second walk.

        0 where the budget of memory does not allow it.
        """
        plan = self._plan(reducers, beside=to_come)
        return -(-len(self._layout.queries) // plan[0]) if plan else 0

    def n_bytes(self, reducers: Sequence[Reducer]) -> int:
        """The least memory in which the walk can be done."""
        a_row = self._row_bytes(keep_distances=any(reducer.reads_distances for reducer in reducers))
        return int(self._fixed_bytes(reducers) + TILE * a_row + (_LEAST_PANEL if self._to_hold() else 0)) + 2**20

    def feed(self, *reducers: Sequence[Reducer], to_come: int = 0) -> None:
        """Walk once.

        Parameters
        ----------
        *reducers : sequence of Reducer
            For each step, those that read the blocks after it.
        to_come : int
            Bytes of reducers of a second walk, beside which a block is to be kept for it.

        Raises
        ------
        OptionError
            If the budget of memory does not allow a tile of rows.
        """
        every = [reducer for of_step in reducers for reducer in of_step]
        keep = any(reducer.reads_distances for reducer in every)
        if self._kept is not None and (self._kept.distances or not keep):
            for reducer in every:
                reducer.update(self._kept, threads=self._threads)
            return
        self._kept = None
        self.feed_rows(range(len(self._layout.queries)), *reducers, to_come=to_come)

    def feed_rows(self, rows: range, *reducers: Sequence[Reducer], to_come: int = 0) -> None:
        """Walk over some of the queries, from the start of a tile on (`feed`)."""
        every = [reducer for of_step in reducers for reducer in of_step]
        keep = any(reducer.reads_distances for reducer in every)
        # Where there is no room for both, the second walk makes its own blocks.
        plan = self._plan(every, n_queries=len(rows), beside=to_come) or self._plan(every, n_queries=len(rows))
        if plan is None:
            raise OptionError(
                f"memory={self._memory / 2**20:.1f} MiB is too little for {len(self._steps[0])} spaces of "
                f"{len(self._layout.candidates)} candidates: give at least {self.n_bytes(every) / 2**20:.1f} MiB."
            )
        height, panel_bytes, hold = plan
        if hold:
            spaces = {id(space): space for step in self._steps for space in step}
            for _ in in_order(lambda space: space.hold(), spaces.values(), threads=self._threads):
                pass
        for first in range(rows.start, rows.stop, height):
            block = range(first, min(first + height, rows.stop))
            self._feed_block(reducers, block, panel_bytes, keep_distances=keep)

    def _feed_block(
        self,
        reducers: Sequence[Sequence[Reducer]],
        rows: range,
        panel_bytes: int,
        *,
        keep_distances: bool,
    ) -> None:
        """Feed the reducers one block, of which nothing is left when this returns, unless it is all there is."""
        blocks = self._blocks(rows, panel_bytes, keep_distances=keep_distances)
        for of_step, block in zip(reducers, blocks, strict=True):
            for reducer in of_step:
                reducer.update(block, threads=self._threads)
        if len(rows) == len(self._layout.queries) and len(self._steps) == 1:
            self._kept = block

    def _blocks(self, rows: range, panel_bytes: int, *, keep_distances: bool) -> Iterator[Block]:
        """The block of some queries after each step."""
        queries, candidates = self._layout.queries[rows.start : rows.stop], self._layout.candidates
        own = self._layout.own[rows.start : rows.stop]
        is_all = len(queries) == len(self._layout.queries) and self._layout.is_everyone
        held: list[Numbers | None] = [None] * len(self._greatest)
        last = len(self._steps) - 1
        for number, step in enumerate(self._steps):

            def made(
                place: int, threads: int, panel_bytes: int, number: int = number, step: Sequence[Distances] = step
            ) -> tuple[Numbers, Numbers]:
                """Order and distances of one space."""
                space, greatest, total = step[place], self._greatest[place], held[place]
                whole = greatest is not None
                dtype = order_dtype(greatest[number]) if greatest is not None else space.dtype
                if total is None:
                    total = empty_rows(len(queries), len(candidates), dtype)
                elif total.dtype != dtype:
                    narrow, total = total, empty_rows(len(queries), len(candidates), dtype)
                    total[:, : len(candidates)] = narrow[:, : len(candidates)]
                space.fill(
                    total[:, : len(candidates)],
                    queries,
                    candidates,
                    triangle=is_all and space.symmetric,
                    threads=threads,
                    panel_bytes=panel_bytes,
                )
                if whole:
                    put_self(total, own)
                order = self._order(total, own, len(candidates)) if self._by_order or not whole else total
                held[place] = total if number < last else None
                return order, total if keep_distances else order

            orders, distances = zip(*self._of_spaces(made, step, panel_bytes), strict=True)
            yield Block(rows.start, own, len(candidates), orders, distances if keep_distances else ())

    def _of_spaces(
        self, made: Callable[[int, int, int], tuple[Numbers, Numbers]], step: Sequence[Distances], panel_bytes: int
    ) -> Iterator[tuple[Numbers, Numbers]]:
        """What is made of each space of a step: by a thread each, where there are enough that may be held together."""
        at_once = self._threads if len(step) >= self._threads else 1
        to_read = max(space.to_hold for space in step)
        if self._passes_distances or at_once * to_read > panel_bytes:
            at_once = 1
        alone = len(step) // at_once * at_once if at_once > 1 else 0
        yield from in_order(lambda place: made(place, 1, panel_bytes // at_once), range(alone), threads=self._threads)
        for place in range(alone, len(step)):
            yield made(place, self._threads, panel_bytes)

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

    @property
    def _passes_distances(self) -> bool:
        """Whether distances are let go when their order is known."""
        return self._by_order or any(greatest is None for greatest in self._greatest)

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

    def _plan(
        self, reducers: Sequence[Reducer], *, beside: int = 0, n_queries: int | None = None
    ) -> tuple[int, int, bool] | None:
        """Rows of a block, bytes of a space that may be read at a time, and whether spaces are held.

        Of a walk over all queries, or so many.
        """
        a_row = self._row_bytes(keep_distances=any(reducer.reads_distances for reducer in reducers))
        left = self._memory - self._fixed_bytes(reducers) - beside
        n_queries, to_read = n_queries or len(self._layout.queries), self._to_hold()
        n_tiles = -(-n_queries // TILE)
        if not to_read:
            tiles = min(n_tiles, left // (TILE * a_row))
            return (min(n_queries, tiles * TILE), _LEAST_PANEL, False) if tiles > 0 else None
        whole = left - n_queries * a_row
        if whole >= max(to_read.values()):
            return n_queries, whole, False  # each space is read once, and let go
        beside = left - sum(to_read.values())
        if beside >= TILE * a_row:
            return min(n_tiles, beside // (TILE * a_row)) * TILE, _LEAST_PANEL, True
        # Nothing is held: the higher the block, and then the more of a space at a time, the less often it is read.
        panel = max(_LEAST_PANEL, whole if whole >= _LEAST_PANEL else left // 4)
        tiles = min(n_tiles, (left - panel) // (TILE * a_row))
        return (min(n_queries, tiles * TILE), panel, False) if tiles > 0 else None
