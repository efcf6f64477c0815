"""From spaces to estimates of ordered pairs, with their errors and nulls: in as few walks as memory allows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import TieOrderWarning
from foretell.measure.arrays import Floats
from foretell.measure.backends import distances, is_constant
from foretell.measure.conventions import Convention
from foretell.measure.distances import Distances
from foretell.measure.engine import Walk
from foretell.measure.finish import estimated, of_constant
from foretell.measure.reducers.nulls import NullRankSums, Shuffles
from foretell.measure.reference import by_oracle, has_ties
from foretell.measure.request import Measured, Options, Pair, Request, both_ways
from foretell.measure.scores import Tally
from foretell.measure.spread import SpreadWalk
from foretell.measure.walks import Stage, tallies_of, walks

__all__ = ["measure", "warn_of_ties"]


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

    saw_ties = False
    for part, had_ties in _parts(varied, spaces, request, options):
        saw_ties |= had_ties
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


def _parts(
    cells: Sequence[Pair], spaces: Sequence[Distances], request: Request, options: Options
) -> Iterator[tuple[dict[int, dict[Pair, Measured]], bool]]:
    """What is found of the cells, some at a time, and whether item order decided ties."""
    if cells and options.backend == "numpy":
        yield by_oracle(cells, request, options), options.convention.by_order and has_ties(request, options, cells)
        return
    for walk, stages in walks(cells, spaces, request, options):
        yield _by_walk(walk, stages, request, options), walk.saw_ties


def _by_walk(
    walk: Walk | SpreadWalk, stages: Sequence[Stage], request: Request, options: Options
) -> dict[int, dict[Pair, Measured]]:
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
    walk: Walk | SpreadWalk,
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
