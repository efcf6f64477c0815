"""The nearest candidates of each row: the first step of `foretell.measure.kernels.ranks`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Ints, Numbers
from foretell.measure.kernels.compiled import compiled

_CHUNK = 64


@compiled
def nearest(order: Numbers, n: int, k: int, all_tied: bool) -> tuple[Ints, NDArray[np.int32], Floats]:
    """Find the weighted k nearest candidates of each row.

    Parameters
    ----------
    order : ndarray of uint16 or uint32, shape (R, P)
    n : int
        Candidates: the first columns of `order`. What is beyond them is not looked at.
    k : int
    all_tied : bool
        Whether candidates tied with the k-th are full neighbours of weight 1. Otherwise nearer ones weigh
        1/k and tied ones share what is left.

    Returns
    -------
    start : ndarray of int64, shape (R + 1,)
    candidate : ndarray of int32, shape (start[R],)
        The nearest first, and of tied ones the first in order.
    weight : ndarray of float64, shape (start[R],)
    """
    n_rows = order.shape[0]
    start = np.zeros(n_rows + 1, np.int64)
    candidate = np.empty(2 * k * n_rows, np.int32)
    weight = np.empty(2 * k * n_rows, np.float64)
    least = np.empty(-(-n // _CHUNK), order.dtype)
    place = 0
    for r in range(n_rows):
        row = order[r][:n]
        _chunk_minima(row, least)
        kth = least[0]
        for chunk in range(1, least.size):
            kth = min(kth, least[chunk])
        if k > 1:
            kth = _kth_least(row, least, k)
        nearer = 0
        for chunk in range(least.size):
            if least[chunk] > kth:
                continue
            if place + _CHUNK > candidate.size:
                candidate, weight = _twice(candidate, _CHUNK), _twice(weight, _CHUNK)
            for m in range(_CHUNK * chunk, min(_CHUNK * (chunk + 1), n)):
                if row[m] <= kth:
                    candidate[place] = m
                    nearer += row[m] < kth
                    place += 1
        if place - start[r] > 1:
            found = candidate[start[r] : place].copy()
            nearest_first = np.argsort(row[found], kind="mergesort")
            for e in range(found.size):
                candidate[start[r] + e] = found[nearest_first[e]]
        start[r + 1] = place
        whole = 1.0 if all_tied else 1.0 / k
        share = 1.0 if all_tied else (k - nearer) / (k * (place - start[r] - nearer))
        for e in range(start[r], place):
            weight[e] = whole if row[candidate[e]] < kth else share
    return start, candidate[:place].copy(), weight[:place].copy()


@compiled
def _chunk_minima(row: Numbers, least: Numbers) -> None:
    for chunk in range(least.size):
        some = row[_CHUNK * chunk : _CHUNK * chunk + _CHUNK]
        low = some[0]
        for m in range(some.size):
            low = min(low, some[m])
        least[chunk] = low


@compiled
def _kth_least(row: Numbers, least: Numbers, k: int) -> Any:
    """The k-th least number of a row whose chunks' minima are given."""
    if k > least.size:
        return np.partition(row, k - 1)[k - 1]
    # k chunks have a number at or below the k-th least minimum: what is asked for is among those that are.
    bound = np.partition(least, k - 1)[k - 1]
    within = np.empty(row.size, row.dtype)
    size = 0
    for chunk in range(least.size):
        if least[chunk] <= bound:
            for m in range(_CHUNK * chunk, min(_CHUNK * (chunk + 1), row.size)):
                within[size] = row[m]
                size += row[m] <= bound
    return np.partition(within[:size], k - 1)[k - 1]


@compiled
def _twice(x: NDArray[Any], more: int) -> NDArray[Any]:
    longer = np.empty(2 * x.size + more, x.dtype)
    longer[: x.size] = x
    return longer
