"""Row 9: sentences a second and peak memory of an extraction, against a plain loop over the same sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from turns import ONE_THREAD, Row, Timing, compared, in_turn, unavailable

from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import cached

MIB = 2**20
N_ITEMS = 160
# Letter, model, and how many times as many sentences a second we mean to read.
MODELS = (("a", "gemma3-270m", 2.0), ("b", "smollm2-135m", 1.3))
BITS = 1.03


def fresh(how: str, model: str) -> dict[str, Any]:
    """What `reading.py` measures, in a process of its own, on all cores."""
    script = str(Path(__file__).with_name("reading.py"))
    command = [sys.executable, script, "--how", how, "--model", model, "--items", str(N_ITEMS)]
    command += ["--threads", str(os.cpu_count() or 1)]
    environment = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)  # noqa: S603
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def rows(repeats: int) -> list[Row]:
    """Every model by both ways, once: a run is hundreds of forward passes long."""
    del repeats
    found = []
    for letter, model, bar in MODELS:
        work = f"{N_ITEMS} sentences through {model}, last 20 tokens, {os.cpu_count()} threads"
        against = "plain loop, batches of 16"
        if model in PARTS and cached(PARTS[model]) is None:
            found.append(unavailable(f"9{letter}", work, against, f">= {bar:g}x", f"foretell data fetch {model}"))
            continue

        def job(how: str, model: str = model) -> Timing:
            run = fresh(how, model)
            return Timing(run["seconds"], run)

        runs = in_turn({how: lambda how=how: job(how) for how in ("ours", "plain")}, 1)
        mine, other = (runs[how][-1].result for how in ("ours", "plain"))
        signs = [np.unpackbits(np.frombuffer(bytes.fromhex(one["signs"]), np.uint8)) for one in (mine, other)]
        differ = float((signs[0] != signs[1]).mean())
        note = (
            f"{N_ITEMS / mine['seconds']:.1f} and {N_ITEMS / other['seconds']:.1f} sentences a second; signs of a "
            f"middle layer differ in {differ:.1e}; beyond the loaded model {mine['beyond'] / MIB:.0f} and "
            f"{other['beyond'] / MIB:.0f} MiB (one of its batches' layers: {other['layers_of_a_batch'] / MIB:.0f}); "
            f"{mine['bits_per_activation']:.3f} bits an activation in the store (<= {BITS:g})"
        )
        found.append(
            compared(f"9{letter}", work, against, ours=runs["ours"], theirs=runs["plain"], at_least=bar, note=note)
        )
    return found
