r"""Standard errors, covariances and contrasts from scores.

Queries and candidates are the same random items, so an error over queries alone is too small, and a
bootstrap counts an item's copy as its neighbour. The dyadic-robust error follows from the scores instead:
with :math:`\psi_m` the score of item m and :math:`e_{ij}` the part of it that i and its neighbour j have
together (it is in the scores of both),

.. math:: \mathrm{SE}^2 = \frac{G}{G - 1} \frac{1}{N^2} \max\Bigl(P - E, \frac{P}{2}\Bigr), \qquad
    P = \sum_m \psi_m^2, \quad E = \sum_{i < j} (e_{ij} + e_{ji})^2,

since P counts what is in two scores twice. G is the number of scores, N but for groups (below), and G / (G - 1)
is for the mean that is taken off them.

**The least it can be.** A sum over pairs varies by what every pair has in common with itself, and by what
pairs that share an item have in common; P holds the first twice and the second once. The second is never
negative in expectation: of items in random order, two pairs that share one vary together by the variance of
what it adds to both. So the variance is at least P / 2, that of pairs which do not depend on each other.
Where P - E falls below, it does so by chance, chiefly in differences of directions and with several
neighbours or few groups, and at worst it is negative and there is no error at all.

**Groups.** Where items are not independent but G groups of them are, groups take the place of items: scores
and edges are summed within groups first, and sums run over groups and pairs of groups. An edge within a group
is no pair of groups, and is in the group's score once, as part of the query's. An interval is then as many
standard errors as Student's t has for G (`Scores.critical`); at 20 tight groups it covers 92 % for values.

**Contrasts.** A contrast of several values on the same items has the same contrast of their scores, so its
error needs nothing else.

The estimand is the expectation over fresh samples of as many items. ``benchmarks/coverage.md`` holds the
errors against the truth.

Sources: Aronow, Samii, Assenova 2015 (dyadic-robust variance, and what to do where it is not positive);
Hoover 1979, Aldous 1981 (exchangeable arrays, from which the bound follows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.array_types import Floats, Ints
from foretell.measure.inference.influence import Estimate, ItemScores
from foretell.measure.kernels.compiled import compiled
from foretell.measure.spaces.libraries import as_labels

FEWEST_GROUPS = 4
"""Groups (items, where there are none) from which errors are computed."""
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
        some = [one.scores for one in estimates if one.scores is not None]
        if len(some) < len(estimates):
            raise InputError("These values have no scores: measure them with errors=True.")
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
        used = [self._edges_of(np.flatnonzero(row)) for row in weights]
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

    def _edges_of(self, cells: Ints) -> Ints:
        """Places of the edges of some cells, in order."""
        if self._bounds is None:
            return np.flatnonzero(np.isin(self.cell, cells))
        if len(cells) == len(self.values):
            return np.arange(len(self.cell))
        runs = [np.arange(self._bounds[cell], self._bounds[cell + 1]) for cell in cells]
        return np.concatenate([np.zeros(0, np.int64), *runs])

    @cached_property
    def _bounds(self) -> Ints | None:
        """Where the edges of each cell begin, if they stand cell by cell, as results hold them."""
        if (np.diff(self.cell) < 0).any():
            return None
        return np.searchsorted(self.cell, np.arange(len(self.values) + 1)).astype(np.int64)

    @property
    def n_groups(self) -> int:
        """Number of groups; of items, where there are none."""
        return int(self.groups.max()) + 1

    @property
    def critical(self) -> float:
        """Standard errors in half a 95 % interval: a quantile of Student's t, 1.96 but for few groups."""
        return critical(self.n_groups)

    def covariance(self) -> Floats:
        r"""Covariances of the values, shape (C, C); NaN for cells without a value, and for fewer than 4 groups.

        The bound of the module holds for every combination of the cells at once: P and E being matrices here, it is
        :math:`P / 2 + (P / 2 - E)_+`, where the positive part has the negative eigenvalues set to 0. So it is
        positive semidefinite, and no less than what `stderr` finds for a single combination.
        """
        n_cells, n_items = self.psi.shape
        covariance = np.full((n_cells, n_cells), np.nan)
        if self.n_groups < FEWEST_GROUPS:
            return covariance
        valid = np.flatnonzero(np.isfinite(self.values))
        psi = self._of_groups()[valid]
        half = psi @ psi.T / 2
        bounded = half + _positive_part(half - self._of_pairs()[np.ix_(valid, valid)])
        covariance[np.ix_(valid, valid)] = bounded * self.n_groups / (self.n_groups - 1) / n_items**2
        return covariance

    def stderr(self) -> Floats:
        """Standard error of each value, shape (C,); NaN without a value, and for fewer than 4 items (or groups)."""
        if len(self.values) == 1:
            return np.asarray(np.sqrt(self.covariance()[0]))
        return np.sqrt([self.combine(cell).covariance()[0, 0] for cell in np.eye(len(self.values))])

    def _of_groups(self) -> Floats:
        """Scores of groups, shape (C, G), each inner edge counted once."""
        inner = self.groups[self.query] == self.groups[self.candidate]
        psi = self.psi
        if inner.any():
            psi = psi.copy()
            np.subtract.at(psi, (self.cell[inner], self.candidate[inner]), self.edge[inner])
            psi -= psi.mean(axis=1, keepdims=True)
        return np.stack([np.bincount(self.groups, scores, self.n_groups) for scores in psi])

    def _of_pairs(self) -> Floats:
        """Sums over pairs of groups of products of what cells have in them, shape (C, C)."""
        n_cells, n_groups = len(self.psi), self.n_groups
        g, h = self.groups[self.query], self.groups[self.candidate]
        outer = np.flatnonzero(g != h)
        g, h, cell, edge = g[outer], h[outer], self.cell[outer], self.edge[outer]
        number = np.minimum(g, h) * n_groups + np.maximum(g, h)
        if n_cells * n_groups**2 <= _CHUNK:  # few enough to have all pairs of groups in one table, and sort nothing
            table = np.bincount(cell * n_groups**2 + number, edge, n_cells * n_groups**2).reshape(n_cells, -1)
            return np.asarray(table @ table.T)
        pairs, place = np.unique(number, return_inverse=True)
        product = np.zeros((n_cells, n_cells))
        order = np.argsort(place, kind="stable")
        step = max(1, _CHUNK // n_cells)
        for begin in range(0, len(pairs), step):
            end = min(begin + step, len(pairs))
            chunk = order[np.searchsorted(place, begin, sorter=order) : np.searchsorted(place, end, sorter=order)]
            table = np.bincount(
                cell[chunk] * (end - begin) + place[chunk] - begin, edge[chunk], n_cells * (end - begin)
            ).reshape(n_cells, -1)
            product += table @ table.T
        return product


def group_codes(groups: Any, n_items: int, what: str = "groups") -> Ints:
    """Number groups from 0; without groups every item is one of its own. `what` is what errors call them."""
    if groups is None:
        return np.arange(n_items)
    labels = as_labels(groups, what)
    if len(labels) != n_items:
        raise InputError(f"There are {len(labels)} {what} for {n_items} items: give every item one.")
    return np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64)


