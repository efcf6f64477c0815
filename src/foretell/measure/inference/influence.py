r"""Scores: what each item, and each pair of items, adds to a mean rank.

Item m adds its own ranks, what it adds to others' ranks by standing before neighbours, and its ranks as a neighbour:

.. math:: \psi_m = f [\rho_m - \bar r w_m + c_m - \bar c q_m] + \sum_i e_{im},
          \qquad e_{ij} = f w_{ij} (R_{ij} - \bar r),

with :math:`\rho_m`, :math:`w_m` its rank sum and weight sum where it is a query, :math:`c_m` where it is a candidate of
:math:`q_m` queries, :math:`\bar c` what a candidate of one adds on average, and f the items over the queries, over the
mean weight sum: a query of which there are few counts for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Ints
from foretell.measure.kernels.compiled import compiled
from foretell.measure.spaces.queries import Layout


@dataclass(frozen=True)
class Neighbours:
    """Weighted neighbours of every query in one space, as compressed sparse rows.

    Neighbours of query i are ``candidate[start[i]:start[i + 1]]`` with ``weight`` at the same places. Queries and
    candidates are numbered as in the layout of the pass.
    """

    start: Ints
    candidate: NDArray[np.int32]
    weight: Floats

    @classmethod
    def joined(cls, blocks: Sequence[Neighbours]) -> Neighbours:
        """Of all queries, from those of consecutive blocks."""
        counts = np.concatenate([np.diff(of.start) for of in blocks])
        return cls(
            np.concatenate(([0], np.cumsum(counts))),
            np.concatenate([of.candidate for of in blocks]),
            np.concatenate([of.weight for of in blocks]),
        )

    @property
    def query(self) -> NDArray[np.int32]:
        """Query of each entry."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))


@dataclass(frozen=True)
class Tally:
    """What all queries say of one ordered pair of spaces, before a convention's formula.

    Parameters
    ----------
    neighbours : Neighbours
        In A.
    rank : ndarray of float64
        Rank in B of each entry of `neighbours`.
    rank_sum, weight_sum : ndarray of float64, shape (Q,)
        Sums over j of ``w_ij R_ij`` and of ``w_ij``.
    ahead : ndarray of float64, shape (C,), or None
        c_m: how often candidate m stands before a neighbour in B, summed over queries with their weights.
        None where no errors were asked for.
    """

    neighbours: Neighbours
    rank: Floats
    rank_sum: Floats
    weight_sum: Floats
    ahead: Floats | None


@dataclass(frozen=True)
class ItemScores:
    """What each item, and each pair of items, adds to a value.

    Parameters
    ----------
    psi : ndarray of float64, shape (N,)
        Score of each item, of mean 0.
    query, candidate : ndarray of int32, shape (E,)
        Edges: the pairs with a score that both items' scores hold.
    edge : ndarray of float64, shape (E,)
        e of each edge.
    """

    psi: Floats
    query: NDArray[np.int32]
    candidate: NDArray[np.int32]
    edge: Floats

    @classmethod
    def alike(cls, n_items: int, score: float = 0.0) -> ItemScores:
        """Of a value that every item adds the same to."""
        nobody = np.zeros(0, np.int32)
        return cls(np.full(n_items, score), nobody, nobody, np.zeros(0))


def mean_rank(tally: Tally) -> float:
    """Mean rank of all neighbours, by their weights."""
    return float(tally.rank_sum.sum() / tally.weight_sum.sum())


def rank_scores(tally: Tally, layout: Layout) -> ItemScores:
    """Scores of the mean rank."""
    if tally.ahead is None:
        raise ValueError("this tally was made without what errors need")
    of = tally.neighbours
    return ItemScores(
        *_rank_scores(
            of.start,
            of.candidate,
            of.weight,
            tally.rank,
            tally.rank_sum,
            tally.weight_sum,
            tally.ahead,
            mean_rank(tally),
            layout.n_items,
            layout.query_item,
            layout.candidate_item,
            layout.n_asking,
        )
    )


def mixed(one: ItemScores, share: float, other: ItemScores | None, other_share: float) -> ItemScores:
    """Scores of a sum with shares."""
    if other is None:
        return ItemScores(share * one.psi, one.query, one.candidate, share * one.edge)
    return ItemScores(
        share * one.psi + other_share * other.psi,
        np.concatenate([one.query, other.query]),
        np.concatenate([one.candidate, other.candidate]),
        np.concatenate([share * one.edge, other_share * other.edge]),
    )


@compiled
def _rank_scores(
    start: Ints,
    candidate: NDArray[np.int32],
    weight: Floats,
    rank: Floats,
    rank_sum: Floats,
    weight_sum: Floats,
    ahead: Floats,
    mean: float,
    n_items: int,
    query_item: NDArray[Any],
    candidate_item: NDArray[Any],
    n_asking: NDArray[Any],
) -> tuple[Floats, NDArray[np.int32], NDArray[np.int32], Floats]:
    """One pass over the neighbours and one over the items (formula of the module)."""
    unit = (n_items / rank_sum.size) / weight_sum.mean()
    asked, stood = 0.0, 0.0
    for m in range(ahead.size):
        asked += n_asking[m]
        stood += ahead[m]
    psi = np.zeros(n_items)
    for m in range(ahead.size):
        psi[candidate_item[m]] += unit * (ahead[m] - stood / asked * n_asking[m])
    query = np.empty(candidate.size, np.int32)
    chosen = np.empty(candidate.size, np.int32)
    edge = np.empty(candidate.size)
    size = 0
    for i in range(start.size - 1):
        psi[query_item[i]] += unit * (rank_sum[i] - mean * weight_sum[i])
        for e in range(start[i], start[i + 1]):
            share = unit * weight[e] * (rank[e] - mean)
            if share != 0.0:  # where all own neighbours have rank 1 (one each, no ties) there is nothing to keep
                m = candidate_item[candidate[e]]
                psi[m] += share
                query[size], chosen[size], edge[size] = query_item[i], m, share
                size += 1
    total = 0.0
    for m in range(n_items):
        total += psi[m]
    for m in range(n_items):
        psi[m] -= total / n_items
    return psi, query[:size], chosen[:size], edge[:size]


@dataclass(frozen=True)
class Estimate:
    """One value, how it follows from a mean rank, and its scores.

    Attributes
    ----------
    value : float
        ``(mean rank - offset) * factor``; NaN where B's distances are all tied: there are no ranks to foretell.
    offset, factor : float
    scores : ItemScores or None
        None where no errors were asked for.
    """

    value: float
    offset: float
    factor: float
    scores: ItemScores | None = None

    def value_at(self, mean_rank: Floats) -> Floats:
        """Value at other mean ranks, as permutations give them."""
        return (mean_rank - self.offset) * self.factor
