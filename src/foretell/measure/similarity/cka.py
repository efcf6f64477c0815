r"""Debiased linear CKA from sums of products of distances.

The Hilbert-Schmidt independence criterion of kernels K and L without bias (Song et al. 2012, equation 5) is, their
diagonals set to 0,

.. math:: N (N - 3)\, h_{KL} = \sum_{i \ne j} K_{ij} L_{ij} + \frac{s_K s_L}{(N - 1)(N - 2)}
          - \frac{2}{N - 2} \sum_i r^K_i r^L_i,

r being sums of rows and s their sums; debiased CKA is :math:`h_{KL} / \sqrt{h_{KK} h_{LL}}` (Kornblith et al. 2019,
with this h). Adding :math:`a_i + a_j` to every :math:`K_{ij}`, or taking a factor of K out, changes nothing. So

- of bits, the product of items of +-1 is :math:`D - 2 d_{ij}` with the Hamming distance d: -d serves as the kernel;
- of floats, :math:`x_i x_j = (|x_i|^2 + |x_j|^2 - d_{ij}^2) / 2`: minus the squared Euclidean distance serves, that of
  unit vectors for the cosine. (The signs of both kernels being turned, h is the same: distances are multiplied.)

With rows less their mean, :math:`\rho_i = r_i - s / N`, the three terms are

.. math:: \Big(\sum_{i \ne j} K_{ij} L_{ij} - \frac{s_K s_L}{N (N - 1)}\Big) - \frac{2}{N - 2} \sum_i \rho^K_i \rho^L_i,

whose first is what Pearson's correlation of distances has (`foretell.measure.similarity.rsa`): CKA is RSA that forgives
items for being near to all others. Beside those sums it costs nothing.

Symmetric; 1 for identical spaces and for those that a rotation and a scale make alike, 0 on average for independent
ones.

Sources: Song et al. 2012 (JMLR 13, 1393), Kornblith et al. 2019 (arXiv 1905.00414).
"""

from __future__ import annotations

import math
from fractions import Fraction

from foretell.measure.array_types import Floats
from foretell.measure.pairwise.passes import Pair
from foretell.measure.similarity.distance_products import ProductSums

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
