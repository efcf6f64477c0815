"""The walks that measure cells: one after the other on one machine, or shared out to a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from foretell.cluster import Cluster, current
from foretell.measure.backends import distances
from foretell.measure.distances import Distances
from foretell.measure.engine import Walk
from foretell.measure.reducers.imbalance import Tallies
from foretell.measure.reducers.nulls import NullRankSums
from foretell.measure.request import Options, Pair, Request, both_ways, wanted
from foretell.measure.spread import SpreadWalk, WalkOf
from foretell.measure.together import batches

__all__ = ["SPREAD_FROM", "Stage", "tallies_of", "walks"]

SPREAD_FROM = 1024
"""Queries from which on a cluster shares them out: fewer are measured sooner than sent."""


@dataclass(frozen=True)
class Stage:
    """The cells that are read off a walk after one of its steps, and the places of the walk's spaces then."""

    cells: Sequence[Pair]
    places: Sequence[int]

    def within(self, pair: Pair) -> Pair:
        """Places among the walk's spaces."""
        return self.places.index(pair[0]), self.places.index(pair[1])

    def without(self, pair: Pair) -> Pair:
        """Places in the request."""
        return self.places[pair[0]], self.places[pair[1]]


def walks(
    cells: Sequence[Pair], spaces: Sequence[Distances], request: Request, options: Options
) -> Iterator[tuple[Walk | SpreadWalk, Sequence[Stage]]]:
    """Walks that measure all cells, with what is read off each.

    Parameters
    ----------
    cells : sequence of (int, int)
    spaces : sequence of Distances
        Of `request.inputs`.
    request : Request
    options : Options
    """
    cluster = current()
    if not cells:
        return
    if cluster is None or len(request.layout.queries) < SPREAD_FROM:
        here = _Planner(spaces, request, options, options.memory)
        for some in [cells] if request.steps else batches(cells, here.n_blocks):
            stages = here.stages(some)
            yield here.walk(stages), stages
        return
    there = _Planner(spaces, request, options, cluster.memory_of_a_task(options.memory))
    parts = [cells] if request.steps else list(batches(cells, there.n_blocks, apart=True))
    for together in there.held_together(parts, options.memory):
        yield there.spread(together, cluster), [stage for stages in together for stage in stages]


def tallies_of(stage: Stage, request: Request, options: Options) -> dict[int, Tallies]:
    """Reducers of a walk's stage, by k."""
    pairs = [stage.within(pair) for pair in wanted(stage.cells, options)]
    convention, errors = options.convention, options.errors
    return {k: Tallies(pairs, k=k, convention=convention, errors=errors) for k in request.ks if pairs}


@dataclass(frozen=True)
class _Planner:
    """Makes walks that take so much memory."""

    spaces: Sequence[Distances]
    request: Request
    options: Options
    memory: int

    def stages(self, cells: Sequence[Pair]) -> list[Stage]:
        """What is read off after each step: all cells after the only one, or each after its own."""
        if not self.request.steps:
            return [Stage(cells, sorted({place for cell in cells for place in cell}))]
        ways = [(2 * step, 2 * step + 1) for step in range(len(self.request.steps))]
        return [Stage([way] if way in cells else [], way) for way in ways]

    def walk(self, stages: Sequence[Stage]) -> Walk:
        """A walk of this machine."""
        metric, backend = self.options.metric, self.options.backend
        steps: Sequence[Sequence[Distances]] = [[self.spaces[place] for place in stages[0].places]]
        if self.request.steps:
            steps = [[distances(space, metric, backend) for space in step] for step in self.request.steps]
        threads, by_order = self.options.threads, self.options.convention.by_order
        return Walk(steps, self.request.layout, memory=self.memory, threads=threads, by_order=by_order)

    def spread(self, parts: Sequence[Sequence[Stage]], cluster: Cluster) -> SpreadWalk:
        """Walks of a cluster's workers, for each part one."""
        inputs, options = self.request.inputs, self.options
        return SpreadWalk(
            [
                WalkOf(
                    self.request.steps or [[inputs[place] for place in stages[0].places]],
                    options.metric,
                    options.backend,
                    self.request.layout,
                    options.convention.by_order,
                    self.memory,
                )
                for stages in parts
            ],
            cluster,
        )

    def n_blocks(self, cells: Sequence[Pair]) -> int:
        """In how many blocks a walk takes all queries."""
        stages = self.stages(cells)
        return self.walk(stages).n_blocks(self._tallies(stages), to_come=self._to_come(stages))

    def held_together(self, parts: Sequence[Sequence[Pair]], memory: int) -> Iterator[Sequence[Sequence[Stage]]]:
        """The stages of parts whose tallies fit into memory together."""
        together, held = list[Sequence[Stage]](), 0
        for stages in map(self.stages, parts):
            tallied = sum(tallies.n_bytes(self.request.layout) for tallies in self._tallies(stages))
            needed = tallied + self._to_come(stages)
            if together and held + needed > memory:
                yield together
                together, held = [], 0
            together.append(stages)
            held += needed
        yield together

    def _tallies(self, stages: Sequence[Stage]) -> list[Tallies]:
        return [one for stage in stages for one in tallies_of(stage, self.request, self.options).values()]

    def _to_come(self, stages: Sequence[Stage]) -> int:
        """About the bytes of a second walk's reducers."""
        n_pairs, n_spaces = sum(len(both_ways(stage.cells)) for stage in stages), len(stages[0].places)
        return sum(
            NullRankSums.bytes_for(n_pairs, n_spaces, max(self.request.ks), *those.shape)
            for those in self.request.permutations.values()
        )
