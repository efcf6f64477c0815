"""Whether the items of two spaces go in pairs as given, and if not, how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Items, Numbers
from foretell.measure.imbalance.information_imbalance import imbalance_matrix
from foretell.studies.diagnose.agreement import Closeness, closeness, z_of
from foretell.studies.diagnose.findings import Finding
from foretell.studies.diagnose.matching import Matching, Run, Search, search, strength

__all__ = ["Pairing", "find_pairing"]

BELIEVED = 8.0
"""Standard deviations of agreement from which another pairing than that given is believed. Of independent spaces of 1
to 40 dimensions and 30 to 200 items, the best of all shifts and runs reached 5.5 at most in 480 searches. Where items
in a row are alike chance reaches further, so both this and what must be gained are scaled by `Search.spread`."""

_GAIN = 3.0  # standard deviations by which it must be better than that given

SHARED = 5.0
"""Standard deviations from which the pairs as given are believed to share something."""

SCATTERED = 0.05
"""Share of items with a wrong partner, here and there, from which that is said: of sound real pairs it reads to .03."""

_P_NOTHING = 0.002
_SHUFFLES = 1000
_LEAST_ITEMS = 20
_LEAST_GAP = 5
_LEAST_SCATTERED = 3  # items in the upper quarter
_ROUNDS = 3
_CLEAR = 0.05  # rank of the right partner, as a share of all items, for the middle one of the items that have it
_SHOWN = 6


@dataclass(frozen=True)
class Pairing:
    """What was found of the pairs.

    Parameters
    ----------
    findings : tuple of Finding
        One at most.
    looked_at : str
    """

    findings: tuple[Finding, ...]
    looked_at: str


def find_pairing(
    a: Sequence[Numbers], b: Sequence[Numbers], *, alike: NDArray[np.bool_], k: int = 1, seed: int = 0
) -> Pairing:
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
    """
    n = len(a[0])
    if n < _LEAST_ITEMS:
        return Pairing((), f"pairs: not looked at, {n} items are too few to tell (at least {_LEAST_ITEMS})")
    of_a, of_b = closeness(a), closeness(b)
    found = search(of_a, of_b)
    z_given, z_best = z_of(found.as_given, n), z_of(found.best.agreement, n)
    measure = _Measure(a, b, k, seed)
    looked_at = (
        f"pairs: {n} items, {found.n_tried} shifts and reversals of all or part of them; the pairs as given agree by "
        f"{z_given:.1f} standard deviations of random pairs, the best shift of all ({found.shift:+d}) by "
        f"{z_of(found.shift_agreement, n):.1f}"
    )
    runs = found.best.runs
    moved = [run for run in runs if run.step < 0 or run.lag]
    by_chance = max(1.0, found.spread)
    if moved and z_best >= max(BELIEVED * by_chance, z_given + _GAIN * by_chance):
        return Pairing((_rearranged(found, n, z_given, z_best, measure),), looked_at)
    if z_given >= SHARED:
        # A run that gains too little to be believed is a part of what is out of order.
        right = Matching(tuple(run for run in runs if run.step > 0 and not run.lag), 0.0)
        gaps = _gaps(right.runs, alike) if right.runs and z_best >= BELIEVED else []
        if gaps:
            return Pairing((_scrambled_block(of_a, of_b, right.pairs, gaps, n, measure),), looked_at)
        scattered = _scattered(of_a, of_b, alike, measure)
        return Pairing((scattered,) if scattered else (), looked_at)
    p_values = measure.p_values()
    if p_values.min() > _P_NOTHING:
        before = measure.imbalance(np.arange(n), np.arange(n))
        return Pairing((_nothing(found, n, z_given, before, p_values),), looked_at)
    return Pairing((), looked_at)


@dataclass(frozen=True, eq=False)
class _Measure:
    a: Sequence[Numbers]
    b: Sequence[Numbers]
    k: int
    seed: int

    def imbalance(self, in_a: Items, in_b: Items) -> tuple[float, float]:
        """Least imbalance over the layers, both ways, of items of A with items of B."""
        result = imbalance_matrix(
            [d[np.ix_(in_a, in_a)] for d in self.a],
            [d[np.ix_(in_b, in_b)] for d in self.b],
            k=self.k,
            metric="precomputed",
            errors=False,
        )
        least = result["imbalance"].min(("a", "b")).values
        return float(least[0]), float(least[1])

    def p_values(self) -> Floats:
        """Both ways, of the least imbalance against shuffled pairs."""
        result = imbalance_matrix(
            list(self.a),
            list(self.b),
            k=self.k,
            metric="precomputed",
            errors=False,
            null=_SHUFFLES,
            seed=self.seed,
        )
        return np.asarray(result["p_value_minimum"].values)


