"""The measure by the workers of a cluster: the same bits as on one machine.

Where there are parts enough that share no space, as the layers of a curve, each is one task. Otherwise a task walks
over whole tiles of rows with reducers of its own, and their states are merged in the order of the rows. What they sum
are whole numbers, or floats a tile, so it does not matter how many tasks there are, or where they ran.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Protocol, Self

from foretell.exceptions import OptionError
from foretell.measure.imbalance.estimation.pass_planner import Planner
from foretell.measure.imbalance.estimation.request import Options, Request
from foretell.measure.imbalance.estimation.tally_passes import Found, Stage, by_walk, bytes_of_shuffles
from foretell.measure.kernels.order_keys import TILE
from foretell.measure.pairwise.blocks import Reducer
from foretell.measure.pairwise.passes import Pair
from foretell.measure.spaces.inputs import Input, Signed
from foretell.options import Held, Mapper, Resources, Share

__all__ = ["spread"]

_TASKS_A_WORKER = 4
"""So many tasks for each worker, or more: what a lost one costs is one of them, and the last ones end together."""

_Job = tuple[Request, Options, list[list[Stage]]]
"""What tasks are of: parts, each with its stages. The options are those of a task."""


class SpreadReducer(Reducer, Protocol):
    """A reducer whose work can be done in parts."""

    def part(self) -> Self:
        """One that has taken nothing yet: after some of the queries it is merged into this one."""
        ...


def spread(cells: Sequence[Pair], request: Request, options: Options, mapper: Mapper) -> Iterator[tuple[Found, bool]]:
    """Measure cells by the workers of a cluster.

    Parameters
    ----------
    cells : sequence of (int, int)
    request : Request
    options : Options
        Its memory is that of each machine, for all tasks that run there at a time.
    mapper : Mapper
        The workers.

    Yields
    ------
    found : dict of k to dict of (A, B) to Measured
        Of some of the cells.
    saw_ties : bool
        Whether item order decided ties.

    Raises
    ------
    OptionError
        If no task can have memory enough.
    """
    options = replace(options, mapper=None)  # what is sent to the workers knows none
    sent = _signed(request)
    plan = _planned(cells, sent, options, mapper)
    job = mapper.held((sent, plan.planner.options, plan.parts))
    each, n_workers = plan.share.each, max(1, plan.share.room)
    # A part as a whole takes each distance once, if its queries fit into one block, and keeps them for a null: that is
    # worth some idle workers.
    if len(plan.parts) >= (math.ceil(0.75 * n_workers) if plan.in_one_block else _TASKS_A_WORKER * n_workers):
        yield from mapper.in_order(_part, job, range(len(plan.parts)), name="part", each=each)
        return
    for numbers in plan.merged_together(options.memory):
        parts = {number: plan.parts[number] for number in numbers}
        walk = _SpreadWalk(job, parts, len(sent.layout.queries), mapper, each=each, n_workers=n_workers)
        found = by_walk(walk, [stage for stages in parts.values() for stage in stages], request, options)
        yield found, walk.saw_ties


@dataclass(frozen=True)
class _Plan:
    """Parts of the cells, by tasks that are given a share of a node."""

    share: Share
    planner: Planner
    parts: list[list[Stage]]

    @cached_property
    def _n_blocks(self) -> list[int]:
        return [self.planner.n_blocks(stages) for stages in self.parts]

    @property
    def fits(self) -> bool:
        """Whether every part fits into the memory of a task."""
        return 0 not in self._n_blocks

    @property
    def in_one_block(self) -> bool:
        """Whether all queries of every part do."""
        return set(self._n_blocks) == {1}

    @property
    def cost(self) -> float:
        """About how long it takes, in spaces whose distances are made or that are read, by a processor."""
        cost = 0.0
        for stages, n_blocks in zip(self.parts, self._n_blocks, strict=True):
            readings = n_blocks if self.planner.reads else 0
            cost += len(stages[0].places) * ((0.5 if n_blocks == 1 else 1) + readings)
        return cost / max(1, self.share.room) / self.share.each.num_cpus

    def merged_together(self, memory: int) -> Iterator[list[int]]:
        """Numbers of parts whose tallies fit into the memory of this machine together, where they are merged."""
        shuffles = bytes_of_shuffles(self.planner.request)
        together, held = list[int](), shuffles
        for number, stages in enumerate(self.parts):
            needed = self.planner.n_bytes(stages)
            if together and held + needed > memory:
                yield together
                together, held = [], shuffles
            together.append(number)
            held += needed
        yield together


def _planned(cells: Sequence[Pair], request: Request, options: Options, mapper: Mapper) -> _Plan:
    """What takes least time: a task of more processors has more memory, and may so make distances fewer times."""
    spaces = Planner.of(range(len(request.inputs)), request, options)
    on_gpus = options.backend == "torch" and mapper.n_gpus > 0
    plans = []
    for share in mapper.shares(options.memory, on_gpus=on_gpus):
        planner = spaces.within(share.memory, int(share.each.num_cpus))
        plans.append(_Plan(share, planner, list(planner.parts(cells, apart=True))))
    fitting = [plan for plan in plans if plan.fits]
    if not fitting:
        last = plans[-1]
        needed = max(last.planner.least_memory(stages) for stages in last.parts) * options.memory / last.share.memory
        raise OptionError(
            f"memory={options.memory / 2**20:.1f} MiB of each machine is too little for {len(cells)} cells of "
            f"{len(request.layout.candidates)} candidates on this cluster: give at least {needed / 2**20:.1f} MiB."
        )
    return min(fitting, key=lambda plan: plan.cost)


def _signed(request: Request) -> Request:
    """The same, with signs in place of the numbers that they are of: the nodes are sent less."""
    every = {id(one): one for one in (*request.inputs, *(one for step in request.steps for one in step))}
    packed: dict[int, Input] = {key: one.bits() if isinstance(one, Signed) else one for key, one in every.items()}
    return replace(
        request,
        inputs=[packed[id(one)] for one in request.inputs],
        steps=[(packed[id(a)], packed[id(b)]) for a, b in request.steps],
    )


def _part(held: Held[_Job], number: int) -> tuple[Found, bool]:
    """Measure one part."""
    request, options, parts = held.get()
    return _planner(parts[number], request, options).found(parts[number])


def _planner(stages: Sequence[Stage], request: Request, options: Options) -> Planner:
    return Planner.of({place for stage in stages for place in stage.places}, request, options)


class _SpreadWalk:
    """Walks over some parts, by their numbers, of which each task is some rows of one."""

    def __init__(
        self,
        job: Held[_Job],
        parts: Mapping[int, list[Stage]],
        n_queries: int,
        mapper: Mapper,
        *,
        each: Resources,
        n_workers: int,
    ) -> None:
        self._job, self._mapper, self._each = job, mapper, each
        self._n_steps = {number: len(stages) for number, stages in parts.items()}
        n_tasks = -(-_TASKS_A_WORKER * n_workers // len(parts))
        self._tasks = [(number, rows) for number in parts for rows in _ranges(n_queries, n_tasks)]
        self.saw_ties = False

    def feed(self, *reducers: Sequence[SpreadReducer], to_come: int = 0) -> None:
        """Walk once: reducers are given for each stage of each part, one part after the other."""
        given = iter(reducers)
        mine = {number: [next(given) for _ in range(n)] for number, n in self._n_steps.items()}
        parts = {number: [[one.part() for one in of_step] for of_step in those] for number, those in mine.items()}
        answers = self._mapper.in_order(_rows, (self._job, parts), self._tasks, name="rows", each=self._each)
        for (number, _), (found, saw_ties) in zip(self._tasks, answers, strict=True):
            self.saw_ties |= saw_ties
            for of_step, others in zip(mine[number], found, strict=True):
                for one, other in zip(of_step, others, strict=True):
                    one.merge(other)


_Reducers = list[list[SpreadReducer]]


def _rows(common: tuple[Held[_Job], dict[int, _Reducers]], task: tuple[int, range]) -> tuple[_Reducers, bool]:
    """Walk over some of the rows of a part."""
    held, reducers = common
    number, rows = task
    request, options, parts = held.get()
    walk = _planner(parts[number], request, options).walk(parts[number])
    mine = [[one.part() for one in of_step] for of_step in reducers[number]]
    walk.feed_rows(rows, *mine)
    return mine, walk.saw_ties


def _ranges(n_queries: int, n_tasks: int) -> list[range]:
    """About equally many rows for each task, if there are so many: whole tiles, but for the last."""
    n_tiles = -(-n_queries // TILE)
    n_tasks = min(n_tiles, n_tasks)
    bounds = [min(n_queries, number * n_tiles // n_tasks * TILE) for number in range(n_tasks + 1)]
    return [range(first, stop) for first, stop in pairwise(bounds)]
