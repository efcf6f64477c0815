"""Row 7: how long `import foretell` and a first measurement take in a fresh process, numba's cache warm.

It runs alone too: ``.venv/bin/python benchmarks/first_call.py``.
"""

from __future__ import annotations

import subprocess
import sys

from turns import Row, Timing, in_turn, median
from turns import seconds as said

RUNS = 5
BAR = 1.0
IMPORT = "import foretell"
FIRST_CALL = (
    "import foretell, numpy\n"
    "a, b = numpy.random.default_rng(0).standard_normal((2, 100, 768))\n"
    "foretell.information_imbalance(a, b)"
)


def seconds(code: str) -> Timing:
    """Wall seconds of a piece of code in a process of its own, the interpreter's start left out."""
    timed = f"import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", timed], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return Timing(float(done.stdout))


def rows(repeats: int) -> list[Row]:
    """Time both in turn."""
    seconds(FIRST_CALL)  # warms numba's cache
    runs = in_turn({"import": lambda: seconds(IMPORT), "call": lambda: seconds(FIRST_CALL)}, repeats)
    imported, called = median(runs["import"]), median(runs["call"])
    return [
        Row(
            "7",
            "import foretell and a first call on N=100, warm cache",
            ours=said(called),
            bar=f"< {BAR:g} s",
            verdict="met" if called < BAR else "missed",
            note=f"the import alone takes {said(imported)}",
            figures={
                "import_s": [run.seconds for run in runs["import"]],
                "call_s": [run.seconds for run in runs["call"]],
            },
        )
    ]


if __name__ == "__main__":
    for row in rows(RUNS):
        print(f"{row.work}: {row.ours} (median of {RUNS}); {row.note}")
