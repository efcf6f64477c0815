"""Whether the items of two spaces go in pairs as given, and if not, how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Items, Numbers
from foretell.measure.imbalance.information_imbalance import imbalance_matrix
from foretell.studies.diagnose.findings import Finding, first_few
from foretell.studies.diagnose.matching import Closeness, Run, Runs, Search, closeness, evidence_from, pairs_of, search

if TYPE_CHECKING:
    import xarray as xr

BELIEVED = 8.0
"""Standard deviations of agreement from which another pairing than that given is believed. Where items in a row are
alike chance reaches further, so both this and what must be gained are scaled by `Search.spread`."""

_GAIN = 3.0  # standard deviations by which it must be better than that given

SHARED = 5.0
"""Standard deviations from which the pairs as given are believed to share something."""

SCATTERED = 0.05
"""Share of items with a wrong partner, here and there, from which that is said: of sound real pairs it reads to .03."""

_P_NOTHING = 0.002
_SHUFFLES = 1000
_LEAST_ITEMS = 20
_GAP = 8.0  # logarithm of the likelihood ratio from which items between two runs are out of order
_LEAST_SCATTERED = 3  # items in the upper quarter
_ROUNDS = 3
_CLEAR = 0.05  # rank of the right partner, as a share of all items, for the middle one of the items that have it
_SHOWN = 6


def find_pairing(
    a: Sequence[Numbers], b: Sequence[Numbers], *, alike: NDArray[np.bool_], k: int = 1, seed: int = 0
) -> tuple[list[Finding], str]:
    """Say whether pairs are right, shifted, scrambled, or without anything in common.

    Parameters
    ----------
    a, b : sequence of ndarray, shape (N, N)
        Distances in each layer looked at, none of which are all alike.
    alike : ndarray of bool, shape (N,)
        Places where items are alike with another on a side: they cannot be out of order.
    k : int
        Neighbours of the imbalances.
    seed : int
        Of the shuffles.

    Returns
    -------
    findings : list of Finding
        One at most.
    looked_at : str
    """
    n = len(a[0])
    if n < _LEAST_ITEMS:
        return [], f"pairs: not looked at, {n} items are too few to tell (at least {_LEAST_ITEMS})"
    of_a, of_b = closeness(a), closeness(b)
    best = search(of_a, of_b)
    measure = _Measure(a, b, k, seed)
    looked_at = (
        f"pairs: {n} items, {2 * n} shifts and reversals of all or part of them; the pairs as given agree by "
        f"{best.as_given:.1f} standard deviations of random pairs, the best shift of all ({best.shift:+d}) by "
        f"{best.shift_agreement:.1f}"
    )
    by_chance = max(1.0, best.spread)
    moved = any(run.step < 0 or run.lag for run in best.runs)
    if moved and best.agreement >= max(BELIEVED * by_chance, best.as_given + _GAIN * by_chance):
        finding: Finding | None = _rearranged(best, n, measure)
    elif best.as_given >= SHARED:
        finding = _out_of_order(of_a, of_b, best, alike, measure)
    else:
        finding = _nothing(best, n, measure)
    return [finding] if finding else [], looked_at


@dataclass(frozen=True, eq=False)
class _Measure:
    """Imbalances of the layers that are looked at."""

    a: Sequence[Numbers]
    b: Sequence[Numbers]
    k: int
    seed: int

    def least(self, in_a: Items, in_b: Items) -> str:
        """Least imbalance over the layers, both ways, of items of A with items of B."""
        return _both(self._of(in_a, in_b)["imbalance"].min(("a", "b")).values)

    def p_values(self) -> Floats:
        """Both ways, of the least imbalance of all items against shuffled pairs."""
        everyone = np.arange(len(self.a[0]))
        return np.asarray(self._of(everyone, everyone, null=_SHUFFLES, seed=self.seed)["p_value_minimum"].values)

    def without(self, right: Items, n: int) -> dict[str, float | int | str]:
        """Evidence that others than the right items spoil the imbalance: as many, drawn from all, are worse."""
        drawn = np.sort(np.random.default_rng(self.seed).choice(n, len(right), replace=False))
        return {
            f"imbalance, A -> B and B -> A, of any {len(right)} items": self.least(drawn, drawn),
            "imbalance of those that do go with their partner, of as many": self.least(right, right),
        }

    def _of(self, in_a: Items, in_b: Items, **options: Any) -> xr.Dataset:
        sides = ([d[np.ix_(rows, rows)] for d in side] for side, rows in ((self.a, in_a), (self.b, in_b)))
        return imbalance_matrix(*sides, k=self.k, metric="precomputed", errors=False, **options)


def _rearranged(best: Search, n: int, measure: _Measure) -> Finding:
    """Pairs that go together in another order, which is known."""
    fault, sentence, remedy = _named(best.runs, n)
    in_a, in_b = pairs = pairs_of(best.runs)
    evidence: dict[str, float | int | str] = {
        "agreement as given, in standard deviations": round(best.as_given, 1),
        "agreement repaired": round(best.agreement, 1),
        f"imbalance as given, A -> B and B -> A, of {len(in_a)} items": measure.least(in_a, in_a),
        "imbalance repaired, of as many": measure.least(in_a, in_b),
        "runs": _runs_in_words(best.runs),
    }
    return Finding(fault, sentence, evidence, remedy, pairs)


def _named(runs: Runs, n: int) -> tuple[str, str, str]:
    """Fault, sentence and remedy for runs of which some are moved."""
    moved = [run for run in runs if run.step < 0 or run.lag]
    reverse = [run for run in moved if run.step < 0]
    if not reverse:
        # Round the end, a shift by s is one by s - n: of the two, the shorter.
        lags = [(run.lag + n // 2) % n - n // 2 for run in runs]
        changes = [0, *(np.flatnonzero(np.diff(lags)) + 1).tolist()]
        if len(changes) == 1:
            ends = ", round the end." if len({run.lag for run in runs}) > 1 else "."
            return (
                "pairs_shifted",
                f"Pairs are shifted: item i of A goes with item i {_signed(lags[0])} of B{ends}",
                f"pair A[i] with B[i {_signed(lags[0])}]: look for a header, or an item dropped or repeated, at the "
                "beginning",
            )
        growth = np.diff([lags[at] for at in changes])
        if (growth > 0).all() or (growth < 0).all():  # as where items are missing on one side
            where = [
                f"with item i {_signed(lags[at])} of B from item {runs[at].first} on"
                for at in changes
                if lags[at] or runs[at].first
            ]
            return (
                "pairs_shifted",
                f"Pairs are shifted part way: item i of A goes {', '.join(where)}.",
                "look there for an item that one side lacks or has twice; leave it out on the other side as well",
            )
    if reverse and len(runs) == 1:
        return "pairs_scrambled", "B is in the reverse order of A.", "turn one of the sides round: B[::-1]"
    kind = "blocks are moved"
    if reverse:
        kind = "a block is reversed" if len(moved) == 1 else "blocks are reversed or moved"
    return (
        "pairs_scrambled",
        f"Part of the pairs is out of order, {kind}: {_runs_in_words(moved)}.",
        "put the items of B into the order of the repair (Finding.repair: places in A, and below them in B)",
    )


def _out_of_order(
    a: Closeness, b: Closeness, best: Search, alike: NDArray[np.bool_], measure: _Measure
) -> Finding | None:
    """Blocks or single items that go with nobody in their place, among others that are right."""
    n = len(a)
    everyone = np.arange(n)
    weight = np.ones(n)
    for _ in range(_ROUNDS):
        evidence = evidence_from(a, b, np.array([everyone, everyone]), weight)
        weight = np.clip(np.diag(evidence), 0, 2)
    rank = np.where(alike, 0.0, _own_rank(evidence))
    gaps = _gaps(best.runs, np.diag(evidence), alike)
    wrong = _wrong(rank)
    of_right = float(np.quantile(rank, max(0.0, 1 - wrong) / 2))
    many = wrong >= SCATTERED and np.count_nonzero(rank > 0.75) >= _LEAST_SCATTERED
    if not gaps and not (many and of_right <= _CLEAR):
        return None
    in_gap = np.zeros(n, bool)
    for first, stop in gaps:
        in_gap[first:stop] = True
    right = ~in_gap if gaps else rank <= 2 * _CLEAR
    if gaps:
        where = f"items {first_few([f'{first} to {stop - 1}' for first, stop in gaps])}, {in_gap.mean():.0%} of all"
        sentence = f"{where}; no shift or reversal of them was found that repairs it."
        remedy = "sort both sides by id there, or leave these items out"
    else:
        sentence = f"about {wrong:.0%} of the items, here and there, go with another item than their partner."
        remedy = "join both sides by id anew: single rows were sorted, dropped or matched wrongly"
    worst = np.argsort(-rank)[:_SHOWN]
    return Finding(
        "pairs_scrambled",
        f"Part of the pairs is out of order: {sentence}",
        {
            "share of items that go with their partner no better than with others": f"{wrong:.2f}",
            "rank of the partner as a share of all, median there": round(float(np.median(rank[~right])), 4),
            "the same of the other items": round(float(np.median(rank[right])), 4),
            "among the worst items": ", ".join(map(str, worst.tolist())),
            **measure.without(np.flatnonzero(right), n),
        },
        remedy,
        np.array([np.flatnonzero(right)] * 2),
    )


def _nothing(best: Search, n: int, measure: _Measure) -> Finding | None:
    """No agreement, and an imbalance no lower than that of shuffled pairs."""
    p_values = measure.p_values()
    if p_values.min() <= _P_NOTHING:
        return None
    return Finding(
        "nothing_shared",
        "Nothing shared, or fully scrambled: which of the two cannot be told, since no pair is known to be right.",
        {
            "agreement as given, in standard deviations of random pairs": round(best.as_given, 1),
            f"agreement of the best of {2 * n} shifts and reversals": round(
                max(best.shift_agreement, best.agreement), 1
            ),
            f"least imbalance, A -> B and B -> A, of {n} items": measure.least(np.arange(n), np.arange(n)),
            "p against shuffled pairs": _both(p_values),
        },
        "check by id that both sides are of the same items; if they are, these layers share nothing: look at others",
    )


def _own_rank(evidence: Closeness) -> Floats:
    """For each item, the share of others that go with it as well as its partner does, mean of both ways."""
    own = np.diag(evidence)
    n = len(own)
    by_row = (evidence >= own[:, None]).sum(axis=1) - 1
    by_column = (evidence >= own).sum(axis=0) - 1
    return np.asarray((by_row + by_column) / (2 * (n - 1)))


def _gaps(runs: Runs, evidence: Floats, alike: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of items outside the runs of pairs as given, which are likelier to go with nobody than with theirs.

    Evidence is taken as normal of standard deviation 1, of mean 0 where items do not go together.
    """
    right = [run for run in runs if run.step > 0 and not run.lag]
    if not right:
        return []
    mean = max(0.5, float(np.median(np.concatenate([evidence[run.first : run.stop] for run in right]))))
    against = np.where(alike, 0, mean**2 / 2 - mean * evidence)
    stops, firsts = [0, *(run.stop for run in right)], [*(run.first for run in right), len(evidence)]
    return [(stop, first) for stop, first in zip(stops, firsts, strict=True) if against[stop:first].sum() >= _GAP]


def _wrong(rank: Floats) -> float:
    """Share of items with a wrong partner.

    Of items with a wrong partner half are in the upper half, and a quarter in the upper quarter; of right ones few, and
    those towards the lower end.
    """
    return min(1.0, 2 * float((rank > 0.5).mean()), 4 * float((rank > 0.75).mean()))


def _runs_in_words(runs: Sequence[Run]) -> str:
    words = []
    for run in runs:
        last = run.partner + run.step * (run.stop - run.first - 1)
        down = "" if run.step > 0 else "down "
        words.append(f"items {run.first} to {run.stop - 1} of A with {run.partner} {down}to {last}")
    return first_few(words, "; ")


def _signed(lag: int) -> str:
    return f"{'+' if lag >= 0 else '-'} {abs(lag)}"


def _both(values: Floats) -> str:
    return f"{values[0]:.3f}, {values[1]:.3f}"
