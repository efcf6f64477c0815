"""How much memory a matrix of imbalances takes beyond its inputs: measured in a process of its own.

``rows`` in `sizes.py` starts it afresh for every measurement. By hand::

    .venv/bin/python benchmarks/memory.py --n-items 2000 --n-bits 11520 --spaces 1 --memory "512 MiB"

It packs the inputs, warms up on 64 items, hands what is free back to the system and takes the resident memory of that
moment as the baseline; then resets the kernel's high-water mark and reads it after the call. It prints one JSON line:
seconds, peak beyond the baseline in bytes, and a digest of every number of the result. Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import time
from pathlib import Path
from typing import Any

import data
import numpy as np

import foretell
from foretell.exceptions import OptionError

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def status(field: str) -> int:
    """Bytes that the kernel gives for one field of the process's status."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])


def measured(n_items: int, n_bits: int, n_spaces: int) -> dict[str, Any]:
    """Seconds, peak and digest of one call."""
    a, b = (
        [
            foretell.BinarySpace(data.packed(n_items, n_bits, side=side, number=number)[:, None], n_bits)
            for number in range(n_spaces)
        ]
        for side in (0, 1)
    )
    foretell.imbalance_matrix([a[0].bits(slice(64))], [b[0].bits(slice(64))])
    gc.collect()
    # What making the inputs has freed but the allocator still holds would hide as much of the peak.
    ctypes.CDLL(None).malloc_trim(0)
    baseline = status("VmRSS")
    CLEAR.write_text("5")  # the high-water mark starts from here
    start = time.perf_counter()
    result = foretell.imbalance_matrix(a, b)
    seconds = time.perf_counter() - start
    beyond = status("VmHWM") - baseline
    names = sorted(map(str, result.data_vars))
    digest = data.digest(*(np.asarray(result[name].values) for name in names))
    return {"seconds": seconds, "beyond": beyond, "baseline": baseline, "digest": digest}


def main() -> None:
    """Measure what the arguments say and print it."""
    parser = argparse.ArgumentParser(description="Peak memory of one call beyond its inputs.")
    parser.add_argument("--n-items", type=int, required=True)
    parser.add_argument("--n-bits", type=int, required=True)
    parser.add_argument("--spaces", type=int, default=1, help="a side")
    parser.add_argument("--memory", help="budget; none by default")
    asked = parser.parse_args()
    foretell.set_options(threads=1, memory=asked.memory)
    try:
        answer = measured(asked.n_items, asked.n_bits, asked.spaces)
    except OptionError as error:
        answer = {"unavailable": str(error)}
    except OSError as error:
        answer = {"unavailable": f"no memory figures on this system ({error})"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
