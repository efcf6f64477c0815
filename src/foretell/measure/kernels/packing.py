"""Signs of numbers, packed 8 to a byte: the one pass over activations that the measure makes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.vector_rows import signs

_WORD = 64  # numbers signed at a time
# The bits of a float that are all set in infinity and NaN alone, by its size; a bool has none.
_INFINITE = {1: 0, 2: 0x7C00, 4: 0x7F800000, 8: 0x7FF0000000000000}


def pack_signs(x: NDArray[Any], packed: NDArray[np.uint8]) -> int:
    """Write whether each number is positive, 8 to a byte in the order of `numpy.packbits`.

    Parameters
    ----------
    x : ndarray of bool, float16, float32 or float64, shape (R, D)
        In any layout and byte order.
    packed : ndarray of uint8, shape (R, ceil(D / 8))
        Written to; contiguous.

    Returns
    -------
    int
        The first row with NaN or infinity, or -1.
    """
    if x.strides[1] != x.itemsize or not x.dtype.isnative:
        x = np.ascontiguousarray(x, x.dtype.newbyteorder("="))
    like, infinite = np.empty(0, f"i{x.itemsize}"), _INFINITE[x.itemsize]
    words = x.shape[1] // _WORD
    bad = int(_pack(like, x.ctypes.data, x.strides[0], words, infinite, packed))
    rest = x.shape[1] - words * _WORD
    if rest:
        end = np.zeros((len(x), _WORD), x.dtype)
        end[:, :rest] = x[:, -rest:]
        last = np.empty((len(x), _WORD // 8), np.uint8)
        found = int(_pack(like, end.ctypes.data, end.strides[0], 1, infinite, last))
        packed[:, words * _WORD // 8 :] = last[:, : -(-rest // 8)]
        bad = max(bad, found) if min(bad, found) < 0 else min(bad, found)
    return bad


@compiled
def _pack(like: NDArray[Any], address: int, stride: int, words: int, infinite: int, packed: NDArray[np.uint8]) -> int:
    bad = -1
    for r in range(packed.shape[0]):
        finite = True
        for w in range(words):
            word, is_finite = signs(like, address + r * stride + w * _WORD * like.itemsize, infinite)
            finite &= is_finite
            for b in range(8):
                packed[r, 8 * w + b] = (word >> np.uint64(8 * b)) & np.uint64(255)
        if not finite and bad < 0:
            bad = r
    return bad
