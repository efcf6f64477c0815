"""Where a curve of imbalances is lowest, and how surely.

"Indistinguishable from the minimum" shrinks as items are added, so it says more of N than of a model.
Two things are given instead: the confidence set of the minimising layer, and regions of layers within a
stated share of the way from the minimum to 1, which do not depend on N but for their error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.measure.conventions import Floats
from foretell.measure.inference import Scores

__all__ = ["Region", "minimum_set", "regions"]

_DRAWS = 4000
_Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Region:
    """A run of layers, as places on the curve, both ends included.

    Attributes
    ----------
    start, stop : int
        First and last place.
    start_range, stop_range : (int, int)
        Least and greatest place where that end may be: layers are taken in until one lies above the
        threshold, and left out until one lies below it, by 1.96 standard errors of the difference.
    """

    start: int
    stop: int
    start_range: tuple[int, int]
    stop_range: tuple[int, int]


def minimum_set(scores: Scores, *, level: float = 0.95, seed: int = 0) -> tuple[int, ...]:
    """Confidence set of the place where the expected curve is lowest.

    A place is left out if some other lies below it by more than a critical number of standard errors of their
    difference. The number is the `level` quantile of the greatest such ratio over all pairs, drawn from the normal
    distribution with the curve's own covariance: so the set is simultaneous, and a curve that is flat is left
    whole with probability `level`.

    Parameters
    ----------
    scores : Scores
        Of the curve's cells, in order. Cells without a value (NaN) are in no set.
    level : float, default 0.95
    seed : int, default 0
        Of the draws.

    Returns
    -------
    tuple of int
        Places on the curve, in order.
    """
    valid = np.flatnonzero(np.isfinite(scores.values))
    values = scores.values[valid]
    covariance = scores.covariance()[np.ix_(valid, valid)]
    variance = np.diag(covariance)
    with np.errstate(invalid="ignore"):
        error = np.sqrt(variance[:, None] + variance - 2 * covariance)
    error[error < 1e-12] = np.nan  # places that cannot differ, one of them and itself included
    upper = np.triu_indices(len(valid), 1)
    resolvable = np.isfinite(error[upper])
    if not resolvable.any():
        return tuple(int(place) for place in valid)

    draws = np.random.default_rng(seed).standard_normal((_DRAWS, len(valid))) @ _root(covariance).T
    ratios = np.abs(draws[:, upper[0]] - draws[:, upper[1]])[:, resolvable] / error[upper][resolvable]
    critical = np.quantile(ratios.max(axis=1), level)
    above = (values[:, None] - values) / error > critical
    return tuple(int(place) for place in valid[~above.any(axis=1)])


def regions(scores: Scores, *, tau: float = 0.05) -> tuple[Region, ...]:
    """Runs of places with ``value <= minimum + tau (1 - minimum)``, their ends with 95 % intervals.

    Parameters
    ----------
    scores : Scores
        Of the curve's cells, in order. Cells without a value (NaN) are in no region.
    tau : float, default 0.05
        Share of the way from the minimum to 1.

    Returns
    -------
    tuple of Region
        In order; the minimum is in one of them.
    """
    values = scores.values
    lowest = int(np.nanargmin(values))
    # value - (1 - tau) minimum - tau, a contrast but for the constant: at or below 0 inside.
    weights = np.eye(len(values))
    weights[:, lowest] -= 1 - tau
    weights[np.isnan(values)] = 0
    excess = scores.combine(weights)
    over = np.where(np.isnan(values), np.inf, excess.values - tau)
    margin = _Z_95 * excess.stderr()
    inside, surely_in, surely_out = over <= 0, over + margin < 0, over - margin > 0
    return tuple(
        Region(
            start=first,
            stop=last,
            start_range=(_reach(first, -1, surely_out), _retreat(first, last, surely_in)),
            stop_range=(_retreat(last, first, surely_in), _reach(last, 1, surely_out)),
        )
        for first, last in _runs(inside)
    )


def _runs(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(int)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]


def _reach(end: int, step: int, surely_out: NDArray[np.bool_]) -> int:
    """Go outwards from an end as far as layers are not surely out."""
    while 0 <= end + step < len(surely_out) and not surely_out[end + step]:
        end += step
    return end


def _retreat(end: int, other_end: int, surely_in: NDArray[np.bool_]) -> int:
    """Go inwards from an end to the first layer that is surely in, or to the other end."""
    step = 1 if other_end >= end else -1
    while end != other_end and not surely_in[end]:
        end += step
    return end


def _root(covariance: Floats) -> Floats:
    """Square root of a covariance, whose negative eigenvalues (of few items) count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
