r"""Correlations of two spaces' distances over pairs of items: representational similarity analysis, and debiased CKA.

**Representational similarity analysis.** Pearson's follows from the sums of
`foretell.measure.similarity.distance_products`. Spearman's is Pearson's of the distances' average ranks among all
distances of the space. With :math:`y_{ij}` how many distances are below :math:`d_{ij}` less how many are above, a rank
is :math:`(m + 1 + y_{ij}) / 2` among m; the mean of y is 0, so that

.. math:: r_S = \frac{\sum y^A_{ij} y^B_{ij}}{\sqrt{\sum (y^A_{ij})^2 \sum (y^B_{ij})^2}}.

- Whole distances of bits: a first pass counts how often each of the D + 1 distances occurs (`DistanceCounts`), a second
  one looks y up and multiplies. Both cost about as much as Pearson's.
- Floats: all N (N - 1) / 2 distances of each space are kept and sorted (`SortedDistances`), 8 bytes each.

Distances that differ both ways, as given ones may, are correlated over ordered pairs. Euclidean distances are
correlated themselves, not their squares. Symmetric; 1 for identical spaces, 0 on average for independent ones.

Source: Kriegeskorte, Mur & Bandettini 2008.

**Debiased linear CKA.** The Hilbert-Schmidt independence criterion of kernels K and L without bias (Song et al. 2012,
equation 5) is, their diagonals set to 0,

.. math:: N (N - 3)\, h_{KL} = \sum_{i \ne j} K_{ij} L_{ij} + \frac{s_K s_L}{(N - 1)(N - 2)}
          - \frac{2}{N - 2} \sum_i r^K_i r^L_i,

r being sums of rows and s their sums; debiased CKA is :math:`h_{KL} / \sqrt{h_{KK} h_{LL}}` (Kornblith et al. 2019,
with this h). Adding :math:`a_i + a_j` to every :math:`K_{ij}`, or taking a factor of K out, changes nothing. So

- of bits, the product of items of +-1 is :math:`D - 2 d_{ij}` with the Hamming distance d: -d serves as the kernel;
- of floats, :math:`x_i x_j = (|x_i|^2 + |x_j|^2 - d_{ij}^2) / 2`: minus the squared Euclidean distance serves, that of
  unit vectors for the cosine. (The signs of both kernels being turned, h is the same: distances are multiplied.)

With rows less their mean, :math:`\rho_i = r_i - s / N`, the three terms are

.. math:: \Big(\sum_{i \ne j} K_{ij} L_{ij} - \frac{s_K s_L}{N (N - 1)}\Big) - \frac{2}{N - 2} \sum_i \rho^K_i \rho^L_i,

whose first is what Pearson's correlation of distances has: CKA is RSA that forgives items for
being near to all others. Beside those sums it costs nothing.

Symmetric; 1 for identical spaces and for those that a rotation and a scale make alike, 0 on average for independent
ones.

Sources: Song et al. 2012 (JMLR 13, 1393), Kornblith et al. 2019 (arXiv 1905.00414).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from foretell.measure.array_types import Floats, Ints, Items, Numbers
from foretell.measure.kernels.compiled import compiled
from foretell.measure.pairwise.passes import Pair
from foretell.measure.pairwise.reduction import Block
from foretell.measure.similarity.distance_products import COLUMNS, ROWS, GroupedPairs, ProductSums, add_products
from foretell.measure.spaces.queries import Layout
from foretell.threads import in_order

_ROUNDING = 1e-12  # the share of what a number was taken from below which it is 0 but for rounding


def debiased_cka(sums: ProductSums) -> dict[Pair, float]:
    """Debiased linear CKA of every pair; NaN where all distances of a space are sums of two items' own numbers.

    Parameters
    ----------
    sums : ProductSums
        Of Hamming distances, or of squared Euclidean ones, of at least 4 items.
    """
    n: int = sums.rows.shape[1]
    rows: Floats = sums.rows - sums.rows.mean(axis=1, keepdims=True)

    def independence(pair: Pair) -> float:
        a, b = pair
        return covariance(sums, pair) - 2 / (n - 2) * float((rows[a] * rows[b]).sum())

    own = {}
    for space in range(len(rows)):
        h = independence((space, space))
        own[space] = h if h > _ROUNDING * covariance(sums, (space, space)) else math.nan
    return {pair: ratio(independence(pair), own[pair[0]], own[pair[1]]) for pair in sums.products}


def covariance(sums: ProductSums, pair: Pair) -> float:
    """Sum over ordered pairs of items of the product of two spaces' distances less their means."""
    n = sums.rows.shape[1]
    # Rounded once: where sums are whole numbers this is the number nearest to the exact one.
    a, b = (Fraction(sums.totals[space]) for space in pair)
    return float(Fraction(sums.products[pair]) - a * b / (n * (n - 1)))


