"""Which code makes the distances of a space: by metric and backend."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import numpy as np

from foretell.exceptions import OptionError, check_option, require
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.reading import Distances, Kernel, PrecomputedDistances, ReadDistances
from foretell.measure.spaces.bits import BinarySpace, Rows
from foretell.measure.spaces.floats import FloatSpace, check_directions
from foretell.measure.spaces.inputs import GivenDistances, Input
from foretell.measure.spaces.queries import Layout
from foretell.measure.spaces.space import PointSpace, Space
from foretell.options import BACKENDS

METRICS = ("hamming", "euclidean", "cosine", "precomputed")

_FEW = 64
_PANEL_BYTES = 2**20


def choose_backend(name: str, metric: str) -> str:
    """The backend of that name, or for "auto" the one to use: torch where it is in use and sees a GPU, else numba.

    Raises
    ------
    OptionError
        If there is no such backend, or not for this metric.
    MissingDependencyError
        If its library is not installed.
    """
    check_option("metric", metric, METRICS)
    check_option("backend", name, BACKENDS)
    if name == "auto":
        torch = sys.modules.get("torch")
        on_gpu = metric != "precomputed" and torch is not None and torch.cuda.is_available()
        return "torch" if on_gpu else "numba"
    if name == "numkong" and metric not in ("hamming", "precomputed"):
        raise OptionError(f"backend='numkong' takes bits, not metric={metric!r}: choose numba, torch or numpy.")
    if name in ("numkong", "torch") and find_spec(name) is None:
        require(name, "hf" if name == "torch" else "numkong")
    return name


def distances(space: Input, metric: str, backend: str) -> Distances:
    """The distances of a space, by a backend that `choose_backend` gave."""
    if isinstance(space, GivenDistances):
        return PrecomputedDistances(space.data)
    kernel = _kernel(metric, backend)
    if metric == "hamming":
        bits: Space = space  # type: ignore[assignment]
        one = bits.bits(slice(0, 1))

        def packed(rows: Rows) -> Numbers:
            return bits.bits(rows).packed_rows()

        return ReadDistances(
            kernel, packed, bits.n_items, one.n_tokens * one.n_bits, in_memory=isinstance(bits, BinarySpace)
        )
    points: PointSpace = space  # type: ignore[assignment]
    if isinstance(points, FloatSpace):
        return ReadDistances(kernel, points.points, points.n_items, None, in_memory=points.is_ready)

    def read(rows: Rows) -> Numbers:
        some = points.points(rows)
        if metric == "cosine":
            check_directions(some, np.arange(points.n_items)[rows])
        return some

    return ReadDistances(kernel, read, points.n_items, None, in_memory=False)


def _kernel(metric: str, backend: str) -> Kernel:
    module: Any
    if backend == "torch":
        from foretell.measure.distances import torch_products as module
    else:
        from foretell.measure.distances import cpu as module
    kernel: Kernel = getattr(module, "numkong_hamming" if backend == "numkong" else metric)
    return kernel


def is_constant(space: Distances, layout: Layout) -> bool:
    """Whether no query has one candidate nearer than another, as when all items are identical.

    A few candidates of the first query mostly tell; all of all queries are asked only while they are tied.
    """
    if not _tied(distances_from(space, layout.queries[0], np.setdiff1d(layout.candidates[:_FEW], layout.queries[:1]))):
        return False
    for query in layout.queries:
        others = layout.candidates[layout.candidates != query]
        if not _tied(distances_from(space, query, others)):
            return False
        # As far from one of them as that is from itself, the candidates are identical: no query tells them apart.
        if space.symmetric and _tied(distances_from(space, layout.candidates[0], layout.candidates)):
            return True
    return True


def distances_from(space: Distances, item: int | np.int64, candidates: Items) -> Numbers:
    """Distances from one item to some."""
    row = np.zeros((1, len(candidates)), space.dtype)
    space.fill(row, np.array([item]), candidates, triangle=False, threads=1, panel_bytes=_PANEL_BYTES)
    return row.reshape(-1)


def _tied(row: Numbers) -> bool:
    """Whether all are the same."""
    return bool((row == row[:1]).all())
