"""How long `import foretell` and a first measurement take in a fresh process, numba's cache warm.

Run it as ``.venv/bin/python benchmarks/first_call.py``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

RUNS = 5
IMPORT = "import foretell"
FIRST_CALL = (
    "import foretell, numpy\n"
    "a, b = numpy.random.default_rng(0).standard_normal((2, 100, 768))\n"
    "foretell.information_imbalance(a, b)"
)


def seconds(code: str) -> float:
    """Wall seconds of a piece of code in a process of its own, the interpreter's start left out."""
    timed = f"import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def main() -> None:
    """Time both in turn and print the medians."""
    seconds(FIRST_CALL)  # warms numba's cache
    runs = [(seconds(IMPORT), seconds(FIRST_CALL)) for _ in range(RUNS)]
    imported, called = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"import foretell                    {imported:.3f} s (median of {RUNS})")
    print(f"import and first call on N = 100   {called:.3f} s (median of {RUNS})")


if __name__ == "__main__":
    main()
