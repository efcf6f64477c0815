"""A walk whose rows are shared out to the workers of a cluster: the same bits as on one machine.

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

_TASKS_A_PROCESSOR = 4
"""So many parts for each processor: what a lost worker costs is one of them, and the last ones end together."""


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
    threads : int
    """

    steps: Sequence[Sequence[Input]]
    metric: str
    backend: str
    layout: Layout
    by_order: bool
    memory: int
    threads: int

    def walk(self) -> Walk:
        """Make it."""
        spaces = {id(space): space for step in self.steps for space in step}
        made = {key: distances(space, self.metric, self.backend) for key, space in spaces.items()}
        steps = [[made[id(space)] for space in step] for step in self.steps]
        return Walk(steps, self.layout, memory=self.memory, threads=self.threads, by_order=self.by_order)


class SpreadWalk:
    """A `Walk` by the workers of a cluster.

    Parameters
    ----------
    of : WalkOf
        Its memory is that of a machine, for all tasks that run there at a time.
    cluster : Cluster

    Attributes
    ----------
    saw_ties : bool
        As of a `Walk`.
    """

    def __init__(self, of: WalkOf, cluster: Cluster) -> None:
        at_once = max(1, cluster.most_on_a_node)
        # Signs go, not the numbers that they are of.
        packed = {id(one): one.bits() for step in of.steps for one in step if isinstance(one, Signed)}
        steps = [[packed.get(id(one), one) for one in step] for step in of.steps]
        self._of, self._cluster = replace(of, steps=steps, memory=of.memory // at_once, threads=1), cluster
        self._on_gpus = of.backend == "torch" and cluster.n_gpus > 0
        self.saw_ties = False

    def fits(self, reducers: Sequence[Reducer], *, to_come: int = 0) -> bool:
        """Whether the budget of memory allows it, as `Walk.fits`, for each of the tasks of a machine."""
        return self._of.walk().fits(reducers, to_come=to_come)

    def feed(self, *reducers: Sequence[SpreadReducer]) -> None:
        """Walk once (`Walk.feed`)."""
        parts = [[reducer.part() for reducer in of_step] for of_step in reducers]
        n_queries = len(self._of.layout.queries)
        n_workers = self._cluster.n_gpus if self._on_gpus else self._cluster.n_processors
        ranges = _ranges(n_queries, max(1, n_workers))
        for found, saw_ties in self._cluster.in_order(
            _rows, (self._of, parts), ranges, name="rows", on_gpus=self._on_gpus
        ):
            self.saw_ties |= saw_ties
            for of_step, others in zip(reducers, found, strict=True):
                for mine, other in zip(of_step, others, strict=True):
                    mine.merge(other)


def _rows(common: tuple[WalkOf, list[list[SpreadReducer]]], rows: range) -> tuple[list[list[SpreadReducer]], bool]:
    """Walk over some of the rows: what a task does."""
    of, parts = common
    walk = of.walk()
    reducers = [[one.part() for one in of_step] for of_step in parts]
    walk.feed_rows(rows, *reducers)
    return reducers, walk.saw_ties


def _ranges(n_queries: int, n_processors: int) -> list[range]:
    """Rows of each task: whole tiles, but for the last."""
    n_tiles = -(-n_queries // TILE)
    n_tasks = min(n_tiles, _TASKS_A_PROCESSOR * n_processors)
    bounds = [min(n_queries, number * n_tiles // n_tasks * TILE) for number in range(n_tasks + 1)]
    return [range(first, stop) for first, stop in pairwise(bounds)]
