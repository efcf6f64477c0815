"""Imbalance by tokens: curves over nested sets of them, and maps of token against token.

The distance between two items is the sum over their tokens. So a curve over the last 1, 2, ... T tokens adds the
distances of one token a step and reads ranks off the running sum: bits are compared once, not once a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError, OptionError, checked_count
from foretell.measure.imbalance.cells import Cells, check_spaces, measure_cells
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.inference.item_data import scores_of
from foretell.measure.results.schema import with_intervals
from foretell.measure.spaces.bits import BinarySpace
from foretell.measure.spaces.inputs import as_input
from foretell.measure.spaces.queries import Layout
from foretell.measure.spaces.space import Space, single_tokens, tokens_at

if TYPE_CHECKING:
    import xarray as xr


def token_curve(
    a: Any,
    b: Any,
    *,
    subsets: Sequence[Iterable[int]] | None = None,
    k: int = 1,
    convention: str = "adjusted",
    errors: bool = True,
    null: int = 0,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> xr.Dataset:
    """Measure the imbalance of the last 1, 2 and so on to T tokens of A against as many of B, both ways.

    Parameters
    ----------
    a, b : Space
        With tokens: `BinarySpace` of shape (N, T, bytes), or a view of a store; over the same items.
    subsets : sequence of sets of int, optional
        Tokens to take instead, each set holding the one before it: positions from the end, -1 the last.
    k, convention, errors, null, seed, groups
        As for `imbalance_matrix`.

    Returns
    -------
    xarray.Dataset
        As of `imbalance_curve`, with the number of tokens, `tokens`, in place of the layer.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.
    ConstantSpaceWarning
        For a space whose items are all alike.

    Notes
    -----
    Costs one pass over the bits of all tokens, and T times the ranks.
    """
    options = Options.checked(metric="hamming", convention=convention, errors=errors)
    sides, options = sides_with_tokens({"a": a, "b": b}, options)
    wanted = _nested(subsets, min(side.n_tokens for side in sides))
    prefixes = [[tokens_at(side, positions) for positions in wanted] for side in sides]
    added = [sorted(set(now) - set(before)) for before, now in zip([(), *wanted], wanted, strict=False)]
    names = [str(len(positions)) for positions in wanted]
    of_a, of_b = (dict(zip(names, of_side, strict=True)) for of_side in prefixes)
    curve = measure_cells(
        Cells.diagonal(of_a, of_b),
        k=k,
        layout=Layout.everyone(sides[0].n_items),
        options=options,
        n_permutations=null,
        seed=checked_count("seed", seed, least=0),
        groups=groups,
        steps=[(tokens_at(sides[0], new), tokens_at(sides[1], new)) for new in added],
    )
    return curve.rename(layer="tokens").assign_coords(tokens=[len(positions) for positions in wanted])


def token_map(
    a: Any,
    b: Any = None,
    *,
    k: int = 1,
    convention: str = "adjusted",
    errors: bool = True,
    null: int = 0,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> xr.Dataset:
    """Measure every token of A against every token of B, both ways, and how that depends on their distance.

    Parameters
    ----------
    a, b : Space
        With tokens, over the same items. Without `b`, A against itself: how tokens of one text foretell each other.
    k, convention, errors, null, seed, groups
        As for `imbalance_matrix`.

    Returns
    -------
    xarray.Dataset
        As of `imbalance_matrix`, a and b being positions from the end, -1 the last. Besides, along `way` and
        `distance`: `by_distance`, the mean imbalance from one token to another so many places later ("forward") or
        earlier ("backward"), and with errors `by_distance_stderr`, `by_distance_low` and `by_distance_high`.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.
    ConstantSpaceWarning
        For a space whose items are all alike.
    """
    options = Options.checked(metric="hamming", convention=convention, errors=errors)
    sides, options = sides_with_tokens({"a": a} if b is None else {"a": a, "b": b}, options)
    side_a, side_b = sides[0], sides[-1]
    spaces_a = single_tokens(side_a)
    spaces_b = spaces_a if side_b is side_a else single_tokens(side_b)
    result = measure_cells(
        Cells.every(spaces_a, spaces_b),
        k=k,
        layout=Layout.everyone(sides[0].n_items),
        options=options,
        n_permutations=null,
        seed=checked_count("seed", seed, least=0),
        groups=groups,
    )
    return _with_distances(result, within=side_b is side_a)


def sides_with_tokens(given: Mapping[str, Any], options: Options) -> tuple[list[Space], Options]:
    """Spaces of the same items that have tokens, by what errors call them; the options have the memory that is left.

    Their bits are in memory: a store is read once, not once a token. Where that takes more than half of the memory they
    stay as they are.

    Raises
    ------
    InputError, AlignmentError
    """
    sides: list[Space] = []
    for name, space in given.items():
        found = as_input(space, "hamming", name)
        if not isinstance(found, Space) or not isinstance(space, Space):
            raise InputError(
                f"{name}: an array says nothing of tokens: give BinarySpace.from_activations(x) of an array of shape "
                "(items, tokens, dimensions), or a view of a store."
            )
        sides.append(found)
    check_spaces({"a": sides[0]}, {"b": sides[-1]})
    to_hold = sum(
        side.bits(slice(0, 1)).data.nbytes * side.n_items for side in sides if not isinstance(side, BinarySpace)
    )
    if to_hold > options.memory // 2:
        return sides, options
    held: list[Space] = [side if isinstance(side, BinarySpace) else side.bits() for side in sides]
    return held, replace(options, memory=options.memory - to_hold)


def _nested(subsets: Sequence[Iterable[int]] | None, n_tokens: int) -> list[tuple[int, ...]]:
    """Sets of positions from the end, each holding the one before it and more."""
    if subsets is None:
        return [tuple(range(-count, 0)) for count in range(1, n_tokens + 1)]
    wanted = [tuple(sorted({int(position) for position in positions})) for positions in subsets]
    if not wanted or not wanted[0]:
        raise OptionError("subsets has no tokens to begin with: give sets of positions from the end, such as [[-1]].")
    for positions in wanted:
        if positions[0] < -n_tokens or positions[-1] >= 0:
            raise OptionError(
                f"subsets={list(positions)} is not an option: positions count from the end, -{n_tokens} to -1."
            )
    for before, now in pairwise(wanted):
        if not set(before) < set(now):
            raise OptionError(
                f"subsets={list(now)} does not hold {list(before)} and more: give nested sets, the smallest first."
            )
    return wanted


def _with_distances(result: xr.Dataset, *, within: bool) -> xr.Dataset:
    """Add means over the cells whose tokens are as far apart."""
    import xarray as xr

    positions = [np.array([int(name) for name in result[side].values]) for side in ("a", "b")]
    later = positions[1][None, :] - positions[0][:, None]  # by how much b's token is later than a's
    farthest = int(np.abs(later).max())
    # Within a text a token and itself tell nothing.
    distances = np.arange(1 if within else 0, farthest + 1)
    scores, places = scores_of(result) if "stderr" in result else (None, {})
    values = np.full((2, 2, len(distances)), np.nan)
    errors = values.copy()
    for d, direction in enumerate(result["direction"].values):
        # From a to b, "forward" is to a later token of b; from b to a, to a later token of a.
        lateness = later if direction == "a_to_b" else -later
        for w, sign in enumerate((1, -1)):
            for number, distance in enumerate(distances):
                chosen = np.argwhere(lateness == sign * distance)
                if not len(chosen):
                    continue
                of_cells = result["imbalance"].values[d][tuple(chosen.T)]
                values[d, w, number] = of_cells.mean()
                if scores is not None:
                    weights = np.zeros(len(scores.values))
                    for s, t in chosen:
                        key = (str(direction), str(positions[0][s]), str(positions[1][t]))
                        weights[places[key]] = 1 / len(chosen)
                    errors[d, w, number] = scores.combine(weights).stderr()[0]
    over = ("direction", "way", "distance")
    means: dict[str, Any] = {"by_distance": (over, values)}
    if scores is not None:
        means |= with_intervals(over, values, errors, result.attrs["n_groups"], prefix="by_distance_")
    return result.merge(xr.Dataset(means, coords={"way": ["forward", "backward"], "distance": distances}))
