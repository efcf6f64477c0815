r"""How far two spaces agree about which items are close, for every shift of one against the other.

Closeness of two items is less the logarithm of their rank as neighbours, the mean of both ways, so that near
neighbours count most, as they do in an imbalance. It is centred over rows and columns, averaged over layers and scaled
to length 1.
Agreement under a pairing :math:`\pi` is :math:`T(\pi) = \sum_{ij} X_{ij} Y_{\pi(i) \pi(j)}`: a correlation.

Under random pairings T has mean 0 and, as for every statistic of Mantel's kind over centred symmetric matrices, a
standard deviation near :math:`\sqrt 2 / N`; :math:`z = T N / \sqrt 2`. Where both spaces tell items apart along few
directions its tail is that of a :math:`\chi^2`, so what is believed is far beyond what a normal tail would ask.

All N cyclic shifts are answered together: shifts move a matrix along its diagonals, so T over shifts is a sum over
diagonals of circular correlations, each a Fourier transform of length N.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Floats, Numbers
from foretell.measure.kernels.order_keys import put_places, put_self
from foretell.measure.kernels.ranks import rank_rows

__all__ = ["Closeness", "agreement_at_shifts", "closeness", "z_of"]

Closeness = NDArray[np.float32]

_DIAGONALS = 256  # taken at a time
_SWEEPS = 3  # of centring: the diagonal is left out, so that one is not exact


def closeness(matrices: Iterable[Numbers]) -> Closeness:
    """Closeness of items, over the layers of one side.

    Parameters
    ----------
    matrices : iterable of ndarray, shape (N, N)
        Distances in each layer.

    Returns
    -------
    ndarray of float32, shape (N, N)
        Symmetric, rows of mean 0, its diagonal 0, of length 1; all 0 where no layer tells items apart.
    """
    total: Closeness | None = None
    for distances in matrices:
        one = _of_layer(distances)
        total = one if total is None else total + one
    if total is None:
        raise ValueError("closeness of no layer")
    return _unit(total)


def z_of(agreement: float, n_items: int) -> float:
    """An agreement in standard deviations of those of random pairings."""
    return float(agreement * n_items / np.sqrt(2))


def agreement_at_shifts(a: Closeness, b: Closeness, *, window: slice = slice(None)) -> tuple[Floats, Floats]:
    """T for item i of A with item (i + s) mod N of B, and with item (c - i) mod N, for all s and c.

    Parameters
    ----------
    a, b : ndarray, shape (N, N)
    window : slice
        Items of A that take part; T is then scaled to these.

    Returns
    -------
    forward, reversed : ndarray, shape (N,)
    """
    n = len(a)
    first, stop, _ = window.indices(n)
    width = stop - first
    inside = a[first:stop, first:stop]
    scale = np.linalg.norm(inside) * (width / n)  # B has length 1 over N^2, so width / N over the window
    if not scale:
        return np.zeros(n), np.zeros(n)
    # Item i of B taken from behind stands at n - 1 - i: a shift of that is a reflection of B.
    behind = b[::-1, ::-1]
    forward = _along_diagonals(inside, b, first) / scale
    # Shift s of the reflected B pairs i with n - 1 - s - i: that is c = n - 1 - s.
    backward = _along_diagonals(inside, behind, first)[::-1] / scale
    return forward, backward


def _along_diagonals(inside: Closeness, b: Closeness, first: int) -> Floats:
    n, width = len(b), len(inside)
    places, rows = np.arange(n), np.arange(width)
    total = np.zeros(n // 2 + 1, np.complex128)
    # Of symmetric matrices the diagonals below are those above.
    for start in range(1, width, _DIAGONALS):
        offsets = np.arange(start, min(start + _DIAGONALS, width))[:, None]
        of_a = np.zeros((len(offsets), n), np.float32)
        columns = rows + offsets
        there = columns < width
        of_a[:, first : first + width] = np.where(there, inside[rows, np.minimum(columns, width - 1)], 0)
        of_b = b[places, (places + offsets) % n]
        total += (np.fft.rfft(of_a, axis=1).conj() * np.fft.rfft(of_b, axis=1)).sum(axis=0)
    return 2 * np.fft.irfft(total, n)


def _of_layer(distances: Numbers) -> Closeness:
    n = len(distances)
    own = np.arange(n)
    if distances.dtype.kind == "u":
        order = distances.copy()
    else:
        order = np.zeros((n, n), np.uint32)
        put_places(distances, n, own, False, order)
    put_self(order, own)
    rank = rank_rows(order, n, own, 0.5)
    np.fill_diagonal(rank, 1)
    x: Closeness = -np.log(rank)
    x += x.T.copy()
    for _ in range(_SWEEPS):
        np.fill_diagonal(x, 0)
        # Rows and columns at once keeps it symmetric: the mean is taken off twice, and put back once.
        of_rows = x.sum(axis=1, keepdims=True, dtype=np.float32) / (n - 1)
        x -= of_rows + of_rows.T - of_rows.mean()
    np.fill_diagonal(x, 0)
    return _unit(x)


def _unit(x: Closeness) -> Closeness:
    length = float(np.linalg.norm(x))
    return x / np.float32(length) if length > 1e-9 * len(x) else np.zeros_like(x)