def ratio(of_both: float, of_a: float, of_b: float) -> float:
    """A cosine: `of_both` over the root of the product of the other two, exactly 1 where all three are the same."""
    return of_both / math.sqrt(of_a * of_b) if of_a > 0 and of_b > 0 else math.nan


def pearson(sums: ProductSums) -> dict[Pair, float]:
    """Pearson's correlation of distances of every pair of spaces; NaN where all distances of one are the same."""
    own = {a: covariance(sums, (a, b)) for a, b in sums.products if a == b}
    # A variance that is 0 but for rounding is no variance.
    own = {a: x if x > 1e-14 * sums.products[a, a] else math.nan for a, x in own.items()}
    return {(a, b): ratio(covariance(sums, (a, b)), own[a], own[b]) for a, b in sums.products}


def cosines(products: Mapping[Pair, float]) -> dict[Pair, float]:
    """Correlation of values of mean 0 from the sums of their products."""
    return {(a, b): ratio(total, products[a, a], products[b, b]) for (a, b), total in products.items()}


class DistanceCounts:
    """Count how often each whole distance occurs in each space, over pairs of items that are each taken once.

    Parameters
    ----------
    greatest : sequence of int
        The greatest distance of each space.
    """

    reads_distances = True

    def __init__(self, greatest: Sequence[int]) -> None:
        self._counts = [np.zeros(most + 1, np.int64) for most in greatest]

    def n_bytes(self, layout: Layout) -> int:
        """Bytes of the counts, and of the tables that are made of them."""
        return 2 * sum(counts.nbytes for counts in self._counts)

    def update(self, block: Block, *, threads: int) -> None:
        """Count a block's distances."""

        def count(space: int) -> None:
            count_distances(block.distances[space], block.n_candidates, block.own, self._counts[space])

        for _ in in_order(count, range(len(self._counts)), threads=threads):
            pass

    def result(self) -> list[Floats]:
        """Give, for each distance in each space, how many distances are below less how many above."""
        return [_balance(counts).astype(np.float64) for counts in self._counts]


def _balance(counts: Ints) -> Ints:
    """How many are below each value less how many above, from how many have each value in order."""
    within = np.cumsum(counts)
    return np.asarray(2 * within - counts - within[-1])


class SortedDistances:
    """Keep all distances of every space, and correlate their ranks.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Places in the pass's list of spaces, the lesser one first.
    n_spaces : int
    halved : bool
        Whether distances are the same both ways, so that each pair of items need be taken only once.
    """

    reads_distances = True

    def __init__(self, pairs: Sequence[Pair], n_spaces: int, *, halved: bool) -> None:
        self._pairs = GroupedPairs(pairs, n_spaces)
        self._n_spaces, self._halved = n_spaces, halved
        self._blocks: list[list[Floats]] = []  # of each block, those of every space

    def n_bytes(self, layout: Layout) -> int:
        """Bytes of the distances, and of sorting those of one space."""
        n = len(layout.queries)
        n_pairs = n * (n - 1) // (2 if self._halved else 1)
        return 8 * n_pairs * (2 * self._n_spaces + 4) + 8 * self._n_spaces * ROWS * COLUMNS

    def update(self, block: Block, *, threads: int) -> None:
        """Keep a block's distances."""

        def kept(space: int) -> Floats:
            rows = zip(block.distances[space][:, : block.n_candidates], block.own, strict=True)
            of_pairs = [row[own + 1 :] if self._halved else np.delete(row, own) for row, own in rows]
            return np.concatenate(of_pairs).astype(np.float64)

        self._blocks.append(list(in_order(kept, range(self._n_spaces), threads=threads)))

    def result(self) -> dict[Pair, float]:
        """Spearman's correlation of every pair."""
        ranks = [_ranks(np.concatenate(blocks)) for blocks in zip(*self._blocks, strict=True)]
        values = np.zeros((self._n_spaces, ROWS, COLUMNS))
        parts = []
        for first in range(0, len(ranks[0]), ROWS * COLUMNS):
            values[:] = 0.0
            for space, of_space in enumerate(ranks):
                some = of_space[first : first + ROWS * COLUMNS]
                values[space].reshape(-1)[: len(some)] = some
            total = self._pairs.zeros()
            add_products(values, ROWS, self._pairs.left, self._pairs.right, total)
            parts.append(total)
        return cosines(self._pairs.summed(parts))


def _ranks(distances: Floats) -> Floats:
    """How many are below each less how many above."""
    _, place, counts = np.unique(distances, return_inverse=True, return_counts=True)
    return np.asarray(_balance(counts)[place], np.float64)


@compiled
def count_distances(distances: Numbers, n: int, own: Items, counts: Ints) -> None:
    """Count the distances of each row past the query's own place."""
    for r in range(own.size):
        row = distances[r][own[r] + 1 : n]
        for m in range(row.size):
            counts[row[m]] += 1
