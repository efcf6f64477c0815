"""Passes of tallies: which cells are measured in one pass over the distances, and the estimates that it gives.

The passes are plain data, decided before anything is computed. This machine and a cluster map the same list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.distances.backends import distances
from foretell.measure.distances.reading import Distances
from foretell.measure.imbalance.estimation.conventions import Convention, estimate
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, both_ways, lowest_cells, wanted
from foretell.measure.imbalance.estimation.tallies import NullRankSums, Shuffles, Tallies
from foretell.measure.inference.influence import Estimate, ItemScores, Neighbours, Tally, rank_scores
from foretell.measure.inference.standard_errors import standard_error
from foretell.measure.pairwise.passes import Pair, batches
from foretell.measure.pairwise.reduction import Blocks, PairwiseReduction
from foretell.threads import in_order

Found = dict[int, dict[Pair, Measured]]
"""What was measured, by k and ordered pair."""

Spaces = Mapping[int, Distances]
"""Distances of spaces, by their places in `Request.inputs`."""


class AnyReduction(Protocol):
    """Passes over distances, on this machine or on others."""

    saw_ties: bool

    def run(self, *reducers: Sequence[Any], blocks: Blocks | None = None, memory_of_next: int = 0) -> None:
        """Make one pass; reducers are given for each step."""


@dataclass(frozen=True)
class Stage:
    """The cells that are read after one step of a pass, and the places of the pass's spaces then."""

    cells: Sequence[Pair]
    places: Sequence[int]

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {place: number for number, place in enumerate(self.places)}

    def within(self, pair: Pair) -> Pair:
        """Places among the pass's spaces."""
        return self._numbers[pair[0]], self._numbers[pair[1]]

    def without(self, pair: Pair) -> Pair:
        """Places in the request."""
        return self.places[pair[0]], self.places[pair[1]]


@dataclass(frozen=True)
class Pass:
    """Cells that are measured in one pass: plain data.

    Parameters
    ----------
    stages : sequence of Stage
    blocks : Blocks or None
        How the queries are taken; None where the memory does not hold a tile of rows.
    fits_null : bool
        Whether what the pass of the null needs fits beside the block that is kept for it.
    tallied_bytes : int
        About the bytes of what is tallied, but for permutations.
    """

    stages: Sequence[Stage]
    blocks: Blocks | None
    fits_null: bool
    tallied_bytes: int

    @property
    def n_blocks(self) -> int:
        """Number of blocks, the null's reducers in memory too; 0 where they do not fit."""
        return self.blocks.count if self.blocks is not None and self.fits_null else 0


def spaces_of(places: Iterable[int], request: Request, options: Options) -> dict[int, Distances]:
    """Distances of the spaces at some places."""
    return {place: distances(request.inputs[place], options.metric, options.backend) for place in places}


def passes(
    cells: Sequence[Pair], spaces: Spaces, request: Request, options: Options, *, apart: bool = False
) -> list[Pass]:
    """Passes that measure cells, as few as the memory allows.

    Parameters
    ----------
    cells : sequence of (int, int)
    spaces : mapping of int to Distances
    request : Request
    options : Options
    apart : bool
        Whether cells that share no space go into passes of their own wherever they fit.
    """
    if not cells:
        return []

    def planned(some: Sequence[Pair]) -> Pass:
        return _planned(_stages_of(some, request), spaces, request, options)

    if request.steps:
        return [planned(cells)]
    return [planned(some) for some in batches(cells, lambda some: planned(some).n_blocks, apart=apart)]


def reduction_of(stages: Sequence[Stage], spaces: Spaces, request: Request, options: Options) -> PairwiseReduction:
    """The reduction that makes the passes of some stages."""
    steps: Sequence[Sequence[Distances]] = [[spaces[place] for place in stages[0].places]]
    if request.steps:
        steps = [[distances(space, options.metric, options.backend) for space in step] for step in request.steps]
    by_order = options.convention.by_order
    return PairwiseReduction(steps, request.layout, memory=options.memory, threads=options.threads, by_order=by_order)


def measure_stages(
    reduction: AnyReduction,
    stages: Sequence[Stage],
    request: Request,
    options: Options,
    *,
    blocks: Blocks | None = None,
) -> Found:
    """Measure the cells of all stages: one pass, which takes its queries by `blocks`, and one for each kind of null."""
    reducers = [tallies_of(stage, request, options) for stage in stages]
    memory_of_next = _null_bytes(stages, request) + shuffle_bytes(request)
    of_steps = ([*of_stage.values()] for of_stage in reducers)
    reduction.run(*of_steps, blocks=blocks, memory_of_next=memory_of_next)
    found = {}
    for k in request.ks:
        tallies = {
            stage.without(pair): tally
            for stage, of_stage in zip(stages, reducers, strict=True)
            if k in of_stage
            for pair, tally in of_stage.pop(k).result().items()
        }
        cells = [cell for stage in stages for cell in stage.cells]
        rank_sums = partial(_null_rank_sums, reduction, stages, tallies, options.convention)
        found[k] = estimated(tallies, cells, request, options, rank_sums)
    return found


def shuffle_bytes(request: Request) -> int:
    """Bytes of the permutations of all kinds of null."""
    return sum(Shuffles.bytes_for(*those.shape) for those in request.permutations.values())


def _stages_of(cells: Sequence[Pair], request: Request) -> list[Stage]:
    """What is read after each step: all cells after the only one, or each after its own."""
    if not request.steps:
        return [Stage(cells, sorted({place for cell in cells for place in cell}))]
    ways = [(step, len(request.steps) + step) for step in range(len(request.steps))]
    return [Stage([way] if way in cells else [], way) for way in ways]


