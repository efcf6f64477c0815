"""Walks that are shared out to the workers of a cluster: the same bits as on one machine.

Each task walks over whole tiles of rows with reducers of its own, and their states are merged in the order of the rows.
What they sum are whole numbers, or floats a tile, so it does not matter how many tasks there are, or where they ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, Self

from foretell.cluster import Cluster
from foretell.measure.backends import distances
from foretell.measure.engine import Reducer, Walk
from foretell.measure.inputs import Input, Signed
from foretell.measure.layout import Layout
from foretell.measure.order import TILE

__all__ = ["SpreadReducer", "SpreadWalk", "WalkOf"]

_TASKS_A_WORKER = 4
"""So many tasks for each worker, or more: what a lost worker costs is one of them, and the last ones end together."""


class SpreadReducer(Reducer, Protocol):
    """A reducer whose work can be done in parts."""

    def part(self) -> Self:
        """One that has taken nothing yet: after some of the queries it is merged into this one."""
        ...


@dataclass(frozen=True, eq=False)
class WalkOf:
    """What a walk is made of; with it a worker makes one of its own.

    Parameters
    ----------
    steps : sequence of sequences of Input
    metric, backend : str
    layout : Layout
    by_order : bool
    memory : int
        Bytes that it may take.
    """

    steps: Sequence[Sequence[Input]]
    metric: str
    backend: str
    layout: Layout
    by_order: bool
    memory: int

    def walk(self) -> Walk:
        """Make it."""
        spaces = {id(space): space for step in self.steps for space in step}
        made = {key: distances(space, self.metric, self.backend) for key, space in spaces.items()}
        steps = [[made[id(space)] for space in step] for step in self.steps]
        return Walk(steps, self.layout, memory=self.memory, threads=1, by_order=self.by_order)


class SpreadWalk:
    """Walks by the workers of a cluster, over the same queries.

    Where there are as many walks as workers, each task is one of them, which takes every distance of its spaces once;
    where there are fewer, each is some rows of one.

    Parameters
    ----------
    walks : sequence of WalkOf
    cluster : Cluster

    Attributes
    ----------
    saw_ties : bool
        As of a `Walk`.
    """

    def __init__(self, walks: Sequence[WalkOf], cluster: Cluster) -> None:
        # Signs go, not the numbers that they are of.
        inputs = {id(one): one for of in walks for step in of.steps for one in step}
        packed = {key: one.bits() if isinstance(one, Signed) else one for key, one in inputs.items()}
        self._walks = [replace(of, steps=[[packed[id(one)] for one in step] for step in of.steps]) for of in walks]
        self._cluster = cluster
        self._on_gpus = walks[0].backend == "torch" and cluster.n_gpus > 0
        self.saw_ties = False

    def feed(self, *reducers: Sequence[SpreadReducer]) -> None:
        """Walk once (`Walk.feed`).

        Parameters
        ----------
        *reducers : sequence of reducers
            For each step of each walk, one walk after the other.
        """
        given = iter(reducers)
        mine = [[next(given) for _ in of.steps] for of in self._walks]
        common = [
            (of, [[reducer.part() for reducer in of_step] for of_step in those])
            for of, those in zip(self._walks, mine, strict=True)
        ]
        n_workers = self._cluster.n_gpus if self._on_gpus else self._cluster.n_processors
        n_queries = len(self._walks[0].layout.queries)
        ranges = _ranges(n_queries, -(-_TASKS_A_WORKER * max(1, n_workers) // len(self._walks)))
        tasks = [(number, rows) for number in range(len(self._walks)) for rows in ranges]
        answers = self._cluster.in_order(_rows, common, tasks, name="rows", on_gpus=self._on_gpus)
        for (number, _), (found, saw_ties) in zip(tasks, answers, strict=True):
            self.saw_ties |= saw_ties
            for of_step, others in zip(mine[number], found, strict=True):
                for one, other in zip(of_step, others, strict=True):
                    one.merge(other)


_Parts = list[list[SpreadReducer]]


def _rows(common: list[tuple[WalkOf, _Parts]], task: tuple[int, range]) -> tuple[_Parts, bool]:
    """Walk over some of the rows: what a task does."""
    number, rows = task
    of, parts = common[number]
    walk = of.walk()
    reducers = [[one.part() for one in of_step] for of_step in parts]
    walk.feed_rows(rows, *reducers)
    return reducers, walk.saw_ties


def _ranges(n_queries: int, n_tasks: int) -> list[range]:
    """About equally many rows for each task, if there are so many: whole tiles, but for the last."""
    n_tiles = -(-n_queries // TILE)
    n_tasks = min(n_tiles, n_tasks)
    bounds = [min(n_queries, number * n_tiles // n_tasks * TILE) for number in range(n_tasks + 1)]
    return [range(first, stop) for first, stop in pairwise(bounds)]
