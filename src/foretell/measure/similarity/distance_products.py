r"""Sums over pairs of items of products of two spaces' distances: what debiased CKA and RSA are made of.

For spaces A and B and N items, :math:`P_{AB} = \sum_{i \ne j} x^A_{ij} x^B_{ij}` and the sums of rows
:math:`r^A_i = \sum_{j \ne i} x^A_{ij}`, where x is the distance less a fixed number of the space, or its root, or what
a table has at it. Neither measure depends on that number; it keeps the sums small.

Sums are kept for each tile of `TILE` rows, and put together at the end by `math.fsum`. So they depend neither on
blocks nor on threads. Of whole distances up to D they are exact
while :math:`64 N (D/2)^2 < 2^{53}`, as for D = 11,520 up to 4 million items; nothing overflows beyond.

A pair of spaces costs N^2 / 2 multiplications in 64 bits where distances are symmetric. The 960 pairs of a map of
30 x 30 spaces of 2,000 items take about a quarter of what the distances of 11,520 bits take.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Items, Numbers
from foretell.measure.kernels.compiled import compiled, compiled_sums
from foretell.measure.kernels.order_keys import TILE
from foretell.measure.pairwise.passes import Pair
from foretell.measure.pairwise.reduction import Block
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order

ROWS, COLUMNS = 16, 256
"""What is multiplied at a time: of 60 spaces a row, 120 KiB, stays in the processor's cache."""

_ABREAST = 4  # spaces that one is multiplied with at a time


@dataclass(frozen=True)
class Values:
    """What is made of the distances of a space.

    Parameters
    ----------
    centre : float
        Taken off.
    root : bool
        Whether the root is taken first, as of squared Euclidean distances.
    table : ndarray of float64, optional
        For whole distances: what stands for each of them. Their sum over all pairs is 0, and rows are not summed.
    """

    centre: float = 0.0
    root: bool = False
    table: Floats | None = None


@dataclass(frozen=True)
class ProductSums:
    """Sums over ordered pairs of different items.

    Attributes
    ----------
    products : mapping of (int, int) to float
        P of each pair of spaces, and of every space with itself.
    rows : ndarray of float64, shape (S, N)
        Sums of rows; 0 of values from tables.
    """

    products: Mapping[Pair, float]
    rows: Floats

    @cached_property
    def totals(self) -> list[float]:
        """Sum of all rows of each space."""
        return [math.fsum(rows) for rows in self.rows]


class GroupedPairs:
    """Pairs of spaces, each space with itself among them, as many as are multiplied abreast with one partner."""

    def __init__(self, pairs: Sequence[Pair], n_spaces: int) -> None:
        partners: dict[int, list[int]] = {a: [a] for a in range(n_spaces)}
        for a, b in sorted(set(pairs)):
            if a != b:
                partners[a].append(b)
        self.places: dict[Pair, tuple[int, int]] = {}
        left: list[int] = []
        right: list[list[int]] = []
        for a, those in partners.items():
            for first in range(0, len(those), _ABREAST):
                some = those[first : first + _ABREAST]
                self.places |= {(a, b): (len(left), place) for place, b in enumerate(some)}
                left.append(a)
                right.append(some + some[-1:] * (_ABREAST - len(some)))
        self.left, self.right = np.array(left), np.array(right)

    def zeros(self) -> Floats:
        """Room for the sums of all pairs."""
        return np.zeros(self.right.shape)

    def summed(self, parts: Sequence[Floats]) -> dict[Pair, float]:
        """Sum of each pair over parts, rounded once."""
        return {pair: math.fsum(part[place] for part in parts) for pair, place in self.places.items()}


