r"""Which item of B every item of A goes with, as far as the two spaces themselves tell.

**Closeness** of two items is minus the logarithm of their rank as neighbours, the mean of both ways, so that near
neighbours count most, as they do in an imbalance. It is centred over rows and columns, averaged over layers and scaled
to length 1.

**Agreement** under a pairing :math:`\pi` is :math:`T(\pi) = \sum_{ij} X_{ij} Y_{\pi(i) \pi(j)}`: a correlation. Under
random pairings T has mean 0 and, as for every statistic of Mantel's kind over centred symmetric matrices, a standard
deviation near :math:`\sqrt 2 / N`; :math:`z = T N / \sqrt 2`. Where both spaces tell items apart along few directions
its tail is that of a :math:`\chi^2`, so the limits are far beyond what a normal tail would ask.

**Evidence** that item i of A goes with item p of B is a product of two profiles of closeness, for all i and p at once a
product of matrices. If some pairs are known (anchors), a profile is the closeness to them. If none are, it is the
closeness to the items that follow in the order, round the end: the 1st, the 2nd, ... Its sum over all i, with
p = i + s, is T of the shift s. Profiles of items that precede, on one side, give reversals in the same way.

**Runs** are stretches in which p = i + s or p = c - i. A pairing that went wrong by a slip is made of few. The run with
the most evidence is taken, its items are crossed out on both sides, and so on until the best is no better than chance.
Its items are the anchors of the next round, until the runs stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Items, Numbers
from foretell.measure.kernels.order_keys import put_places, put_self
from foretell.measure.kernels.ranks import rank_rows

Closeness = NDArray[np.float32]

_SWEEPS = 3  # of centring: the diagonal is left out, so that one is not exact
_ROUNDS = 6
_LEAST_RUN = 5  # items
_LEAST_WINDOW = 7
_MOST_EVIDENCE = 4.0  # of one item: no outlier is worth a run
_CLEAR = 5.0  # standard deviations of a sum of evidence from which items are on a run
_OF_MEDIAN = 1.4826  # standard deviations in the median size of a normal number


@dataclass(frozen=True)
class Run:
    """Items `first` to `stop - 1` of A, which go with items of B in a row.

    Parameters
    ----------
    first, stop : int
    step : int
        1 for B in its order, -1 for B from behind.
    partner : int
        Item of B that item `first` goes with.
    """

    first: int
    stop: int
    step: int
    partner: int

    @property
    def lag(self) -> int:
        """How far the first item's partner is from its own place."""
        return self.partner - self.first

    @property
    def pairs(self) -> Items:
        """Items of A, and below them those of B that they go with."""
        steps = np.arange(self.stop - self.first)
        return np.array([self.first + steps, self.partner + self.step * steps])


Runs = tuple[Run, ...]


@dataclass(frozen=True, eq=False)
class Search:
    """Result of a search over pairings.

    Parameters
    ----------
    as_given : float
        z of the pairs as they are.
    runs : tuple of Run
        The best pairing, in the order of A. Items between the runs go with nobody.
    agreement : float
        Its z.
    shift, shift_agreement : int and float
        The best of the cyclic shifts of the whole, and its z.
    spread : float
        Standard deviation of z over all shifts of the whole, from its median size: 1 but where items in a row are
        alike on both sides, as in lists that are sorted, when chance reaches further.
    """

    as_given: float
    runs: Runs
    agreement: float
    shift: int
    shift_agreement: float
    spread: float


def closeness(matrices: Iterable[Numbers]) -> Closeness:
    """Closeness of items, over the layers of one side.

    Parameters
    ----------
    matrices : iterable of ndarray, shape (N, N)
        Distances in each layer, at least one.

    Returns
    -------
    ndarray of float32, shape (N, N)
        Symmetric, rows of mean 0, its diagonal 0, of length 1; all 0 where no layer tells items apart.
    """
    return _unit(np.sum([_of_layer(distances) for distances in matrices], axis=0))


def z_of(agreement: float, n_items: int) -> float:
    """An agreement in standard deviations of those of random pairings."""
    return float(agreement * n_items / np.sqrt(2))


def pairs_of(runs: Runs) -> Items:
    """Places in A and in B of the items on some runs, shape (2, M)."""
    return np.concatenate([np.zeros((2, 0), np.int64), *(run.pairs for run in runs)], axis=1)


