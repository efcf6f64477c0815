"""Imbalance against the number of items: how much of a difference is one of n."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, checked_count, warn
from foretell.measure.distances.backends import distances, is_constant
from foretell.measure.imbalance.cells import check_spaces
from foretell.measure.imbalance.estimation.measurement import measure
from foretell.measure.imbalance.estimation.request import Options, Request
from foretell.measure.results.schema import DIRECTIONS, result_attributes
from foretell.measure.spaces.inputs import alike, as_input, checked_neighbours
from foretell.measure.spaces.queries import Layout

if TYPE_CHECKING:
    import xarray as xr

_LEAST = 50  # items in the smallest part, by default
_MOST_PARTS = 16


def imbalance_by_n(
    a: Any,
    b: Any,
    *,
    sizes: Sequence[int] | None = None,
    k: int = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
    seed: int = 0,
) -> xr.Dataset:
    """Measure how the imbalance between two spaces depends on the number of items.

    The items are parted at random into as many parts of each size as there are (at most 16), every part is measured by
    itself, and the parts' mean given. Parts of one size share no item, so their errors are independent.

    Parameters
    ----------
    a, b : array of shape (N, ...), or a space
        As for `information_imbalance`.
    sizes : sequence of int, optional
        Numbers of items, from k + 2 to N; N, N / 2, N / 4 and so on down to 50 by default.
    k, metric, convention
        As for `information_imbalance`.
    seed : int, default 0
        Of the parts.

    Returns
    -------
    xarray.Dataset
        `imbalance` and `stderr` along direction and `n` (candidates of a query: a size less 1), and `n_parts` along n.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.

    Notes
    -----
    All sizes together take about twice as long as all items alone: M parts of N / M items cost 1 / M of them.
    """
    import xarray as xr

    options = Options.checked(metric=metric, convention=convention)
    inputs = [as_input(side, metric, name) for name, side in (("a", a), ("b", b))]
    total = check_spaces({"a": inputs[0]}, {"b": inputs[1]})
    wanted = _sizes(sizes, total)
    checked_neighbours(k, wanted[0] - 1, wanted[0])
    for name, space in zip("ab", inputs, strict=True):
        if is_constant(distances(space, metric, options.backend), Layout.everyone(total)):
            raise InputError(alike(name, space))
    rng = np.random.default_rng(checked_count("seed", seed, least=0))
    counts = [min(total // size, _MOST_PARTS) for size in wanted]
    values, errors = np.zeros((2, 2, sum(counts)))
    number = 0
    for size, count in zip(wanted, counts, strict=True):
        order = rng.permutation(total)
        for first in range(0, size * count, size):
            part = np.sort(order[first : first + size])
            found = measure(Request(inputs, Layout(part, part), [k], np.arange(size)), [(0, 1)], options)[k]
            for direction, pair in enumerate([(0, 1), (1, 0)]):
                values[direction, number] = found[pair].estimate.value
                errors[direction, number] = found[pair].stderr
            number += 1
    if np.isnan(values).any():
        warn(
            "All items of some part are alike, so that its imbalance is undefined: where one of a size is, so is their "
            "mean (NaN).",
            ConstantSpaceWarning,
        )
    of_size = [slice(first, stop) for first, stop in pairwise(np.cumsum([0, *counts]))]
    means = [values[:, some].mean(axis=1) for some in of_size]
    of_means = [np.sqrt(np.square(errors[:, some]).sum(axis=1)) / n for some, n in zip(of_size, counts, strict=True)]
    return xr.Dataset(
        {
            "imbalance": (("direction", "n"), np.array(means).T),
            "stderr": (("direction", "n"), np.array(of_means).T),
            "n_parts": ("n", counts),
        },
        {"direction": list(DIRECTIONS), "n": [size - 1 for size in wanted]},
        result_attributes(
            {"n_items": inputs[0].n_items, "k": k, "metric": metric, "convention": convention, "seed": seed}
        ),
    )


def _sizes(sizes: Sequence[int] | None, total: int) -> list[int]:
    """Numbers of items, the smallest first."""
    if sizes is None:
        halved = [total]
        while halved[-1] // 2 >= _LEAST:
            halved.append(halved[-1] // 2)
        return halved[::-1]
    wanted = sorted({checked_count("sizes", size, least=3) for size in sizes})
    if not wanted or wanted[-1] > total:
        raise OptionError(f"sizes={list(sizes)} is not an option: give numbers of items up to the {total} there are.")
    return wanted
