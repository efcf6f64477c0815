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

Splitting again and averaging would add little but time: for the same cells, the part of the mean that is
linear in the items is the same in every split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import AlignmentError, InputError, check_option
from foretell.measure.bits import Bits, Rows
from foretell.measure.compare import imbalance_curve, imbalance_matrix
from foretell.measure.conventions import Floats
from foretell.measure.halves import complementary_halves
from foretell.measure.inference import Scores
from foretell.measure.inputs import Spaces, named
from foretell.measure.space import Space, check_same_items

__all__ = ["CrossFit", "cross_fit", "difference"]

_CORRELATION = 1 / 3  # of the two values


@dataclass(frozen=True)
class CrossFit:
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
    """

    direction: str
    value: float
    stderr: float
    chosen: tuple[tuple[str, str], tuple[str, str]]
    values: tuple[float, float]
    stderrs: tuple[float, float]
    n: tuple[int, int]
    scores: tuple[Scores, Scores] = field(repr=False, compare=False)
    """Of each chosen cell on the half that values it: what `difference` reads."""
    items: tuple[tuple[str, ...], tuple[str, ...]] = field(repr=False, compare=False)
    """Names of the items of those halves; their places where they have none."""
    settings: Mapping[str, object] = field(repr=False, compare=False)
    """What a value depends on beside the items: k and the convention."""


def cross_fit(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    curve: bool,
    k: int = 1,
    convention: str = "adjusted",
    groups: Sequence[str] | None = None,
    threads: int | None = None,
    backend: str = "auto",
    seed: int = 0,
) -> dict[str, CrossFit]:
    """Choose the best cell on one half of the items and value it on the other, both ways, in each direction.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        As for `imbalance_matrix`, or for `imbalance_curve` if `curve`.
    curve : bool
        Whether layer l of A goes with layer l of B alone, or every space of A with every one of B.
    k, convention, groups, threads, backend
        As for `imbalance_matrix`. Groups are never split.
    seed : int, default 0
        Of the split. The same seed splits the same number of items (or the same groups) alike.

    Returns
    -------
    dict of str to CrossFit
        By direction.

    Raises
    ------
    AlignmentError, OptionError
    InputError
        As from `imbalance_matrix`; or if there are fewer than 4 items or groups, or no cell has a value on a half.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> known = rng.standard_normal((300, 6))
    >>> a = [known @ rng.standard_normal((6, 64)) + noise * rng.standard_normal((300, 64)) for noise in (3, 1, 2)]
    >>> b = [known @ rng.standard_normal((6, 64))] * 3
    >>> cross_fit(a, b, curve=True)["a_to_b"].chosen
    (('1', '1'), ('1', '1'))
    """
    check_option("curve", curve, (True, False))
    side_a, side_b = named(spaces_a), named(spaces_b)
    spaces = [*side_a.values(), *side_b.values()]
    if not side_a or not side_b:
        raise InputError("There are no spaces to choose from: give at least one on either side.")
    check_same_items(spaces)
    n_items = spaces[0].n_items
    ids = next((space.ids for space in spaces if space.ids is not None), tuple(str(i) for i in range(n_items)))
    ((first, second),) = complementary_halves(n_items, splits=1, groups=groups, seed=seed)

    halves = []
    for rows in (first, second):
        view_a, view_b = ({name: _select(space, rows) for name, space in side.items()} for side in (side_a, side_b))
        of_rows = None if groups is None else [groups[row] for row in rows]
        halves.append(_Half(view_a, view_b, of_rows, tuple(ids[row] for row in rows)))
    settings: dict[str, Any] = {"k": k, "convention": convention, "threads": threads, "backend": backend}
    lowest = [half.lowest(curve, settings) for half in halves]
    found = {}
    for direction in ("a_to_b", "b_to_a"):
        chosen = (lowest[0][direction], lowest[1][direction])
        # The cell of the first half is valued on the second, and the other way round.
        scores = (halves[1].scores(direction, chosen[0], settings), halves[0].scores(direction, chosen[1], settings))
        values, stderrs = ([float(of(one)) for one in scores] for of in (_value, _stderr))
        found[direction] = CrossFit(
            direction=direction,
            value=sum(values) / 2,
            stderr=_of_mean(stderrs),
            chosen=chosen,
            values=(values[0], values[1]),
            stderrs=(stderrs[0], stderrs[1]),
            n=(len(second) - 1, len(first) - 1),
            scores=scores,
            items=(halves[1].items, halves[0].items),
            settings={"k": k, "convention": convention},
        )
    return found


def difference(one: CrossFit, other: CrossFit) -> tuple[float, float]:
    """Difference of two cross-fitted values on the same halves, and its standard error.

    For the best layers of two curves on the same items (languages, models), or of the two directions.

    Parameters
    ----------
    one, other : CrossFit
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
    if one.items != other.items:
        raise AlignmentError("The two values are not on the same halves: cross-fit the same items with the same seed.")
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
    return one.value - other.value, _of_mean([_stderr(part) for part in parts])


@dataclass(frozen=True)
class _Half:
    """One half of the items of all spaces."""

    spaces_a: Mapping[str, Space]
    spaces_b: Mapping[str, Space]
    groups: Sequence[str] | None
    items: tuple[str, ...]

    def lowest(self, curve: bool, settings: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
        """Names of the cell with the lowest value, by direction."""
        measure = imbalance_curve if curve else imbalance_matrix
        result = measure(self.spaces_a, self.spaces_b, errors=False, **settings)
        names = [(a, a) for a in self.spaces_a] if curve else [(a, b) for a in self.spaces_a for b in self.spaces_b]
        found = {}
        for direction in ("a_to_b", "b_to_a"):
            values: Floats = result["imbalance"].sel(direction=direction).values.reshape(-1)
            if np.isnan(values).all():
                raise InputError(f"No cell has a value in direction {direction}: all its spaces are constant.")
            found[direction] = names[int(np.nanargmin(values))]
        return found

    def scores(self, direction: str, cell: tuple[str, str], settings: Mapping[str, Any]) -> Scores:
        """Scores of one cell."""
        a, b = cell
        result = imbalance_matrix({a: self.spaces_a[a]}, {b: self.spaces_b[b]}, groups=self.groups, **settings)
        scores, places = Scores.of_result(result)
        row = np.zeros(len(scores.values))
        row[places[direction, a, b]] = 1
        return scores.combine(row)


def _value(scores: Scores) -> float:
    return float(scores.values[0])


def _stderr(scores: Scores) -> float:
    return float(scores.stderr()[0])


def _of_mean(stderrs: Sequence[float]) -> float:
    """Standard error of the mean of the values of both halves."""
    one, other = stderrs
    return float(np.sqrt(one**2 + other**2 + 2 * _CORRELATION * one * other) / 2)


# A view of some items of a space, for foretell.measure.space.select to take the place of.
@dataclass(frozen=True, eq=False)
class _View:
    space: Space
    rows: NDArray[np.intp]
    ids: tuple[str, ...] | None

    @property
    def n_items(self) -> int:
        return len(self.rows)

    @property
    def n_tokens(self) -> int:
        return self.space.n_tokens

    def bits(self, rows: Rows = slice(None)) -> Bits:
        return self.space.bits(self.rows[rows])


def _select(space: Space, rows: NDArray[np.intp]) -> Space:
    ids = None if space.ids is None else tuple(space.ids[row] for row in rows)
    return _View(space, rows, ids)
