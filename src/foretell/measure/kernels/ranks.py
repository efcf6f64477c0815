r"""Neighbours, their ranks, and how often each item stands before a neighbour: compiled, a block of rows at a time.

This is the algorithm of the measure, given the order of distances (`foretell.measure.kernels.order_keys`): whole
numbers, a row a query and a column a candidate, with the greatest number of the dtype in a query's own place.

1. `foretell.measure.kernels.nearest`: the least numbers of a row of A are the query's neighbours there, with their
   weights. One pass over the row for k = 1.
2. `rank_entries`: a neighbour's rank in B is 1 + how many candidates stand before it in the row of B. With few
   neighbours to rank the row is counted once for each; with many, a histogram of the row summed once answers them all
   by look-up: so all spaces A together cost little more than one.
3. `foretell.measure.kernels.outranking`: for errors, :math:`c_m`, how often candidate m stands before a neighbour. Each
   neighbour asks all N candidates, so this is most of the work beside distances: N^2 comparisons a pair of spaces, made
   32 at a time.

The distances of N items of D bits cost N^2 D / 2 comparisons of bits a space. Neighbours and look-ups cost N^2 a space
and N k a pair of spaces, errors N^2 k a pair.

What is summed over queries is summed in whole numbers (`foretell.measure.kernels.outranking.UNIT`). So no sum depends
on the order of its terms, nor on blocks, threads or machines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Ints, Numbers
from foretell.measure.kernels.compiled import compiled


@compiled
def _range(row: Numbers, own: int) -> tuple[Any, Any]:
    """Least and greatest number of a row, its mark of the query's own place apart."""
    low = row[0]
    for m in range(row.size):
        low = min(low, row[m])
    high = low
    before, after = (row[:own], row[own + 1 :]) if own >= 0 else (row, row[:0])
    for m in range(before.size):
        high = max(high, before[m])
    for m in range(after.size):
        high = max(high, after[m])
    return np.int64(low), np.int64(high)


@compiled
def _counted_below(row: Numbers, own: int, low: int, high: int, below: NDArray[np.int32]) -> NDArray[np.int32]:
    """How many candidates are nearer than each distance, counted from the least."""
    size = high - low + 2
    if below.size < size:
        below = np.empty(2 * size, np.int32)
    below[:size] = 0
    for m in range(row.size):
        if m != own:
            below[np.int64(row[m]) - low + 1] += 1
    for t in range(1, size):
        below[t] += below[t - 1]
    return below


@compiled
def rank_entries(
    order: Numbers,
    n: int,
    own: Ints,
    tie_share: float,
    start: Ints,
    candidate: NDArray[np.int32],
    weight: Floats,
    rank: Floats,
    rank_sum: Floats,
    first: int,
    stop: int,
) -> None:
    """Rank the neighbours of many spaces A in rows `first` to `stop` of B.

    Parameters
    ----------
    order : ndarray of uint16 or uint32, shape (R, P)
        Of distances in B.
    n : int
        Candidates.
    own : ndarray of int64, shape (R,)
        Queries' own places among the candidates, or -1.
    tie_share : float
        How much a candidate tied with a neighbour stands before it.
    start : ndarray of int64, shape (S, R + 1)
        Into `candidate`, `weight` and `rank`, which hold the neighbours of all spaces one after the other.
    rank : ndarray of float64, shape (start[-1, -1],)
        Filled.
    rank_sum : ndarray of float64, shape (S, R)
        Filled with the sums of weight times rank.
    """
    below = np.empty(1024, np.int32)
    for r in range(first, stop):
        row = order[r][:n]
        wanted = 0
        for s in range(start.shape[0]):
            wanted += start[s, r + 1] - start[s, r]
        low, high = _range(row, own[r]) if wanted > 8 else (0, n * wanted)
        # Costs in units of .1 ns, as measured: a count of a row is read 16 at a time, a histogram one by one.
        by_histogram = n * wanted > 12 * n + 4 * (high - low)
        if by_histogram:
            below = _counted_below(row, own[r], low, high, below)
        for s in range(start.shape[0]):
            total = 0.0
            for e in range(start[s, r], start[s, r + 1]):
                t = row[candidate[e]]
                if by_histogram:
                    place = np.int64(t) - low
                    nearer, tied = np.int64(below[place]), np.int64(below[place + 1] - below[place])
                else:
                    nearer, tied = _count(row, t)
                rank[e] = 1.0 + nearer + tie_share * (tied - 1)
                total += weight[e] * rank[e]
            rank_sum[s, r] = total


