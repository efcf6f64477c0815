"""2^16 + 1 items, more than 16 bits count, of which 500 are asked: against sorted rows and the oracle's tallies."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import TieOrderWarning
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.conventions import check_convention, estimate
from foretell.measure.inference.standard_errors import Scores
from foretell.measure.spaces.queries import Layout
from tests.options import under

N, QUERIES, SEED = 2**16 + 1, 500, 5


def sides(width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    known = rng.standard_normal((N, 6)).astype(np.float32)
    a, b = (known @ rng.standard_normal((6, width)).astype(np.float32) for _ in "ab")
    return a, b + rng.standard_normal((N, width), np.float32)


def distances(x: NDArray[Any], queries: NDArray[np.int64], metric: str) -> NDArray[Any]:
    """From some items to all, shape (Q, N), written without any of Foretell's code."""
    if metric == "hamming":
        packed = np.packbits(x > 0, axis=1)
        return np.stack([np.bitwise_count(packed ^ packed[query]).sum(axis=1, dtype=np.int64) for query in queries])
    y = x.astype(np.float64)
    if metric == "cosine":
        y /= np.linalg.norm(y, axis=1, keepdims=True)
    return np.stack([((y - y[query]) ** 2).sum(axis=1) for query in queries])


def ranks_of(d: NDArray[Any]) -> NDArray[np.float64]:
    """Average ranks of a row, by sorting it."""
    _, place, count = np.unique(d, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])


def value(d_a: NDArray[Any], d_b: NDArray[Any], queries: NDArray[np.int64]) -> float:
    """II(A -> B) at k = 1 with all candidates that are nearest alike, `adjusted`."""
    rho, beta = [], []
    for row_a, row_b, query in zip(d_a, d_b, queries, strict=True):
        a, b = np.delete(row_a, query), np.delete(row_b, query)
        rank = ranks_of(b)
        rho.append(rank[a == a.min()].mean())
        beta.append(rank[b == b.min()].mean())
    return float((np.mean(rho) - np.mean(beta)) / (N / 2 - np.mean(beta)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "width", "backends"),
    [
        ("hamming", 17, ("numba", "numkong", "torch")),  # many candidates are tied
        ("hamming", 203, ("numba", "numkong", "torch")),
        ("euclidean", 30, ("numba", "torch")),
        ("cosine", 30, ("numba", "torch")),
    ],
)
def test_values_and_errors_of_500_queries(metric: str, width: int, backends: tuple[str, ...]) -> None:
    a, b = sides(width)
    queries = Layout.sampled(N, QUERIES, SEED).queries
    d = [distances(x, queries, metric) for x in (a, b)]
    expected = [value(d[0], d[1], queries), value(d[1], d[0], queries)]
    layout = Layout(queries, np.arange(N))
    rule = check_convention("adjusted")
    tally = {(p, q): oracle.tally(d[p], d[q], 1, rule, own=queries) for p in (0, 1) for q in (0, 1)}
    errors = [
        Scores.of([estimate(tally[p, q], tally[q, q], rule, layout)], np.arange(N)).stderr()[0]
        for p, q in ((0, 1), (1, 0))
    ]
    for backend in backends:
        result = under(backend=backend).imbalance_curve([a], [b], metric=metric, queries=QUERIES, seed=SEED)
        assert result.attrs["n"] == N - 1
        np.testing.assert_allclose(result["imbalance"].values[:, 0], expected, rtol=1e-9, err_msg=backend)
        np.testing.assert_allclose(result["stderr"].values[:, 0], errors, rtol=1e-6, err_msg=backend)


@pytest.mark.slow
def test_ties_by_item_order_beyond_16_bits() -> None:
    """`glielmo` gives every candidate a place of its own, and the last of them is 2^16."""
    a, b = sides(40)
    queries = Layout.sampled(N, QUERIES, SEED).queries
    d = [distances(x, queries, "hamming") for x in (a, b)]
    expected = []
    for p, q in ((0, 1), (1, 0)):
        ranks = []
        for row_p, row_q, query in zip(d[p], d[q], queries, strict=True):
            near, far = np.delete(row_p, query), np.delete(row_q, query)
            chosen = near.argmin()
            ranks.append(1 + (far < far[chosen]).sum() + (far[:chosen] == far[chosen]).sum())
        expected.append(2 * np.mean(ranks) / N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        result = foretell.imbalance_curve([a], [b], queries=QUERIES, seed=SEED, convention="glielmo")
    np.testing.assert_allclose(result["imbalance"].values[:, 0], expected, rtol=1e-12)
