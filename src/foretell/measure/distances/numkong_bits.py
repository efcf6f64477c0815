"""Hamming distances of packed bits by numkong's kernels: a second opinion on our own."""

from __future__ import annotations

import numpy as np

from foretell.exceptions import require
from foretell.measure.array_types import Items, Numbers
from foretell.threads import in_order

_ROWS = 64


def hamming(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add how many bits of rows `q` of x differ from those of rows `c` of y: packed bits of shape (N, bytes)."""
    numkong = require("numkong", "numkong")
    queries = np.ascontiguousarray(x[q])
    packed = numkong.hammings_pack(np.ascontiguousarray(y[c]))

    def add(first: int) -> None:
        some = queries[first : first + _ROWS]
        d = np.empty((len(some), len(c)), np.uint32)
        numkong.hammings_packed(some, packed, out=numkong.from_dlpack(d))
        out[first : first + _ROWS] += d.astype(out.dtype)

    for _ in in_order(add, range(0, len(q), _ROWS), threads=threads):
        pass