def _planned(stages: Sequence[Stage], spaces: Spaces, request: Request, options: Options) -> Pass:
    """The pass of some stages."""
    reducers = [tallies for stage in stages for tallies in tallies_of(stage, request, options).values()]
    of_null = _null_bytes(stages, request)
    reduction = reduction_of(stages, spaces, request, options)
    blocks = reduction.blocks(reducers, memory_of_next=of_null + shuffle_bytes(request))
    tallied = sum(tallies.n_bytes(request.layout) for tallies in reducers) + of_null
    return Pass(stages, blocks or reduction.blocks(reducers), blocks is not None, tallied)


def tallies_of(stage: Stage, request: Request, options: Options) -> dict[int, Tallies]:
    """Reducers of a stage, by k."""
    pairs = [stage.within(pair) for pair in wanted(stage.cells, options)]
    convention, errors = options.convention, options.errors
    return {k: Tallies(pairs, k=k, convention=convention, errors=errors) for k in request.ks if pairs}


def _null_bytes(stages: Sequence[Stage], request: Request) -> int:
    """About the bytes of reducers of a null's pass, but for the permutations."""
    n_pairs, n_spaces = sum(len(both_ways(stage.cells)) for stage in stages), len(stages[0].places)
    k = max(request.ks)
    return sum(NullRankSums.bytes_for(n_pairs, n_spaces, k, *those.shape) for those in request.permutations.values())


def _null_rank_sums(
    reduction: AnyReduction,
    stages: Sequence[Stage],
    tallies: Mapping[Pair, Tally],
    convention: Convention,
    pairs: Sequence[Pair],
    permutations: NDArray[np.int32],
) -> dict[Pair, Floats]:
    """Rank sums of pairs under permutations: one more pass."""
    shuffles = Shuffles.of(permutations)
    reducers = []
    for stage in stages:
        own = set(both_ways(stage.cells))
        of_stage = {stage.within(pair): tallies[pair].neighbours for pair in pairs if pair in own}
        reducers.append(NullRankSums(of_stage, shuffles, convention=convention))
    reduction.run(*([reducer] for reducer in reducers))
    return {
        stage.without(pair): total
        for stage, reducer in zip(stages, reducers, strict=True)
        for pair, total in reducer.result().items()
    }


def estimated(
    tallies: Mapping[Pair, Tally],
    cells: Sequence[Pair],
    request: Request,
    options: Options,
    rank_sums: Callable[[Sequence[Pair], NDArray[np.int32]], dict[Pair, Floats]],
) -> dict[Pair, Measured]:
    """Values, errors and nulls of cells both ways from their tallies.

    Parameters
    ----------
    tallies : mapping of (A, B) to Tally
        Of `wanted(cells, options)`.
    cells : sequence of (int, int)
    request : Request
    options : Options
    rank_sums : callable
        From ordered pairs and permutations to the rank sums under each.
    """
    pairs = list(dict.fromkeys(both_ways(cells)))
    readers: dict[int, list[Pair]] = {}
    for pair in pairs:
        readers.setdefault(pair[1], []).append(pair)

    def finish(b: int) -> dict[Pair, tuple[Estimate, float]]:
        """All that foretell one space: they share what is known of its own neighbours."""
        own = tallies.get((b, b))
        own_scores = rank_scores(own, request.layout) if own is not None and own.ahead is not None else None
        found = {}
        for pair in readers[b]:
            one = estimate(tallies[pair], own, options.convention, request.layout, own_scores)
            error = standard_error(one.scores, request.groups) if one.scores is not None else np.nan
            found[pair] = one if request.keep(pair) else replace(one, scores=None), error
        return found

    threads = options.threads if options.errors else 1  # without errors there is too little to share out
    finished = {pair: one for of_b in in_order(finish, readers, threads=threads) for pair, one in of_b.items()}
    if request.keep_lowest and options.errors:
        values = np.array([finished[pair][0].value for pair in both_ways(cells)]).reshape(2, -1)
        for pair in both_ways([cells[place] for place in lowest_cells(values)]):
            one = estimate(tallies[pair], tallies.get((pair[1], pair[1])), options.convention, request.layout)
            finished[pair] = one, finished[pair][1]
    nulls: dict[Pair, dict[str, Floats]] = {pair: {} for pair in pairs}
    for kind, there in request.permutations.items():
        for pair, total in rank_sums(pairs, there).items():
            weights = float(tallies[pair].neighbours.weight.sum())
            nulls[pair][kind] = finished[pair][0].value_at(total / weights)
    return {
        pair: Measured(
            *finished[pair],
            nulls[pair],
            *((tallies[pair].neighbours, tallies[pair].rank) if request.keep(pair) else _nobody(0)),
        )
        for pair in pairs
    }


def _nobody(n_queries: int) -> tuple[Neighbours, Floats]:
    """No neighbours of so many queries, and their ranks."""
    return Neighbours(np.zeros(n_queries + 1, np.int64), np.zeros(0, np.int32), np.zeros(0)), np.zeros(0)


def of_constant(value: float, request: Request, options: Options) -> Measured:
    """What is known of a pair in which one space has no neighbours to tell: exact where there is a value."""
    layout = request.layout
    scores = ItemScores.alike(layout.n_items, 0.0 * value) if options.errors else None
    return Measured(
        Estimate(value, 0.0, np.nan, scores),
        0.0 * value if options.errors else np.nan,
        {kind: np.full(len(there), value) for kind, there in request.permutations.items()},
        *_nobody(len(layout.queries)),
    )
