"""From spaces to estimates: which backend makes the distances, and which pairs are measured."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import TieOrderWarning, check_option, require
from foretell.measure import oracle
from foretell.measure.bits import Bits
from foretell.measure.conventions import (
    Convention,
    Estimate,
    Floats,
    ItemScores,
    Neighbours,
    Tally,
    check_convention,
    estimate,
)
from foretell.measure.distances import DistanceRows
from foretell.measure.distances.precomputed import OrderedRows, PrecomputedRows
from foretell.measure.inputs import Input, n_items
from foretell.tasks import checked_threads

__all__ = ["BACKENDS", "Measured", "Options", "Pair", "measure", "null"]

BACKENDS = ("auto", "numkong", "numpy")

Pair = tuple[int, int]


@dataclass(frozen=True)
class Measured:
    """Estimates of ordered pairs of spaces, with A's neighbours that each was read from."""

    estimates: Mapping[Pair, Estimate]
    neighbours: Mapping[Pair, Neighbours]


@dataclass(frozen=True)
class Options:
    """How pairs are measured, checked."""

    k: int
    convention: Convention
    errors: bool
    backend: str
    threads: int

    @classmethod
    def checked(cls, *, k: int, convention: str, backend: str, threads: int | None, errors: bool = True) -> Options:
        """Options by their names; "auto" and None are decided here. `k` is checked against the items later."""
        check_option("backend", backend, BACKENDS)
        check_option("errors", errors, (True, False))
        if backend == "auto":
            backend = "numkong" if find_spec("numkong") else "numpy"
        elif backend == "numkong":
            require("numkong", None)
        return cls(k, check_convention(convention), errors, backend, checked_threads(threads))


def measure(inputs: Sequence[Input], pairs: Sequence[Pair], options: Options) -> Measured:
    """Estimate `II(A -> B)` for ordered pairs (A, B) of places in `inputs`.

    A space in which all items are alike foretells nothing (1, exactly), and nothing foretells it (NaN).
    """
    constant = {place for place, space in enumerate(inputs) if _is_constant(space)}
    varied = [pair for pair in pairs if not constant.intersection(pair)]
    wanted = set(varied)
    if options.convention.name == "adjusted":
        wanted |= {(b, b) for _, b in varied}
    tallies = _tallies(inputs, sorted(wanted), options)
    size = n_items(inputs[0])
    estimates, neighbours = {}, {}
    for a, b in pairs:
        if (a, b) in tallies:
            estimates[a, b] = estimate(tallies[a, b], tallies.get((b, b)), options.convention)
            neighbours[a, b] = tallies[a, b].neighbours
        else:
            estimates[a, b] = _without_neighbours(size, np.nan if b in constant else 1.0, errors=options.errors)
            neighbours[a, b] = Neighbours(np.zeros(size + 1, np.int64), np.zeros(0, np.int32), np.zeros(0))
    return Measured(estimates, neighbours)


def null(
    inputs: Sequence[Input],
    measured: Measured,
    pairs: Sequence[Pair],
    permutations: NDArray[np.int32],
    options: Options,
) -> dict[Pair, Floats]:
    """Values of measured pairs (A, B) while item i of A goes with item ``permutations[p, i]`` of B, shape (P,).

    The neighbours are those already found; only their ranks are read anew.
    """
    convention = options.convention
    searched = {pair: measured.neighbours[pair] for pair in pairs if len(measured.neighbours[pair].candidate)}
    targets = sorted({b for _, b in searched})
    if options.backend == "numpy":
        ranks = {b: oracle.rank_matrix(_distances(inputs[b]), convention) for b in targets}
        sums = {pair: oracle.null_rank_sum(of, ranks[pair[1]], permutations) for pair, of in searched.items()}
    else:
        from foretell.measure.engine import walk
        from foretell.measure.reducers.imbalance import NullRankSums

        place = {b: number for number, b in enumerate(targets)}
        reducer = NullRankSums(
            {(a, place[b]): of for (a, b), of in searched.items()}, permutations, convention=convention
        )
        walk([_rows(inputs[b], convention) for b in targets], reducer, threads=options.threads)
        found = reducer.result()
        sums = {(a, b): found[a, place[b]] for a, b in searched}
    values = {}
    for pair in pairs:
        one = measured.estimates[pair]
        if pair in sums:
            values[pair] = one.value_at(sums[pair] / searched[pair].weight.sum())
        else:
            values[pair] = np.full(len(permutations), one.value)
    return values


def _tallies(inputs: Sequence[Input], pairs: Sequence[Pair], options: Options) -> dict[Pair, Tally]:
    k, convention, errors = options.k, options.convention, options.errors
    used = sorted({place for pair in pairs for place in pair})
    if options.backend == "numpy":
        distances = {place: _distances(inputs[place]) for place in used}
        if convention.by_order and any(_has_ties(d) for d in distances.values()):
            _warn_tie_order()
        return {(a, b): oracle.tally(distances[a], distances[b], k, convention, errors=errors) for a, b in pairs}
    from foretell.measure.engine import walk
    from foretell.measure.reducers.imbalance import Tallies

    number = {place: row for row, place in enumerate(used)}
    reducer = Tallies([(number[a], number[b]) for a, b in pairs], k=k, convention=convention, errors=errors)
    sources = [_rows(inputs[place], convention) for place in used]
    walk(sources, reducer, threads=options.threads)
    if any(isinstance(source, OrderedRows) and source.saw_ties for source in sources):
        _warn_tie_order()
    found = reducer.result()
    return {(a, b): found[number[a], number[b]] for a, b in pairs}


def _rows(space: Input, convention: Convention) -> DistanceRows:
    source: DistanceRows
    if isinstance(space, Bits):
        from foretell.measure.distances.popcount import HammingRows

        source = HammingRows(space)
    else:
        source = PrecomputedRows(space)
    return OrderedRows(source) if convention.by_order else source


def _distances(space: Input) -> NDArray[Any]:
    return oracle.hamming(space) if isinstance(space, Bits) else space


def _is_constant(space: Input) -> bool:
    """Whether no query has one candidate nearer than another, as when all items are identical."""
    if isinstance(space, Bits):
        from_first = np.bitwise_count(space.data[1:] ^ space.data[0]).sum(axis=(1, 2), dtype=np.int64)
        if (from_first != from_first[0]).any():
            return False
        if from_first[0] == 0:
            return True
    others = _off_diagonal(_distances(space))
    return bool((others == others[:, :1]).all())


def _has_ties(d: NDArray[Any]) -> bool:
    return bool((np.diff(np.sort(_off_diagonal(d), axis=1), axis=1) == 0).any())


def _off_diagonal(d: NDArray[Any]) -> NDArray[Any]:
    """Distances from each item to the others, shape (N, N - 1)."""
    return d[~np.eye(len(d), dtype=bool)].reshape(len(d), -1)


def _warn_tie_order() -> None:
    warnings.warn(
        "Tied distances were ranked by item order, as convention='glielmo' does: the value depends on that order; "
        "convention='adjusted' does not.",
        TieOrderWarning,
        stacklevel=5,
    )


def _without_neighbours(size: int, value: float, *, errors: bool) -> Estimate:
    """The value of a pair in which one space has no neighbours to tell: exact where there is one."""
    nobody = np.zeros(0, np.int32)
    scores = ItemScores(np.full(size, 0.0 * value), nobody, nobody, np.zeros(0)) if errors else None
    return Estimate(value, 0.0, np.nan, scores)
