"""What is read off a walk: stages of cells, and their estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation.conventions import Convention
from foretell.measure.imbalance.estimation.estimates import estimated
from foretell.measure.imbalance.estimation.nulls import NullRankSums, Shuffles
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, both_ways, wanted
from foretell.measure.imbalance.estimation.tallies import Tallies
from foretell.measure.inference.influence import Tally
from foretell.measure.pairwise.passes import Pair

__all__ = ["AnyWalk", "Found", "Stage", "by_walk", "bytes_of_nulls", "bytes_of_shuffles", "stages_of", "tallies_of"]

Found = dict[int, dict[Pair, Measured]]
"""What was measured, by k and ordered pair."""


class AnyWalk(Protocol):
    """A walk, wherever it goes."""

    saw_ties: bool

    def feed(self, *reducers: Sequence[Any], to_come: int = 0) -> None:
        """Walk once; reducers are given for each step, and bytes of those of a second walk."""


@dataclass(frozen=True)
class Stage:
    """The cells that are read off a walk after one of its steps, and the places of the walk's spaces then."""

    cells: Sequence[Pair]
    places: Sequence[int]

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {place: number for number, place in enumerate(self.places)}

    def within(self, pair: Pair) -> Pair:
        """Places among the walk's spaces."""
        return self._numbers[pair[0]], self._numbers[pair[1]]

    def without(self, pair: Pair) -> Pair:
        """Places in the request."""
        return self.places[pair[0]], self.places[pair[1]]


def stages_of(cells: Sequence[Pair], request: Request) -> list[Stage]:
    """What is read off after each step: all cells after the only one, or each after its own."""
    if not request.steps:
        return [Stage(cells, sorted({place for cell in cells for place in cell}))]
    ways = [(2 * step, 2 * step + 1) for step in range(len(request.steps))]
    return [Stage([way] if way in cells else [], way) for way in ways]


def tallies_of(stage: Stage, request: Request, options: Options) -> dict[int, Tallies]:
    """Reducers of a stage, by k."""
    pairs = [stage.within(pair) for pair in wanted(stage.cells, options)]
    convention, errors = options.convention, options.errors
    return {k: Tallies(pairs, k=k, convention=convention, errors=errors) for k in request.ks if pairs}


def bytes_of_nulls(stages: Sequence[Stage], request: Request) -> int:
    """About the bytes of reducers of a null's walk, but for the permutations."""
    n_pairs, n_spaces = sum(len(both_ways(stage.cells)) for stage in stages), len(stages[0].places)
    k = max(request.ks)
    return sum(NullRankSums.bytes_for(n_pairs, n_spaces, k, *those.shape) for those in request.permutations.values())


def bytes_of_shuffles(request: Request) -> int:
    """Bytes of the permutations of all kinds of null."""
    return sum(Shuffles.bytes_for(*those.shape) for those in request.permutations.values())


def by_walk(walk: AnyWalk, stages: Sequence[Stage], request: Request, options: Options) -> Found:
    """Measure the cells of all stages: one walk, and one more for each kind of null."""
    reducers = [tallies_of(stage, request, options) for stage in stages]
    to_come = bytes_of_nulls(stages, request) + bytes_of_shuffles(request)
    walk.feed(*([*of_stage.values()] for of_stage in reducers), to_come=to_come)
    found = {}
    for k in request.ks:
        tallies = {
            stage.without(pair): tally
            for stage, of_stage in zip(stages, reducers, strict=True)
            if k in of_stage
            for pair, tally in of_stage.pop(k).result().items()
        }
        cells = [cell for stage in stages for cell in stage.cells]
        found[k] = estimated(
            tallies, cells, request, options, partial(_null_rank_sums, walk, stages, tallies, options.convention)
        )
    return found


def _null_rank_sums(
    walk: AnyWalk,
    stages: Sequence[Stage],
    tallies: Mapping[Pair, Tally],
    convention: Convention,
    pairs: Sequence[Pair],
    permutations: NDArray[np.int32],
) -> dict[Pair, Floats]:
    """Rank sums of pairs under permutations: one more walk."""
    shuffles = Shuffles.of(permutations)
    reducers = []
    for stage in stages:
        own = set(both_ways(stage.cells))
        of_stage = {stage.within(pair): tallies[pair].neighbours for pair in pairs if pair in own}
        reducers.append(NullRankSums(of_stage, shuffles, convention=convention))
    walk.feed(*([reducer] for reducer in reducers))
    return {
        stage.without(pair): total
        for stage, reducer in zip(stages, reducers, strict=True)
        for pair, total in reducer.result().items()
    }
