"""How fast a model reads here, and how much it writes: one batch of the items, extracted and timed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.representations.extraction.extract import BATCH_TOKENS, extract
from foretell.representations.extraction.model_run import planned_batches
from foretell.representations.store.health import check_health, size_on_disk

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.studies.preparation.prepare import Job


@dataclass(frozen=True)
class ReadingRate:
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


def padded_tokens(job: Job, pairs: Pairs) -> int:
    """Tokens of all batches of a job, padding included."""
    return sum(n_tokens for _, n_tokens in _batches(job, pairs))


def measured_reading(job: Job, pairs: Pairs) -> ReadingRate:
    """Time a single item and the largest batch, and measure what they leave on the disk.

    Two points give what does not grow with the items and what does. The largest batch also shows how much memory the
    model needs.
    """
    batches = sorted(_batches(job, pairs), key=lambda batch: batch[1])
    largest, n_tokens = batches[-1]
    smallest = batches[0][0][:1]
    _extracted(job, pairs, smallest)  # what is done once, such as reading in libraries, is done now
    length = batches[0][1] // len(batches[0][0])
    seconds, n_bytes = _extracted(job, pairs, smallest)
    if len(largest) == 1:
        return ReadingRate(0.0, seconds / length, 0.0, n_bytes)
    more_seconds, more_bytes = _extracted(job, pairs, largest)
    return ReadingRate(
        *_line((length, seconds), (n_tokens, more_seconds)), *_line((1, n_bytes), (len(largest), more_bytes))
    )


def _batches(job: Job, pairs: Pairs) -> Iterator[tuple[list[int], int]]:
    """Places of the items of each batch, and its tokens, padding included."""
    contents = pairs.contents(job.side)
    if job.model.modality == "image":  # all are as long, and what is read of one is large
        lengths = [job.model.read(contents[:1])[0].length] * len(contents)
    else:
        lengths = [reading.length for reading in job.model.read(contents)]
    for items in planned_batches(lengths, BATCH_TOKENS):
        yield items, len(items) * max(lengths[item] for item in items)


def _extracted(job: Job, pairs: Pairs, items: Sequence[int]) -> tuple[float, int]:
    """Extract some items into a store that is thrown away: seconds, and bytes on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        sample = pairs.take(sorted(items))
        store = extract(sample, model=job.model, side=job.side, out=Path(folder) / "sample.zarr", tokens=job.tokens)
        check_health(store)
        return time.perf_counter() - began, size_on_disk(store) or 0


def _line(first: tuple[int, float], second: tuple[int, float]) -> tuple[float, float]:
    """Height at 0 and slope of the line through two points, neither below 0."""
    slope = (second[1] - first[1]) / (second[0] - first[0]) if second[0] > first[0] else second[1] / second[0]
    height = first[1] - slope * first[0]
    return (height, slope) if min(height, slope) >= 0 else (0.0, second[1] / second[0])
