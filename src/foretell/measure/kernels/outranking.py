"""How often each candidate stands before a neighbour: the last step of `foretell.measure.kernels.ranks`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Ints, Numbers
from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.order_keys import TILE
from foretell.measure.kernels.vector_rows import COUNTED_BYTES, count_ahead

UNIT = 2.0**-40
"""What weights of neighbours are whole numbers of, where they are summed over queries.

1/3 is right to 12 digits, and the sum over 2^22 queries, whose weights are 1 each, stays below 2^63."""

LONG = 32
"""Neighbours of a query (through ties) from which a table of the row is made instead of asking for each."""


@compiled
def by_weight(
    start: Ints, candidate: NDArray[np.int32], unit: Ints
) -> tuple[Ints, Ints, NDArray[np.int32], NDArray[np.int32]]:
    """Sort the neighbours of rows with few into runs of one weight, as `add_ahead` takes them.

    Parameters
    ----------
    start : ndarray of int64, shape (R + 1,)
    candidate : ndarray of int32
    unit : ndarray of int64
        Weight of each neighbour in `UNIT`.

    Returns
    -------
    run_unit : ndarray of int64, shape (runs,)
    run_start : ndarray of int64, shape (runs, tiles + 1)
    row, candidate : ndarray of int32
        Of the rows with at most `LONG` neighbours.
    """
    n_rows = start.size - 1
    of_row = np.empty(candidate.size, np.int32)
    short = np.empty(candidate.size, np.int32)
    of_short = np.empty(candidate.size, np.int64)
    size, alike = 0, True
    for r in range(n_rows):
        if start[r + 1] - start[r] <= LONG:
            for e in range(start[r], start[r + 1]):
                of_row[size], short[size], of_short[size] = r, candidate[e], unit[e]
                alike &= unit[e] == of_short[0]
                size += 1
    run_unit = of_short[: min(size, 1)].copy() if alike else np.unique(of_short[:size])
    n_tiles = -(-n_rows // TILE)
    run_start = np.zeros((run_unit.size, n_tiles + 1), np.int64)
    row, chosen = np.empty(size, np.int32), np.empty(size, np.int32)
    place = 0
    for run in range(run_unit.size):
        run_start[run, 0] = place
        tile = 0
        for e in range(size):
            if of_short[e] == run_unit[run]:
                while of_row[e] >= (tile + 1) * TILE:
                    tile += 1
                    run_start[run, tile] = place
                row[place], chosen[place] = of_row[e], short[e]
                place += 1
        run_start[run, tile + 1 :] = place
    return run_unit, run_start, row, chosen


@compiled
def add_ahead(
    order: Numbers,
    ties: bool,
    reader: Ints,
    unit: Ints,
    start: Ints,
    row: NDArray[np.int32],
    candidate: NDArray[np.int32],
    first: int,
    stop: int,
    ahead: Ints,
) -> None:
    """Add how much candidates from `first` to `stop` stand before neighbours of many spaces A, in `UNIT`.

    Parameters
    ----------
    order : ndarray of uint16 or uint32, shape (R, P)
        Of distances in B. P leaves room for whole reads of `COUNTED_BYTES`.
    ties : bool
        Whether a candidate tied with a neighbour stands half before it, or not at all.
    reader, unit : ndarray of int64, shape (runs,)
        For each run of neighbours of one weight, the line of `ahead` that it counts for, and what each counts: half
        the weight where ties count, else the whole.
    start : ndarray of int64, shape (runs, tiles + 1)
        Where the neighbours of each run and tile of `TILE` rows are in `row` and `candidate`.
    row, candidate : ndarray of int32
        Neighbours.
    first, stop : int
        `first` is a multiple of the candidates in `COUNTED_BYTES`.
    ahead : ndarray of int64, shape (S, C)
    """
    lanes = COUNTED_BYTES // order.itemsize
    most = np.int64(np.iinfo(np.uint16).max // 2)  # neighbours whose counts fit
    threshold = np.empty(row.size, order.dtype)
    for e in range(row.size):
        threshold[e] = order[row[e], candidate[e]]
    counts = np.zeros(lanes, order.dtype)
    # The part of a tile that is compared at a time stays in the fastest cache while all spaces ask it.
    for tile in range(start.shape[1] - 1):
        for chunk in range(first, stop, lanes):
            address = order.ctypes.data + chunk * order.itemsize
            end = min(chunk + lanes, stop)
            for run in range(unit.size):
                for piece in range(start[run, tile], start[run, tile + 1], most):
                    counts[:] = 0
                    count_ahead(
                        order,
                        address,
                        order.strides[0],
                        min(start[run, tile + 1] - piece, most),
                        row.ctypes.data + 4 * piece,
                        threshold.ctypes.data + order.itemsize * piece,
                        ties,
                        counts.ctypes.data,
                    )
                    line = ahead[reader[run]]
                    for m in range(end - chunk):
                        line[chunk + m] += unit[run] * np.int64(counts[m])
    if ties:
        # A neighbour does not stand before itself, though it is tied with itself.
        for run in range(unit.size):
            for e in range(start[run, 0], start[run, -1]):
                if first <= candidate[e] < stop:
                    ahead[reader[run], candidate[e]] -= unit[run]


@compiled
def add_ahead_of_long_rows(
    order: Numbers,
    n: int,
    ties: bool,
    reader: int,
    rows: NDArray[np.int32],
    start: Ints,
    candidate: NDArray[np.int32],
    unit: Ints,
    first: int,
    stop: int,
    ahead: Ints,
) -> None:
    """As `add_ahead` for rows with many neighbours: a table of each row says how much a candidate at a distance adds.

    Parameters
    ----------
    rows : ndarray of int32
        Rows to take, of which the neighbours are at ``start[r]`` to ``start[r + 1]``.
    unit : ndarray of int64
        Of each neighbour.
    """
    table = np.empty(1024, np.int64)
    for r in rows:
        line = order[r][:n]
        low, far = np.int64(line[0]), np.int64(0)
        for m in range(line.size):
            low = min(low, np.int64(line[m]))
        for e in range(start[r], start[r + 1]):
            far = max(far, np.int64(line[candidate[e]]))
        size = far - low + 1
        if table.size < size:
            table = np.empty(2 * size, np.int64)
        table[:size] = 0
        for e in range(start[r], start[r + 1]):
            table[np.int64(line[candidate[e]]) - low] += unit[e]
        # A candidate at distance t stands before every neighbour beyond t: sum from the far end.
        beyond = 0
        for t in range(size - 1, -1, -1):
            here = table[t]
            table[t] = 2 * beyond + here if ties else beyond
            beyond += here
        for m in range(first, stop):
            if np.int64(line[m]) <= far:
                ahead[reader, m] += table[np.int64(line[m]) - low]
        if ties:
            for e in range(start[r], start[r + 1]):
                if first <= candidate[e] < stop:
                    ahead[reader, candidate[e]] -= unit[e]
