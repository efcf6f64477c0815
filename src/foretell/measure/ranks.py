"""Neighbours and conditional ranks of a block of rows, compiled.

The functions take blocks of distances as `foretell.measure.distances` gives them: whole numbers that
order candidates within a row, with a number beyond all others in the query's own place.

One histogram of a row answers every rank in it: with `below[t]` the number of candidates nearer than t,
a candidate at distance t has rank ``1 + below[t] + share * (tied - 1)``. It is built once for a row of B
and serves the neighbours of every space A, so a map of L x L spaces costs 2 L histograms a row and L^2
look-ups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["nearest", "permuted_rank_sum", "rank_rows", "tally_ranks"]

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    # Kernels run side by side on threads, so they let go of the GIL; compiled once per machine.
    return cast(Function, njit(nogil=True, cache=True)(function))


@_compiled
def nearest(
    d: NDArray[np.uint32], k: int, all_tied: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Find the weighted k nearest candidates of each row.

    Parameters
    ----------
    d : ndarray of uint32, shape (R, N)
    k : int
    all_tied : bool
        Whether candidates tied with the k-th are full neighbours of weight 1. Otherwise nearer ones weigh
        1/k and tied ones share what is left.

    Returns
    -------
    start : ndarray of int64, shape (R + 1,)
    candidate : ndarray of int32, shape (start[R],)
    weight : ndarray of float64, shape (start[R],)
    """
    n_rows = d.shape[0]
    start = np.zeros(n_rows + 1, np.int64)
    kth = np.empty(n_rows, np.uint32)
    n_nearer = np.zeros(n_rows, np.int64)
    for r in range(n_rows):
        row = d[r]
        t = row.min() if k == 1 else np.partition(row, k - 1)[k - 1]
        nearer = 0
        tied = 0
        for m in range(row.size):
            nearer += row[m] < t
            tied += row[m] == t
        kth[r] = t
        n_nearer[r] = nearer
        start[r + 1] = start[r] + nearer + tied
    candidate = np.empty(start[n_rows], np.int32)
    weight = np.empty(start[n_rows], np.float64)
    for r in range(n_rows):
        row = d[r]
        t = kth[r]
        n_tied = start[r + 1] - start[r] - n_nearer[r]
        whole = 1.0 if all_tied else 1.0 / k
        share = 1.0 if all_tied else (k - n_nearer[r]) / (k * n_tied)
        place = start[r]
        for m in range(row.size):
            if row[m] <= t:
                candidate[place] = m
                weight[place] = whole if row[m] < t else share
                place += 1
    return start, candidate, weight


@_compiled
def _histogram(row: NDArray[np.uint32], own: int, below: NDArray[np.int64]) -> tuple[Any, NDArray[np.int64]]:
    """Least distance of a row, and the number of candidates below each distance counted from it."""
    low = np.uint32(0xFFFFFFFF)
    high = np.uint32(0)
    for m in range(row.size):
        if m != own:
            low = min(low, row[m])
            high = max(high, row[m])
    size = np.int64(high) - np.int64(low) + 2
    if below.size < size:
        below = np.empty(2 * size, np.int64)
    below[:size] = 0
    for m in range(row.size):
        if m != own:
            below[np.int64(row[m]) - np.int64(low) + 1] += 1
    for t in range(1, size):
        below[t] += below[t - 1]
    return low, below


@_compiled
def tally_ranks(
    d: NDArray[np.uint32],
    first: int,
    tie_share: float,
    spaces: NDArray[np.int64],
    start: NDArray[np.int64],
    candidate: NDArray[np.int32],
    weight: NDArray[np.float64],
    rank: NDArray[np.float64],
    rank_sum: NDArray[np.float64],
    ahead: NDArray[np.float64],
) -> None:
    """Rank the neighbours of many spaces in the rows of one.

    Parameters
    ----------
    d : ndarray of uint32, shape (R, N)
        Distances in B.
    first : int
        Item of the first row.
    tie_share : float
        How much a candidate tied with a neighbour stands before it.
    spaces : ndarray of int64, shape (S,)
        Which rows of `start` to rank here.
    start : ndarray of int64, shape (all spaces, R + 1)
        Into `candidate` and `weight`, which hold the neighbours of all spaces one after the other.
    rank : ndarray of float64, shape (S, len(candidate))
        Filled at the places of the neighbours that are ranked.
    rank_sum : ndarray of float64, shape (S, R)
        Filled with the sums of weight times rank.
    ahead : ndarray of float64, shape (S, N) or (S, 0)
        Added to: how much each item stands before each neighbour, times weight. Nothing where it is empty.
    """
    n_rows = d.shape[0]
    below = np.empty(1024, np.int64)
    for r in range(n_rows):
        row = d[r]
        own = first + r
        low, below = _histogram(row, own, below)
        for s in range(spaces.size):
            begin = start[spaces[s], r]
            end = start[spaces[s], r + 1]
            total = 0.0
            for e in range(begin, end):
                t = np.int64(row[candidate[e]]) - np.int64(low)
                rank[s, e] = 1.0 + below[t] + tie_share * (below[t + 1] - below[t] - 1)
                total += weight[e] * rank[s, e]
            rank_sum[s, r] = total
            if ahead.shape[1] == 0:
                continue
            if end - begin == 1:
                _add_one_neighbour(row, candidate[begin], weight[begin], tie_share, ahead[s])
            else:
                _add_neighbours(row, own, low, candidate[begin:end], weight[begin:end], tie_share, ahead[s])


