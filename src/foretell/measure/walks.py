"""What is read off a walk: stages of cells, and their estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.measure.arrays import Floats
from foretell.measure.conventions import Convention
from foretell.measure.finish import estimated
from foretell.measure.reducers.imbalance import Tallies
from foretell.measure.reducers.nulls import NullRankSums, Shuffles
from foretell.measure.request import Measured, Options, Pair, Request, both_ways, wanted
from foretell.measure.scores import Tally

__all__ = ["AnyWalk", "Found", "Stage", "by_walk", "stages_of", "tallies_of"]

Found = dict[int, dict[Pair, Measured]]
"""What was measured, by k and ordered pair."""


class AnyWalk(Protocol):
    """A walk, wherever it goes."""

    saw_ties: bool

    def feed(self, *reducers: Sequence[Any]) -> None:
        """Walk once; reducers are given for each step."""


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


def by_walk(walk: AnyWalk, stages: Sequence[Stage], request: Request, options: Options) -> Found:
    """Measure the cells of all stages: one walk, and one more for each kind of null."""
    reducers = [tallies_of(stage, request, options) for stage in stages]
    walk.feed(*([*of_stage.values()] for of_stage in reducers))
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
