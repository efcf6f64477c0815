"""From spaces to estimates of ordered pairs, with their errors and nulls: in as few walks as memory allows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import TieOrderWarning, check_option
from foretell.measure import oracle
from foretell.measure.backends import choose_backend, distances, is_constant
from foretell.measure.conventions import (
    Convention,
    Estimate,
    Floats,
    ItemScores,
    Neighbours,
    Tally,
    check_convention,
    estimate,
    rank_scores,
)
from foretell.measure.distances import Distances
from foretell.measure.engine import Walk, checked_memory
from foretell.measure.inputs import Input
from foretell.measure.layout import Layout
from foretell.measure.reducers.imbalance import NullRankSums, Pair, Tallies
from foretell.measure.variance import standard_error
from foretell.tasks import checked_threads, in_order

__all__ = ["Measured", "Options", "Pair", "Request", "batches", "measure", "warn_of_ties"]


@dataclass(frozen=True)
class Options:
    """How pairs are measured, checked."""

    metric: str
    convention: Convention
    errors: bool
    backend: str
    threads: int
    memory: int

    @classmethod
    def checked(
        cls,
        *,
        metric: str,
        convention: str,
        backend: str,
        threads: int | None,
        memory: str | None,
        errors: bool = True,
    ) -> Options:
        """Options by their names; "auto" and None are decided here."""
        check_option("errors", errors, (True, False))
        return cls(
            metric,
            check_convention(convention),
            errors,
            choose_backend(backend, metric),
            checked_threads(threads),
            checked_memory(memory),
        )


@dataclass(frozen=True)
class Measured:
    """What was found of one ordered pair (A, B) at one k.

    Attributes
    ----------
    estimate : Estimate
        With scores if they were to be kept.
    stderr : float
        NaN without errors.
    null : mapping of str to ndarray, shape (P,)
        Values under each kind of permutations.
    neighbours : Neighbours
        In A.
    rank : ndarray
        Rank in B of each of them.
    """

    estimate: Estimate
    stderr: float
    null: Mapping[str, Floats]
    neighbours: Neighbours
    rank: Floats


@dataclass(frozen=True)
class Request:
    """What is to be measured of some spaces.

    Parameters
    ----------
    inputs : sequence of Input
    layout : Layout
    ks : sequence of int
    groups : ndarray of int64, shape (items of the layout,)
        Group of each item, 0 to G - 1.
    keep : callable
        Whether the scores, neighbours and ranks of a pair are to be kept.
    permutations : mapping of str to ndarray of int32, shape (P, N)
        Kinds of null, by name: item i of the space that neighbours are taken in goes with item ``[p, i]`` of the other.
    steps : sequence of (Input, Input)
        Where each cell's spaces are those of the cell before with some tokens more: what is added to either side. Cell
        t is then (2 t, 2 t + 1), and all distances are sums over the steps up to it.
    """

    inputs: Sequence[Input]
    layout: Layout
    ks: Sequence[int]
    groups: NDArray[np.int64]
    keep: Callable[[Pair], bool] = lambda pair: True
    permutations: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    steps: Sequence[tuple[Input, Input]] = ()


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

    def walk_of(stages: Sequence[_Stage]) -> Walk:
        steps: Sequence[Sequence[Distances]] = [[spaces[place] for place in stages[0].places]]
        if request.steps:
            steps = [[distances(space, options.metric, options.backend) for space in step] for step in request.steps]
        by_order = options.convention.by_order
        return Walk(steps, request.layout, memory=options.memory, threads=options.threads, by_order=by_order)

    def fits(some: Sequence[Pair]) -> bool:
        stages = _stages(request, some)
        reducers = [reducer for stage in stages for reducer in _reducers(stage, request, options).values()]
        to_come = sum(
            NullRankSums.bytes_for(len(_both_ways(some)), len(stages[0].places), max(request.ks), *those.shape)
            for those in request.permutations.values()
        )
        return bool(request.steps) or walk_of(stages).fits(reducers, to_come=to_come)

    saw_ties = False
    for some in [varied] if options.backend == "numpy" and varied else batches(varied, fits):
        if options.backend == "numpy":
            part = _by_oracle(some, request, options)
            saw_ties |= options.convention.by_order and _has_ties(request, options, some)
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
        for pair in _both_ways(cells):
            if pair not in of_k:
                of_k[pair] = _of_constant(1.0 if pair[1] not in constant else np.nan, request, options)
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


def _both_ways(cells: Sequence[Pair]) -> list[Pair]:
    return [*cells, *((b, a) for a, b in cells)]


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


def _wanted(cells: Sequence[Pair], options: Options) -> list[Pair]:
    """Ordered pairs whose tallies the cells need."""
    pairs = set(_both_ways(cells))
    if options.convention.name == "adjusted":
        pairs |= {(b, b) for _, b in pairs}
    return sorted(pairs)


def _stages(request: Request, cells: Sequence[Pair]) -> list[_Stage]:
    """What is read off after each step: all cells after the only one, or each after its own."""
    if not request.steps:
        return [_Stage(cells, sorted({place for cell in cells for place in cell}))]
    ways = [(2 * step, 2 * step + 1) for step in range(len(request.steps))]
    return [_Stage([way] if way in cells else [], way) for way in ways]


def _reducers(stage: _Stage, request: Request, options: Options) -> dict[int, Tallies]:
    pairs = [stage.within(pair) for pair in _wanted(stage.cells, options)]
    convention, errors = options.convention, options.errors
    return {k: Tallies(pairs, k=k, convention=convention, errors=errors) for k in request.ks if pairs}


def _by_walk(
    walk: Walk, stages: Sequence[_Stage], request: Request, options: Options
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
        found[k] = _estimated(
            tallies, cells, request, options, partial(_null_rank_sums, walk, stages, tallies, options.convention)
        )
    return found


def _null_rank_sums(
    walk: Walk,
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


def _by_oracle(cells: Sequence[Pair], request: Request, options: Options) -> dict[int, dict[Pair, Measured]]:
    layout, convention = request.layout, options.convention
    d = {place: _distances(request, options, place) for cell in cells for place in cell}
    found = {}
    for k in request.ks:
        tallies = {
            (a, b): oracle.tally(d[a], d[b], k, convention, own=layout.own, errors=options.errors)
            for a, b in _wanted(cells, options)
        }

        def rank_sums(
            pairs: Sequence[Pair], permutations: NDArray[np.int32], tallies: dict[Pair, Tally] = tallies
        ) -> dict[Pair, Floats]:
            ranks = {b: oracle.rank_matrix(d[b], convention) for _, b in pairs}
            return {
                pair: oracle.null_rank_sum(tallies[pair].neighbours, ranks[pair[1]], permutations) for pair in pairs
            }

        found[k] = _estimated(tallies, cells, request, options, rank_sums)
    return found


def _estimated(
    tallies: Mapping[Pair, Tally],
    cells: Sequence[Pair],
    request: Request,
    options: Options,
    rank_sums: Callable[[Sequence[Pair], NDArray[np.int32]], dict[Pair, Floats]],
) -> dict[Pair, Measured]:
    """Values, errors and nulls of cells both ways from their tallies."""
    of_own = {
        b: rank_scores(tally, request.layout) for (a, b), tally in tallies.items() if a == b and tally.ahead is not None
    }

    def finish(pair: Pair) -> tuple[Estimate, float]:
        own, own_scores = tallies.get((pair[1], pair[1])), of_own.get(pair[1])
        one = estimate(tallies[pair], own, options.convention, request.layout, own_scores)
        error = standard_error(one.scores, request.groups) if one.scores is not None else np.nan
        return one if request.keep(pair) else replace(one, scores=None), error

    pairs = list(dict.fromkeys(_both_ways(cells)))
    finished = dict(zip(pairs, in_order(finish, pairs, threads=options.threads), strict=True))
    nulls: dict[Pair, dict[str, Floats]] = {pair: {} for pair in pairs}
    for kind, there in request.permutations.items():
        for pair, total in rank_sums(pairs, there).items():
            weights = float(tallies[pair].neighbours.weight.sum())
            nulls[pair][kind] = finished[pair][0].value_at(total / weights)
    return {
        pair: Measured(one, error, nulls[pair], *_kept(tallies[pair], kept=request.keep(pair)))
        for pair, (one, error) in finished.items()
    }


def _kept(tally: Tally, *, kept: bool) -> tuple[Neighbours, Floats]:
    if kept:
        return tally.neighbours, tally.rank
    nobody = np.zeros(0)
    return Neighbours(np.zeros(1, np.int64), nobody.astype(np.int32), nobody), nobody


def _of_constant(value: float, request: Request, options: Options) -> Measured:
    """What is known of a pair in which one space has no neighbours to tell: exact where there is a value."""
    nobody = np.zeros(0, np.int32)
    layout = request.layout
    scores = None
    if options.errors:
        scores = ItemScores(np.full(layout.n_items, 0.0 * value), nobody, nobody, np.zeros(0))
    return Measured(
        Estimate(value, 0.0, np.nan, scores),
        0.0 * value if options.errors else np.nan,
        {kind: np.full(len(there), value) for kind, there in request.permutations.items()},
        Neighbours(np.zeros(len(layout.queries) + 1, np.int64), nobody, np.zeros(0)),
        np.zeros(0),
    )


def _distances(request: Request, options: Options, place: int) -> NDArray[Any]:
    """Distances of a layout by the oracle, shape (Q, C)."""
    space: Any = request.inputs[place]
    if options.metric == "hamming":
        d: NDArray[Any] = oracle.hamming(space.bits())
    elif options.metric == "precomputed":
        d = space
    else:
        d = (oracle.euclidean if options.metric == "euclidean" else oracle.cosine)(space.points())
    return d[np.ix_(request.layout.queries, request.layout.candidates)]


def _has_ties(request: Request, options: Options, cells: Sequence[Pair]) -> bool:
    own = request.layout.own
    for place in {place for cell in cells for place in cell}:
        for row, place_of_own in zip(_distances(request, options, place), own, strict=True):
            others = np.delete(row, place_of_own if place_of_own >= 0 else [])
            if len(np.unique(others)) < len(others):
                return True
    return False