def search(a: Closeness, b: Closeness) -> Search:
    """Look for the pairing, made of runs, under which two spaces agree most.

    Parameters
    ----------
    a, b : ndarray, shape (N, N)
        Closeness in A and in B.
    """
    n = len(a)
    forward = shift_evidence(a, b)
    z_of_shifts = z_of(1, n) * _along(forward).sum(axis=0, dtype=np.float64)
    shift = int(z_of_shifts.argmax())
    as_given = Run(0, n, 1, 0)
    tried = [_refined(a, b, (as_given,))]
    if tried[0] != (as_given,) or shift:
        backward = shift_evidence(a, b, step=-1)
        tried.append(_refined(a, b, _runs(_standardised(forward), _standardised(backward), window=n // 4)))
    agreements = [_agreement(a, b, pairs_of(runs)) for runs in tried]
    best = int(np.argmax(agreements))
    return Search(
        as_given=float(z_of_shifts[0]),
        runs=tried[best],
        agreement=z_of(agreements[best], n),
        shift=shift if 2 * shift <= n else shift - n,
        shift_agreement=float(z_of_shifts[shift]),
        spread=float(_OF_MEDIAN * np.median(np.abs(z_of_shifts))),
    )


def shift_evidence(a: Closeness, b: Closeness, step: int = 1) -> Closeness:
    """Evidence without anchors that item i of A goes with item p of B, in the same or (step -1) the reverse order."""
    after = _along(b)
    return _along(a) @ after[:, step * np.arange(len(b))].T


def evidence_from(a: Closeness, b: Closeness, pairs: Items, weight: Floats | None = None) -> Closeness:
    """Evidence that item i of A goes with item p of B, in standard deviations of that for any two items.

    Parameters
    ----------
    pairs : ndarray of int64, shape (2, M)
        Anchors.
    weight : ndarray, shape (M,), optional
        Of each.

    Returns
    -------
    ndarray of float32, shape (N, N)
    """
    known = a[:, pairs[0]] if weight is None else a[:, pairs[0]] * weight.astype(np.float32)
    return _standardised(known @ b[pairs[1]])


def _refined(a: Closeness, b: Closeness, runs: Runs) -> Runs:
    """The runs that anchors lead to, these taken as the next anchors, until they stay."""
    weight: Floats | None = None
    for _ in range(_ROUNDS):
        if not runs:
            break
        before, pairs = runs, pairs_of(runs)
        evidence = evidence_from(a, b, pairs, weight)
        # Those that do not go together, as where single ones are out of order, are in the lower part.
        of_right = max(float(np.quantile(evidence[tuple(pairs)], 0.75)), 0.1)
        runs = _runs(evidence, evidence, window=int((2 * _CLEAR / of_right) ** 2))
        # An item that does not fit its run is no anchor.
        weight = np.clip(evidence[tuple(pairs_of(runs))], 0, 2)
        if runs == before:
            break
    return runs


def _runs(forward: Closeness, backward: Closeness, window: int) -> Runs:
    """Stretches in which one shift or reversal has the most evidence, summed over a window around each item."""
    n = len(forward)
    half = min(max(window, _LEAST_WINDOW), n // 4) // 2
    places = np.arange(n)
    lines = np.hstack([_along(forward), _along(backward, -1)])
    np.clip(lines, -_MOST_EVIDENCE, _MOST_EVIDENCE, out=lines)
    until = np.pad(lines.cumsum(axis=0), ((1, 0), (0, 0)))
    sums = until[np.minimum(places + half + 1, n)]
    sums -= until[np.maximum(places - half, 0)]
    line = sums.argmax(axis=1)
    certainty = sums[places, line]
    # A window tells to a few items where a run ends: the cut is where the evidence on both sides of it is greatest.
    edges = [0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), n]
    for before, edge, after in zip(edges, edges[1:], edges[2:], strict=False):
        near = np.arange(max(before, edge - half), min(after, edge + half))
        left, right = line[edge - 1], line[edge]
        gain = np.cumsum(lines[near, left] - lines[near, right])
        line[near] = np.where(near < near[0] + np.argmax([0, *gain]), left, right)
    step = np.where(line < n, 1, -1)
    partner = (line + step * places) % n
    # Of items with the same partner, the one whose window says so most.
    order = np.lexsort([certainty, partner])
    taken = np.zeros(n, bool)
    taken[order[:-1]] = np.diff(partner[order]) == 0
    goes_on = ~taken[1:] & ~taken[:-1] & (np.diff(line) == 0) & (np.diff(partner) == step[1:])
    of_items = lines[places, line]
    return tuple(
        Run(int(items[0]), int(items[-1]) + 1, int(step[items[0]]), int(partner[items[0]]))
        for items in np.split(places, np.flatnonzero(~goes_on) + 1)
        if len(items) >= _LEAST_RUN and of_items[items].sum() >= _CLEAR * np.sqrt(len(items))
    )


def _agreement(a: Closeness, b: Closeness, pairs: Items) -> float:
    return float((a[np.ix_(pairs[0], pairs[0])] * b[np.ix_(pairs[1], pairs[1])]).sum())


def _along(x: Closeness, step: int = 1) -> Closeness:
    """Entry (i, i + s) in row i and column s, round the end; for step -1 entry (i, s - i)."""
    return np.stack([np.roll(row, -step * i) for i, row in enumerate(x)])


def _standardised(evidence: Closeness) -> Closeness:
    """Mean 0 and standard deviation 1, against the others of its row and of its column."""
    centred = evidence - evidence.mean(axis=1, keepdims=True)
    of_rows = centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-30)
    centred -= centred.mean(axis=0)
    both = of_rows + centred / np.maximum(centred.std(axis=0), 1e-30)
    return np.asarray(both / max(float(both.std()), 1e-30))


def _of_layer(distances: Numbers) -> Closeness:
    n = len(distances)
    own = np.arange(n)
    if distances.dtype.kind == "u":
        order = distances.copy()
    else:
        order = np.zeros((n, n), np.uint32)
        put_places(distances, n, own, False, order)
    put_self(order, own)
    rank = rank_rows(order, n, own, 0.5)
    np.fill_diagonal(rank, 1)
    x: Closeness = -np.log(rank)
    x += x.T.copy()
    for _ in range(_SWEEPS):
        np.fill_diagonal(x, 0)
        # Rows and columns at once keeps it symmetric: the mean is taken off twice, and put back once.
        of_rows = x.sum(axis=1, keepdims=True, dtype=np.float32) / (n - 1)
        x -= of_rows + of_rows.T - of_rows.mean()
    np.fill_diagonal(x, 0)
    return _unit(x)


def _unit(x: Closeness) -> Closeness:
    length = float(np.linalg.norm(x))
    return x / np.float32(length) if length > 1e-9 * len(x) else np.zeros_like(x)
