"""Which walks a budget of memory allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from foretell.measure.distances.backends import distances
from foretell.measure.distances.protocol import Distances
from foretell.measure.imbalance.estimation.request import Options, Request
from foretell.measure.imbalance.estimation.tallies import Tallies
from foretell.measure.imbalance.estimation.tally_passes import (
    Found,
    Stage,
    by_walk,
    bytes_of_nulls,
    bytes_of_shuffles,
    stages_of,
    tallies_of,
)
from foretell.measure.pairwise.passes import Pair, batches
from foretell.measure.pairwise.reduction import Walk

__all__ = ["Planner"]


@dataclass(frozen=True)
class Planner:
    """Plans walks of this machine.

    Parameters
    ----------
    spaces : mapping of int to Distances
        By their places in `request.inputs`.
    request : Request
    options : Options
        With the budget of memory.
    """

    spaces: Mapping[int, Distances]
    request: Request
    options: Options

    @classmethod
    def of(cls, places: Iterable[int], request: Request, options: Options) -> Planner:
        """With the spaces at some places alone."""
        spaces = {place: distances(request.inputs[place], options.metric, options.backend) for place in places}
        return cls(spaces, request, options)

    def within(self, memory: int, threads: int) -> Planner:
        """Of the same walks in so much memory."""
        return replace(self, options=replace(self.options, memory=memory, threads=threads))

    def parts(self, cells: Sequence[Pair], *, apart: bool = False) -> Iterator[list[Stage]]:
        """Stages of the cells that are measured together (`together.batches`)."""
        if cells:
            together = [cells] if self.request.steps else batches(cells, self._n_blocks_of_cells, apart=apart)
            yield from (stages_of(some, self.request) for some in together)

    def walk(self, stages: Sequence[Stage]) -> Walk:
        """A walk over the spaces of some stages."""
        metric, backend, by_order = self.options.metric, self.options.backend, self.options.convention.by_order
        steps: Sequence[Sequence[Distances]] = [[self.spaces[place] for place in stages[0].places]]
        if self.request.steps:
            steps = [[distances(space, metric, backend) for space in step] for step in self.request.steps]
        memory, threads = self.options.memory, self.options.threads
        return Walk(steps, self.request.layout, memory=memory, threads=threads, by_order=by_order)

    def found(self, stages: Sequence[Stage]) -> tuple[Found, bool]:
        """Measure the cells of some stages, and say whether item order decided ties."""
        walk = self.walk(stages)
        found = by_walk(walk, stages, self.request, self.options)
        return found, walk.saw_ties

    def n_blocks(self, stages: Sequence[Stage]) -> int:
        """In how many blocks a walk takes all queries; 0 where memory does not allow it."""
        to_come = bytes_of_nulls(stages, self.request) + bytes_of_shuffles(self.request)
        return self.walk(stages).n_blocks(self._tallies(stages), to_come=to_come)

    def least_memory(self, stages: Sequence[Stage]) -> int:
        """Bytes without which a walk cannot be done."""
        return self.walk(stages).n_bytes(self._tallies(stages))

    @property
    def reads(self) -> bool:
        """Whether spaces are read from where they are kept, as often as there are blocks."""
        return any(space.to_hold for space in self.spaces.values())

    def n_bytes(self, stages: Sequence[Stage]) -> int:
        """About the bytes that what is tallied takes, but for permutations."""
        tallied = sum(tallies.n_bytes(self.request.layout) for tallies in self._tallies(stages))
        return tallied + bytes_of_nulls(stages, self.request)

    def _n_blocks_of_cells(self, cells: Sequence[Pair]) -> int:
        return self.n_blocks(stages_of(cells, self.request))

    def _tallies(self, stages: Sequence[Stage]) -> list[Tallies]:
        return [one for stage in stages for one in tallies_of(stage, self.request, self.options).values()]
