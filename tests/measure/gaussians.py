"""Gaussian spaces whose imbalance is known: by a Monte-Carlo reference at the same n, or in closed form at infinite n.

The reference draws one query with n fresh candidates at a time and looks up the rank of its nearest, so replicates are
independent of each other and their standard error is the plain one. The expectation of a mean over queries is that of
one query, so this is the number that a measurement of N = n + 1 items estimates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CASES", "Case", "bound_of_entropy", "copula_ranks", "entropy", "limit", "reference"]

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Case:
    """A process: `draw(rng, shape)` makes both sides of items, each of shape (*shape, dimensions)."""

    name: str
    draw: Draw
    metric: str = "euclidean"


def _independent(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    return rng.standard_normal((*shape, 3)), rng.standard_normal((*shape, 2))


def _identical(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    x = rng.standard_normal((*shape, 3))
    return x, x


def _projection(kept: int) -> Draw:
    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        x = rng.standard_normal((*shape, 3))
        return x, x[..., :kept]

    return draw


def _noise(size: float) -> Draw:
    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        x = rng.standard_normal((*shape, 2))
        return x, x + size * rng.standard_normal(x.shape)

    return draw


_MIX = np.random.default_rng(3).standard_normal((2, 4, 24))


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    z = rng.standard_normal((*shape, 4))
    a, b = z @ _MIX[0], z[..., :2] @ _MIX[1, :2]
    return a + 0.5 * rng.standard_normal(a.shape), b + 0.5 * rng.standard_normal(b.shape)


CASES = (
    Case("independent, 3 and 2 axes", _independent),
    Case("identical, 3 axes", _identical),
    Case("3 axes, and 1 of them", _projection(1)),
    Case("3 axes, and 2 of them", _projection(2)),
    Case("2 axes, and the same with noise of .3", _noise(0.3)),
    Case("2 axes, and the same with noise of 1", _noise(1.0)),
    Case("24 bits of 4 axes, and 24 of 2 of them", _signs, "hamming"),
)


def _distances(x: Floats, metric: str) -> Floats:
    """From the first of each group of items to the others."""
    if metric == "hamming":
        return np.asarray(((x[:, 1:] > 0) != (x[:, :1] > 0)).sum(-1, dtype=float))
    return np.asarray(((x[:, 1:] - x[:, :1]) ** 2).sum(-1))


def _rank_of_nearest(d_a: Floats, d_b: Floats) -> Floats:
    """Average rank in B of the nearest in A; the mean over all that are tied as nearest."""
    found = np.empty(len(d_a))
    for i, (a, b) in enumerate(zip(d_a, d_b, strict=True)):
        nearest = b[a == a.min()]
        found[i] = np.mean([1 + (b < d).sum() + ((b == d).sum() - 1) / 2 for d in nearest])
    return found


def reference(case: Case, n: int, replicates: int, seed: int, *, back: bool = False) -> tuple[float, float]:
    """II(A -> B), or II(B -> A), of n candidates at k = 1 by Monte Carlo, and its standard error."""
    rng = np.random.default_rng(seed)
    rho, beta = [], []
    for _ in range(0, replicates, 500):
        d_a, d_b = (_distances(x, case.metric) for x in case.draw(rng, (500, n + 1)))
        if back:
            d_a, d_b = d_b, d_a
        rho.append(_rank_of_nearest(d_a, d_b))
        beta.append(_rank_of_nearest(d_b, d_b))
    rank, own = np.concatenate(rho), np.concatenate(beta)
    scale = (n + 1) / 2 - own.mean()
    value = (rank.mean() - own.mean()) / scale
    linear = (rank - own - value * ((n + 1) / 2 - own)) / scale
    return float(value), float(linear.std(ddof=1) / math.sqrt(len(linear)))


# --- conditional entropy ------------------------------------------------------------------------


def limit(unexplained: float) -> float:
    r"""II(A -> B) at infinite n, of a Gaussian A and a Gaussian B of one axis.

    `unexplained` is v, the share of B's variance that A leaves, so that the conditional entropy is
    :math:`H(B | A) = H(B) + \frac12 \ln v` and the mutual information :math:`-\frac12 \ln v`. At infinite n the nearest
    item in A has the same expectation of B: their values b, b' are correlated by r = 1 - v. The imbalance is twice the
    probability that another item's value b'' is nearer to b than b' is,

    .. math:: P((b'' - b)^2 < (b' - b)^2) = P((b'' - b')(b'' + b' - 2 b) < 0).

    The two factors are Gaussian with correlation :math:`r / \sqrt{3 - 2 r}`, so it is
    :math:`\frac{2}{\pi} \arccos \frac{r}{\sqrt{3 - 2 r}}`.
    """
    r = 1 - unexplained
    return 2 / math.pi * math.acos(r / math.sqrt(3 - 2 * r))


def copula_ranks(unexplained: tuple[float, ...], draws: int, seed: int, others: int = 1000) -> Floats:
    """Ranks in B, from 0 to 1, of items at the same place in A: `unexplained` has v of each of B's axes.

    Their mean is half the imbalance at infinite n. Each is the share of `others` that is nearer.
    """
    rng = np.random.default_rng(seed)
    v = np.array(unexplained)
    known = np.sqrt(1 - v) * rng.standard_normal((draws, len(v)))
    b, near = (known + np.sqrt(v) * rng.standard_normal((draws, len(v))) for _ in "bn")
    if len(v) == 1:
        reach = np.abs(near - b)[:, 0]
        phi = np.frompyfunc(lambda t: (1 + math.erf(t / math.sqrt(2))) / 2, 1, 1)
        return np.asarray(phi(b[:, 0] + reach) - phi(b[:, 0] - reach), float)
    there = rng.standard_normal((others, len(v)))
    reach = ((near - b) ** 2).sum(1)
    return np.array([(((there - one) ** 2).sum(1) < r).mean() for one, r in zip(b, reach, strict=True)])


def entropy(ranks: Floats, cells: int = 200) -> float:
    """Differential entropy of numbers from 0 to 1, in nats, by a histogram of cells that are equally full."""
    edges = np.quantile(ranks, np.linspace(0, 1, cells + 1))
    return float(np.log(np.diff(edges) * cells).mean())


def bound_of_entropy(imbalance: float) -> float:
    r"""Greatest entropy of ranks from 0 to 1 of which the mean is half an imbalance, in nats.

    That of the exponential density cut off at 1, :math:`\lambda e^{-\lambda c} / (1 - e^{-\lambda})`, which has the
    greatest entropy of all with its mean.
    """
    mean = imbalance / 2
    low, high = 1e-9, 1e9
    for _ in range(200):
        middle = math.sqrt(low * high)
        of_middle = 1 / middle - 1 / math.expm1(middle) if middle < 700 else 1 / middle
        low, high = (middle, high) if of_middle > mean else (low, middle)
    return low * mean - math.log(low / -math.expm1(-low))
