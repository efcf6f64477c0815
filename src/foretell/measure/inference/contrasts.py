"""Contrasts of values of one result, or of several on the same items: value, standard error, interval and p value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure.inference.item_data import ItemData, items_of, scores_of
from foretell.measure.inference.p_values import contrast_p_value
from foretell.measure.inference.standard_errors import Scores, critical, group_codes

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of cells, with its error.

    Attributes
    ----------
    value, stderr : float
        The sum, and its dyadic-robust standard error; NaN for fewer than 4 groups.
    low, high : float
        The ends of its 95 % interval, by Student's t with one degree of freedom less than groups.
    p_value : float
        Two-sided, against 0, by the same distribution.
    n_groups : int
        Groups of dependent items that the error is over; without groups each item is one.
    """

    value: float
    stderr: float
    low: float
    high: float
    p_value: float
    n_groups: int


def contrast(
    results: xr.Dataset | Mapping[str, xr.Dataset],
    weights: Mapping[Any, float],
    *,
    allow_different_n: bool = False,
    allow_different_settings: bool = False,
) -> Contrast:
    """Value, standard error, interval and p value of a weighted sum of cells, from the scores that results hold.

    Parameters
    ----------
    results : Dataset, or mapping of names to Datasets
        One result, or several on the same items in the same order (languages, models).
    weights : mapping
        From ``(direction, layer)`` of a curve or ``(direction, a, b)`` of a matrix to its weight, the result's
        name before them where there are several. Numbers stand for the names they read as.
    allow_different_n : bool, default False
        Whether results may be of different n, hence on other items. The imbalance falls with n, so such a difference is
        one of n as well: measuring both with ``subsample=`` the same number is the remedy. Items of one name are taken
        to be the same, others to be independent.
    allow_different_settings : bool, default False
        Whether results may differ in k, metric or convention: such a difference says what the setting changes.

    Returns
    -------
    Contrast
        Its attributes are `value`, `stderr`, `low`, `high`, `p_value` and `n_groups`. Of several contrasts, correct the
        p values for their number, by `foretell.holm`.

    Raises
    ------
    InputError
        If a result has no scores or is a part of one, or results differ in n, k, convention or groups.
    AlignmentError
        If results have other items, or the same in another order.
    OptionError
        If a cell has no scores, with the ones there are, or no cell is given.

    Examples
    --------
    How much lower is layer 1 than layer 0?

    >>> import numpy as np, foretell
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 32))
    >>> layers = [x + noise * rng.standard_normal(x.shape) for noise in (2.0, 0.5)]
    >>> curve = foretell.imbalance_curve(layers, [x, x])
    >>> found = contrast(curve, {("a_to_b", 1): 1, ("a_to_b", 0): -1})
    >>> found.value < 0, found.p_value < 0.001
    (True, True)
    """
    import xarray as xr

    if isinstance(results, xr.Dataset):
        results = {"": results}
        weights = {("", *cell): weight for cell, weight in weights.items()}
    if not results:
        raise InputError("There is no result to read scores from: give at least one.")
    if not weights:
        raise OptionError("A contrast of no cells is nothing: give weights of one cell or more.")
    _check_comparable(results, allow_different_n=allow_different_n, allow_different_settings=allow_different_settings)
    value, parts = 0.0, []
    wanted = {tuple(str(part) for part in cell): weight for cell, weight in weights.items()}
    for name, result in results.items():
        scores, keys = scores_of(result)
        row = np.zeros(len(scores.values))
        for key, place in keys.items():
            row[place] = wanted.pop((str(name), *key), 0.0)
        parts.append(scores.combine(row))
        value += float(parts[-1].values[0])
    if wanted:
        raise OptionError(
            f"There are no scores of {tuple(part for part in next(iter(wanted)) if part)!r}: the cells of "
            f"{'the last' if len(results) > 1 else 'this'} result are {', '.join(map(repr, list(keys)[:4]))} and so on."
        )
    total = _sum_of(parts, [items_of(result) for result in results.values()])
    stderr, n_groups = float(total.stderr()[0]), total.n_groups
    margin = critical(n_groups) * stderr
    return Contrast(value, stderr, value - margin, value + margin, contrast_p_value(value, stderr, n_groups), n_groups)


def _sum_of(parts: Sequence[Scores], items: Sequence[ItemData]) -> Scores:
    """Scores of the sum of one value each of several results, over the items of all."""
    place = {item: number for number, item in enumerate(dict.fromkeys(item for some in items for item in some.ids))}
    group_of: dict[str, str] = {}
    psi, edges = np.zeros((1, len(place))), []
    for part, some in zip(parts, items, strict=True):
        to = np.array([place[item] for item in some.ids])
        # A score is what an item adds to N times the value: where N is another, so is the score.
        scale = len(place) / len(some.ids)
        psi[0, to] += scale * part.psi[0]
        edges.append((to[part.query], to[part.candidate], scale * part.edge))
        group_of |= dict(zip(some.ids, some.groups or [f"item {item}" for item in some.ids], strict=True))
    query, candidate, edge = (np.concatenate(column) for column in zip(*edges, strict=True))
    return Scores(
        values=np.array([sum(float(part.values[0]) for part in parts)]),
        psi=psi,
        cell=np.zeros(len(edge), np.int64),
        query=query,
        candidate=candidate,
        edge=edge,
        groups=group_codes([group_of[item] for item in place], len(place)),
    )


def _check_comparable(
    results: Mapping[str, xr.Dataset], *, allow_different_n: bool, allow_different_settings: bool
) -> None:
    (first_name, first), *others = results.items()
    for name, result in others:
        if result.attrs.get("n") != first.attrs.get("n") and not allow_different_n:
            raise InputError(
                f"{first_name!r} has n={first.attrs.get('n')} and {name!r} n={result.attrs.get('n')}, which the "
                "imbalance depends on: measure both with subsample= the same number of items, or pass "
                "allow_different_n=True."
            )
        for setting in () if allow_different_settings else ("k", "metric", "convention", "candidates"):
            if result.attrs.get(setting) != first.attrs.get(setting):
                raise InputError(
                    f"{first_name!r} has {setting}={first.attrs.get(setting)} and {name!r} "
                    f"{setting}={result.attrs.get(setting)}, which the imbalance depends on: measure both alike."
                )
        items, of_first = items_of(result), items_of(first)
        if items.ids != of_first.ids and not allow_different_n:
            raise AlignmentError(
                f"{first_name!r} and {name!r} are not on the same items in the same order: "
                "measure them on common items."
            )
        if not _same_groups(of_first, items):
            raise InputError(
                f"{first_name!r} and {name!r} have different groups: measure both with the same, so that their "
                "errors are of one kind."
            )


def _same_groups(one: ItemData, other: ItemData) -> bool:
    """Whether items that both have are of the same groups, or neither has any."""
    if one.groups is None or other.groups is None:
        return one.groups is other.groups
    of_one, of_other = (dict(zip(some.ids, some.groups or (), strict=True)) for some in (one, other))
    return all(of_other.get(item, group) == group for item, group in of_one.items())
