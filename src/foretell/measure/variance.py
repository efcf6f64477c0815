"""The dyadic-robust variance of one value, compiled: what a map takes of each of its cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.compiled import compiled
from foretell.measure.conventions import Floats, ItemScores

__all__ = ["FEWEST_GROUPS", "dyadic_sum", "root_of_variance", "standard_error"]

FEWEST_GROUPS = 4
"""Groups (items, where there are none) from which errors are computed."""

ROUNDING = 1e-15
"""A variance above minus this is 0 but for rounding: that of identical spaces."""


@compiled
def dyadic_sum(
    psi: Floats,
    query: NDArray[Any],
    candidate: NDArray[Any],
    edge: Floats,
    groups: NDArray[np.int64],
    n_groups: int,
) -> float:
    """Sum of squared scores less that of edges, both summed within groups first (`foretell.measure.inference`).

    Parameters
    ----------
    psi : ndarray of float64, shape (N,)
    query, candidate : ndarray of int32 or int64, shape (E,)
        Items of each edge.
    edge : ndarray of float64, shape (E,)
    groups : ndarray of int64, shape (N,)
        Group of each item, 0 to `n_groups` - 1.

    Returns
    -------
    float
        N^2 times the variance.
    """
    of_group = np.zeros(n_groups)
    for m in range(psi.size):
        of_group[groups[m]] += psi[m]
    total = 0.0
    for g in range(n_groups):
        total += of_group[g] ** 2

    # Edges of an unordered pair of groups meet in the bucket of the lesser one.
    start = np.zeros(n_groups + 1, np.int64)
    for e in range(edge.size):
        start[min(groups[query[e]], groups[candidate[e]]) + 1] += 1
    for g in range(n_groups):
        start[g + 1] += start[g]
    other = np.empty(edge.size, np.int64)
    value = np.empty(edge.size, np.float64)
    place = start[:-1].copy()
    for e in range(edge.size):
        g, h = groups[query[e]], groups[candidate[e]]
        at = place[min(g, h)]
        place[min(g, h)] += 1
        other[at] = max(g, h)
        # (e_gh + e_hg)^2 for two groups, e_gg^2 + e_gg e_gg for one.
        value[at] = edge[e] if g != h else np.sqrt(2.0) * edge[e]
    of_pair = np.zeros(n_groups)
    for g in range(n_groups):
        for at in range(start[g], start[g + 1]):
            of_pair[other[at]] += value[at]
        for at in range(start[g], start[g + 1]):
            total -= of_pair[other[at]] ** 2
            of_pair[other[at]] = 0.0
    return total


def standard_error(scores: ItemScores, groups: NDArray[np.int64]) -> float:
    """Standard error of one value from its scores, as `foretell.measure.inference.Scores.stderr` gives it.

    Parameters
    ----------
    scores : ItemScores
    groups : ndarray of int64, shape (N,)
        Group of each item, 0 to G - 1.
    """
    n_groups = int(groups.max()) + 1
    if n_groups < FEWEST_GROUPS:
        return float("nan")
    total = dyadic_sum(scores.psi, scores.query, scores.candidate, scores.edge, groups, n_groups)
    return root_of_variance(total / len(scores.psi) ** 2)


def root_of_variance(variance: float) -> float:
    """Root of a variance; NaN where it is negative, but 0 where it is so by rounding alone."""
    return float(np.sqrt(max(variance, 0.0))) if variance > -ROUNDING else float("nan")
