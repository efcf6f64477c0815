"""Jobs timed in turn, and the rows of the table that come of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["ONE_THREAD", "Row", "Timing", "compared", "in_turn", "median", "seconds", "timed", "unavailable"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Environment in which libraries start no threads of their own."""

Verdict = Literal["met", "missed", "not available", ""]


@dataclass(frozen=True)
class Timing:
    """Seconds of one run of a job, and what it gave."""

    seconds: float
    result: Any = None


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes
    ----------
    number : str
        Of the row: a digit, which ``--only`` takes, and a letter where it has parts.
    work, against : str
        What was done, and what it is compared with.
    ours, theirs, ratio, bar : str
        With units.
    verdict : {"met", "missed", "not available", ""}
    note : str
        What proves that both did the same work, or how a figure was found.
    figures : mapping
        The same as plain numbers, for ``--json``.
    """

    number: str
    work: str
    against: str = ""
    ours: str = ""
    theirs: str = ""
    ratio: str = ""
    bar: str = ""
    verdict: Verdict = ""
    note: str = ""
    figures: Mapping[str, Any] | None = None


def timed(work: Callable[[], Any]) -> Callable[[], Timing]:
    """A job of this process."""

    def run() -> Timing:
        start = time.perf_counter()
        result = work()
        return Timing(time.perf_counter() - start, result)

    return run


def in_turn(jobs: Mapping[str, Callable[[], Timing]], repeats: int) -> dict[str, list[Timing]]:
    """Run every job once, then every job again, so that what else the machine does falls on all alike."""
    runs: dict[str, list[Timing]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            runs[name].append(job())
    return runs


def median(runs: list[Timing]) -> float:
    """Median seconds."""
    return statistics.median(run.seconds for run in runs)


def compared(
    number: str,
    work: str,
    against: str,
    *,
    ours: list[Timing],
    theirs: list[Timing],
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> Row:
    """Row of two jobs: how many times faster ours is (`at_least`), or how many times as long it takes (`at_most`)."""
    mine, other = median(ours), median(theirs)
    if at_least is not None:
        ratio, bar, met = other / mine, f">= {at_least:g}x", other / mine >= at_least
    else:
        limit = float("inf") if at_most is None else at_most
        ratio, bar, met = mine / other, f"<= {limit:g}x", mine / other <= limit
    return Row(
        number,
        work,
        against,
        seconds(mine),
        seconds(other),
        f"{ratio:.2f}x",
        bar,
        "met" if met else "missed",
        note,
        {
            "ours_s": [run.seconds for run in ours],
            "theirs_s": [run.seconds for run in theirs],
            "ratio": ratio,
            "bar": at_most if at_least is None else at_least,
        },
    )


def unavailable(number: str, work: str, against: str, bar: str, why: str) -> Row:
    """Row of what cannot be measured here or yet."""
    return Row(number, work, against, bar=bar, verdict="not available", note=why)


def seconds(value: float) -> str:
    """Seconds with three digits that count."""
    return f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value:.3g} s"
