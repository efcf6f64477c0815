"""From tallies to estimates with their errors and nulls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation.conventions import estimate
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, both_ways
from foretell.measure.inference.influence import Estimate, ItemScores, Neighbours, Tally, rank_scores
from foretell.measure.inference.standard_errors import standard_error
from foretell.measure.pairwise.passes import Pair
from foretell.threads import in_order


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