@_compiled
def _add_one_neighbour(row: NDArray[np.uint32], j: int, w: float, tie_share: float, ahead: NDArray[np.float64]) -> None:
    t = row[j]
    share = w * tie_share
    for m in range(row.size):  # the query's own place holds a number beyond t
        ahead[m] += (w if row[m] < t else 0.0) + (share if row[m] == t else 0.0)
    ahead[j] -= share


@_compiled
def _add_neighbours(
    row: NDArray[np.uint32],
    own: int,
    low: np.uint32,
    candidate: NDArray[np.int32],
    weight: NDArray[np.float64],
    tie_share: float,
    ahead: NDArray[np.float64],
) -> None:
    # An item at distance t stands before every neighbour farther than t: sum the weights from the far end.
    far = np.uint32(0)
    for j in candidate:
        far = max(far, row[j])
    size = np.int64(far) - np.int64(low) + 1
    at = np.zeros(size)
    for e in range(candidate.size):
        at[np.int64(row[candidate[e]]) - np.int64(low)] += weight[e]
    beyond = 0.0
    for t in range(size - 1, -1, -1):
        here = at[t]
        at[t] = beyond + tie_share * here
        beyond += here
    for m in range(row.size):
        if row[m] <= far and m != own:
            ahead[m] += at[np.int64(row[m]) - np.int64(low)]
    for e in range(candidate.size):
        ahead[candidate[e]] -= tie_share * weight[e]


@_compiled
def rank_rows(d: NDArray[np.uint32], first: int, tie_share: float) -> NDArray[np.float64]:
    """Rank every candidate of each row, shape (R, N); 0 in the queries' own places.

    Parameters
    ----------
    d : ndarray of uint32, shape (R, N)
        Distances.
    first : int
        Item of the first row.
    tie_share : float
        How much a candidate tied with another stands before it.
    """
    below = np.empty(1024, np.int64)
    rank = np.zeros(d.shape, np.float64)
    for r in range(d.shape[0]):
        own = first + r
        low, below = _histogram(d[r], own, below)
        for m in range(d.shape[1]):
            if m != own:
                t = np.int64(d[r, m]) - np.int64(low)
                rank[r, m] = 1.0 + below[t] + tie_share * (below[t + 1] - below[t] - 1)
    return rank


@_compiled
def permuted_rank_sum(
    rank: NDArray[np.float64],
    first: int,
    permutation: NDArray[np.int32],
    inverse: NDArray[np.int32],
    start: NDArray[np.int64],
    candidate: NDArray[np.int32],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sum the weighted ranks of A's neighbours at permuted places of some rows of B, shape (P,).

    Parameters
    ----------
    rank : ndarray of float64, shape (R, N)
        Ranks in B of the queries from `first`.
    first : int
        Item of the first row.
    permutation, inverse : ndarray of int32, shape (P, N)
        Item i of A goes with item ``permutation[p, i]`` of B, and item q of B with ``inverse[p, q]`` of A.
    start, candidate, weight
        Neighbours of all queries in A, as in `foretell.measure.conventions.Neighbours`.
    """
    total = np.zeros(permutation.shape[0], np.float64)
    for r in range(rank.shape[0]):
        for p in range(permutation.shape[0]):
            i = inverse[p, first + r]
            for e in range(start[i], start[i + 1]):
                total[p] += weight[e] * rank[r, permutation[p, candidate[e]]]
    return total
