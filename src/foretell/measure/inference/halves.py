r"""Standard errors from complementary halves: the recipe for measures that have no scores.

Split the items at random into two halves, measure each, and take the difference. Halves that share no item
vary independently, each with twice the variance of the whole, so with :math:`T_1, T_2` the values on halves
of :math:`n_1` and :math:`n_2` of N items

.. math:: \mathrm{SE}^2 = \frac{n_1 n_2}{N^2} \overline{(T_1 - T_2)^2},

the mean being over splits: half the root mean square of the difference, where halves are equal. Nothing is
asked of the measure but that its variance falls as 1 / N. A bootstrap would count an item's copy as its
neighbour, and halves that overlap say too much. Splits share their items, so that more than some 40 of them
tell little more.

Measures with scores (`foretell.measure.inference.standard_errors`) need none of this; there, halves are a check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, checked_count
from foretell.measure.array_types import Floats
from foretell.measure.inference.standard_errors import group_codes

Rows = NDArray[np.intp]

_FEWEST = 4  # groups (items, where there are none): as for errors from scores


def halves_stderr(
    estimate: Callable[[Rows], Any],
    n_items: int,
    *,
    splits: int = 40,
    groups: Sequence[Any] | None = None,
    seed: int = 0,
) -> Floats:
    """Standard errors of a measure of many values, from its values on complementary halves of the items.

    Parameters
    ----------
    estimate : callable
        Takes the places of some items, an array of shape (n,) in ascending order, and gives the values on
        these items, an array of any shape.
    n_items : int
        N.
    splits : int, default 40
        Pairs of halves; `estimate` is called twice for each.
    groups : sequence, optional
        Group of each item, where items of one group are not independent: none is ever split.
    seed : int, default 0
        Of the splits.

    Returns
    -------
    ndarray of float64
        Of the shape of what `estimate` gives; NaN where a half had no value.

    Raises
    ------
    InputError
        If there are fewer than 4 items or groups, or two halves have values of different shapes.
    OptionError
        If `n_items`, `splits` or `seed` is no count.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(1000)
    >>> bool(abs(halves_stderr(lambda rows: x[rows].mean(), 1000) * 1000**0.5 - 1) < 0.3)
    True
    """
    splits = checked_count("splits", splits, least=1)
    squares = []
    for first, second in complementary_halves(n_items, splits=splits, groups=groups, seed=seed):
        one, other = (np.asarray(estimate(rows), np.float64) for rows in (first, second))
        if one.shape != other.shape:
            raise InputError(
                f"One half has values of shape {one.shape} and the other of {other.shape}: "
                "give the same values whatever the items."
            )
        squares.append(len(first) * len(second) / n_items**2 * (one - other) ** 2)
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))


def complementary_halves(
    n_items: int, *, splits: int, groups: Sequence[Any] | None = None, seed: int = 0
) -> Iterator[tuple[Rows, Rows]]:
    """Split the items at random into two halves, several times.

    Groups stay together: they are put in random order and cut where the items before the cut are nearest to
    half of all, so that halves differ by no more items than the largest group has (by one without groups).

    Parameters
    ----------
    n_items : int
    splits : int
    groups : sequence, optional
        Group of each item.
    seed : int, default 0

    Yields
    ------
    first, second : ndarray of intp, shape (n_1,) and (n_2,)
        Places of the items, each in ascending order.
    """
    n_items = checked_count("n_items", n_items, least=1)
    rng = np.random.default_rng(checked_count("seed", seed, least=0))
    codes = group_codes(groups, n_items)
    sizes = np.bincount(codes)
    if len(sizes) < _FEWEST:
        raise InputError(f"{len(sizes)} items or groups are too few to halve: there must be at least {_FEWEST}.")
    for _ in range(splits):
        order = rng.permutation(len(sizes))
        cut = np.abs(np.cumsum(sizes[order]) - n_items / 2).argmin() + 1
        in_first = np.isin(codes, order[:cut])
        yield np.flatnonzero(in_first), np.flatnonzero(~in_first)