@compiled
def _count(row: Numbers, t: int) -> tuple[Any, Any]:
    """How many candidates are nearer than t, and how many as near."""
    nearer, within = np.uint32(0), np.uint32(0)  # wider sums would be slower
    for m in range(row.size):
        nearer = np.uint32(nearer + np.uint32(row[m] < t))
        within = np.uint32(within + np.uint32(row[m] <= t))
    return np.int64(nearer), np.int64(within) - np.int64(nearer)


@compiled
def rank_own(
    order: Numbers,
    tie_share: float,
    ties: bool,
    start: Ints,
    candidate: NDArray[np.int32],
    weight: Floats,
    unit: Ints,
    rank: Floats,
    rank_sum: Floats,
    ahead: Ints,
) -> None:
    """Rank a space's own neighbours in its own rows, and add how much candidates stand before them.

    Whoever stands before a neighbour is a neighbour too: so no row is read.

    Parameters
    ----------
    order : ndarray of uint16 or uint32, shape (R, P)
    start, candidate, weight
        Neighbours of each row.
    unit : ndarray of int64
        Of each neighbour, as for `add_ahead`.
    rank, rank_sum : ndarray of float64
        Filled, as by `rank_entries`.
    ahead : ndarray of int64, shape (C,)
        Added to, unless it is empty.
    """
    for r in range(start.size - 1):
        own = candidate[start[r] : start[r + 1]]
        if own.size == 1:  # as mostly: nobody is nearer
            rank[start[r]] = 1.0
            rank_sum[r] = weight[start[r]]
            continue
        t = np.empty(own.size, order.dtype)
        for e in range(own.size):
            t[e] = order[r, own[e]]
        nearest_first = np.argsort(t)
        beyond = np.int64(0)
        for e in range(own.size):
            beyond += unit[start[r] + e]
        first = 0
        while first < own.size:
            stop = first
            tied = np.int64(0)
            while stop < own.size and t[nearest_first[stop]] == t[nearest_first[first]]:
                tied += unit[start[r] + nearest_first[stop]]
                stop += 1
            beyond -= tied
            for place in range(first, stop):
                e = start[r] + nearest_first[place]
                rank[e] = 1.0 + first + tie_share * (stop - first - 1)
                if ahead.size:
                    before = 2 * beyond + tied - unit[e] if ties else beyond
                    ahead[candidate[e]] += before
            first = stop
        # In the order of `rank_entries`: identical spaces have the same sums, to the last bit.
        rank_sum[r] = 0.0
        for e in range(start[r], start[r + 1]):
            rank_sum[r] += weight[e] * rank[e]


@compiled
def rank_rows(order: Numbers, n: int, own: Ints, tie_share: float) -> NDArray[np.float32]:
    """Rank every candidate of each row, shape (R, n); 0 in the queries' own places. Exact up to 2^23 candidates."""
    below = np.empty(1024, np.int32)
    rank = np.zeros((order.shape[0], n), np.float32)
    for r in range(order.shape[0]):
        row = order[r][:n]
        low, high = _range(row, own[r])
        below = _counted_below(row, own[r], low, high, below)
        for m in range(n):
            if m != own[r]:
                place = np.int64(row[m]) - low
                rank[r, m] = 1.0 + below[place] + tie_share * (below[place + 1] - below[place] - 1)
    return rank


@compiled
def permuted_rank_sum(
    rank: NDArray[np.float32],
    first: int,
    permutation: NDArray[np.uint32],
    inverse: NDArray[np.uint32],
    start: NDArray[np.uint64],
    space: NDArray[np.uint32],
    candidate: NDArray[np.uint32],
    weight: Floats,
    total: Floats,
) -> None:
    """Add the weighted ranks of the neighbours of many spaces A at permuted places of some rows of B.

    Parameters
    ----------
    rank : ndarray of float32, shape (R, N)
        Ranks in B of the queries from `first`.
    permutation, inverse : ndarray of uint32, shape (P, N)
        Item i of A goes with item ``permutation[p, i]`` of B, and item q of B with ``inverse[p, q]`` of A. Places are
        unsigned, since those that might be negative are looked at twice.
    start : ndarray of uint64, shape (N + 1,)
        Neighbours of item i in all spaces are at ``start[i]`` to ``start[i + 1]``: they are looked up together.
    space, candidate : ndarray of uint32
    weight : ndarray of float64
        Of each neighbour.
    total : ndarray of float64, shape (P, S)
        Added to.
    """
    for p in range(permutation.shape[0]):
        there, sums = permutation[p], total[p]
        for r in range(rank.shape[0]):
            row, i = rank[r], inverse[p, first + r]
            begin, end = start[i], start[i + np.uint32(1)]
            of_space, of_candidate, of_weight = space[begin:end], candidate[begin:end], weight[begin:end]
            for e in range(of_space.size):
                sums[of_space[e]] += of_weight[e] * row[there[of_candidate[e]]]
