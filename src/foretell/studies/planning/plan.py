"""What a run will cost: time, memory and disk, from the study file and some seconds of trying out."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.exceptions import ForetellError
from foretell.files import NOTE_BYTES, read_bounded, replacing
from foretell.representations.loading.lazy import slowest_load
from foretell.studies.config.study_file import load_study
from foretell.studies.outputs import folder_of
from foretell.studies.planning.calibration import Rate, batches_of, measured_rate
from foretell.studies.planning.process_memory import give_back, resident
from foretell.studies.planning.rehearsal import Cost, Shape, rehearse, shapes_of
from foretell.studies.preparation.stores import Stores
from foretell.studies.registry import answer, arrange
from foretell.version import __version__

if TYPE_CHECKING:
    from foretell.studies.config.study_file import Study
    from foretell.studies.preparation.prepare import Arrangement, Job

__all__ = ["Plan", "Step", "in_words", "plan", "plan_arranged", "remember"]

CALIBRATION_SECONDS = 10.0
_MOST_SECONDS = 1e12


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

    Its items are chosen as the run would, and kept for it; what must be fetched is fetched. Each side that is not
    extracted yet is tried out on some of its batches, and the measure on few layers of random bits: about 10 seconds
    in all.

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
    """Plan the run of a study whose items are chosen, so many seconds after the start; or give the plan made before."""
    todo = [job for job in reversed(list(arrangement.jobs.values())) if not job.is_done]
    cost = _known_cost(study, arrangement, stores.notes)
    missing = [(str(job.place), job.n_missing) for job in todo]
    place = stores.notes / f"plan-{_key(study, arrangement, [*missing, None if cost is None else asdict(cost)])}.json"
    known = _known_plan(place)
    if known is not None:
        return known
    steps = [Step("start, choose items", starting), *_reading(todo, arrangement)]
    shapes = shapes_of(arrangement)
    arrangement.slot.let_go()  # as the run does before it measures
    give_back()
    name = "measure, draw and write"
    if cost is None:
        try:
            cost = rehearse(study, arrangement, shapes, answer)
        except ForetellError as error:  # random bits need not bear all that is asked of real ones
            name, cost = f"{name}: not known ({error})", Cost(0.0, 0)
    steps.append(Step(name, cost.seconds, cost.disk_bytes))
    made = Plan(len(arrangement.pairs), tuple(steps), _memory(len(arrangement.pairs), shapes, cost))
    with replacing(place) as path:
        path.write_text(json.dumps(asdict(made)), encoding="utf-8")
    return made


def remember(study: Study, arrangement: Arrangement, notes: Path, cost: Cost) -> None:
    """Keep what measuring took, for the next plan of the same study."""
    with replacing(notes / f"cost-{_key(study, arrangement)}.json") as path:
        path.write_text(json.dumps(asdict(cost)), encoding="utf-8")


def _reading(todo: Sequence[Job], arrangement: Arrangement) -> Iterator[Step]:
    """A step for each model that must be loaded, and one for each side that it reads."""
    pairs = arrangement.pairs
    models = list(dict.fromkeys(job.model for job in todo))
    for model in models:
        mine = [job for job in todo if job.model is model]
        rate: Rate | None = None
        for job in mine:
            batches = batches_of(job, pairs)
            if rate is None:
                seconds = CALIBRATION_SECONDS / len(models)
                rate = measured_rate(job, pairs, batches, seconds=seconds)
                yield Step(f"load {model.info.id}", slowest_load(model))
            share = 1.0 if job.n_missing is None else job.n_missing / len(pairs)
            yield Step(
                f"read {job.side} with {model.info.id}",
                rate.seconds_for(round(share * sum(batches.tokens))),
                round(share * rate.bytes_for(len(pairs))),
            )


def _known_plan(place: Path) -> Plan | None:
    """A plan made before, of the same study with the same things missing."""
    try:
        said = json.loads(read_bounded(place, NOTE_BYTES))
        steps = tuple(
            Step(str(step["name"]), _seconds(step["seconds"]), int(step["disk_bytes"])) for step in said["steps"]
        )
        return Plan(int(said["n_items"]), steps, int(said["memory_bytes"]))
    except (OSError, ValueError, ArithmeticError, RecursionError, TypeError, KeyError):
        return None


def _seconds(said: Any) -> float:
    """A duration of a note; JSON as Python reads it has NaN and infinities."""
    seconds = float(said)
    if not 0 <= seconds < _MOST_SECONDS:
        raise ValueError(f"{seconds} seconds")
    return seconds


def _known_cost(study: Study, arrangement: Arrangement, notes: Path) -> Cost | None:
    """What measuring took when this study was last run here."""
    try:
        said = json.loads(read_bounded(notes / f"cost-{_key(study, arrangement)}.json", NOTE_BYTES))
        return Cost(_seconds(said["seconds"]), int(said["disk_bytes"]), int(said["memory_bytes"]))
    except (OSError, ValueError, ArithmeticError, RecursionError, TypeError, KeyError):
        return None


def _key(study: Study, arrangement: Arrangement, missing: Sequence[Any] = ()) -> str:
    """What a cost is of: the study, its items, this version and this machine."""
    machine = [platform.node(), platform.machine(), os.cpu_count()]
    asked = [study.to_yaml(), len(arrangement.pairs), __version__, machine, *missing]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _memory(n_items: int, shapes: Sequence[tuple[Shape, ...]], cost: Cost) -> int:
    """Most memory: what trying out took, or what measuring holds beside what is held now."""
    now, most = resident()
    return max(most, now + (cost.memory_bytes or max(sum(_held(n_items, one) for one in shape) for shape in shapes)))


def _held(n_items: int, shape: Shape) -> int:
    """Bytes that measuring holds of one side: its bits, and the order of all distances, 16 bits each."""
    return shape.n_layers * (n_items * shape.n_tokens * shape.n_bits // 8 + 2 * n_items**2)
