"""The measure by the workers of a cluster: the same bits as on one machine.

Where there are parts enough that share no space, as the layers of a curve, each is one task. Otherwise a task walks
over whole tiles of rows with reducers of its own, and their states are merged in the order of the rows. What they sum
are whole numbers, or floats a tile, so it does not matter how many tasks there are, or where they ran.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol, Self

from foretell.cluster import Cluster, Held, Replica
from foretell.measure.engine import Reducer
from foretell.measure.inputs import Input, Signed
from foretell.measure.order import TILE
from foretell.measure.planner import Planner
from foretell.measure.request import Options, Pair, Request
from foretell.measure.walks import Found, Stage, by_walk

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


def spread(cells: Sequence[Pair], request: Request, planner: Planner, cluster: Cluster) -> Iterator[tuple[Found, bool]]:
    """Measure cells by the workers of a cluster.

    Parameters
    ----------
    cells : sequence of (int, int)
    request : Request
    planner : Planner
        Of this machine: its memory is that of each machine, for all tasks that run there at a time.
    cluster : Cluster

    Yields
    ------
    found : dict of k to dict of (A, B) to Measured
        Of some of the cells.
    saw_ties : bool
        Whether item order decided ties.
    """
    there, parts, each = _planned(cells, planner, cluster)
    n_workers = max(1, cluster.room_for(each))
    # A part as a whole takes each distance once, if its queries fit into one block, and keeps them for a null: that is
    # worth some idle workers.
    needed = math.ceil(0.75 * n_workers) if _in_one_block(there, parts) else _TASKS_A_WORKER * n_workers
    sent = _signed(request)
    if len(parts) >= needed:
        yield from cluster.in_order(_part, (sent, there.options, parts), range(len(parts)), name="part", each=each)
        return
    for together in _held_together(parts, there, planner.options.memory):
        walk = _SpreadWalk((sent, there.options, together), cluster, each=each, n_workers=n_workers)
        found = by_walk(walk, [stage for stages in together for stage in stages], request, planner.options)
        yield found, walk.saw_ties


def _planned(cells: Sequence[Pair], planner: Planner, cluster: Cluster) -> tuple[Planner, list[list[Stage]], Replica]:
    """The parts of the cells, who plans them on a node, and what each task has of it: processors, and maybe a GPU.

    A task has a node's memory by its share of the processors: as many as it takes to have all queries in one block. If
    none are enough it has one, or, where each block reads the spaces anew, all of a node.
    """
    memory, most = planner.options.memory, cluster.fewest_on_a_node
    on_gpus = planner.options.backend == "torch" and cluster.n_gpus > 0
    tried = [max(1, most // cluster.most_gpus_on_a_node)] if on_gpus else [2**n for n in range(most.bit_length())]
    plans = []
    for processors in tried:
        there = planner.within(cluster.memory_of_a_task(memory, processors), processors)
        plans.append((there, list(there.parts(cells, apart=True)), Replica(processors, int(on_gpus))))
        if _in_one_block(*plans[-1][:2]):
            return plans[-1]
    return plans[-1] if planner.reads else plans[0]


def _in_one_block(planner: Planner, parts: Sequence[list[Stage]]) -> bool:
    return all(planner.n_blocks(stages) == 1 for stages in parts)


def _signed(request: Request) -> Request:
    """The same, with signs in place of the numbers that they are of: the nodes are sent less."""
    every = {id(one): one for one in (*request.inputs, *(one for step in request.steps for one in step))}
    packed: dict[int, Input] = {key: one.bits() if isinstance(one, Signed) else one for key, one in every.items()}
    return replace(
        request,
        inputs=[packed[id(one)] for one in request.inputs],
        steps=[(packed[id(a)], packed[id(b)]) for a, b in request.steps],
    )


def _part(job: _Job, number: int) -> tuple[Found, bool]:
    """Measure one part."""
    request, options, parts = job
    return Planner.of(parts[number], request, options).found(parts[number])


def _held_together(parts: Sequence[list[Stage]], there: Planner, memory: int) -> Iterator[list[list[Stage]]]:
    """Parts whose tallies fit into memory together: they are merged on this machine."""
    together, held = list[list[Stage]](), 0
    for stages in parts:
        needed = there.n_bytes(stages)
        if together and held + needed > memory:
            yield together
            together, held = [], 0
        together.append(stages)
        held += needed
    if together:
        yield together


class _SpreadWalk:
    """Walks over some parts, of which each task is some rows of one."""

    def __init__(self, job: _Job, cluster: Cluster, *, each: Replica, n_workers: int) -> None:
        self._job = cluster.held(job)
        self._n_steps = [len(stages) for stages in job[2]]
        n_queries, n_tasks = len(job[0].layout.queries), -(-_TASKS_A_WORKER * n_workers // len(job[2]))
        self._tasks = [(part, rows) for part in range(len(job[2])) for rows in _ranges(n_queries, n_tasks)]
        self._cluster, self._each = cluster, each
        self.saw_ties = False

    def feed(self, *reducers: Sequence[SpreadReducer]) -> None:
        """Walk once: reducers are given for each stage of each part, one part after the other."""
        given = iter(reducers)
        mine = [[next(given) for _ in range(n)] for n in self._n_steps]
        common = (self._job, [[[one.part() for one in of_step] for of_step in of_part] for of_part in mine])
        answers = self._cluster.in_order(_rows, common, self._tasks, name="rows", each=self._each)
        for (part, _), (found, saw_ties) in zip(self._tasks, answers, strict=True):
            self.saw_ties |= saw_ties
            for of_step, others in zip(mine[part], found, strict=True):
                for one, other in zip(of_step, others, strict=True):
                    one.merge(other)


_Reducers = list[list[SpreadReducer]]


def _rows(common: tuple[Held[_Job], list[_Reducers]], task: tuple[int, range]) -> tuple[_Reducers, bool]:
    """Walk over some of the rows of a part."""
    held, reducers = common
    number, rows = task
    request, options, parts = held.get()
    walk = Planner.of(parts[number], request, options).walk(parts[number])
    mine = [[one.part() for one in of_step] for of_step in reducers[number]]
    walk.feed_rows(rows, *mine)
    return mine, walk.saw_ties


def _ranges(n_queries: int, n_tasks: int) -> list[range]:
    """About equally many rows for each task, if there are so many: whole tiles, but for the last."""
    n_tiles = -(-n_queries // TILE)
    n_tasks = min(n_tiles, n_tasks)
    bounds = [min(n_queries, number * n_tiles // n_tasks * TILE) for number in range(n_tasks + 1)]
    return [range(first, stop) for first, stop in pairwise(bounds)]