def _mixed(weights: Floats, values: Floats) -> Floats:
    """``weights @ values`` in which cells of weight 0 count for nothing, be they NaN."""
    return np.stack([row[used] @ values[used] for row in weights for used in [np.flatnonzero(row)]])


def _joined(arrays: Sequence[NDArray[Any]]) -> Ints:
    return np.concatenate([np.asarray(a, np.int64) for a in arrays])


def _positive_part(symmetric: Floats) -> Floats:
    """The matrix with its negative eigenvalues set to 0."""
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def critical(n_groups: int) -> float:
    """Standard errors in half a 95 % interval: the .975 quantile of Student's t for so many groups less one."""
    from scipy.special import stdtrit  # takes a third of a second to import: not for those who ask for no errors

    return float(stdtrit(max(n_groups - 1, 1), 0.975))


def standard_error(scores: ItemScores, groups: NDArray[np.int64]) -> float:
    """Standard error of one value from its scores, as `Scores.stderr` gives it.

    Parameters
    ----------
    scores : ItemScores
    groups : ndarray of int64, shape (N,)
        Group of each item, 0 to G - 1.
    """
    n_groups = int(groups.max()) + 1
    if n_groups < FEWEST_GROUPS:
        return float("nan")
    p, e = _sums_of_squares(scores.psi, scores.query, scores.candidate, scores.edge, groups, n_groups)
    return float(np.sqrt(max(p - e, p / 2) * n_groups / (n_groups - 1)) / len(scores.psi))


@compiled
def _sums_of_squares(
    psi: Floats,
    query: NDArray[Any],
    candidate: NDArray[Any],
    edge: Floats,
    groups: NDArray[np.int64],
    n_groups: int,
) -> tuple[float, float]:
    """P and E of `standard_errors`: squares of groups' scores, and of what pairs of groups share."""
    of_group = np.zeros(n_groups)
    size = np.zeros(n_groups)
    for m in range(psi.size):
        of_group[groups[m]] += psi[m]
        size[groups[m]] += 1
    # Edges of an unordered pair of groups meet in the bucket of the lesser one.
    start = np.zeros(n_groups + 1, np.int64)
    inner = 0.0
    for k in range(edge.size):
        g, h = groups[query[k]], groups[candidate[k]]
        if g == h:  # no pair of groups: once in the group's score, as part of the query's
            of_group[g] -= edge[k]
            inner += edge[k]
        else:
            start[min(g, h) + 1] += 1
    for g in range(n_groups):
        start[g + 1] += start[g]
    p = 0.0
    for g in range(n_groups):
        p += (of_group[g] + size[g] * inner / psi.size) ** 2

    other = np.empty(start[n_groups], np.int64)
    value = np.empty(start[n_groups], np.float64)
    place = start[:-1].copy()
    for k in range(edge.size):
        g, h = groups[query[k]], groups[candidate[k]]
        if g != h:
            at = place[min(g, h)]
            place[min(g, h)] += 1
            other[at], value[at] = max(g, h), edge[k]
    of_pair = np.zeros(n_groups)
    e = 0.0
    for g in range(n_groups):
        for at in range(start[g], start[g + 1]):
            of_pair[other[at]] += value[at]
        for at in range(start[g], start[g + 1]):
            e += of_pair[other[at]] ** 2
            of_pair[other[at]] = 0.0
    return p, e
