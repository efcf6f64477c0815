"""The oracle of the measures beside the imbalance: each as its formula is written, in plain numpy.

Every function takes distances of shape (N, N), whose diagonal is not read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats
from foretell.measure.distances.backends import distances
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.conventions import CONVENTIONS
from foretell.measure.imbalance.estimation.oracle import neighbour_weights
from foretell.measure.similarity.measures import MEASURES
from foretell.measure.spaces.inputs import as_input

Distances = NDArray[Any]


def weights(d: Distances, k: int, *, all_tied: bool = False) -> Floats:
    """Weight of each item among the k nearest of each, shape (N, N); with `all_tied` 1 for all tied with the k-th."""
    convention = CONVENTIONS["paper" if all_tied else "adjusted"]
    found = np.zeros(d.shape)
    for i, row in enumerate(d):
        others = np.delete(np.arange(len(d)), i)
        found[i, others] = neighbour_weights(row[others], k, convention)
    return found


def overlap(d_a: Distances, d_b: Distances, k: int) -> float:
    """Common neighbours over the mean number of neighbours, averaged over items."""
    a, b = (weights(d, k, all_tied=True) > 0 for d in (d_a, d_b))
    return float(np.mean((a & b).sum(axis=1) / ((a.sum(axis=1) + b.sum(axis=1)) / 2)))


def mutual_knn(d_a: Distances, d_b: Distances, k: int) -> float:
    """Weight that both spaces give to the same neighbours, averaged over items."""
    return float(np.minimum(weights(d_a, k), weights(d_b, k)).sum(axis=1).mean())


def hsic(kernel: Floats, other: Floats) -> float:
    """The Hilbert-Schmidt independence criterion without bias, times N (N - 3); the mean over both orders.

    Of symmetric kernels both orders are the same (Song et al. 2012, equation 5).
    """
    n = len(kernel)
    k, l = (np.where(np.eye(n, dtype=bool), 0.0, x) for x in (kernel, other))  # noqa: E741
    both = ((k @ l).sum() + (l @ k).sum()) / 2
    terms = np.array([np.trace(k @ l), k.sum() * l.sum() / ((n - 1) * (n - 2)), -2 * both / (n - 2)])
    h = float(terms.sum())
    # What is 0 but for rounding is 0.
    return h if abs(h) > 1e-12 * np.abs(terms).sum() else 0.0


def aligned(h_ab: float, h_aa: float, h_bb: float) -> float:
    """The cosine of two kernels; NaN where one has no length."""
    return float(h_ab / np.sqrt(h_aa * h_bb)) if h_aa > 0 and h_bb > 0 else float("nan")


def cka(d_a: Distances, d_b: Distances) -> float:
    """Debiased CKA of minus the distances as kernels: Hamming distances, or squared Euclidean ones."""
    a, b = (-spread(d) for d in (d_a, d_b))
    return aligned(hsic(a, b), *(hsic(x, x) if hsic(x, x) > 1e-10 * (x**2).sum() else 0.0 for x in (a, b)))


def spread(d: Distances) -> Floats:
    """Distances less their mean, divided by their standard deviation where there is one, so that sums lose nothing."""
    x = d.astype(np.float64)
    others = ~np.eye(len(d), dtype=bool)
    return np.where(others, (x - x[others].mean()) / (x[others].std() or 1.0), 0.0)


def cknna(d_a: Distances, d_b: Distances, k: int, slopes: tuple[float, float]) -> float:
    """CKA of kernels 1 - slope x distance of which all but common neighbours are masked, by their weight."""
    w_a, w_b = weights(d_a, k), weights(d_b, k)
    a, b = (1 - slope * d for d, slope in zip((d_a, d_b), slopes, strict=True))

    def masked(w: Floats, kernel: Floats, other: Floats) -> float:
        return hsic(k * w * kernel, k * w * other)

    return aligned(masked(np.minimum(w_a, w_b), a, b), masked(w_a, a, a), masked(w_b, b, b))


def pairs_of_items(d: Distances) -> Floats:
    """All distances between different items, both ways, shape (N (N - 1),)."""
    return d[~np.eye(len(d), dtype=bool)].astype(np.float64)


def average_ranks(x: Floats) -> Floats:
    """Rank of each number, those that are the same sharing the mean of theirs."""
    ordered = np.sort(x)
    return (np.searchsorted(ordered, x, "left") + np.searchsorted(ordered, x, "right") + 1) / 2


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation; NaN where one does not vary."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def similarities(a: Any, b: Any, k: int, metric: str) -> dict[str, float]:
    """Every measure of two spaces that a metric allows, NaN where all items of one are equally far apart."""
    inputs = [as_input(x, metric, name) for name, x in (("a", a), ("b", b))]
    d_a, d_b = (oracle.distances(x, metric) for x in inputs)
    apart = [pairs_of_items(np.sqrt(d) if metric == "euclidean" else d) for d in (d_a, d_b)]
    slopes = [2 / (distances(x, metric, "numba").greatest or 4) for x in inputs]
    found = {
        "cka": cka(d_a, d_b),
        "mutual_knn": mutual_knn(d_a, d_b, k),
        "overlap": overlap(d_a, d_b, k),
        "cknna": cknna(d_a, d_b, k, (slopes[0], slopes[1])),
        "rsa_pearson": pearson(*apart),
        "rsa_spearman": pearson(*(average_ranks(x) for x in apart)),
    }
    constant = any((rows == rows[:, :1]).all() for rows in (x.reshape(len(d_a), -1) for x in apart))
    return {name: np.nan if constant else value for name, value in found.items() if metric in MEASURES[name].metrics}
