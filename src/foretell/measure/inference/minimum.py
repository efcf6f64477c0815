"""Where a curve of imbalances is lowest, and how surely.

"Indistinguishable from the minimum" shrinks as items are added, so it says more of N than of a model.
Two things are given instead: the confidence set of the minimising layer, and regions of layers within a
stated share of the way from the minimum to 1, which do not depend on N but for their error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.inference.standard_errors import Scores

_DRAWS = 4000
_LEVEL = 0.95
_SAME = 1e-8  # standard errors of a difference below this are 0 but for rounding


@dataclass(frozen=True)
class Region:
    """Neighbouring layers, as places on the curve, both ends included.

    Attributes
    ----------
    start, stop : int
        First and last place.
    start_range, stop_range : (int, int)
        Least and greatest place where that end may be: layers are taken in until one lies above the
        threshold, and left out until one lies below it, by half a 95 % interval of the difference.
    """

    start: int
    stop: int
    start_range: tuple[int, int]
    stop_range: tuple[int, int]


@dataclass(frozen=True)
class Minimum:
    """What is known of where the expected curve is lowest.

    Attributes
    ----------
    places : tuple of int
        Confidence set of the minimising place, in order.
    flat : bool
        Whether no place can be told from any other.
    """

    places: tuple[int, ...]
    flat: bool


def minimum(scores: Scores, *, seed: int = 0) -> Minimum:
    """Find which places may hold the minimum of the expected curve, and whether there is one at all.

    A place is in the set unless it lies above some other by more than a critical number of standard errors of their
    difference. The number is the .95 quantile of its greatest such ratio to any other place, were all equal:
    drawn from Student's distribution with the curve's own covariance, so simultaneous over the places.
    The curve is flat unless some two places differ by more than the same quantile over all pairs.

    Parameters
    ----------
    scores : Scores
        Of the curve's cells, in order. Cells without a value (NaN) are in no set.
    seed : int, default 0
        Of the draws.
    """
    valid = np.flatnonzero(np.isfinite(scores.values))
    values = scores.values[valid]
    covariance = scores.covariance()[np.ix_(valid, valid)]
    if not np.isfinite(covariance).all():  # too few items for errors: nothing can be told apart
        return Minimum(tuple(int(place) for place in valid), flat=True)
    variance = np.diag(covariance)
    with np.errstate(invalid="ignore"):
        error = np.sqrt(variance[:, None] + variance - 2 * covariance)
    error[~(error > _SAME)] = np.inf  # a place and itself, and places that cannot differ

    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((_DRAWS, len(valid))) @ _root(covariance).T
    freedom = scores.n_groups - 1
    draws /= np.sqrt(rng.chisquare(freedom, (_DRAWS, 1)) / freedom)
    greatest = np.stack([((own[:, None] - draws) / error[place]).max(axis=1) for place, own in enumerate(draws.T)])
    ratio = ((values[:, None] - values) / error).max(axis=1)
    among = ratio <= np.quantile(greatest, _LEVEL, axis=1)
    flat = bool(ratio.max() <= np.quantile(greatest.max(axis=0), _LEVEL))
    return Minimum(tuple(int(place) for place in valid[among]), flat)


def regions(scores: Scores, *, tau: float = 0.05) -> tuple[Region, ...]:
    """Runs of places with ``value <= minimum + tau (1 - minimum)``, their ends with 95 % intervals.

    Two such runs are two regions only where some place between them is surely above the threshold, by half a 95 %
    interval of the difference: one noisy place on a plateau does not split it.

    Parameters
    ----------
    scores : Scores
        Of the curve's cells, in order. Cells without a value (NaN) are in no region, and part those beside them.
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
    margin = scores.critical * excess.stderr()
    inside, surely_in, surely_out = over <= 0, over + margin < 0, over - margin > 0
    return tuple(
        Region(
            start=first,
            stop=last,
            start_range=(_reach(first, -1, surely_out), _retreat(first, last, surely_in)),
            stop_range=(_retreat(last, first, surely_in), _reach(last, 1, surely_out)),
        )
        for first, last in _joined(_runs(inside), surely_out)
    )


def _runs(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(int)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]


def _joined(runs: list[tuple[int, int]], surely_out: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Join runs that no place surely out keeps apart."""
    joined = runs[:1]
    for first, last in runs[1:]:
        before = joined[-1]
        if surely_out[before[1] + 1 : first].any():
            joined.append((first, last))
        else:
            joined[-1] = (before[0], last)
    return joined


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
    """Square root of a covariance, whose eigenvalues are negative by rounding alone."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
