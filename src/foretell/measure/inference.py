r"""Standard errors, covariances and contrasts from scores.

Queries and candidates are the same random items, so an error over queries alone is too small, and a
bootstrap counts an item's copy as its neighbour. The dyadic-robust error follows from the scores instead:
with :math:`\psi_m` the score of item m and :math:`e_{ij}` the part of it that i and its neighbour j have
together (it is in the scores of both),

.. math:: \mathrm{SE}^2 = \frac{1}{N^2} \Bigl[\sum_m \psi_m^2 - \sum_{ij} e_{ij}^2 - \sum_{ij} e_{ij} e_{ji}\Bigr],

since the first sum counts what is in two scores twice; over unordered pairs the last two are
:math:`\sum (e_{ij} + e_{ji})^2`. A contrast of several values on the same items has the same contrast of
their scores, so its error needs nothing else. Where items are not independent but groups of them are,
scores and edges are summed within groups first, and the formula is the same.

The estimand is the expectation over fresh samples of as many items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure.conventions import Estimate, Floats, Ints

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Scores", "contrast", "group_codes", "group_permutations", "p_value", "permutations"]

_FEWEST = 4  # groups (items, where there are none) from which errors are computed
_CHUNK = 4_000_000  # entries of the dense (cells x pairs) table made at a time


@dataclass(frozen=True)
class Scores:
    """Values of some cells on the same items, with what their errors need.

    Parameters
    ----------
    values : ndarray of float64, shape (C,)
    psi : ndarray of float64, shape (C, N)
        Score of each item.
    cell, query, candidate : ndarray of int64, shape (E,)
        Cell and items of each edge.
    edge : ndarray of float64, shape (E,)
        Score of each edge.
    groups : ndarray of int64, shape (N,)
        Group of each item, 0 to G - 1.
    """

    values: Floats
    psi: Floats
    cell: Ints
    query: Ints
    candidate: Ints
    edge: Floats
    groups: Ints

    @classmethod
    def of(cls, estimates: Sequence[Estimate], groups: Ints) -> Scores:
        """Gather the scores of some estimates."""
        found = [one.scores for one in estimates]
        if not all(found):
            raise InputError("These values have no scores: measure them with errors=True.")
        some = [scores for scores in found if scores is not None]
        return cls(
            values=np.array([one.value for one in estimates]),
            psi=np.stack([scores.psi for scores in some]),
            cell=np.repeat(np.arange(len(some)), [len(scores.edge) for scores in some]),
            query=_joined([scores.query for scores in some]),
            candidate=_joined([scores.candidate for scores in some]),
            edge=np.concatenate([scores.edge for scores in some]),
            groups=groups,
        )

    def combine(self, weights: Floats) -> Scores:
        """Scores of linear combinations of the cells, weights of shape (combinations, C)."""
        weights = np.atleast_2d(weights)
        used = [np.flatnonzero(row[self.cell]) for row in weights]
        picked = np.concatenate(used)
        return Scores(
            values=_mixed(weights, self.values),
            psi=_mixed(weights, self.psi),
            cell=np.repeat(np.arange(len(weights)), [len(u) for u in used]),
            query=self.query[picked],
            candidate=self.candidate[picked],
            edge=np.concatenate([row[self.cell[u]] * self.edge[u] for row, u in zip(weights, used, strict=True)]),
            groups=self.groups,
        )

    def covariance(self) -> Floats:
        """Covariances of the values, shape (C, C); NaN for cells without a value, and for fewer than 4 groups."""
        n_cells, n_items = self.psi.shape
        n_groups = int(self.groups.max()) + 1
        if n_groups < _FEWEST:
            return np.full((n_cells, n_cells), np.nan)
        psi = np.stack([np.bincount(self.groups, scores, n_groups) for scores in self.psi])
        product = psi @ psi.T

        g, h = self.groups[self.query], self.groups[self.candidate]
        pairs, place = np.unique(np.minimum(g, h) * n_groups + np.maximum(g, h), return_inverse=True)
        # (e_gh + e_hg)^2 for two groups, e_gg^2 + e_gg e_gg for one.
        edge = np.where(g == h, np.sqrt(2), 1) * self.edge
        order = np.argsort(place, kind="stable")
        step = max(1, _CHUNK // n_cells)
        for begin in range(0, len(pairs), step):
            end = min(begin + step, len(pairs))
            chunk = order[np.searchsorted(place, begin, sorter=order) : np.searchsorted(place, end, sorter=order)]
            table = np.bincount(
                self.cell[chunk] * (end - begin) + place[chunk] - begin, edge[chunk], n_cells * (end - begin)
            ).reshape(n_cells, -1)
            product -= table @ table.T
        return np.asarray(product / n_items**2)

    def stderr(self) -> Floats:
        """Standard error of each value, shape (C,).

        NaN for cells without a value, for fewer than 4 items (or groups), and where the estimate of the variance is
        negative, as it may be for a handful: there is no error to be had from so few.
        """
        variance = np.array([self.combine(cell).covariance()[0, 0] for cell in np.eye(len(self.values))])
        # What is negative by rounding alone is 0: the errors of identical spaces.
        return np.sqrt(np.where(variance > -1e-15, np.maximum(variance, 0), np.nan))

    @classmethod
    def of_result(cls, result: xr.Dataset) -> tuple[Scores, dict[tuple[str, ...], int]]:
        """Read the scores of a result, and where each (direction, cell...) stands among them."""
        if "scores" not in result:
            raise InputError("This result holds no scores: measure it with errors=True.")
        directions = [str(d) for d in result["direction"].values]
        n_cells = result.sizes["cell"]
        # Edges point at places, so a part of a result, or one in another order, would be misread.
        whole = (
            directions == ["a_to_b", "b_to_a"]
            and result["item_number"].values.tolist() == list(range(result.attrs["n_items"]))
            and result["cell_number"].values.tolist() == list(range(result.attrs["n_cells"]))
            and ("layer" not in result.dims or result["layer"].values.tolist() == result["cell_a"].values.tolist())
        )
        if not whole:
            raise InputError(
                "Scores are read from a whole result, and this is a part of one or in another order: give the result "
                "as it was measured or loaded, and choose cells by their names."
            )
        cells = list(zip(result["cell_a"].values.tolist(), result["cell_b"].values.tolist(), strict=True))
        names: list[tuple[str, ...]] = [(a,) for a, _ in cells] if "layer" in result.dims else list(cells)
        keys: dict[tuple[str, ...], int] = {
            (direction, *name): d * n_cells + c
            for d, direction in enumerate(directions)
            for c, name in enumerate(names)
        }
        if "layer" in result.dims:
            values = result["imbalance"].values.reshape(-1)
        else:
            values = np.concatenate(
                [[result["imbalance"].sel(direction=d, a=a, b=b).item() for a, b in cells] for d in directions]
            )
        groups = result["group"].values if "group" in result.coords else None
        return (
            cls(
                values=np.asarray(values, float),
                psi=result["scores"].values.reshape(len(directions) * n_cells, -1),
                cell=result["edge_direction"].values.astype(np.int64) * n_cells + result["edge_cell"].values,
                query=result["edge_query"].values.astype(np.int64),
                candidate=result["edge_candidate"].values.astype(np.int64),
                edge=result["edge_score"].values.astype(float),
                groups=group_codes(groups, result.sizes["item"]),
            ),
            keys,
        )


def contrast(results: xr.Dataset | Mapping[str, xr.Dataset], weights: Mapping[Any, float]) -> tuple[float, float]:
    """Value and standard error of a weighted sum of cells, from the scores that results hold.

    Parameters
    ----------
    results : Dataset, or mapping of names to Datasets
        One result, or several on the same items in the same order (languages, models).
    weights : mapping
        From ``(direction, layer)`` of a curve or ``(direction, a, b)`` of a matrix to its weight, the result's
        name before them where there are several. Numbers stand for the names they read as.

    Returns
    -------
    value, stderr : float

    Raises
    ------
    InputError
        If a result has no scores or is a part of one, or results differ in n, k, convention or groups.
    AlignmentError
        If results have other items, or the same in another order.
    OptionError
        If a cell has no scores, with the ones there are.

    Examples
    --------
    How much lower is layer 12 than layer 0? ``contrast(result, {("a_to_b", "12"): 1, ("a_to_b", "0"): -1})``
    """
    import xarray as xr

    if isinstance(results, xr.Dataset):
        results = {"": results}
        weights = {("", *cell): weight for cell, weight in weights.items()}
    if not results:
        raise InputError("There is no result to read scores from: give at least one.")
    _check_comparable(results)
    value, parts = 0.0, []
    wanted = {tuple(str(part) for part in cell): weight for cell, weight in weights.items()}
    for name, result in results.items():
        scores, keys = Scores.of_result(result)
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
    total = Scores(
        values=np.array([value]),
        psi=np.sum([part.psi for part in parts], axis=0),
        cell=np.concatenate([part.cell for part in parts]),
        query=np.concatenate([part.query for part in parts]),
        candidate=np.concatenate([part.candidate for part in parts]),
        edge=np.concatenate([part.edge for part in parts]),
        groups=parts[0].groups,
    )
    return value, float(total.stderr()[0])


def group_codes(groups: Any, n_items: int) -> Ints:
    """Number groups from 0; without groups every item is one of its own."""
    if groups is None:
        return np.arange(n_items)
    if len(groups) != n_items:
        raise InputError(f"There are {len(groups)} groups for {n_items} items: give every item one.")
    return np.unique(np.asarray([str(g) for g in groups]), return_inverse=True)[1].astype(np.int64)


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


def p_value(value: Floats, draws: Floats) -> Floats:
    """Share of permutations, the observed one among them, with a value as low: draws of shape (P, ...)."""
    return np.asarray((1 + (draws <= value).sum(axis=0)) / (1 + len(draws)))


def _check_comparable(results: Mapping[str, xr.Dataset]) -> None:
    (first_name, first), *others = results.items()
    for name, result in others:
        for setting in ("n", "k", "metric", "convention", "candidates"):
            if result.attrs.get(setting) != first.attrs.get(setting):
                raise InputError(
                    f"{first_name!r} has {setting}={first.attrs.get(setting)} and {name!r} "
                    f"{setting}={result.attrs.get(setting)}, which the imbalance depends on: measure both alike."
                )
        if result["item"].values.tolist() != first["item"].values.tolist():
            raise AlignmentError(
                f"{first_name!r} and {name!r} are not on the same items in the same order: "
                "measure them on common items."
            )
        if ("group" in result.coords) != ("group" in first.coords) or (
            "group" in first.coords and result["group"].values.tolist() != first["group"].values.tolist()
        ):
            raise InputError(
                f"{first_name!r} and {name!r} have different groups: measure both with the same, so that their "
                "errors are of one kind."
            )


def _mixed(weights: Floats, values: Floats) -> Floats:
    """``weights @ values`` in which cells of weight 0 count for nothing, be they NaN."""
    return np.stack([row[used] @ values[used] for row in weights for used in [np.flatnonzero(row)]])


def _joined(arrays: Sequence[NDArray[Any]]) -> Ints:
    return np.concatenate([np.asarray(a, np.int64) for a in arrays])
