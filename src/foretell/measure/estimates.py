"""From spaces to estimates of ordered pairs, with their errors and nulls: in as few walks as memory allows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from foretell.cluster import current
from foretell.exceptions import TieOrderWarning
from foretell.measure.arrays import Floats
from foretell.measure.backends import distances, is_constant
from foretell.measure.conventions import Convention
from foretell.measure.distances import Distances
from foretell.measure.engine import Walk
from foretell.measure.finish import estimated, of_constant
from foretell.measure.reducers.imbalance import Tallies
from foretell.measure.reducers.nulls import NullRankSums
from foretell.measure.reference import by_oracle, has_ties
from foretell.measure.request import Measured, Options, Pair, Request, both_ways, wanted
from foretell.measure.scores import Tally
from foretell.measure.spread import SpreadWalk, WalkOf

__all__ = ["SPREAD_FROM", "batches", "measure", "warn_of_ties"]

SPREAD_FROM = 1024
"""Queries from which on a cluster shares them out: fewer are measured sooner than sent."""


@dataclass(frozen=True)
class _Stage:
    """The cells that are read off a walk after one of its steps, and the places of the walk's spaces then."""

    cells: Sequence[Pair]
    places: Sequence[int]

    def within(self, pair: Pair) -> Pair:
        """Places among the walk's spaces."""
        return self.places.index(pair[0]), self.places.index(pair[1])

    def without(self, pair: Pair) -> Pair:
        """Places in the request."""
        return self.places[pair[0]], self.places[pair[1]]


def measure(request: Request, cells: Sequence[Pair], options: Options) -> dict[int, dict[Pair, Measured]]:
    """Measure cells both ways.

    A space in which all items are alike foretells nothing (1, exactly), and nothing foretells it (NaN).

    Parameters
    ----------
    request : Request
    cells : sequence of (int, int)
        Places in `request.inputs`; each is measured as (A, B) and as (B, A).
    options : Options

    Returns
    -------
    dict of k to dict of (A, B) to Measured
    """
    spaces = [distances(space, options.metric, options.backend) for space in request.inputs]
    constant = _constant(spaces, sorted({place for cell in cells for place in cell}), request)
    varied = [cell for cell in cells if not constant.intersection(cell)]
    found: dict[int, dict[Pair, Measured]] = {k: {} for k in request.ks}

    cluster = current()

    def walk_of(stages: Sequence[_Stage]) -> Walk | SpreadWalk:
        memory, threads, by_order = options.memory, options.threads, options.convention.by_order
        if cluster is not None and len(request.layout.queries) >= SPREAD_FROM:
            inputs = [list(step) for step in request.steps] or [[request.inputs[place] for place in stages[0].places]]
            of = WalkOf(inputs, options.metric, options.backend, request.layout, by_order, memory, threads)
            return SpreadWalk(of, cluster)
        steps: Sequence[Sequence[Distances]] = [[spaces[place] for place in stages[0].places]]
        if request.steps:
            steps = [[distances(space, options.metric, options.backend) for space in step] for step in request.steps]
        return Walk(steps, request.layout, memory=memory, threads=threads, by_order=by_order)

    def fits(some: Sequence[Pair]) -> bool:
        stages = _stages(request, some)
        reducers = [reducer for stage in stages for reducer in _reducers(stage, request, options).values()]
        to_come = sum(
            NullRankSums.bytes_for(len(both_ways(some)), len(stages[0].places), max(request.ks), *those.shape)
            for those in request.permutations.values()
        )
        return bool(request.steps) or walk_of(stages).fits(reducers, to_come=to_come)

    saw_ties = False
    for some in [varied] if options.backend == "numpy" and varied else batches(varied, fits):
        if options.backend == "numpy":
            part = by_oracle(some, request, options)
            saw_ties |= options.convention.by_order and has_ties(request, options, some)
        else:
            stages = _stages(request, some)
            walk = walk_of(stages)
            part = _by_walk(walk, stages, request, options)
            saw_ties |= walk.saw_ties
        for k, of_k in part.items():
            found[k] |= of_k
    if saw_ties:
        warn_of_ties(stacklevel=5)
    for k, of_k in found.items():
        for pair in both_ways(cells):
            if pair not in of_k:
                of_k[pair] = of_constant(1.0 if pair[1] not in constant else np.nan, request, options)
        found[k] = of_k
    return found


def warn_of_ties(*, stacklevel: int) -> None:
    """Warn that ties were broken by item order."""
    warnings.warn(
        "Tied distances were ranked by item order, as convention='glielmo' does: the value depends on that order; "
        "convention='adjusted' does not.",
        TieOrderWarning,
        stacklevel=stacklevel,
    )


def _constant(spaces: Sequence[Distances], places: Sequence[int], request: Request) -> set[int]:
    """Places of the spaces in which all items are alike. Where steps add tokens, one that is not stays so."""
    constant: set[int] = set()
    for place in places:
        before = place - 2
        if (not request.steps or before < 0 or before in constant) and is_constant(spaces[place], request.layout):
            constant.add(place)
    return constant


def batches(cells: Sequence[Pair], fits: Callable[[Sequence[Pair]], bool]) -> Iterator[Sequence[Pair]]:
    """Cells that fit into memory together: all, or parts of a map along its longer side."""
    if not cells:
        return
    sides = [sorted({cell[side] for cell in cells}) for side in (0, 1)]
    side = 0 if len(sides[0]) >= len(sides[1]) else 1
    if fits(cells) or len(sides[side]) == 1:  # one cell that does not fit is told by the walk
        yield cells
        return
    first = set(sides[side][: len(sides[side]) // 2])
    yield from batches([cell for cell in cells if cell[side] in first], fits)
    yield from batches([cell for cell in cells if cell[side] not in first], fits)


def _stages(request: Request, cells: Sequence[Pair]) -> list[_Stage]:
    """What is read off after each step: all cells after the only one, or each after its own."""
    if not request.steps:
        return [_Stage(cells, sorted({place for cell in cells for place in cell}))]
    ways = [(2 * step, 2 * step + 1) for step in range(len(request.steps))]
    return [_Stage([way] if way in cells else [], way) for way in ways]


def _reducers(stage: _Stage, request: Request, options: Options) -> dict[int, Tallies]:
    pairs = [stage.within(pair) for pair in wanted(stage.cells, options)]
    convention, errors = options.convention, options.errors
    return {k: Tallies(pairs, k=k, convention=convention, errors=errors) for k in request.ks if pairs}


def _by_walk(
    walk: Walk | SpreadWalk, stages: Sequence[_Stage], request: Request, options: Options
) -> dict[int, dict[Pair, Measured]]:
    reducers = [_reducers(stage, request, options) for stage in stages]
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
    walk: Walk | SpreadWalk,
    stages: Sequence[_Stage],
    tallies: Mapping[Pair, Tally],
    convention: Convention,
    pairs: Sequence[Pair],
    permutations: NDArray[np.int32],
) -> dict[Pair, Floats]:
    """Rank sums of pairs under permutations: one more walk."""
    reducers = []
    for stage in stages:
        of_stage = {stage.within(pair): tallies[pair].neighbours for pair in pairs if pair[0] in stage.places}
        reducers.append(NullRankSums(of_stage, permutations, convention=convention))
    walk.feed(*([reducer] for reducer in reducers))
    return {
        stage.without(pair): total
        for stage, reducer in zip(stages, reducers, strict=True)
        for pair, total in reducer.result().items()
    }
