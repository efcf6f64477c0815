"""Distances as matrix products in torch: on a GPU, or on the processor.

Bits become +-1 in 8 whole bits: a product of two items is the number of bits that agree less that of those that differ.
It is exact. Floats are multiplied in 64 bits, and pairs so near that squared norms and product cancel are taken again
from their differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from foretell.exceptions import require
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.cpu import snap

_ROWS, _COLUMNS = 256, 512  # queries and candidates in a product of floats
_BLOCK = {"cpu": (256, 512), "cuda": (4096, 16384)}  # the same in one of bits, by device
_BYTES = 4096  # of packed bits: 32,768 numbers an item at a time
# Below this share of both squared norms a squared distance has lost more than 3 of 16 digits: it is taken anew.
_NEAR = 1e-3


def hamming(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add how many bits of rows `q` of x differ from those of rows `c` of y: packed bits of shape (N, bytes)."""
    torch = require("torch", "hf")
    device = _device(torch)
    n_bits = 8 * x.shape[1]
    n_rows, n_columns = _BLOCK[device.type]
    arriving = _Arriving(torch, device)
    for columns in _parts(len(c), n_columns):
        some_y = _sent(torch, y[c[columns]], 8, device)
        for rows in _parts(len(q), n_rows):
            some_x = _sent(torch, x[q[rows]], _ROWS, device)
            product: Any = 0
            for some in _parts(x.shape[1], _BYTES):
                product = product + torch._int_mm(
                    _plus_minus(torch, some_x[:, some]), _plus_minus(torch, some_y[:, some]).T
                )
            product = product[: rows.stop - rows.start, : columns.stop - columns.start]
            # Padding agrees everywhere, and so it adds no distance.
            arriving.add((n_bits - product) // 2, out[rows, columns])
    arriving.finish()


class _Arriving:
    """Distances on their way to the host: a block is added there while the device works on the next one.

    From a GPU they go by a stream of their own, into pages that do not move.
    """

    def __init__(self, torch: Any, device: Any) -> None:
        self._torch = torch
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._last: tuple[Any, Any, Numbers] | None = None

    def add(self, distances: Any, out: Numbers) -> None:
        """Send a block off, and add the one before it to where it belongs."""
        if out.dtype == np.uint16:
            # Half of the bytes; what does not fit wraps, and is read as unsigned.
            distances = distances.to(self._torch.int16)
        before, self._last = self._last, (*self._sent(distances), out)
        self._put(before)

    def finish(self) -> None:
        """Add the last block."""
        self._put(self._last)
        self._last = None

    def _sent(self, distances: Any) -> tuple[Any, Any]:
        """What will hold a block here, and what tells when it does."""
        if self._stream is None:
            return distances, None
        cuda = self._torch.cuda
        here = self._torch.empty(distances.shape, dtype=distances.dtype, pin_memory=True)
        self._stream.wait_stream(cuda.current_stream(distances.device))
        with cuda.stream(self._stream):
            here.copy_(distances, non_blocking=True)
            distances.record_stream(self._stream)
            done = cuda.Event()
            done.record(self._stream)
        return here, done

    def _put(self, block: tuple[Any, Any, Numbers] | None) -> None:
        if block is None:
            return
        here, done, out = block
        if done is not None:
            done.synchronize()
        found = here.numpy()
        out += found.view(np.uint16) if out.dtype == np.uint16 else found.astype(out.dtype)


def euclidean(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add squared Euclidean distances; the order is that of exact arithmetic where they differ by a share of 1e-10."""
    torch = require("torch", "hf")
    _add_squares(torch, _points(torch, x, q), _points(torch, y, c), out)


def cosine(x: Numbers, q: Items, y: Numbers, c: Items, out: Numbers, *, triangle: bool, threads: int) -> None:
    """Add squared Euclidean distances of items scaled to length 1, as exact as `euclidean`."""
    torch = require("torch", "hf")
    _add_squares(torch, _unit(_points(torch, x, q)), _unit(_points(torch, y, c)), out)
    snap(out, x.shape[1])


def _parts(length: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, length)) for first in range(0, length, step)]


def _device(torch: Any) -> Any:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _sent(torch: Any, packed: Numbers, multiple: int, device: Any) -> Any:
    """Packed bits on the device, with rows of 0 up to a multiple of a number."""
    padded = torch.from_numpy(np.pad(packed, ((0, -len(packed) % multiple), (0, 0))))
    if device.type == "cuda":
        padded = padded.pin_memory()
    return padded.to(device, non_blocking=True)


def _plus_minus(torch: Any, packed: Any) -> Any:
    """Packed bits as +-1 in int8."""
    shifts = torch.arange(7, -1, -1, device=packed.device, dtype=torch.uint8)
    bits = (packed[:, :, None] >> shifts) & 1
    return bits.reshape(len(packed), -1).to(torch.int8) * 2 - 1


def _points(torch: Any, x: Numbers, items: Items) -> Any:
    return torch.from_numpy(x[items].astype(np.float64)).to(_device(torch))


def _unit(x: Any) -> Any:
    return x / x.norm(dim=1, keepdim=True)


def _add_squares(torch: Any, x: Any, y: Any, out: Numbers) -> None:
    """Add the squared distances of rows of x from rows of y.

    Every product has the same shape, filled up with zeros: what it gives for two items then depends on them alone.
    """
    for columns in _parts(len(y), _COLUMNS):
        some_y = _filled_up(torch, y[columns], _COLUMNS)
        of_y = (some_y * some_y).sum(dim=1)
        for rows in _parts(len(x), _ROWS):
            some_x = _filled_up(torch, x[rows], _ROWS)
            of_x = (some_x * some_x).sum(dim=1)[:, None]
            squared = of_x + of_y - 2 * (some_x @ some_y.T)
            near = (squared < _NEAR * (of_x + of_y)).nonzero()
            for pairs in torch.split(near, _ROWS):
                i, j = pairs.T
                squared[i, j] = ((some_x[i] - some_y[j]) ** 2).sum(dim=1)
            part = squared[: rows.stop - rows.start, : columns.stop - columns.start]
            out[rows, columns] += part.cpu().numpy()


def _filled_up(torch: Any, x: Any, multiple: int) -> Any:
    return torch.nn.functional.pad(x, (0, 0, 0, -len(x) % multiple))