def _rearranged(found: Search, n: int, z_given: float, z_best: float, measure: _Measure) -> Finding:
    """Pairs that go together in another order, which is known."""
    runs, pairs = found.best.runs, found.best.pairs
    fault, said, remedy = _named(runs, n)
    in_a, in_b = pairs
    given = in_a[in_a < n]
    before, after = measure.imbalance(given, given), measure.imbalance(in_a, in_b)
    evidence: dict[str, float | int | str] = {
        "agreement as given, in standard deviations": round(z_given, 1),
        "agreement repaired": round(z_best, 1),
        f"imbalance as given, A -> B and B -> A, of {len(given)} items": _both(before),
        "imbalance repaired, of as many": _both(after),
        "runs": "; ".join(_run_in_words(run) for run in runs[:_SHOWN]) + ("; ..." if len(runs) > _SHOWN else ""),
    }
    return Finding(fault, said, evidence, remedy, pairs)


def _named(runs: tuple[Run, ...], n: int) -> tuple[str, str, str]:
    """Fault, sentence and remedy for runs of which some are moved."""
    remedy = "put the items of B into the order of the repair (Finding.repair: places in A, and below them in B)"
    lags = [run.lag for run in runs]
    shifts = sorted({lag % n for lag in lags})
    forward = all(run.step > 0 for run in runs)
    if forward and len(shifts) == 1:
        lag = shifts[0] if 2 * shifts[0] <= n else shifts[0] - n
        goes_round = len(set(lags)) > 1
        return (
            "pairs_shifted",
            f"Pairs are shifted: item i of A goes with item i {_signed(lag)} of B"
            + (", round the end." if goes_round else "."),
            f"pair A[i] with B[i {_signed(lag)}]: look for a header, or an item dropped or repeated, at the beginning",
        )
    if forward and _goes_one_way(_without_wrap(runs, n)):
        kept = _without_wrap(runs, n)
        changes = [
            f"with item i {_signed(run.lag)} of B from item {run.first} on" for run in kept if run.lag or run.first
        ]
        return (
            "pairs_shifted",
            f"Pairs are shifted part way: item i of A goes {', '.join(changes)}.",
            "look there for an item that one side lacks or has twice; leave it out on the other side as well",
        )
    moved = [run for run in runs if run.step < 0 or run.lag]
    backward = [run for run in moved if run.step < 0]
    if len(runs) == 1 and backward:
        return "pairs_scrambled", "B is in the reverse order of A.", "turn one of the sides round: B[::-1]"
    in_words = "; ".join(_run_in_words(run) for run in moved[:_SHOWN]) + ("; ..." if len(moved) > _SHOWN else "")
    if len(moved) == 1 and backward:
        kind = "a block is reversed"
    else:
        kind = "blocks are reversed or moved" if backward else "blocks are moved"
    return "pairs_scrambled", f"Part of the pairs is out of order, {kind}: {in_words}.", remedy


def _without_wrap(runs: tuple[Run, ...], n: int) -> tuple[Run, ...]:
    """Runs but for a last one that is what a shift before it brings round from the end of B."""
    last = runs[-1]
    goes_round = len(runs) > 2 and last.stop == n and last.lag < 0 < runs[-2].lag
    if goes_round and runs[-2].partners[-1] == n - 1 and last.partner == runs[-2].first:
        return runs[:-1]
    return runs


def _goes_one_way(runs: tuple[Run, ...]) -> bool:
    """Whether shifts only grow or only fall, as where items are missing on one side."""
    changes = np.diff([run.lag for run in runs])
    return bool((changes > 0).all() or (changes < 0).all()) or len(runs) == 1


def _scrambled_block(
    a: Closeness, b: Closeness, pairs: Items, gaps: Sequence[tuple[int, int]], n: int, measure: _Measure
) -> Finding:
    """Blocks of items that go with nobody, among others that are right."""
    right = pairs[0]
    wrong = np.setdiff1d(np.arange(n), right)
    rank = _own_rank(strength(a, b, pairs))
    drawn = np.sort(np.random.default_rng(measure.seed).choice(n, len(right), replace=False))
    ranges = ", ".join(f"{first} to {stop - 1}" for first, stop in gaps[:_SHOWN]) + (
        ", ..." if len(gaps) > _SHOWN else ""
    )
    return Finding(
        "pairs_scrambled",
        f"Part of the pairs is out of order: items {ranges}, {len(wrong) / n:.0%} of all; no shift or reversal of "
        "them was found that repairs it.",
        {
            "share of items that go with their partner no better than with others, there": _share(rank[wrong]),
            "the same of the other items": _share(rank[right]),
            f"imbalance, A -> B and B -> A, of any {len(right)} items": _both(measure.imbalance(drawn, drawn)),
            "imbalance of the others, of as many": _both(measure.imbalance(right, right)),
        },
        "sort both sides by id there, or leave these items out",
        np.array([right, right]),
    )


