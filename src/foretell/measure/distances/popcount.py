"""Hamming distances of packed bits by numkong's kernels."""

from __future__ import annotations

import numkong
import numpy as np
from numpy.typing import NDArray

from foretell.measure.bits import Bits
from foretell.measure.distances import SELF

__all__ = ["HammingRows"]


class HammingRows:
    """Hamming distances between the items of some bits, a block of rows at a time.

    Parameters
    ----------
    bits : Bits
        Held, with a second copy in the kernel's own layout, as long as this object lives.
    """

    def __init__(self, bits: Bits) -> None:
        self._rows = bits.packed_rows()
        self._packed = numkong.hammings_pack(self._rows)

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return len(self._rows)

    def rows(self, start: int, stop: int) -> NDArray[np.uint32]:
        """Distances from queries `start` to `stop`, shape (stop - start, N)."""
        d = np.empty((stop - start, self.n_items), np.uint32)
        numkong.hammings_packed(self._rows[start:stop], self._packed, out=numkong.from_dlpack(d))
        d[np.arange(stop - start), np.arange(start, stop)] = SELF
        return d
