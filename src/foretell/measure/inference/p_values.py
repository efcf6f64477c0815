"""p values: of a contrast, of a value against permutations of the items, and adjusted for how many there are.

**A contrast** of value v and standard error s is t = v / s, which where nothing differs has Student's distribution of
as many degrees of freedom as there are groups of items (items, where there are none) less one: the intervals of
`foretell.measure.inference.standard_errors` by another name. p is the probability of a :math:`|t|` as large or larger.

**Holm's procedure** keeps the probability of a single false finding among all tests at the level asked for, however
the tests depend on each other: of m p values the least is multiplied by m, the next by m - 1 and so on, and none is
less than the one before.

**Permutations** say which item of B goes with which item of A: all ways, or those that keep what groups or strata of
items alone bring about.

Source: Holm 1979.
"""

from __future__ import annotations

from math import isnan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foretell.exceptions import InputError, checked_count
from foretell.measure.array_types import Floats, Ints
from foretell.measure.inference.standard_errors import FEWEST_GROUPS

_ROUNDING = 1e-9  # p values: what is lower by less is as low


def contrast_p_value(value: float, stderr: float, n_groups: int) -> float:
    """Two-sided p value of a contrast, against its being 0.

    Parameters
    ----------
    value, stderr : float
        As `foretell.contrast` or `foretell.measure.imbalance.cross_validation.difference` gives them.
    n_groups : int
        Groups of items, or items, that the error is from: ``result.attrs["n_groups"]``.

    Returns
    -------
    float
        NaN where the value or its error is, and for fewer than 4 groups, which give no error. Of an error of 0, 1 for
        the value 0 (two spaces that are the same) and 0 for any other.

    Raises
    ------
    InputError
        If the standard error is negative.
    OptionError
        If `n_groups` is no count.

    Examples
    --------
    >>> round(contrast_p_value(0.021, 0.01, 1000), 3)
    0.036
    >>> round(contrast_p_value(0.021, 0.01, 8), 3)
    0.074
    """
    n_groups = checked_count("n_groups", n_groups, least=1)
    if stderr < 0:
        raise InputError(f"stderr={stderr} is negative: give the standard error of the contrast, 0 or more.")
    if isnan(value) or isnan(stderr) or n_groups < FEWEST_GROUPS:
        return float("nan")
    if value == 0:
        return 1.0
    if stderr == 0:
        return 0.0
    from scipy.special import stdtr  # takes a third of a second to import: not for those who test nothing

    return float(2 * stdtr(n_groups - 1, -abs(float(value) / float(stderr))))


def holm(p_values: ArrayLike) -> Floats:
    """Adjust p values for how many there are, by Holm's step-down procedure.

    Parameters
    ----------
    p_values : array_like
        Of any shape; NaN where there is no test, which then does not count.

    Returns
    -------
    ndarray of float64
        Of the same shape: those at or below .05 are findings at a level of 5 % for all tests together. NaN stay NaN.

    Raises
    ------
    InputError
        If a p value is below 0 or above 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, float("nan")]).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    given = np.asarray(p_values, np.float64)
    there = ~np.isnan(given)
    p = given[there]
    if ((p < 0) | (p > 1)).any():
        raise InputError(f"{p[(p < 0) | (p > 1)][0]} is no p value: they are from 0 to 1.")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    found = np.full(given.shape, np.nan)
    found[there] = adjusted
    return found


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
