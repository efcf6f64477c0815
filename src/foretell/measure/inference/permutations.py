"""Permutations of which item goes with which, and what they say of a value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Ints

_ROUNDING = 1e-9


def permutations(n_items: int, count: int, seed: int) -> NDArray[np.int32]:
    """Draw which item of B goes with each item of A, all ways being equally likely, shape (count, N)."""
    rng = np.random.default_rng(seed)
    return rng.permuted(np.tile(np.arange(n_items, dtype=np.int32), (count, 1)), axis=1)


def group_permutations(groups: Ints, count: int, seed: int) -> NDArray[np.int32]:
    """Draw which item of B goes with each item of A while groups stay together, shape (count, N).

    Whole groups change places with groups as large, and items change places within their group. So what groups alone
    bring about, as when neighbours come from one group, is in every draw; a test against such draws holds its level
    where items of a group are not independent.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    alike = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
    drawn = np.empty((count, len(groups)), np.int32)
    for permutation in drawn:
        for those in alike:
            for group, other in zip(those, rng.permutation(those), strict=True):
                permutation[members[group]] = rng.permutation(members[other])
    return drawn


def stratum_permutations(strata: Ints, count: int, seed: int) -> NDArray[np.int32]:
    """Draw which item of B goes with each item of A among those of its stratum, shape (count, N).

    So what strata alone bring about, as when texts of one length are near to each other in both spaces, is in every
    draw. An item that is alone in its stratum stays where it is.
    """
    rng = np.random.default_rng(seed)
    members = np.split(np.argsort(strata, kind="stable"), np.cumsum(np.bincount(strata))[:-1])
    drawn = np.empty((count, len(strata)), np.int32)
    for those in members:
        drawn[:, those] = rng.permuted(np.tile(those.astype(np.int32), (count, 1)), axis=1)
    return drawn


def p_value(value: Floats, draws: Floats) -> Floats:
    """Share of permutations, the observed one among them, with a value as low: draws of shape (P, ...)."""
    # Values that are equal but for rounding are as low.
    return np.asarray((1 + (draws <= value + _ROUNDING).sum(axis=0)) / (1 + len(draws)))
