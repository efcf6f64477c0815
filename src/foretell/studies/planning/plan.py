"""What a run will take: its work counted, times the rates of this machine; one batch of each model is timed."""

from __future__ import annotations

import contextlib
import ctypes
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.options import current_options
from foretell.representations.extraction.extract import BATCH_TOKENS, extract
from foretell.representations.extraction.model_run import planned_batches
from foretell.representations.loading.load_model import slowest_load
from foretell.representations.store.health import check_health, size_on_disk
from foretell.representations.store.recordings import Recording
from foretell.studies.config.study_file import load_study
from foretell.studies.outputs import folder_of
from foretell.studies.planning.rates import measured_rates, resident
from foretell.studies.planning.work import Shape, work_of
from foretell.studies.preparation.stores import Stores
from foretell.studies.registry import arrange

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.studies.config.study_file import Study
    from foretell.studies.preparation.prepare import Arrangement, Job


_SCORE_BYTES = 350
"""Of the score of an item in a cell: tallies, edges and copies while it is made, and what the allocator keeps."""

_PICTURE_BYTES = 8900
"""Of the small picture of an item that the page shows, about."""


@dataclass(frozen=True)
class Step:
    """One thing that a run does.

    Attributes
    ----------
    name : str
        What it is, in words.
    seconds : float
        How long it takes.
    disk_bytes : int
        What it leaves on the disk.
    """

    name: str
    seconds: float
    disk_bytes: int = 0


@dataclass(frozen=True)
class Plan:
    """What a run will cost here.

    Attributes
    ----------
    n_items : int
        Items that are chosen.
    steps : tuple of Step
    memory_bytes : int
        Most memory of the process at any time.
    """

    n_items: int
    steps: tuple[Step, ...]
    memory_bytes: int

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def disk_bytes(self) -> int:
        """Of all steps."""
        return sum(step.disk_bytes for step in self.steps)

    def __str__(self) -> str:
        return (
            f"{self.n_items} items; about {in_words(self.seconds)}, {self.memory_bytes / 2**30:.1f} GiB of memory, "
            f"{self.disk_bytes / 2**20:.0f} MiB more on disk"
        )


def in_words(seconds: float) -> str:
    """A duration for people: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plan(
    study: str | Path | Mapping[str, Any] | Study,
    *,
    out: str | Path | None = None,
    stores: str | Path | None = None,
) -> Plan:
    """Estimate what `foretell.run` will take with the same arguments, on this machine as it is now.

    Its items are chosen as the run would, and kept for it; what must be fetched is fetched. Each model that must read
    is timed on one batch. What is measured, drawn and written is counted, and multiplied by the rates of this machine,
    which are measured once in about five seconds.

    Parameters
    ----------
    study, out, stores
        As for `foretell.run`.

    Returns
    -------
    Plan
        Items, the time and disk of each step, and memory.

    Raises
    ------
    ForetellError
        As from `foretell.run` before anything is extracted.
    """
    name, checked = load_study(study)
    return plan_checked(checked, Stores.of(folder_of(name, out), stores))


def plan_checked(study: Study, stores: Stores, *, starting: float = 0.0) -> Plan:
    """Plan the run of a checked study, whose program took so many seconds to start."""
    arrange(study, stores).slot.let_go()
    give_back()
    began = time.perf_counter()
    arrangement = arrange(study, stores)  # as the run will find it: items chosen
    return plan_arranged(study, arrangement, stores, starting=starting + time.perf_counter() - began)


def plan_arranged(study: Study, arrangement: Arrangement, stores: Stores, *, starting: float) -> Plan:
    """Plan the run of a study whose items are chosen, so many seconds after the start."""
    pairs = arrangement.pairs
    todo = [job for job in reversed(list(arrangement.jobs.values())) if not job.is_done]
    steps = [Step("start, choose items", starting), *_reading(todo, pairs)]
    comparisons = [
        tuple(
            shape_of((side, model), tokens, arrangement)
            for side, model, tokens in zip(one.sides, one.models, one.tokens, strict=True)
        )
        for one in arrangement.comparisons
    ]
    arrangement.slot.let_go()  # as the run does before it measures
    give_back()
    rates, measured_now = measured_rates()
    work = work_of(study, [(a, b) for a, b in comparisons])
    seconds = rates.seconds_for(work) + rates.start_seconds
    steps.append(Step("measure, draw and write", seconds, rates.bytes_for(work)))
    now, most = resident()
    libraries = 0 if measured_now else rates.start_bytes
    held = max(_held(a, b) for a, b in comparisons) + _SCORE_BYTES * round(work["scores"])
    return Plan(len(pairs), tuple(steps), max(most, now + libraries + held))


def _reading(todo: Sequence[Job], pairs: Pairs) -> Iterator[Step]:
    """A step for each model that must be loaded, and one for each side that it reads."""
    for model in dict.fromkeys(job.model for job in todo):
        jobs = [job for job in todo if job.model is model]
        rate = measured_reading(jobs[0], pairs)
        yield Step(f"load {model.info.id}", slowest_load(model))
        for job in jobs:
            share = 1.0 if job.n_missing is None else job.n_missing / len(pairs)
            yield Step(
                f"read {job.side} with {model.info.id}",
                rate.seconds_for(round(share * padded_tokens(job, pairs))),
                round(share * rate.bytes_for(len(pairs))),
            )


def shape_of(key: Any, tokens: str, arrangement: Arrangement) -> Shape:
    """Shape of one side of a comparison, from its store where there is one, else from its model."""
    pairs, rule = arrangement.pairs, Recording.parse(tokens).tokens
    store, job = arrangement.stored.get(key, (None, None))[0], arrangement.jobs.get(key)
    if job is not None and job.is_done:
        store = job.opened
    if store is not None:
        kept = store.info.kept[0]
        widths = [kept.n_bits[layer] for layer in store.layers if layer in kept.n_bits]
        n_layers, n_tokens = sum(layer.isdecimal() for layer in store.layers), rule.n_tokens or kept.n_tokens
    else:
        assert job is not None  # noqa: S101 - a side has a job or a store
        widths = list(job.model.n_dimensions.values())
        n_layers = job.model.n_blocks + 1
        n_tokens = rule.n_tokens or len(rule.places(job.model.read(pairs.contents(job.side)[:1])[0]))
    texts = pairs.texts.get(key[0])
    item_bytes = _PICTURE_BYTES if texts is None else sum(map(len, texts)) // len(pairs)
    n_bits = round(float(np.mean(widths)))
    return Shape(len(pairs), n_layers, n_tokens, n_bits, item_bytes, pairs.groups is not None)


def _held(a: Shape, b: Shape) -> int:
    """Bytes that measuring a comparison holds: bits, and what memory allows of all distances, 2 bytes each."""
    spaces, n = a.n_layers + b.n_layers, a.n_items
    return a.n_bytes + b.n_bytes + min(current_options().memory, 2 * spaces * n**2)


def give_back() -> None:
    """Give memory that was freed back to the system, which the allocator would keep for later (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


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
