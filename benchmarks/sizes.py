"""Rows 5 and 6: memory within its budget, and how seconds and memory grow with the number of items."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from turns import Row, seconds, unavailable

MIB = 2**20
N_BITS = 11_520
BUDGET, ROOMY = 512, 8192
OVER = 1.25
MANY = 20_000
SIZES = (1000, 2000, 4000, 8000, 16_000)
EXPONENT = 2.1


def fresh(n_items: int, n_spaces: int, memory_mib: int) -> dict[str, Any]:
    """What `memory.py` measures, in a process of its own."""
    script = str(Path(__file__).with_name("memory.py"))
    command = [sys.executable, script, "--n-items", str(n_items), "--n-bits", str(N_BITS)]
    command += ["--spaces", str(n_spaces), "--memory", f"{memory_mib} MiB"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def within_budget(repeats: int) -> list[Row]:
    """Row 5: one call with little memory, one with much; a peak is no timing, so once is enough."""
    del repeats
    return [_within(f"5{letter}", n_spaces) for letter, n_spaces in (("a", 1), ("b", 4))]


def _within(number: str, n_spaces: int) -> Row:
    spaces = f"{n_spaces} x {n_spaces} spaces"
    work = f"memory beyond inputs, {spaces}, N={MANY:,}, D={N_BITS:,}"
    against, bar = f"memory='{BUDGET} MiB'", f"<= {OVER:g}x, same bits"
    tight = fresh(MANY, n_spaces, BUDGET)
    if "unavailable" in tight:
        return unavailable(number, work, against, bar, tight["unavailable"])
    roomy = fresh(MANY, n_spaces, ROOMY)
    if "unavailable" in roomy:
        return unavailable(number, work, against, bar, roomy["unavailable"])
    ratio, same = tight["beyond"] / (BUDGET * MIB), tight["digest"] == roomy["digest"]
    return Row(
        number,
        work,
        against,
        f"{tight['beyond'] / MIB:.0f} MiB",
        f"{BUDGET} MiB",
        f"{ratio:.2f}x",
        bar,
        "met" if ratio <= OVER and same else "missed",
        f"{'the same bits' if same else 'OTHER BITS'} with 8 GiB, which takes {roomy['beyond'] / MIB:.0f} MiB; "
        f"{seconds(tight['seconds'])} and {seconds(roomy['seconds'])}",
        {"tight": tight, "roomy": roomy, "ratio": ratio, "same": same},
    )


def growth(repeats: int) -> list[Row]:
    """Row 6: every size in turn, each in a fresh process: seconds where all distances fit, memory where they do not.

    With little memory a walk of many items takes every distance twice, once from either item: that is no growth but a
    step, which the note of the second row shows.
    """
    what = f"N={SIZES[0]:,} to {SIZES[-1]:,}, D={N_BITS:,}"
    time_row = ("6a", f"growth of seconds, {what}", f"memory='{ROOMY // 1024} GiB'", f"<= N^{EXPONENT:g}")
    memory_row = ("6b", f"growth of memory, {what}", f"memory='{BUDGET} MiB'", f"<= {OVER:g}x")
    runs: dict[tuple[int, int], list[dict[str, Any]]] = {
        (n_items, memory): [] for n_items in SIZES for memory in (ROOMY, BUDGET)
    }
    for _ in range(repeats):
        for (n_items, memory), found in runs.items():
            run = fresh(n_items, 1, memory)
            if "unavailable" in run:
                return [unavailable(*row, run["unavailable"]) for row in (time_row, memory_row)]
            found.append(run)
    taken, tight = (
        [statistics.median(run["seconds"] for run in runs[n_items, memory]) for n_items in SIZES]
        for memory in (ROOMY, BUDGET)
    )
    peaks = [statistics.median(run["beyond"] for run in runs[n_items, BUDGET]) / MIB for n_items in SIZES]
    exponent = float(np.polyfit(np.log(SIZES), np.log(taken), 1)[0])
    ratio = max(peaks) / BUDGET
    return [
        Row(
            *time_row[:3],
            seconds(taken[-1]),
            "",
            f"N^{exponent:.2f}",
            time_row[3],
            "met" if exponent <= EXPONENT else "missed",
            _list(SIZES, [seconds(value) for value in taken]),
            {"sizes": SIZES, "seconds": taken, "exponent": exponent},
        ),
        Row(
            *memory_row[:3],
            f"{max(peaks):.0f} MiB",
            f"{BUDGET} MiB",
            f"{ratio:.2f}x",
            memory_row[3],
            "met" if ratio <= OVER else "missed",
            "; ".join(
                (_list(SIZES, [f"{peak:.0f} MiB" for peak in peaks]), _list(SIZES[-2:], [*map(seconds, tight[-2:])]))
            ),
            {"sizes": SIZES, "peaks_mib": peaks, "ratio": ratio},
        ),
    ]


def _list(sizes: tuple[int, ...], values: list[str]) -> str:
    return ", ".join(f"{value} at {size:,}" for size, value in zip(sizes, values, strict=True))