def _scattered(a: Closeness, b: Closeness, alike: NDArray[np.bool_], measure: _Measure) -> Finding | None:
    """Single items, here and there, that go with nobody in their place."""
    n = len(a)
    everyone = np.arange(n)
    pairs = np.array([everyone, everyone])
    evidence = strength(a, b, pairs)
    for _ in range(_ROUNDS):
        evidence = strength(a, b, pairs, np.clip(np.diag(evidence), 0, 2).astype(float))
    rank = np.where(alike, 0.0, _own_rank(evidence))
    # Of items with a wrong partner half are in the upper half, and a quarter in the upper quarter; of right ones few,
    # and those towards the lower end.
    wrong = _wrong(rank)
    of_right = float(np.quantile(rank, max(0.0, 1 - wrong) / 2))
    if wrong < SCATTERED or of_right > _CLEAR or np.count_nonzero(rank > 0.75) < _LEAST_SCATTERED:
        return None
    worst = np.argsort(-rank)[:_SHOWN]
    right = np.flatnonzero(rank <= 2 * _CLEAR)
    drawn = np.sort(np.random.default_rng(measure.seed).choice(n, len(right), replace=False))
    return Finding(
        "pairs_scrambled",
        f"Part of the pairs is out of order: about {wrong:.0%} of the items, here and there, go with another item "
        "than their partner.",
        {
            "share of items that go with their partner no better than with others": _share(rank),
            "rank of the partner for the middle one of the other items, as a share of all": round(of_right, 4),
            "among the worst items": ", ".join(map(str, worst.tolist())),
            f"imbalance, A -> B and B -> A, of any {len(right)} items": _both(measure.imbalance(drawn, drawn)),
            "imbalance of those that do go with their partner, of as many": _both(measure.imbalance(right, right)),
        },
        "join both sides by id anew: single rows were sorted, dropped or matched wrongly",
    )


def _nothing(found: Search, n: int, z_given: float, before: tuple[float, float], p_values: Floats) -> Finding:
    return Finding(
        "nothing_shared",
        "Nothing shared, or fully scrambled: which of the two cannot be told, since no pair is known to be right.",
        {
            "agreement as given, in standard deviations of random pairs": round(z_given, 1),
            f"agreement of the best of {found.n_tried} shifts and reversals": round(
                max(z_of(found.shift_agreement, n), z_of(found.best.agreement, n)), 1
            ),
            f"least imbalance, A -> B and B -> A, of {n} items": _both(before),
            "p against shuffled pairs": _both((float(p_values[0]), float(p_values[1]))),
        },
        "check by id that both sides are of the same items; if they are, these layers share nothing: look at others",
    )


def _own_rank(evidence: Floats) -> Floats:
    """For each item, the share of others that go with it as well as its partner does, mean of both ways."""
    own = np.diag(evidence)
    n = len(own)
    by_row = (evidence >= own[:, None]).sum(axis=1) - 1
    by_column = (evidence >= own).sum(axis=0) - 1
    return np.asarray((by_row + by_column) / (2 * (n - 1)))


def _gaps(runs: tuple[Run, ...], alike: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of items on no run, of which enough might have been."""
    stops = [0, *(run.stop for run in runs)]
    firsts = [*(run.first for run in runs), len(alike)]
    return [
        (stop, first)
        for stop, first in zip(stops, firsts, strict=True)
        if np.count_nonzero(~alike[stop:first]) >= _LEAST_GAP
    ]


def _wrong(rank: Floats) -> float:
    """Share of items with a wrong partner, from the ranks of partners: those of wrong ones are anywhere from 0 to 1."""
    return min(1.0, 2 * float((rank > 0.5).mean()), 4 * float((rank > 0.75).mean()))


def _share(rank: Floats) -> str:
    return f"{_wrong(rank):.2f}"


def _run_in_words(run: Run) -> str:
    last = int(run.partners[-1])
    return f"items {run.first} to {run.stop - 1} of A with {run.partner} {'to' if run.step > 0 else 'down to'} {last}"


def _signed(lag: int) -> str:
    return f"{'+' if lag >= 0 else '-'} {abs(lag)}"


def _both(values: tuple[float, float]) -> str:
    return f"{values[0]:.3f}, {values[1]:.3f}"
