"""From spaces to estimates of ordered pairs, with their errors and nulls: in as few passes as memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import TieOrderWarning, warn
from foretell.measure.array_types import Floats
from foretell.measure.distances.backends import is_constant
from foretell.measure.distances.reading import Distances
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.distributed import measure_distributed
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, both_ways, wanted
from foretell.measure.imbalance.estimation.tally_passes import (
    Found,
    estimated,
    measure_stages,
    of_constant,
    passes,
    reduction_of,
    spaces_of,
)
from foretell.measure.inference.influence import Tally
from foretell.measure.pairwise.passes import Pair

SPREAD_FROM = 1024
"""Queries from which on a cluster shares them out: fewer are measured sooner than sent."""


def measure(request: Request, cells: Sequence[Pair], options: Options) -> Found:
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
    spaces = spaces_of(range(len(request.inputs)), request, options)
    constant = _constant(spaces, sorted({place for cell in cells for place in cell}), request)
    varied = [cell for cell in cells if not constant.intersection(cell)]
    found: Found = {k: {} for k in request.ks}
    saw_ties = False
    if varied and options.backend == "numpy":
        found = _by_oracle(varied, request, options)
        saw_ties = options.convention.by_order and _has_ties(request, options, varied)
    elif varied and options.mapper is not None and len(request.layout.queries) >= SPREAD_FROM:
        for part, had_ties in measure_distributed(varied, request, options, options.mapper):
            saw_ties |= had_ties
            _add(part, found)
    else:
        for one_pass in passes(varied, spaces, request, options):
            reduction = reduction_of(one_pass.stages, spaces, request, options)
            part = measure_stages(reduction, one_pass.stages, request, options, blocks=one_pass.blocks)
            saw_ties |= reduction.saw_ties
            _add(part, found)
    if saw_ties:
        warn_of_ties()
    for of_k in found.values():
        for pair in both_ways(cells):
            if pair not in of_k:
                of_k[pair] = of_constant(1.0 if pair[1] not in constant else np.nan, request, options)
    return found


def warn_of_ties() -> None:
    """Warn that ties were broken by item order."""
    warn(
        "Tied distances were ranked by item order, as convention='glielmo' does: the value depends on that order; "
        "convention='adjusted' does not.",
        TieOrderWarning,
    )


def _add(part: Found, found: Found) -> None:
    for k, of_k in part.items():
        found[k] |= of_k


def _constant(spaces: dict[int, Distances], places: Sequence[int], request: Request) -> set[int]:
    """Places of the spaces in which all items are alike. Where steps add tokens, one that is not stays so."""
    constant: set[int] = set()
    for place in places:
        is_first = not request.steps or place % len(request.steps) == 0
        if (is_first or place - 1 in constant) and is_constant(spaces[place], request.layout):
            constant.add(place)
    return constant


def _by_oracle(cells: Sequence[Pair], request: Request, options: Options) -> dict[int, dict[Pair, Measured]]:
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
    d = oracle.distances(request.inputs[place], options.metric)
    return d[np.ix_(request.layout.queries, request.layout.candidates)]


def _has_ties(request: Request, options: Options, cells: Sequence[Pair]) -> bool:
    """Whether any query has two candidates as far as each other, in any space of the cells."""
    own = request.layout.own
    for place in {place for cell in cells for place in cell}:
        for row, place_of_own in zip(_distances(request, options, place), own, strict=True):
            others = np.delete(row, place_of_own if place_of_own >= 0 else [])
            if len(np.unique(others)) < len(others):
                return True
    return False
