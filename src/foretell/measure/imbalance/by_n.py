"""Imbalance against the number of items: how much of a difference is one of n."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, check_option, checked_count, warn
from foretell.measure.array_types import Items
from foretell.measure.distances.backends import distances, is_constant
from foretell.measure.imbalance.cells import check_spaces
from foretell.measure.imbalance.estimation.conventions import Convention, estimate
from foretell.measure.imbalance.estimation.measurement import warn_of_ties
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.imbalance.estimation.tallies import Tallies
from foretell.measure.inference.standard_errors import standard_error
from foretell.measure.kernels.order_keys import empty_rows, put_self
from foretell.measure.pairwise.blocks import Block
from foretell.measure.pairwise.reduction import PairwiseReduction
from foretell.measure.results.schema import DIRECTIONS, result_attributes
from foretell.measure.spaces.inputs import alike, as_input, checked_neighbours
from foretell.measure.spaces.queries import Layout
from foretell.options import BACKENDS

if TYPE_CHECKING:
    import xarray as xr

_LEAST = 50  # items in the smallest part, by default
_MOST_PARTS = 16
_ROWS = 512  # of a part that are copied at a time


class _PartTallies:
    """Tallies of parts of the items, each on its own, read off the rows of all.

    Parameters
    ----------
    parts : sequence of ndarray of int64
        Items of each part, in order.
    k, convention
        As for `Tallies`.
    """

    reads_distances = False

    def __init__(self, parts: Sequence[Items], *, k: int, convention: Convention) -> None:
        self.parts = parts
        pairs = [(0, 1), (1, 0), (0, 0), (1, 1)]
        self.tallies = [Tallies(pairs, k=k, convention=convention, errors=True) for _ in parts]

    def n_bytes(self, layout: Layout) -> int:
        """Bytes that the tallies take, and a copy of rows of the largest part."""
        widest = max((len(part) for part in self.parts if len(part) < len(layout.candidates)), default=0)
        held = sum(of.n_bytes(Layout(part, part)) for of, part in zip(self.tallies, self.parts, strict=True))
        return held + 16 * min(_ROWS, widest) * widest

    def update(self, block: Block, *, threads: int) -> None:
        """Take up the rows of every part that are in the block."""
        for part, tallies in zip(self.parts, self.tallies, strict=True):
            if len(part) == block.n_candidates:
                tallies.update(block, threads=threads)
                continue
            inside = np.flatnonzero((part >= block.first) & (part < block.first + block.n_rows))
            for first in range(0, len(inside), _ROWS):
                own = inside[first : first + _ROWS]
                order = []
                for of_space in block.order:
                    some = empty_rows(len(own), len(part), of_space.dtype)
                    some[:, : len(part)] = of_space[np.ix_(part[own] - block.first, part)]
                    put_self(some, own)
                    order.append(some)
                tallies.update(Block(int(own[0]), own, len(part), order), threads=threads)


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
    """Measure how the imbalance between two spaces depends on the number of items, in one pass over all of them.

    The items are parted at random into as many parts of each size as there are (at most 16), every part is measured by
    itself, and the parts' mean given. Parts of one size share no item, so their errors are independent.

    Parameters
    ----------
    a, b : array of shape (N, ...), or a space
        As for `information_imbalance`.
    sizes : sequence of int, optional
        Numbers of items, from k + 2 to N; N, N / 2, N / 4 and so on down to 50 by default.
    k, metric, convention
        As for `information_imbalance`. The backend "numpy" of `set_options` is refused.
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
    """
    import xarray as xr

    options = Options.checked(metric=metric, convention=convention)
    check_option("backend", options.backend, [name for name in BACKENDS if name != "numpy"])
    inputs = [as_input(side, metric, name) for name, side in (("a", a), ("b", b))]
    total = check_spaces({"a": inputs[0]}, {"b": inputs[1]})
    wanted = _sizes(sizes, total)
    checked_neighbours(k, wanted[0] - 1, wanted[0])
    rng = np.random.default_rng(checked_count("seed", seed, least=0))
    counts = [min(total // size, _MOST_PARTS) for size in wanted]
    parts: list[Items] = []
    for size, count in zip(wanted, counts, strict=True):
        order = rng.permutation(total)
        parts += [np.sort(order[size * number : size * (number + 1)]) for number in range(count)]
    spaces = [distances(space, metric, options.backend) for space in inputs]
    for name, given, space in zip("ab", inputs, spaces, strict=True):
        if is_constant(space, Layout.everyone(total)):
            raise InputError(alike(name, given))
    reducer = _PartTallies(parts, k=k, convention=options.convention)
    reduction = PairwiseReduction(
        [spaces],
        Layout.everyone(total),
        memory=options.memory,
        threads=options.threads,
        by_order=options.convention.by_order,
    )
    reduction.run([reducer])

    values, errors = np.full((2, 2, len(parts)), np.nan)
    for number, (part, tallies) in enumerate(zip(parts, reducer.tallies, strict=True)):
        found, layout = tallies.result(), Layout(part, part)
        for direction, pair in enumerate([(0, 1), (1, 0)]):
            one = estimate(found[pair], found[pair[1], pair[1]], options.convention, layout)
            values[direction, number] = one.value
            if one.scores is not None:
                errors[direction, number] = standard_error(one.scores, np.arange(len(part)))
    if np.isnan(values).any():
        warn(
            "All items of some part are alike, so that its imbalance is undefined: where one of a size is, so is their "
            "mean (NaN).",
            ConstantSpaceWarning,
        )
    if reduction.saw_ties:
        warn_of_ties()
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
