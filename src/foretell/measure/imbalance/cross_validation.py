"""The best layer, or the best pair of layers, valued on items that did not choose it.

The lowest of many values is low by luck as well: of two equal layers the lower one is taken, so the minimum
understates what is best, and a curve of more or noisier layers understates it more. Here the items are
halved, the cell with the lowest value on one half is valued on the other, and both ways round. The value is
the mean of the two, and lies at what the chosen cells are worth, on average over fresh samples.

An imbalance depends on the number of items, so a cross-fitted value is one of N / 2 items and is compared
with cross-fitted values alone (`difference`).

**Error.** A cell chosen on one half is fixed as far as the other half goes, so its value there has the
standard error that scores give, s_1 or s_2. The halves share no item, yet their values are not independent:
a cell that is lowest by luck on both is chosen by both and makes both low. With L equal cells of independent
errors the correlation is m^2 / (L - 1), m being the expected least of L standard normal numbers: .32 for 2
cells, at most .36 (for 3), .26 for 10; less where cells vary together, and none where one is best by far. The
error takes it as 1/3, which is on the safe side for all but few and equal cells:

    SE = sqrt(s_1^2 + s_2^2 + 2/3 s_1 s_2) / 2

It is the error of what the chosen cells are worth. That another sample may choose others is left out: where
cells differ by little, an interval of 95 % covers the expectation over fresh samples in 88 to 92 % (7 layers,
200 and 400 items), and in 95 % where one is the best by far.

Splitting again and averaging would add little but time: for the same cells, the part of the mean that is
linear in the items is the same in every split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from foretell.exceptions import AlignmentError, InputError, check_option
from foretell.measure.array_types import Floats, Items
from foretell.measure.imbalance.cells import Cells, measure_cells
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.inference.halves import complementary_halves
from foretell.measure.inference.item_data import scores_of
from foretell.measure.inference.standard_errors import Scores
from foretell.measure.results.schema import DIRECTIONS
from foretell.measure.spaces.inputs import Spaces, named_sides
from foretell.measure.spaces.queries import Layout

if TYPE_CHECKING:
    import xarray as xr

_CORRELATION = 1 / 3  # of the two values


@dataclass(frozen=True)
class CrossValidated:
    """The best cell in one direction, chosen on one half of the items and valued on the other, both ways.

    Attributes
    ----------
    direction : str
        "a_to_b" or "b_to_a".
    value, stderr : float
        Mean of the two values, and its standard error.
    chosen : tuple of (name in A, name in B)
        The cell chosen on the first half of the items, and the one chosen on the second; both names are the
        layer's for a curve.
    values, stderrs : tuple of float
        Value of each on the other half, with its standard error.
    n : tuple of int
        Candidates of a query there.
    scores : tuple of scores
        Of each chosen cell on the half that values it: what `difference` reads.
    items : tuple of ndarray of int64
        Places of the items of those halves.
    names : tuple of str, optional
        Names of all items, where they have any.
    settings : mapping of str to object
        What a value depends on beside the items: k and the convention.
    """

    direction: str
    value: float
    stderr: float
    chosen: tuple[tuple[str, str], tuple[str, str]]
    values: tuple[float, float]
    stderrs: tuple[float, float]
    n: tuple[int, int]
    scores: tuple[Scores, Scores] = field(repr=False, compare=False)
    items: tuple[Items, Items] = field(repr=False, compare=False)
    names: tuple[str, ...] | None = field(repr=False, compare=False)
    settings: Mapping[str, object] = field(repr=False, compare=False)


def cross_validate(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    curve: bool,
    k: int = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, CrossValidated]:
    """Choose the best cell on one half of the items and value it on the other, both ways, in each direction.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        As for `imbalance_matrix`, or for `imbalance_curve` if `curve`.
    curve : bool
        Whether layer l of A goes with layer l of B alone, or every space of A with every one of B.
    k, metric, convention, groups
        As for `imbalance_matrix`. Groups are never split.
    seed : int, default 0
        Of the split. The same seed splits the same number of items (or the same groups) alike.

    Returns
    -------
    dict of str to CrossValidated
        By direction.

    Raises
    ------
    AlignmentError, OptionError
    InputError
        As from `imbalance_matrix`; or if there are fewer than 4 items or groups, or no cell has a value on a half.

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.
    ConstantSpaceWarning
        For a space whose items are all alike.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> known = rng.standard_normal((300, 6))
    >>> noise = rng.standard_normal((300, 64))
    >>> a = [known @ rng.standard_normal((6, 64)) + much * noise for much in (3, 1, 2)]
    >>> b = [known @ rng.standard_normal((6, 64))] * 3
    >>> cross_validate(a, b, curve=True)["a_to_b"].chosen
    (('1', '1'), ('1', '1'))
    """
    check_option("curve", curve, (True, False))
    side_a, side_b = named_sides(spaces_a, spaces_b, metric)
    every = Cells.diagonal(side_a, side_b) if curve else Cells.every(side_a, side_b)
    options = Options.checked(metric=metric, convention=convention)
    ((first, second),) = complementary_halves(every.n_items, splits=1, groups=groups, seed=seed)
    layouts = (Layout(first, first), Layout(second, second))

    def measured(cells: Cells, half: int, *, errors: bool) -> xr.Dataset:
        of_half = replace(options, errors=errors)
        return measure_cells(cells, k=k, layout=layouts[half], options=of_half, seed=0, groups=groups)

    def scores_on(half: int, direction: str, cell: tuple[str, str]) -> Scores:
        """Scores of one cell on a half of the items."""
        a, b = cell
        result = measured(Cells.every({a: side_a[a]}, {b: side_b[b]}), half, errors=True)
        scores, places = scores_of(result)
        return scores.combine(np.eye(len(places))[places[direction, a, b]])

    names_a, names_b = list(side_a), list(side_b)
    names = [(names_a[a], names_b[b]) for a, b in every.places]
    lowest = [_lowest(measured(every, half, errors=False), names) for half in (0, 1)]
    found = {}
    for direction in DIRECTIONS:
        chosen = (lowest[0][direction], lowest[1][direction])
        # The cell of the first half is valued on the second, and the other way round.
        scores = (scores_on(1, direction, chosen[0]), scores_on(0, direction, chosen[1]))
        values, stderrs = ([float(of(one)) for one in scores] for of in (_value, _stderr))
        found[direction] = CrossValidated(
            direction=direction,
            value=sum(values) / 2,
            stderr=float(stderr_of_mean(stderrs)),
            chosen=chosen,
            values=(values[0], values[1]),
            stderrs=(stderrs[0], stderrs[1]),
            n=(len(second) - 1, len(first) - 1),
            scores=scores,
            items=(second, first),
            names=next((one.ids for one in (*side_a.values(), *side_b.values()) if one.ids is not None), None),
            settings={"k": k, "metric": metric, "convention": convention},
        )
    return found


def difference(one: CrossValidated, other: CrossValidated) -> tuple[float, float]:
    """Difference of two cross-fitted values on the same halves, and its standard error.

    For the best layers of two curves on the same items (languages, models), or of the two directions.

    Parameters
    ----------
    one, other : CrossValidated
        From the same items in the same order, groups and seed, hence the same halves.

    Returns
    -------
    value, stderr : float
        ``one.value - other.value``.

    Raises
    ------
    InputError
        If k, convention or groups differ.
    AlignmentError
        If the halves differ.
    """
    if one.settings != other.settings:
        raise InputError(f"One value is at {one.settings} and the other at {other.settings}: measure both alike.")
    same_halves = all(np.array_equal(mine, theirs) for mine, theirs in zip(one.items, other.items, strict=True))
    if not same_halves or (one.names and other.names and one.names != other.names):
        raise AlignmentError(
            "The two values are not on the same halves: cross-validate the same items with the same seed."
        )
    parts = []
    for mine, theirs in zip(one.scores, other.scores, strict=True):
        if not np.array_equal(mine.groups, theirs.groups):
            raise InputError("The two values have different groups: give both the same.")
        both = Scores(
            values=np.concatenate([mine.values, theirs.values]),
            psi=np.concatenate([mine.psi, theirs.psi]),
            cell=np.concatenate([mine.cell, theirs.cell + 1]),
            query=np.concatenate([mine.query, theirs.query]),
            candidate=np.concatenate([mine.candidate, theirs.candidate]),
            edge=np.concatenate([mine.edge, theirs.edge]),
            groups=mine.groups,
        )
        parts.append(both.combine(np.array([1.0, -1.0])))
    return one.value - other.value, float(stderr_of_mean([_stderr(part) for part in parts]))


def _lowest(result: xr.Dataset, names: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Names of the cell with the lowest value, by direction."""
    found = {}
    for direction in DIRECTIONS:
        values: Floats = result["imbalance"].sel(direction=direction).values.reshape(-1)
        if np.isnan(values).all():
            raise InputError(f"No cell has a value in direction {direction}: all its spaces are constant.")
        found[direction] = names[int(np.nanargmin(values))]
    return found


def _value(scores: Scores) -> float:
    return float(scores.values[0])


def _stderr(scores: Scores) -> float:
    return float(scores.stderr()[0])


def stderr_of_mean(stderrs: Sequence[float] | Sequence[Floats]) -> Floats:
    """Standard error of the mean of the values of both halves, each chosen on the other."""
    one, other = stderrs
    return np.asarray(np.sqrt(one**2 + other**2 + 2 * _CORRELATION * one * other) / 2)
