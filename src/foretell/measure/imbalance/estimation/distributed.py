"""The measure by the workers of a cluster: the same bits as on one machine.

Where there are passes enough that share no space, as the layers of a curve, each is one task. Otherwise a task takes
whole tiles of rows of a pass with reducers of its own, and their states are merged in the order of the rows. What they
sum are whole numbers, or floats a tile, so it does not matter how many tasks there are, or where they ran.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, Self

from foretell.exceptions import OptionError
from foretell.measure.imbalance.estimation.request import Options, Request
from foretell.measure.imbalance.estimation.tally_passes import (
    Found,
    Pass,
    Spaces,
    measure_stages,
    passes,
    reduction_of,
    shuffle_bytes,
    spaces_of,
    tallies_of,
)
from foretell.measure.kernels.order_keys import TILE
from foretell.measure.pairwise.passes import Pair
from foretell.measure.pairwise.reduction import Blocks, PairwiseReduction, Reducer
from foretell.measure.spaces.inputs import Input, Signed
from foretell.options import Held, Mapper, Resources, Share

_TASKS_A_WORKER = 4
"""So many tasks for each worker, or more: what a lost one costs is one of them, and the last ones end together."""

_Job = tuple[Request, Options, list[Pass]]
"""What tasks are of. The options are those of a task."""


class DistributedReducer(Reducer, Protocol):
    """A reducer whose work can be done in parts."""

    def part(self) -> Self:
        """One that has taken nothing yet: after some of the queries it is merged into this one."""
        ...

    def merge(self, other: Self) -> None:
        """Take up what a part took of the queries that follow: as if this one had been given its blocks."""
        ...


def measure_distributed(
    cells: Sequence[Pair], request: Request, options: Options, mapper: Mapper
) -> Iterator[tuple[Found, bool]]:
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
    job = mapper.held((sent, plan.options, plan.passes))
    each, n_workers = plan.share.each, max(1, plan.share.room)
    # A pass as a whole takes each distance once, if its queries fit into one block, and keeps them for a null: that is
    # worth some idle workers.
    in_one_block = all(one_pass.n_blocks == 1 for one_pass in plan.passes)
    if len(plan.passes) >= (math.ceil(0.75 * n_workers) if in_one_block else _TASKS_A_WORKER * n_workers):
        yield from mapper.in_order(_measure_pass, job, range(len(plan.passes)), name="part", each=each)
        return
    for numbers in _merged_together(plan.passes, shuffle_bytes(request), options.memory):
        some = {number: plan.passes[number] for number in numbers}
        reduction = _DistributedReduction(job, some, len(sent.layout.queries), mapper, each=each, n_workers=n_workers)
        stages = [stage for one_pass in some.values() for stage in one_pass.stages]
        yield measure_stages(reduction, stages, request, options), reduction.saw_ties


@dataclass(frozen=True)
class _Plan:
    """Passes by tasks that are given a share of a node: the options are those of a task."""

    share: Share
    options: Options
    passes: list[Pass]

    def cost(self, *, reads: bool) -> float:
        """About how long it takes, in spaces whose distances are made or that are read, by a processor."""
        cost = 0.0
        for one_pass in self.passes:
            readings = one_pass.n_blocks if reads else 0
            cost += len(one_pass.stages[0].places) * ((0.5 if one_pass.n_blocks == 1 else 1) + readings)
        return cost / max(1, self.share.room) / self.share.each.num_cpus


def _planned(cells: Sequence[Pair], request: Request, options: Options, mapper: Mapper) -> _Plan:
    """What takes least time: a task of more processors has more memory, and may so make distances fewer times."""
    spaces = spaces_of(range(len(request.inputs)), request, options)
    on_gpus = options.backend == "torch" and mapper.n_gpus > 0
    plans = []
    for share in mapper.shares(options.memory, on_gpus=on_gpus):
        of_task = replace(options, memory=share.memory, threads=int(share.each.num_cpus))
        plans.append(_Plan(share, of_task, passes(cells, spaces, request, of_task, apart=True)))
    fitting = [plan for plan in plans if all(one_pass.n_blocks for one_pass in plan.passes)]
    if not fitting:
        last = plans[-1]
        least = max(_least_memory(one_pass, spaces, request, last.options) for one_pass in last.passes)
        raise OptionError(
            f"memory={options.memory / 2**20:.1f} MiB of each machine is too little for {len(cells)} cells of "
            f"{len(request.layout.candidates)} candidates on this cluster: give at least "
            f"{least * options.memory / last.share.memory / 2**20:.1f} MiB."
        )
    # Spaces that are read are read from where they are kept as often as there are blocks.
    reads = any(space.to_hold for space in spaces.values())
    return min(fitting, key=lambda plan: plan.cost(reads=reads))


def _least_memory(one_pass: Pass, spaces: Spaces, request: Request, options: Options) -> int:
    reducers = [tallies for stage in one_pass.stages for tallies in tallies_of(stage, request, options).values()]
    return reduction_of(one_pass.stages, spaces, request, options).least_memory(reducers)


def _merged_together(all_passes: Sequence[Pass], shuffles: int, memory: int) -> Iterator[list[int]]:
    """Numbers of passes whose tallies fit into the memory of this machine together, where they are merged."""
    together, held = list[int](), shuffles
    for number, one_pass in enumerate(all_passes):
        if together and held + one_pass.tallied_bytes > memory:
            yield together
            together, held = [], shuffles
        together.append(number)
        held += one_pass.tallied_bytes
    yield together


def _signed(request: Request) -> Request:
    """The same, with signs in place of the numbers that they are of: the nodes are sent less."""
    every = {id(one): one for one in (*request.inputs, *(one for step in request.steps for one in step))}
    packed: dict[int, Input] = {key: one.bits() if isinstance(one, Signed) else one for key, one in every.items()}
    return replace(
        request,
        inputs=[packed[id(one)] for one in request.inputs],
        steps=[(packed[id(a)], packed[id(b)]) for a, b in request.steps],
    )


def _measure_pass(held: Held[_Job], number: int) -> tuple[Found, bool]:
    """Measure one pass, where a task runs."""
    request, options, all_passes = held.get()
    one_pass = all_passes[number]
    reduction = _reduction_of(one_pass, request, options)
    return measure_stages(reduction, one_pass.stages, request, options, blocks=one_pass.blocks), reduction.saw_ties


def _reduction_of(one_pass: Pass, request: Request, options: Options) -> PairwiseReduction:
    spaces = spaces_of({place for stage in one_pass.stages for place in stage.places}, request, options)
    return reduction_of(one_pass.stages, spaces, request, options)


class _DistributedReduction:
    """Passes, by their numbers, of which each task takes some rows of one."""

    def __init__(
        self,
        job: Held[_Job],
        some: Mapping[int, Pass],
        n_queries: int,
        mapper: Mapper,
        *,
        each: Resources,
        n_workers: int,
    ) -> None:
        self._job, self._mapper, self._each = job, mapper, each
        self._n_steps = {number: len(one_pass.stages) for number, one_pass in some.items()}
        n_tasks = -(-_TASKS_A_WORKER * n_workers // len(some))
        self._tasks = [(number, rows) for number in some for rows in _ranges(n_queries, n_tasks)]
        self.saw_ties = False

    def run(
        self, *reducers: Sequence[DistributedReducer], blocks: Blocks | None = None, memory_of_next: int = 0
    ) -> None:
        """Make one pass; reducers are given for each stage of each pass. How rows are taken is decided by each task."""
        given = iter(reducers)
        mine = {number: [next(given) for _ in range(n)] for number, n in self._n_steps.items()}
        parts = {number: [[one.part() for one in of_step] for of_step in steps] for number, steps in mine.items()}
        answers = self._mapper.in_order(_reduce_rows, (self._job, parts), self._tasks, name="rows", each=self._each)
        for (number, _), (found, saw_ties) in zip(self._tasks, answers, strict=True):
            self.saw_ties |= saw_ties
            for of_step, others in zip(mine[number], found, strict=True):
                for one, other in zip(of_step, others, strict=True):
                    one.merge(other)


_Reducers = list[list[DistributedReducer]]


def _reduce_rows(common: tuple[Held[_Job], dict[int, _Reducers]], task: tuple[int, range]) -> tuple[_Reducers, bool]:
    """Take some of the rows of a pass, where a task runs."""
    held, reducers = common
    number, rows = task
    request, options, all_passes = held.get()
    reduction = _reduction_of(all_passes[number], request, options)
    mine = [[one.part() for one in of_step] for of_step in reducers[number]]
    reduction.run(*mine, rows=rows)
    return mine, reduction.saw_ties


def _ranges(n_queries: int, n_tasks: int) -> list[range]:
    """About equally many rows for each task, if there are so many: whole tiles, but for the last."""
    n_tiles = -(-n_queries // TILE)
    n_tasks = min(n_tiles, n_tasks)
    bounds = [min(n_queries, number * n_tiles // n_tasks * TILE) for number in range(n_tasks + 1)]
    return [range(first, stop) for first, stop in pairwise(bounds)]
