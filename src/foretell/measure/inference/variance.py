"""The dyadic-robust error of one value, compiled: what a map takes of each of its cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.inference.influence import ItemScores
from foretell.measure.inference.standard_errors import FEWEST_GROUPS
from foretell.measure.kernels.compiled import compiled


def standard_error(scores: ItemScores, groups: NDArray[np.int64]) -> float:
    """Standard error of one value from its scores, as `Scores.stderr` gives it.

    Parameters
    ----------
    scores : ItemScores
    groups : ndarray of int64, shape (N,)
        Group of each item, 0 to G - 1.
    """
    n_groups = int(groups.max()) + 1
    if n_groups < FEWEST_GROUPS:
        return float("nan")
    p, e = _sums_of_squares(scores.psi, scores.query, scores.candidate, scores.edge, groups, n_groups)
    return float(np.sqrt(max(p - e, p / 2) * n_groups / (n_groups - 1)) / len(scores.psi))


@compiled
def _sums_of_squares(
    psi: Floats,
    query: NDArray[Any],
    candidate: NDArray[Any],
    edge: Floats,
    groups: NDArray[np.int64],
    n_groups: int,
) -> tuple[float, float]:
    """P and E of `standard_errors`: squares of groups' scores, and of what pairs of groups share."""
    of_group = np.zeros(n_groups)
    size = np.zeros(n_groups)
    for m in range(psi.size):
        of_group[groups[m]] += psi[m]
        size[groups[m]] += 1
    # Edges of an unordered pair of groups meet in the bucket of the lesser one.
    start = np.zeros(n_groups + 1, np.int64)
    inner = 0.0
    for k in range(edge.size):
        g, h = groups[query[k]], groups[candidate[k]]
        if g == h:  # no pair of groups: once in the group's score, as part of the query's
            of_group[g] -= edge[k]
            inner += edge[k]
        else:
            start[min(g, h) + 1] += 1
    for g in range(n_groups):
        start[g + 1] += start[g]
    p = 0.0
    for g in range(n_groups):
        p += (of_group[g] + size[g] * inner / psi.size) ** 2

    other = np.empty(start[n_groups], np.int64)
    value = np.empty(start[n_groups], np.float64)
    place = start[:-1].copy()
    for k in range(edge.size):
        g, h = groups[query[k]], groups[candidate[k]]
        if g != h:
            at = place[min(g, h)]
            place[min(g, h)] += 1
            other[at], value[at] = max(g, h), edge[k]
    of_pair = np.zeros(n_groups)
    e = 0.0
    for g in range(n_groups):
        for at in range(start[g], start[g + 1]):
            of_pair[other[at]] += value[at]
        for at in range(start[g], start[g + 1]):
            e += of_pair[other[at]] ** 2
            of_pair[other[at]] = 0.0
    return p, e
