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

Each item m also has a score :math:`\psi_m`: what it adds to the value as a query, as a candidate that stands before a
neighbour (:math:`c_m`), and as a neighbour (:math:`\sum_i e_{im}`). Standard errors of a value and of any contrast of
values are read off the scores (`foretell.measure.inference.standard_errors`). The scores of `adjusted` are those of
:math:`\rho` and, times :math:`-(1 - T)`, those of :math:`\beta`, edges included: that is what makes the error of
identical spaces exactly 0 at every k.

Sources: Glielmo et al. 2022 (``glielmo``), arXiv 2505.17101 (``paper``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.exceptions import check_option
from foretell.measure.inference.influence import Estimate, ItemScores, Tally, mean_rank, mixed, rank_scores
from foretell.measure.spaces.queries import Layout


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
    mean = mean_rank(tally)
    if convention.name == "adjusted":
        if own is None:
            raise ValueError("the adjusted convention needs B's own neighbours")
        offset = mean_rank(own)
        scale = (n + 1) / 2 - offset
        # Average ranks lie on a grid of 1 / (2 k) or coarser: a scale this small is 0 but for rounding.
        factor = 1 / scale if scale > 1e-9 * n else np.nan
    elif convention.name == "paper":
        offset, factor = 1.0, 2 / (n - 1)
    else:
        offset, factor = 0.0, 2 / (n + 1)
    # Never negative but for rounding: no weights of at most 1/k have a lower mean rank than B's own.
    value = float(np.maximum(0.0, (mean - offset) * factor))

    if tally.ahead is None:
        return Estimate(value, offset, factor)
    scores, other, share = rank_scores(tally, layout), None, 0.0
    if convention.name == "adjusted" and own is not None:
        # T = (rho - beta) / ((n + 1) / 2 - beta), so a change of beta moves it by -(1 - T) times as much.
        other, share = own_scores or rank_scores(own, layout), -(1 - value) * factor
    return Estimate(value, offset, factor, mixed(scores, factor, other, share))
