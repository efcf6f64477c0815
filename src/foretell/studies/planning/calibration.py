"""How fast a model reads here, and how much it writes: a sample of the items, extracted and timed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foretell.representations.extraction.extract import BATCH_TOKENS, extract
from foretell.representations.extraction.model_run import planned_batches
from foretell.representations.store.health import size_on_disk

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.studies.preparation.prepare import Job

__all__ = ["Batches", "Rate", "batches_of", "measured_rate"]


@dataclass(frozen=True)
class Batches:
    """The batches that a job makes of all its items.

    Parameters
    ----------
    items : sequence of sequences of int
        Places of the items of each.
    tokens : sequence of int
        Tokens of each, padding included: what it costs.
    """

    items: Sequence[Sequence[int]]
    tokens: Sequence[int]


@dataclass(frozen=True)
class Rate:
    """What a model costs here: seconds of a store, and of a token; bytes of a store, and of an item."""

    seconds: float
    seconds_per_token: float
    disk_bytes: float
    disk_bytes_per_item: float

    def seconds_for(self, n_tokens: int) -> float:
        """To extract so many tokens, padding included, into one store."""
        return self.seconds + self.seconds_per_token * n_tokens

    def bytes_for(self, n_items: int) -> float:
        """That a store of so many items takes."""
        return self.disk_bytes + self.disk_bytes_per_item * n_items


@dataclass(frozen=True)
class _Sample:
    n_items: int
    n_tokens: int
    seconds: float
    disk_bytes: int


def batches_of(job: Job, pairs: Pairs) -> Batches:
    """The batches that a job makes; of texts they are read for it, images are all as long."""
    contents = pairs.contents(job.side)
    if job.model.modality == "image":
        lengths = [job.model.read(contents[:1])[0].length] * len(contents)
    else:
        lengths = [reading.length for reading in job.model.read(contents)]
    items = list(planned_batches(lengths, BATCH_TOKENS))
    return Batches(items, [len(batch) * max(lengths[item] for item in batch) for batch in items])


def measured_rate(job: Job, pairs: Pairs, batches: Batches, *, seconds: float) -> Rate:
    """Extract samples of a job's batches, for about so many seconds: a small one, and one as large as that allows.

    Two points give what does not grow with the items and what does. A sample before them warms the model up.
    """
    order = np.random.default_rng(0).permutation(len(batches.items)).tolist()
    first = _extracted(job, pairs, batches, order[:1])
    n_more = int((seconds - first.seconds) / max(first.seconds, 1e-3)) - 1
    small = _extracted(job, pairs, batches, order[:1])
    large = _extracted(job, pairs, batches, order[1 : 1 + max(n_more, 2)]) if len(order) > 1 else small
    return Rate(
        *_line((small.n_tokens, small.seconds), (large.n_tokens, large.seconds)),
        *_line((small.n_items, small.disk_bytes), (large.n_items, large.disk_bytes)),
    )


def _line(one: tuple[int, float], other: tuple[int, float]) -> tuple[float, float]:
    """Height at 0 and slope of a line through two points, neither below 0."""
    slope = (other[1] - one[1]) / (other[0] - one[0]) if other[0] > one[0] else other[1] / other[0]
    height = other[1] - slope * other[0]
    return (height, slope) if height >= 0 and slope >= 0 else (0.0, other[1] / other[0])


def _extracted(job: Job, pairs: Pairs, batches: Batches, chosen: Sequence[int]) -> _Sample:
    """Extract some batches into a store that is thrown away."""
    items = sorted(item for number in chosen for item in batches.items[number])
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        store = extract(
            pairs.take(items), model=job.model, side=job.side, out=Path(folder) / "sample.zarr", tokens=job.tokens
        )
        seconds = time.perf_counter() - began
        return _Sample(len(items), sum(batches.tokens[number] for number in chosen), seconds, size_on_disk(store) or 0)
