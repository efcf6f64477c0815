"""Which item of B every item of A goes with, as far as the two spaces themselves tell.

Given some pairs that are trusted (anchors), item i of A goes with item p of B if p is as close to the anchors in B as i
is in A. That evidence, for every i and p, is one product of matrices. A pairing that went wrong by a slip is made of
few runs: stretches in which p = i + s, or in which p = c - i. So the most likely runs are found by dynamic programming
over the items (Viterbi), whose states are all shifts s, all reversals c, and "goes with nobody"; to change the state
costs what it must among so many. The items on the runs found are the next anchors, and so on until nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.measure.array_types import Floats, Items
from foretell.studies.diagnose.agreement import Closeness, agreement_at_shifts, z_of

__all__ = ["Matching", "Run", "Search", "search", "strength"]

_ROUNDS = 6
_MOST_EVIDENCE = 5.0  # of one item: no outlier is worth a run
_SHARES = (0.3, 0.95)  # of the items on a run that go together: from least to most
_LEAST_RUN = 5  # items, of a run that is believed
_WINDOWS = (1, 2, 4)  # parts of the items that shifts are tried on, each part with half of the next
_SEEDS = 4
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
    def items(self) -> Items:
        """Items of A."""
        return np.arange(self.first, self.stop)

    @property
    def partners(self) -> Items:
        """Those of B that they go with."""
        return self.partner + self.step * np.arange(self.stop - self.first)


@dataclass(frozen=True, eq=False)
class Matching:
    """A pairing made of runs.

    Parameters
    ----------
    runs : tuple of Run
        In the order of A. Items between them go with nobody.
    agreement : float
        T over the items on the runs.
    """

    runs: tuple[Run, ...]
    agreement: float

    @property
    def pairs(self) -> Items:
        """Places in A and in B, shape (2, M)."""
        if not self.runs:
            return np.zeros((2, 0), np.int64)
        return np.array([np.concatenate([r.items for r in self.runs]), np.concatenate([r.partners for r in self.runs])])


@dataclass(frozen=True, eq=False)
class Search:
    """What a search over pairings found.

    Parameters
    ----------
    as_given : float
        T of the pairs as they are.
    best : Matching
    shift, shift_agreement : int and float
        Of the cyclic shifts of the whole, the best.
    n_tried : int
        Shifts and reversals tried, of the whole and of parts.
    spread : float
        Standard deviation of z over all shifts of the whole, from its median size: 1 but where items in a row are
        alike on both sides, as in lists that are sorted, when chance finds better ones.
    """

    as_given: float
    best: Matching
    shift: int
    shift_agreement: float
    n_tried: int
    spread: float


def search(a: Closeness, b: Closeness) -> Search:
    """Look for the pairing, made of runs, under which two spaces agree most.

    Parameters
    ----------
    a, b : ndarray, shape (N, N)
        Closeness in A and in B.
    """
    n = len(a)
    everyone = np.arange(n)
    as_given = float((a * b).sum())
    forward, backward = agreement_at_shifts(a, b)
    shift = int(forward.argmax())
    n_tried = 2 * n
    tried = [_refined(a, b, everyone, everyone)]
    best = tried[0]
    if len(best.runs) != 1 or best.pairs.shape[1] < n or shift:
        seeds, n_tried = _seeds(a, b, forward, backward)
        tried += [_refined(a, b, *seed) for seed in seeds]
        best = max(tried, key=lambda one: one.agreement)
    return Search(
        as_given=as_given,
        best=best,
        shift=shift if 2 * shift <= n else shift - n,
        shift_agreement=float(forward[shift]),
        n_tried=n_tried,
        spread=_OF_MEDIAN * z_of(float(np.median(np.abs(forward))), n),
    )


def strength(a: Closeness, b: Closeness, pairs: Items, weight: Floats | None = None) -> Floats:
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
    found = known @ b[pairs[1]]
    found -= found.mean(axis=1, keepdims=True)
    by_row = found / np.maximum(found.std(axis=1, keepdims=True), 1e-30)
    found -= found.mean(axis=0)
    by_row += found / np.maximum(found.std(axis=0), 1e-30)
    return np.asarray(by_row / max(float(by_row.std()), 1e-30))


def _seeds(a: Closeness, b: Closeness, forward: Floats, backward: Floats) -> tuple[list[tuple[Items, Items]], int]:
    """First anchors worth a try: the shifts and reversals that agree most, of the whole and of parts of A."""
    n = len(a)
    found: list[tuple[float, int, int, int, int]] = []
    n_tried = 0
    for n_parts in _WINDOWS:
        width = n // n_parts
        if width < 4 * _LEAST_RUN:
            break
        for first in range(0, n - width + 1, max(1, width // 2)):
            window = slice(first, first + width)
            both = (forward, backward) if n_parts == 1 else agreement_at_shifts(a, b, window=window)
            n_tried += 2 * n
            for step, values in zip((1, -1), both, strict=True):
                # Beside a peak stand its shoulders, where items in a row are alike: one place of each is enough.
                place = int(values.argmax())
                found.append((z_of(values[place], width), step, place, first, width))
    seeds: list[tuple[Items, Items]] = []
    seen: set[tuple[int, int]] = set()
    for _, step, place, first, width in sorted(found, reverse=True):
        if (step, place) in seen or (step, place) == (1, 0):
            continue
        seen.add((step, place))
        items = np.arange(first, first + width)
        seeds.append((items, (place + step * items) % n))
        if len(seeds) == _SEEDS:
            break
    return seeds, n_tried


def _refined(a: Closeness, b: Closeness, items: Items, partners: Items) -> Matching:
    """The runs that anchors lead to, these taken as the next anchors, until they stay."""
    pairs = np.array([items, partners])
    weight: Floats | None = None
    before: tuple[Run, ...] = ()
    runs: tuple[Run, ...] = ()
    for _ in range(_ROUNDS):
        evidence = strength(a, b, pairs, weight)
        of_pairs = evidence[pairs[0], pairs[1]]
        runs = _runs(_likelihood(evidence, of_pairs))
        if not runs or runs == before:
            break
        before = runs
        pairs = Matching(runs, 0.0).pairs
        # An item that does not fit its run, as where single ones are out of order, is no anchor.
        weight = np.clip(evidence[pairs[0], pairs[1]], 0, 2)
    pairs = Matching(runs, 0.0).pairs
    agreement = float((a[np.ix_(pairs[0], pairs[0])] * b[np.ix_(pairs[1], pairs[1])]).sum())
    return Matching(runs, agreement)


def _likelihood(evidence: Floats, of_pairs: Floats) -> Floats:
    """Logarithm of how much likelier the evidence is for items at their places on a run than for any two.

    Evidence for any two items is taken as normal of mean 0 and standard deviation 1. On a run a share of the items go
    together, of a mean that is that of the better half of the anchors; the others are like any two, so that single
    items out of order do not end a run.
    """
    mean = float(np.clip(np.median(of_pairs[of_pairs >= np.median(of_pairs)]), 0.5, 4.0))
    share = float(np.clip(1 - 2 * (of_pairs < 0).mean(), *_SHARES))
    together = np.exp(np.minimum(mean * evidence - mean**2 / 2, _MOST_EVIDENCE))
    return np.asarray(np.log(share * together + 1 - share))


def _runs(likelihood: Floats) -> tuple[Run, ...]:
    """The most likely runs."""
    n = len(likelihood)
    change = _change(n)
    places = np.arange(n)
    value = np.zeros(2 * n + 1)
    stayed = np.empty((n, 2 * n + 1), bool)
    leaders = np.empty(n, np.int64)
    for i in range(n):
        if i:
            leaders[i] = value.argmax()
            moved = value[leaders[i]] - change
            stayed[i] = value >= moved
            np.maximum(value, moved, out=value)
        row = likelihood[i]
        value[:n] += row[(i + places) % n]
        value[n : 2 * n] += row[(places - i) % n]
    state = int(value.argmax())
    path = np.empty(n, np.int64)
    for i in range(n - 1, -1, -1):
        path[i] = state
        if i and not stayed[i, state]:
            state = int(leaders[i])
    return _of_path(path, likelihood)


def _change(n: int) -> float:
    """What a run must gain to be believed: the logarithm of how many runs it might be, and some more."""
    return float(np.log(4.0 * n) + 2)


def _of_path(path: Items, likelihood: Floats) -> tuple[Run, ...]:
    """Runs of the states along the items, no item of B on two of them."""
    n = len(path)
    places = np.arange(n)
    step = np.where(path < n, 1, -1)
    partner = np.where(path < n, (places + path) % n, (path - n - places) % n)
    on_run = path < 2 * n
    # Where a run goes round the end of B, what is beyond stands for itself.
    goes_on = (np.diff(path) == 0) & (np.diff(partner) == step[1:]) & on_run[1:]
    stretches = np.split(places, np.flatnonzero(~goes_on) + 1)
    gain = likelihood[places, partner]
    taken = np.zeros(n, bool)
    runs: list[Run] = []
    for stretch in sorted(stretches, key=len, reverse=True):
        free = stretch[on_run[stretch] & ~taken[partner[stretch]]]
        for items in np.split(free, np.flatnonzero(np.diff(free) != 1) + 1):
            if len(items) >= _LEAST_RUN and gain[items].sum() > _change(n):
                taken[partner[items]] = True
                runs.append(Run(int(items[0]), int(items[-1]) + 1, int(step[items[0]]), int(partner[items[0]])))
    return tuple(sorted(runs, key=lambda run: run.first))
