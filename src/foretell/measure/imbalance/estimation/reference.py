"""Pairs measured by the slow reference, as `backend='numpy'` asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.estimates import estimated
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, wanted
from foretell.measure.inference.influence import Tally
from foretell.measure.pairwise.passes import Pair


def by_oracle(cells: Sequence[Pair], request: Request, options: Options) -> dict[int, dict[Pair, Measured]]:
    """Measure cells both ways, at every k."""
    layout, convention = request.layout, options.convention
    d = {place: _distances(request, options, place) for cell in cells for place in cell}
    found = {}
    for k in request.ks:
        tallies = {
            (a, b): oracle.tally(d[a], d[b], k, convention, own=layout.own, errors=options.errors)
            for a, b in wanted(cells, options)
        }

        def rank_sums(
            pairs: Sequence[Pair], permutations: NDArray[np.int32], tallies: dict[Pair, Tally] = tallies
        ) -> dict[Pair, Floats]:
            ranks = {b: oracle.rank_matrix(d[b], convention) for _, b in pairs}
            return {
                pair: oracle.null_rank_sum(tallies[pair].neighbours, ranks[pair[1]], permutations) for pair in pairs
            }

        found[k] = estimated(tallies, cells, request, options, rank_sums)
    return found


def _distances(request: Request, options: Options, place: int) -> NDArray[Any]:
    """Distances of a layout by the oracle, shape (Q, C)."""
    space: Any = request.inputs[place]
    if options.metric == "hamming":
        d: NDArray[Any] = oracle.hamming(space.bits())
    elif options.metric == "precomputed":
        d = space.data
    else:
        d = (oracle.euclidean if options.metric == "euclidean" else oracle.cosine)(space.points())
    return d[np.ix_(request.layout.queries, request.layout.candidates)]


def has_ties(request: Request, options: Options, cells: Sequence[Pair]) -> bool:
    """Whether any query has two candidates as far as each other, in any space of the cells."""
    own = request.layout.own
    for place in {place for cell in cells for place in cell}:
        for row, place_of_own in zip(_distances(request, options, place), own, strict=True):
            others = np.delete(row, place_of_own if place_of_own >= 0 else [])
            if len(np.unique(others)) < len(others):
                return True
    return False
