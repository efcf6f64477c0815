r"""What the nearest neighbours in two spaces have in common: overlap, mutual k-NN and CKNNA.

With :math:`S_A(i)` the candidates nearer than i's k-th neighbour in A or tied with it, and :math:`w^A_{ij}` the weights
of the `adjusted` convention, which sum to 1 (nearer ones 1/k, those tied with the k-th what is left in equal shares):

.. math:: \mathrm{overlap} = \frac1N \sum_i \frac{2 |S_A(i) \cap S_B(i)|}{|S_A(i)| + |S_B(i)|}, \qquad
          \mathrm{mutual} = \frac1N \sum_i \sum_j \min(w^A_{ij}, w^B_{ij}).

Without ties both are the mean share of the k neighbours that are common. Mutual k-NN is 1 less the total variation
between the two distributions of weight: a hundred neighbours tied in both spaces count no more than k do. Neither
depends on item order.

CKNNA is the ratio :math:`h_{AB} / \sqrt{h_{AA} h_{BB}}` of debiased CKA with kernels from which all but common
neighbours are masked: with :math:`m_{ij} = k \min(w^A_{ij}, w^B_{ij})`, :math:`U_{ij} = m_{ij} K_{ij}` and
:math:`V_{ij} = m_{ij} L_{ij}`,

.. math:: N (N - 3)\, h_{AB} = \sum_{ij} U_{ij} V_{ji} + \frac{\sum_{ij} U_{ij} \sum_{ij} V_{ij}}{(N - 1)(N - 2)}
          - \frac1{N - 2} \sum_i (U_{\cdot i} V_{i \cdot} + V_{\cdot i} U_{i \cdot}).

The mask is directed, so U is not symmetric: the last term is the mean over both orders of A and B of what the authors'
code has, which this makes symmetric. There are no ties in theirs, and m is 0 or 1. Masking makes the numbers themselves
matter, not only their differences: kernels are cosines, of bits :math:`1 - 2 d_{ij} / D` with the Hamming distance d.

All are symmetric, and larger for spaces that are more alike: 1 for identical spaces, about k / (N - 1) for independent
ones.

Neighbours cost N^2 a space to find, and about 2 k N to compare in a pair of spaces: for the 900 pairs of 2,000 items
and k = 10 all together a third of what the distances of 11,520 bits take.

Sources: Doimo et al. 2020 (arXiv 2007.03506) and arXiv 2505.17101 (overlap), Huh et al. 2024 (arXiv 2405.07987; mutual
k-NN and CKNNA, with their code at github.com/minyoungg/platonic-rep).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Ints
from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.nearest import nearest
from foretell.measure.pairwise.passes import Pair
from foretell.measure.pairwise.reduction import Block
from foretell.measure.similarity.correlations import ratio
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order

_Lists = tuple[Ints, NDArray[np.int32], Floats, Floats]
"""Neighbours of some rows in one space, those of a row in the order of candidates: where a row starts, the candidates,
their weights, and the kernel at each."""


class Neighbourhoods:
    """Keep the neighbours of every query in every space, and compare them.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Places in the pass's list of spaces.
    k : int
    slopes : sequence of float, optional
        For each space, what the kernel falls by a unit of distance from 1. Without them there is no CKNNA; with them,
        every item is to be a query and a candidate.
    """

    def __init__(self, pairs: Sequence[Pair], n_spaces: int, *, k: int, slopes: Sequence[float] | None = None) -> None:
        self._pairs, self._n_spaces, self._k, self._slopes = list(pairs), n_spaces, k, slopes
        self.reads_distances = slopes is not None
        self._blocks: list[list[_Lists]] = []  # of each block, those of every space

    def n_bytes(self, layout: Layout) -> int:
        """Bytes of the neighbours, with one in k tied, block by block and put together."""
        return self._n_spaces * 4 * self._k * len(layout.queries) * (20 if self._slopes is not None else 12)

    def update(self, block: Block, *, threads: int) -> None:
        """Find the neighbours of a block's queries in every space."""

        def find(space: int) -> _Lists:
            start, candidate, weight = nearest(block.order[space], block.n_candidates, self._k, False)
            query = np.repeat(np.arange(block.n_rows), np.diff(start))
            # In the order of candidates, in which lists are compared.
            order = np.argsort(query * block.n_candidates + candidate)
            candidate, weight = candidate[order], weight[order]
            kernel = np.zeros(0)
            if self._slopes is not None:
                kernel = 1 - self._slopes[space] * block.distances[space][query, candidate].astype(np.float64)
            return start, candidate, weight, kernel

        self._blocks.append(list(in_order(find, range(self._n_spaces), threads=threads)))

    def result(self, *, threads: int = 1) -> dict[str, dict[Pair, float]]:
        """Overlap and mutual k-NN of every pair of spaces, and with kernels CKNNA, which may be NaN."""
        whole = [_joined(lists) for lists in zip(*self._blocks, strict=True)]
        with_kernels = self._slopes is not None

        def common(pair: Pair) -> tuple[float, float, float]:
            a, b = (whole[space] for space in pair)
            overlap, mutual, start, candidate, u, v = common_neighbours(a, b, self._k, with_kernels)
            return overlap, mutual, masked_hsic(start, candidate, u, v) if with_kernels else math.nan

        own = [(space, space) for space in range(self._n_spaces)] if with_kernels else []
        pairs = list(dict.fromkeys([*own, *self._pairs]))
        common_of = dict(zip(pairs, in_order(common, pairs, threads=threads), strict=True))
        n = len(whole[0][0]) - 1
        found = {
            "overlap": {pair: common_of[pair][0] / n for pair in self._pairs},
            "mutual_knn": {pair: common_of[pair][1] / n for pair in self._pairs},
        }
        if with_kernels:
            h = {pair: of_pair[2] for pair, of_pair in common_of.items()}
            found["cknna"] = {(a, b): ratio(h[a, b], h[a, a], h[b, b]) for a, b in self._pairs}
        return found


