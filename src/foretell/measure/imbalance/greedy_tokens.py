"""Which tokens foretell: positions chosen one by one, and valued on items that did not choose them.

Tokens are mostly taken in order from the end. The same number of others may foretell more: here each step takes the
position that, with those taken before it, foretells the whole other side best.

What is chosen as the least of many is low by luck, so positions are chosen on one half of the items and valued on the
other, both ways (`foretell.measure.imbalance.cross_validation`, whose error of the mean of two halves this is).
Positions in order are not chosen, for which that error is on the safe side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, checked_count
from foretell.measure.array_types import Floats
from foretell.measure.imbalance.cells import check_spaces
from foretell.measure.imbalance.cross_validation import stderr_of_mean
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.imbalance.token_paths import Half, Valued
from foretell.measure.inference.halves import complementary_halves
from foretell.measure.inference.influence import mixed
from foretell.measure.inference.standard_errors import group_codes
from foretell.measure.inference.variance import standard_error
from foretell.measure.results.schema import DIRECTIONS, result_attributes
from foretell.measure.spaces.inputs import checked_neighbours
from foretell.measure.spaces.token_spaces import held, with_tokens

if TYPE_CHECKING:
    import xarray as xr


def greedy_tokens(
    a: Any,
    b: Any,
    *,
    n_tokens: int | None = None,
    k: int = 1,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Choose the tokens of one side that foretell the whole other side, one by one, beside those in order from the end.

    Positions are chosen on one half of the items and valued on the other, both ways, in both directions: for "a_to_b"
    positions of A are chosen that foretell all tokens of B, for "b_to_a" positions of B that foretell all of A.

    Parameters
    ----------
    a, b : Space
        With tokens: `Bits` of shape (N, T, bytes), or a view of a store; over the same items.
    n_tokens : int, optional
        How many are chosen; as many as both sides have, by default.
    k : int, default 1
        Neighbours.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent: no half splits one, and errors sum the scores
        of a group first.
    seed : int, default 0
        Of the halves.

    Returns
    -------
    xarray.Dataset
        `position` along direction, half and step: what was chosen on that half, counted from the end, -1 the last.
        Along direction and step, means of the values on the halves that did not choose: `imbalance` and `stderr` of
        the positions up to that step, `in_order` and `in_order_stderr` of as many from the end, and `gain` and
        `gain_stderr`, in order less chosen: above 0 where the choice foretells more.

    Raises
    ------
    AlignmentError, OptionError
    InputError
        If a side has no tokens, its items are all alike on a half, or there are fewer than 4 items or groups.

    Notes
    -----
    The imbalance falls with the number of items, and these are values of halves, whose n the attributes hold.
    """
    options = Options.checked(metric="hamming", convention="adjusted")
    both, memory_left = held([with_tokens(side, name) for name, side in (("a", a), ("b", b))], options.memory)
    options = replace(options, memory=memory_left)
    size = check_spaces({"a": both[0]}, {"b": both[1]})
    most = min(side.n_tokens for side in both)
    n_tokens = most if n_tokens is None else checked_count("n_tokens", n_tokens, least=1)
    if n_tokens > most:
        raise OptionError(f"n_tokens={n_tokens} is not an option: there are {most} tokens to choose from.")
    codes = group_codes(groups, size)
    ((first, second),) = complementary_halves(size, splits=1, groups=groups, seed=seed)
    k = checked_neighbours(k, min(len(first), len(second)) - 1, min(len(first), len(second)))
    halves = [
        Half(rows, np.unique(codes[rows], return_inverse=True)[1].astype(np.int64), k, options)
        for rows in (first, second)
    ]
    for half in halves:
        for name, side in zip("ab", both, strict=True):
            half.check(side, name)

    position = np.zeros((2, 2, n_tokens), np.int64)
    # Chosen, in order, and the gain; by half, direction and step.
    values, errors = np.zeros((2, 3, 2, 2, n_tokens))
    for d, (source, target) in enumerate((both, both[::-1])):
        for h, (choosing, valuing) in enumerate((halves, halves[::-1])):
            position[d, h] = choosing.choose(source, target, n_tokens)
            chosen = valuing.values(source, target, position[d, h])
            in_order = valuing.values(source, target, np.arange(-1, -n_tokens - 1, -1))
            for step, (one, other) in enumerate(zip(chosen, in_order, strict=True)):
                gain = Valued(other.value - one.value, mixed(other.scores, 1.0, one.scores, -1.0))
                for kind, of in enumerate((one, other, gain)):
                    values[kind, h, d, step] = of.value
                    errors[kind, h, d, step] = standard_error(of.scores, valuing.groups)
    return _labelled(
        position,
        values.mean(axis=1),
        stderr_of_mean([errors[:, 0], errors[:, 1]]),
        {
            "n": [len(half.rows) - 1 for half in halves[::-1]],
            "n_items": size,
            "n_groups": int(codes.max()) + 1,
            "T": [side.n_tokens for side in both],
            "k": k,
            "metric": options.metric,
            "convention": options.convention.name,
            "backend": options.backend,
            "seed": seed,
        },
    )


def _labelled(position: NDArray[np.int64], values: Floats, errors: Floats, attributes: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    over = ("direction", "step")
    variables: dict[str, Any] = {"position": (("direction", "half", "step"), position)}
    for kind, (name, error) in enumerate(
        (("imbalance", "stderr"), ("in_order", "in_order_stderr"), ("gain", "gain_stderr"))
    ):
        variables |= {name: (over, values[kind]), error: (over, errors[kind])}
    coords = {
        "direction": list(DIRECTIONS),
        "half": ["first", "second"],
        "step": np.arange(1, position.shape[-1] + 1),
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))
