"""Choosing positions of tokens one by one on some items, and valuing such a path on others.

Distances of tokens add. So with the distances of single tokens of n items held, a position is tried by a sum of two
matrices, the nearest of each row of it, and a look-up of their ranks: T positions cost T^2 / 2 such passes over n^2
numbers, and no bits are compared again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.backends import distances, is_constant
from foretell.measure.distances.protocol import Distances
from foretell.measure.imbalance.estimation.conventions import estimate
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.imbalance.estimation.tallies import Tallies
from foretell.measure.inference.influence import ItemScores
from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.nearest import nearest
from foretell.measure.kernels.order_keys import TILE, empty_rows, order_dtype, put_self
from foretell.measure.kernels.ranks import rank_rows
from foretell.measure.pairwise.blocks import Block
from foretell.measure.spaces.queries import Layout
from foretell.measure.spaces.space import Space
from foretell.measure.spaces.token_spaces import tokens_at
from foretell.threads import in_order

_PANEL_BYTES = 2**20  # read at a time of a space that is not held


@dataclass(frozen=True)
class Valued:
    """An imbalance with the scores of its items."""

    value: float
    scores: ItemScores


@dataclass(frozen=True)
class Half:
    """One half of the items.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Their places among all.
    groups : ndarray of int64, shape (n,)
        Group of each, 0 to G - 1.
    k : int
    options : Options
    """

    rows: Items
    groups: NDArray[np.int64]
    k: int
    options: Options

    def check(self, side: Space, name: str) -> None:
        """Refuse a side in which all items are alike, and distances that memory does not hold."""
        if is_constant(self._distances(side), Layout(self.rows, self.rows)):
            raise InputError(f"All items of {name} are alike on a half of them: check that the right space was given.")
        # Distances of every token, their sum and the one that is tried; the order and the ranks of the other side.
        n, wide = len(self.rows), self._dtype(side).itemsize
        one = self._dtype(tokens_at(side, [-1])).itemsize
        needed = n * n * (side.n_tokens * one + wide + 4 + 4) + 2**20
        if needed > self.options.memory:
            raise OptionError(
                f"memory={self.options.memory / 2**20:.0f} MiB is too little for the distances of {side.n_tokens} "
                f"tokens of {n} items: give at least {needed / 2**20:.0f} MiB, or fewer items."
            )

    def choose(self, source: Space, target: Space, n_tokens: int) -> list[int]:
        """Positions of the source that together foretell the target, the best first; of equal ones the last."""
        n = len(self.rows)
        order = self._order(target, self._dtype(target))
        ranks = rank_rows(order, n, np.arange(n), self.options.convention.tie_share)
        del order
        left = {}
        for position in range(-1, -source.n_tokens - 1, -1):
            token = tokens_at(source, [position])
            left[position] = np.zeros((n, n), self._dtype(token))
            self._add(token, left[position])
        taken = np.zeros((n, n), self._dtype(source))
        beyond = taken.dtype.type(np.iinfo(taken.dtype).max)

        def tried(position: int) -> float:
            return _rank_sum(taken, left[position], beyond, ranks, self.k)

        path = []
        for _ in range(n_tokens):
            # All foretell the same side: the lowest mean rank is the lowest imbalance.
            sums = dict(zip(left, in_order(tried, left, threads=self.options.threads), strict=True))
            path.append(min(sums, key=lambda position: sums[position]))
            taken += left.pop(path[-1])
        return path

    def values(self, source: Space, target: Space, path: Sequence[int] | Items) -> Iterator[Valued]:
        """Imbalance from the first 1, 2, ... positions of a path to the whole target."""
        n = len(self.rows)
        layout, everyone = Layout(self.rows, self.rows), Layout.everyone(n)
        of_target = self._order(target, self._dtype(target))
        taken = empty_rows(n, n, self._dtype(source))
        constant = True
        for step, position in enumerate(path, start=1):
            self._add(tokens_at(source, [int(position)]), taken[:, :n])
            put_self(taken, everyone.own)
            # Tokens that are not alike in all items stay so with others beside them.
            constant = constant and is_constant(self._distances(tokens_at(source, list(path[:step]))), layout)
            if constant:
                nobody = np.zeros(0, np.int32)
                yield Valued(1.0, ItemScores(np.zeros(n), nobody, nobody, np.zeros(0)))
                continue
            tallies = Tallies([(0, 1), (1, 1)], k=self.k, convention=self.options.convention, errors=True)
            tallies.update(Block(0, everyone.own, n, [taken, of_target]), threads=self.options.threads)
            found = tallies.result()
            one = estimate(found[0, 1], found[1, 1], self.options.convention, everyone)
            if one.scores is not None:
                yield Valued(one.value, one.scores)

    def _distances(self, space: Space) -> Distances:
        return distances(space, "hamming", self.options.backend)

    def _dtype(self, space: Space) -> np.dtype[Any]:
        return order_dtype(self._distances(space).greatest or 0)

    def _add(self, space: Space, out: Numbers) -> None:
        """Add the distances of a space between the items of this half."""
        self._distances(space).fill(
            out, self.rows, self.rows, triangle=True, threads=self.options.threads, panel_bytes=_PANEL_BYTES
        )

    def _order(self, space: Space, dtype: np.dtype[Any]) -> Numbers:
        n = len(self.rows)
        order = empty_rows(n, n, dtype)
        self._add(space, order[:, :n])
        put_self(order, np.arange(n))
        return order


@compiled
def _rank_sum(taken: Numbers, added: Numbers, beyond: Any, ranks: NDArray[np.float32], k: int) -> float:
    """Weighted ranks of the k nearest by the sum of two distances, over all items."""
    n = taken.shape[0]
    order = np.empty((min(n, TILE), n), taken.dtype)
    total = 0.0
    for first in range(0, n, TILE):
        rows = min(TILE, n - first)
        for r in range(rows):
            for m in range(n):
                order[r, m] = taken[first + r, m] + added[first + r, m]
            order[r, first + r] = beyond
        start, candidate, weight = nearest(order[:rows], n, k, False)
        for r in range(rows):
            for e in range(start[r], start[r + 1]):
                total += weight[e] * ranks[first + r, candidate[e]]
    return total
