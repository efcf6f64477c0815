"""The oracle: the whole measure in plain numpy, one query after the other, written to be read.

Every fast path must agree with it. It needs O(N) memory beside the distances and O(N^2) time a
neighbour, so it serves for thousands of items at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation.conventions import Convention
from foretell.measure.inference.influence import Neighbours, Tally
from foretell.measure.spaces.bits import BinarySpace


def euclidean(points: NDArray[Any]) -> Floats:
    """Squared Euclidean distances between all items, shape (N, N), each from the differences."""
    x = points.astype(np.float64)
    return np.stack([((x - item) ** 2).sum(axis=1) for item in x])


def cosine(points: NDArray[Any]) -> Floats:
    """Twice the cosine distances between all items, shape (N, N): squared Euclidean ones at length 1.

    Those of parallel items, which are apart by rounding alone, are 0, and those of opposite ones 4.
    """
    x = points.astype(np.float64)
    d = euclidean(x * (1 / np.sqrt((x**2).sum(axis=1, keepdims=True))))
    return np.where(d < 2.0**-96, 0.0, np.where(d > 4 - x.shape[1] * 2.0**-49, 4.0, d))


def hamming(bits: BinarySpace) -> NDArray[np.int64]:
    """Hamming distances between all items, shape (N, N): how many bits of all their tokens differ."""
    x = bits.unpack().reshape(bits.n_items, -1)
    return np.stack([(x != item).sum(axis=1) for item in x])


def distances(space: Any, metric: str) -> NDArray[Any]:
    """Distances between all items of an input, shape (N, N)."""
    if metric == "precomputed":
        given: NDArray[Any] = space.data
        return given
    if metric == "hamming":
        return hamming(space.bits())
    return (euclidean if metric == "euclidean" else cosine)(space.points())


def neighbour_weights(d: NDArray[Any], k: int, convention: Convention) -> Floats:
    """Weight of each candidate among the k nearest, from its distances `d` to one query."""
    if convention.by_order:
        weight = np.zeros(len(d))
        weight[np.argsort(d, kind="stable")[:k]] = 1 / k
        return weight
    kth = np.sort(d)[k - 1]
    if convention.all_tied:
        return np.asarray(d <= kth, float)
    nearer, tied = d < kth, d == kth
    return np.asarray(nearer / k + tied * (k - nearer.sum()) / (k * tied.sum()))


def stands_before(d: NDArray[Any], chosen: NDArray[np.intp], convention: Convention) -> Floats:
    """How much candidate m stands before candidate j for one query, for all m and the `chosen` j.

    1 where m is nearer, the convention's share where both are tied, 0 where m is farther or is j.
    """
    if convention.by_order:
        place = np.empty(len(d), np.intp)
        place[np.argsort(d, kind="stable")] = np.arange(len(d))
        return (place[:, None] < place[chosen]).astype(float)
    before = (d[:, None] < d[chosen]) + convention.tie_share * (d[:, None] == d[chosen])
    before[chosen, np.arange(len(chosen))] = 0
    return np.asarray(before)


def tally(
    d_a: NDArray[Any],
    d_b: NDArray[Any],
    k: int,
    convention: Convention,
    *,
    own: NDArray[np.integer[Any]] | None = None,
    errors: bool = True,
) -> Tally:
    """Tally the ranks in B of A's neighbours.

    Parameters
    ----------
    d_a, d_b : ndarray, shape (Q, C)
        Distances; row i holds those from query i, and its own place is not read.
    k : int
        Neighbours, 1 <= k <= C - 1.
    convention : Convention
    own : ndarray of int, shape (Q,), optional
        Each query's place among the candidates, or -1; the diagonal by default.
    errors : bool
        Whether to tally what the scores need.
    """
    n_queries, n_candidates = d_a.shape
    own = np.arange(n_queries) if own is None else own
    start, candidates, weights, ranks = [0], [], [], []
    rank_sum, weight_sum, ahead = np.zeros(n_queries), np.zeros(n_queries), np.zeros(n_candidates)
    for i in range(n_queries):
        others = np.delete(np.arange(n_candidates), own[i] if own[i] >= 0 else [])
        a, b = d_a[i, others], d_b[i, others]
        weight = neighbour_weights(a, k, convention)
        chosen = np.flatnonzero(weight)
        chosen = chosen[np.argsort(a[chosen], kind="stable")]
        before = stands_before(b, chosen, convention)
        rank = 1 + before.sum(axis=0)
        rank_sum[i] = weight[chosen] @ rank
        weight_sum[i] = weight.sum()
        ahead[others] += before @ weight[chosen]
        start.append(start[-1] + len(chosen))
        candidates.append(others[chosen])
        weights.append(weight[chosen])
        ranks.append(rank)
    neighbours = Neighbours(np.array(start), np.concatenate(candidates).astype(np.int32), np.concatenate(weights))
    return Tally(neighbours, np.concatenate(ranks), rank_sum, weight_sum, ahead if errors else None)


def rank_matrix(d: NDArray[Any], convention: Convention) -> Floats:
    """Rank of every candidate for every query, shape (N, N); 0 on the diagonal."""
    n_items = len(d)
    ranks = np.zeros((n_items, n_items))
    for i in range(n_items):
        others = np.delete(np.arange(n_items), i)
        ranks[i, others] = 1 + stands_before(d[i, others], np.arange(n_items - 1), convention).sum(axis=0)
    return ranks


def null_rank_sum(neighbours: Neighbours, ranks_b: Floats, permutations: NDArray[np.integer[Any]]) -> Floats:
    """Sum of ``w_ij R_ij`` when item i of A goes with item ``permutations[p, i]`` of B, for every p."""
    i, j = neighbours.query, neighbours.candidate
    return np.array([neighbours.weight @ ranks_b[p[i], p[j]] for p in permutations])
