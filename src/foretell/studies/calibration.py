"""How fast a model reads here, and how much it writes: a sample of the items, extracted and timed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foretell.representations.batches import planned_batches
from foretell.representations.extraction import BATCH_TOKENS, extract
from foretell.representations.health import size_on_disk

if TYPE_CHECKING:
    from foretell.representations.data import Pairs
    from foretell.studies.sides import Job

__all__ = ["Calibration", "calibrate"]


@dataclass(frozen=True)
class Calibration:
    """What one side will cost, from a sample of it.

    Attributes
    ----------
    seconds : float
        To extract what is missing.
    disk_bytes : int
        That it will take.
    """

    seconds: float
    disk_bytes: int


def calibrate(job: Job, pairs: Pairs, *, seconds: float) -> Calibration:
    """Extract a sample of the batches that a job will make, for about so many seconds, and scale it up.

    A first, small sample warms the model up and gives the share of the cost that does not grow with the items; the
    cost of a batch is taken to grow with its tokens, padding included.
    """
    contents = pairs.contents(job.side)
    if job.model.modality == "image":
        lengths = [job.model.read(contents[:1])[0].length] * len(contents)
    else:
        lengths = [reading.length for reading in job.model.read(contents)]
    every = list(planned_batches(lengths, BATCH_TOKENS))
    order = np.random.default_rng(0).permutation(len(every))
    padded = [len(batch) * max(lengths[item] for item in batch) for batch in every]
    all_tokens, missing = sum(padded), job.n_missing
    share = 1.0 if missing is None else missing / len(pairs)

    _extracted(job, pairs, every[order[0]])  # warms up
    small = _extracted(job, pairs, every[order[0]])
    n_more = int(min(len(every), max(2, seconds / max(small.seconds, 1e-3))))
    sample = order[:n_more]
    large = _extracted(job, pairs, [item for number in sample for item in every[number]])
    tokens = sum(padded[number] for number in sample)
    extra = tokens - padded[order[0]]
    rate = (large.seconds - small.seconds) / extra if extra > 0 else large.seconds / max(tokens, 1)
    fixed = max(large.seconds - rate * tokens, 0.0)
    n_items = [len(every[order[0]]), sum(len(every[number]) for number in sample)]
    grown = n_items[1] - n_items[0]
    per_item = (large.disk_bytes - small.disk_bytes) / grown if grown else large.disk_bytes / n_items[1]
    return Calibration(
        seconds=fixed + max(rate, 0.0) * all_tokens * share,
        disk_bytes=int(large.disk_bytes + per_item * (len(pairs) - n_items[1])),
    )


def _extracted(job: Job, pairs: Pairs, items: Sequence[int]) -> Calibration:
    """Extract some items into a store that is thrown away."""
    sample = pairs.take(sorted(items))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        store = extract(sample, model=job.model, side=job.side, out=Path(folder) / "sample.zarr", tokens=job.tokens)
        return Calibration(time.perf_counter() - began, size_on_disk(store) or 0)