def _joined(lists: Sequence[_Lists]) -> _Lists:
    """Neighbours of consecutive rows."""
    start, candidate, weight, kernel = zip(*lists, strict=True)
    counts = np.concatenate([np.diff(of_block) for of_block in start])
    starts = np.concatenate(([0], np.cumsum(counts)))
    return starts, np.concatenate(candidate), np.concatenate(weight), np.concatenate(kernel)


@compiled
def common_neighbours(
    of_a: _Lists, of_b: _Lists, k: int, with_kernels: bool
) -> tuple[float, float, Ints, NDArray[np.int32], Floats, Floats]:
    """Sum overlap and common weight over rows, and list common neighbours with both kernels masked.

    Returns
    -------
    overlap, mutual : float
        Sums over rows.
    start, candidate, u, v : ndarray
        Common neighbours of each row, and the masked kernels at them; empty without kernels.
    """
    start_a, candidate_a, weight_a, kernel_a = of_a
    start_b, candidate_b, weight_b, kernel_b = of_b
    n = start_a.size - 1
    room = min(candidate_a.size, candidate_b.size) if with_kernels else 0
    start = np.zeros(n + 1, np.int64)
    candidate = np.empty(room, np.int32)
    u, v = np.empty(room), np.empty(room)
    overlap, mutual, place = 0.0, 0.0, 0
    for i in range(n):
        a, b = start_a[i], start_b[i]
        end_a, end_b = start_a[i + 1], start_b[i + 1]
        n_common, common = 0, 0.0
        size = end_a - a + end_b - b
        # Both are 1 but for rounding, which then is that of the common weight where neighbours are the same.
        most = max(weight_a[a:end_a].sum(), weight_b[b:end_b].sum())
        while a < end_a and b < end_b:
            one, other = candidate_a[a], candidate_b[b]
            if one == other:
                weight = min(weight_a[a], weight_b[b])
                n_common += 1
                common += weight
                if with_kernels:
                    candidate[place] = one
                    u[place] = k * weight * kernel_a[a]
                    v[place] = k * weight * kernel_b[b]
                    place += 1
            a += one <= other
            b += other <= one
        overlap += 2.0 * n_common / size
        mutual += common / most
        start[i + 1] = place
    return overlap, mutual, start, candidate[:place], u[:place], v[:place]


@compiled
def masked_hsic(start: Ints, candidate: NDArray[np.int32], u: Floats, v: Floats) -> Any:
    """N (N - 3) h of two masked kernels, from their entries row by row in the order of columns.

    What is 0 but for rounding is 0: a kernel of no length is known as one.
    """
    n = start.size - 1
    rows, columns = np.zeros((2, n)), np.zeros((2, n))
    place = start[:-1].copy()
    trace, size = 0.0, 0.0
    for i in range(n):
        for e in range(start[i], start[i + 1]):
            j = candidate[e]
            rows[0, i] += u[e]
            rows[1, i] += v[e]
            columns[0, j] += u[e]
            columns[1, j] += v[e]
            # Each row is asked for its entry in column i as i rises: its place moves on, and never back.
            while place[j] < start[j + 1] and candidate[place[j]] < i:
                place[j] += 1
            if place[j] < start[j + 1] and candidate[place[j]] == i:
                trace += u[e] * v[place[j]]
                size += abs(u[e] * v[place[j]])
    both = 0.0
    for i in range(n):
        both += columns[0, i] * rows[1, i] + columns[1, i] * rows[0, i]
    mean = rows[0].sum() * rows[1].sum() / ((n - 1.0) * (n - 2.0))
    h = trace + mean - both / (n - 2.0)
    size += abs(mean) + abs(both) / (n - 2.0)
    return h if abs(h) > 1e-12 * size else 0.0
