"""What is measured: made from a seed, the same to the bit in every environment.

Read by the benchmarks and by the peers' process alike, so it needs numpy alone. Latent numbers and weights
are small whole numbers, whose sums in float32 are exact in any order: no matrix product of one numpy can
differ from another's by rounding, and no sign can flip.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "activations", "digest", "packed"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

LATENT = 12
"""Numbers that lie behind every item. Side 0 is made of all of them, side 1 of the first `SHARED`."""
SHARED = 8
_RANGE = 8
# As strong as the signal: neighbours in one space are neighbours in another often, not always.
_NOISE = 80.0
_BLOCK = 500


def _latent(n_items: int, side: int) -> Floats:
    numbers = np.random.default_rng(0).integers(-_RANGE, _RANGE + 1, (n_items, LATENT))
    return numbers[:, : SHARED if side else LATENT].astype(np.float32)


def _weights(latent: Floats, n_dims: int, rng: np.random.Generator) -> Floats:
    return rng.integers(-_RANGE, _RANGE + 1, (latent.shape[1], n_dims)).astype(np.float32)


def activations(n_items: int, n_dims: int, *, side: int) -> Floats:
    """Activations as a model has them, shape (n_items, n_dims)."""
    rng = np.random.default_rng([1, side])
    latent = _latent(n_items, side)
    weights = _weights(latent, n_dims, rng)
    x = np.empty((n_items, n_dims), np.float32)
    for start in range(0, n_items, _BLOCK):
        rows = slice(start, start + _BLOCK)
        noise = rng.standard_normal(x[rows].shape, np.float32)
        x[rows] = latent[rows] @ weights + np.float32(_NOISE) * noise
    return x


def packed(n_items: int, n_bits: int, *, side: int, number: int = 0) -> Bytes:
    """Sign bits of one layer, or of one token, as `numpy.packbits` packs them, shape (n_items, n_bits / 8).

    Parameters
    ----------
    n_items, n_bits : int
    side : int
        0 or 1.
    number : int
        Of the layer, or of the token. Each has weights and noise of its own over the same latent numbers.
    """
    rng = np.random.default_rng([2, side, number])
    latent = _latent(n_items, side)
    weights = _weights(latent, n_bits, rng)
    blocks = []
    for start in range(0, n_items, _BLOCK):
        signal = latent[start : start + _BLOCK] @ weights
        # Even noise of about the same spread; bytes are cheaper to draw than normal numbers.
        noise = rng.integers(0, 256, signal.shape, np.uint8).astype(np.float32) - np.float32(127.5)
        blocks.append(np.packbits(signal > noise, axis=1))
    return np.concatenate(blocks)


def digest(*arrays: NDArray[Any]) -> str:
    """Fingerprint of arrays, to prove that two processes hold the same."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(repr((array.shape, array.dtype.str)).encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()
