r"""From ranks to the Information Imbalance, its scores included: three named conventions.

`II(A -> B)` takes an item's neighbours in A and reads their ranks in B. Query i has n = N - 1 candidates
(never itself). With :math:`w_{ij}` the weight of candidate j among i's neighbours in A, and
:math:`R_{ij}` its rank by distance from i in B:

================  =========================================  ===============  ===============================
convention        neighbours                                 rank of a tie    value
================  =========================================  ===============  ===============================
``adjusted``      nearer than the k-th: 1/k each; tied with  average          :math:`(\rho - \beta) /
                  it: share what is left                                      ((n+1)/2 - \beta)`
``paper``         all tied with the k-th or nearer: 1 each   least            :math:`2 (\bar r - 1) / (n - 1)`,
                                                                              pooled over all neighbours
``glielmo``       k nearest, ties by item order: 1/k each    that order       :math:`2 \bar r / (n + 1)`
================  =========================================  ===============  ===============================

:math:`\rho = \frac1N \sum_{ij} w_{ij} R_{ij}`; :math:`\beta` is the same with B's own neighbours in B, so
that `adjusted` is 0 for identical spaces and 1 on average for independent ones, whatever the ties.

Each item m also has a score :math:`\psi_m`: what it adds to the value as a query, as a candidate that
stands before a neighbour (:math:`c_m`), and as a neighbour (:math:`\sum_i e_{im}`). Standard errors of a
value and of any contrast of values are read off the scores (`foretell.measure.inference`). The scores of
`adjusted` are those of :math:`\rho` and, times :math:`-(1 - T)`, those of :math:`\beta`, edges included:
that is what makes the error of identical spaces exactly 0 at every k.

Sources: Glielmo et al. 2022 (``glielmo``), arXiv 2505.17101 (``paper``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import check_option
from foretell.measure.layout import Layout

__all__ = [
    "CONVENTIONS",
    "Convention",
    "Estimate",
    "ItemScores",
    "Neighbours",
    "Tally",
    "check_convention",
    "estimate",
    "rank_scores",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Convention:
    """How ties are treated, among neighbours and among ranks."""

    name: str
    tie_share: float
    """How much a candidate tied with a neighbour stands before it: rank = 1 + sum of shares."""
    all_tied: bool = False
    """Whether every candidate tied with the k-th is a full neighbour."""
    by_order: bool = False
    """Whether ties are broken by item order before anything else."""


CONVENTIONS = {
    "adjusted": Convention("adjusted", tie_share=0.5),
    "paper": Convention("paper", tie_share=0.0, all_tied=True),
    "glielmo": Convention("glielmo", tie_share=0.0, by_order=True),
}


def check_convention(name: str) -> Convention:
    """Return the convention of that name, or raise `OptionError` with the names there are."""
    check_option("convention", name, CONVENTIONS)
    return CONVENTIONS[name]


@dataclass(frozen=True)
class Neighbours:
    """Weighted neighbours of every query in one space, as compressed sparse rows.

    Neighbours of query i are ``candidate[start[i]:start[i + 1]]`` with ``weight`` at the same places. Queries and
    candidates are numbered as in the layout of the walk.
    """

    start: Ints
    candidate: NDArray[np.int32]
    weight: Floats

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


def estimate(
    tally: Tally, own: Tally | None, convention: Convention, layout: Layout, own_scores: ItemScores | None = None
) -> Estimate:
    """Turn the tally of A's neighbours in B into `II(A -> B)` and its scores.

    Parameters
    ----------
    tally : Tally
        A's neighbours and their ranks in B.
    own : Tally or None
        B's own neighbours and their ranks in B; only `adjusted` needs them.
    convention : Convention
    layout : Layout
        Which items queries and candidates are.
    own_scores : ItemScores, optional
        `rank_scores` of `own`, where they are known already.
    """
    n = layout.n_others
    mean_rank = _mean_rank(tally)
    if convention.name == "adjusted":
        if own is None:
            raise ValueError("the adjusted convention needs B's own neighbours")
        offset = _mean_rank(own)
        scale = (n + 1) / 2 - offset
        # Average ranks lie on a grid of 1 / (2 k) or coarser: a scale this small is 0 but for rounding.
        factor = 1 / scale if scale > 1e-9 * n else np.nan
    elif convention.name == "paper":
        offset, factor = 1.0, 2 / (n - 1)
    else:
        offset, factor = 0.0, 2 / (n + 1)
    # Never negative but for rounding: no weights of at most 1/k have a lower mean rank than B's own.
    value = float(np.maximum(0.0, (mean_rank - offset) * factor))

    if tally.ahead is None:
        return Estimate(value, offset, factor)
    scores, other, share = rank_scores(tally, layout), None, 0.0
    if convention.name == "adjusted" and own is not None:
        # T = (rho - beta) / ((n + 1) / 2 - beta), so a change of beta moves it by -(1 - T) times as much.
        other, share = own_scores or rank_scores(own, layout), -(1 - value) * factor
    return Estimate(value, offset, factor, _mixed(scores, factor, other, share))


def _mean_rank(tally: Tally) -> float:
    return float(tally.rank_sum.sum() / tally.weight_sum.sum())


def rank_scores(tally: Tally, layout: Layout) -> ItemScores:
    r"""Scores of the mean rank.

    Item m adds its own ranks, what it adds to others' ranks by standing before neighbours, and its ranks as
    a neighbour:

    .. math:: \psi_m = f [\rho_m - \bar r w_m + c_m - \bar c q_m] + \sum_i e_{im},
              \qquad e_{ij} = f w_{ij} (R_{ij} - \bar r),

    with :math:`\rho_m`, :math:`w_m` its rank sum and weight sum where it is a query, :math:`c_m` where it is a
    candidate of :math:`q_m` queries, :math:`\bar c` what a candidate of one adds on average, and f the items over the
    queries, over the mean weight sum: a query of which there are few counts for more.
    """
    if tally.ahead is None:
        raise ValueError("this tally was made without what errors need")
    n_items, n_queries = layout.n_items, len(layout.queries)
    mean_rank = _mean_rank(tally)
    unit = (n_items / n_queries) / tally.weight_sum.mean()
    of = tally.neighbours
    edge = unit * of.weight * (tally.rank - mean_rank)
    asked = layout.n_asking
    of_candidate = unit * (tally.ahead - tally.ahead.sum() / asked.sum() * asked)
    of_candidate += np.bincount(of.candidate, edge, len(of_candidate))
    psi = np.zeros(n_items)
    psi[layout.query_item] += unit * (tally.rank_sum - mean_rank * tally.weight_sum)
    psi[layout.candidate_item] += of_candidate
    # Where all own neighbours have rank 1 (one each, no ties) there is nothing to keep.
    some = edge != 0
    query, candidate = layout.query_item[of.query[some]], layout.candidate_item[of.candidate[some]]
    return ItemScores(psi - psi.mean(), query.astype(np.int32), candidate.astype(np.int32), edge[some])


def _mixed(one: ItemScores, share: float, other: ItemScores | None, other_share: float) -> ItemScores:
    """Scores of a sum with shares."""
    if other is None:
        return ItemScores(share * one.psi, one.query, one.candidate, share * one.edge)
    return ItemScores(
        share * one.psi + other_share * other.psi,
        np.concatenate([one.query, other.query]),
        np.concatenate([one.candidate, other.candidate]),
        np.concatenate([share * one.edge, other_share * other.edge]),
    )