class Products:
    """Sum products of distances over pairs of items, where every item is a query and a candidate.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Places in the pass's list of spaces, the lesser one first. Every space is multiplied with itself too.
    values : sequence of Values
        For each space.
    halved : bool
        Whether distances are the same both ways, so that each pair of items need be taken only once.
    """

    reads_distances = True

    def __init__(self, pairs: Sequence[Pair], values: Sequence[Values], *, halved: bool) -> None:
        self._pairs = GroupedPairs(pairs, len(values))
        self._values, self._halved = values, halved
        self._products: list[Floats] = []  # of each tile, in order
        self._rows: list[Floats] = []

    def n_bytes(self, layout: Layout) -> int:
        """Bytes of the sums of all tiles, of rows, and of what is multiplied at a time."""
        n_queries = len(layout.queries)
        sums = 8 * self._pairs.right.size * -(-n_queries // TILE)
        return sums + 8 * len(self._values) * (n_queries + ROWS * COLUMNS)

    def update(self, block: Block, *, threads: int) -> None:
        """Sum over the next block."""
        for products, rows in in_order(self._sums, block.tiles(), threads=threads):
            self._products.append(products)
            self._rows.append(rows)

    def result(self) -> ProductSums:
        """Give the sums over all rows."""
        both = 2.0 if self._halved else 1.0
        products = {pair: both * total for pair, total in self._pairs.summed(self._products).items()}
        return ProductSums(products, np.concatenate(self._rows, axis=1))

    def _sums(self, tile: Block) -> tuple[Floats, Floats]:
        n = tile.n_candidates
        sums = self._pairs.zeros()
        rows = np.zeros((len(self._values), tile.n_rows))
        for space, of in enumerate(self._values):
            if of.table is None:
                sum_rows(tile.distances[space], n, tile.own, of.centre, of.root, rows[space])
        room = np.empty((len(self._values), ROWS, COLUMNS))
        for first in range(0, tile.n_rows, ROWS):
            own = tile.own[first : first + ROWS]
            least = int(own.min()) + 1 if self._halved else 0  # before it there is nothing to take
            for column in range(least - least % COLUMNS, n, COLUMNS):
                for space, of in enumerate(self._values):
                    some = tile.distances[space][first : first + ROWS]
                    if of.table is None:
                        put_values(some, n, own, of.centre, of.root, self._halved, column, room[space])
                    else:
                        put_looked_up(some, n, own, of.table, self._halved, column, room[space])
                add_products(room, len(own), self._pairs.left, self._pairs.right, sums)
        return sums, rows


@compiled_sums
def sum_rows(distances: Numbers, n: int, own: Items, centre: float, root: bool, out: Floats) -> None:
    """Sum rows of distances less their centre, but for the queries' own places."""
    for r in range(own.size):
        row = distances[r][:n]
        before, after = row[: own[r]], row[own[r] + 1 :]
        total = 0.0
        for part in (before, after):
            if root:
                for m in range(part.size):
                    total += np.sqrt(np.float64(part[m])) - centre
            else:
                for m in range(part.size):
                    total += np.float64(part[m]) - centre
        out[r] = total


@compiled
def put_values(
    distances: Numbers, n: int, own: Items, centre: float, root: bool, halved: bool, column: int, out: Floats
) -> None:
    """Write distances less their centre, from a column on, and 0 where there is nothing to multiply."""
    for r in range(own.size):
        row, to = distances[r][column:n][:COLUMNS], out[r]
        if root:
            for m in range(row.size):
                to[m] = np.sqrt(np.float64(row[m])) - centre
        else:
            for m in range(row.size):
                to[m] = np.float64(row[m]) - centre
        _blank(to, row.size, own[r] - column, halved)


@compiled
def put_looked_up(
    distances: Numbers, n: int, own: Items, table: Floats, halved: bool, column: int, out: Floats
) -> None:
    """Write what a table has at distances, as `put_values` does; a query's own place is not looked up."""
    for r in range(own.size):
        row, to = distances[r][column:n][:COLUMNS], out[r]
        place = min(max(-1, own[r] - column), row.size)
        if not halved:
            _look_up(table, row[: max(place, 0)], to)
        _look_up(table, row[place + 1 :], to[place + 1 :])
        _blank(to, row.size, own[r] - column, halved)


@compiled
def _look_up(table: Floats, row: Numbers, to: Floats) -> None:
    for m in range(row.size):
        to[m] = table[row[m]]


@compiled
def _blank(to: Floats, size: int, place: int, halved: bool) -> None:
    """Write 0 past the candidates and in a query's own place, and up to it where pairs are taken once."""
    to[size:] = 0.0
    if halved:
        to[: max(0, min(place + 1, size))] = 0.0
    elif 0 <= place < size:
        to[place] = 0.0


@compiled_sums
def add_products(values: Floats, n_rows: int, left: NDArray[Any], right: NDArray[Any], total: Floats) -> None:
    """Add the sums of products of rows of many pairs of spaces.

    Every sum is of `COLUMNS` terms, so that it is the same wherever its pair stands among the others.

    Parameters
    ----------
    values : ndarray of float64, shape (S, ROWS, COLUMNS)
        Of which the first `n_rows` are taken.
    left : ndarray of int, shape (groups,)
    right : ndarray of int, shape (groups, 4)
        Each multiplied with ``left`` of its group.
    total : ndarray of float64, shape (groups, 4)
    """
    for r in range(n_rows):
        for g in range(left.size):
            x = values[left[g], r]
            y0, y1 = values[right[g, 0], r], values[right[g, 1], r]
            y2, y3 = values[right[g, 2], r], values[right[g, 3], r]
            s0 = s1 = s2 = s3 = 0.0
            for m in range(COLUMNS):
                s0 += x[m] * y0[m]
                s1 += x[m] * y1[m]
                s2 += x[m] * y2[m]
                s3 += x[m] * y3[m]
            total[g, 0] += s0
            total[g, 1] += s1
            total[g, 2] += s2
            total[g, 3] += s3
