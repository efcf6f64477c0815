"""How right `foretell plan` is: of some studies, what it says, then what the run takes, twice, in fresh processes.

    .venv/bin/python benchmarks/plans.py [PRESET ...] [--items N]

The second run finds everything extracted. Beside those of the whole machine, run nothing while this runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foretell.studies.config.study_file import load_study

_PLAN = """
import time
began = time.perf_counter()
import json, sys
from pathlib import Path
from foretell.studies.config.study_file import load_study
from foretell.studies.planning.plan import plan_checked
from foretell.studies.preparation.stores import Stores
stores = Stores.of(Path(sys.argv[2]), sys.argv[3] or None)
plan = plan_checked(load_study(sys.argv[1])[1], stores, starting=time.perf_counter() - began)
print(json.dumps({"seconds": plan.seconds, "memory": plan.memory_bytes, "disk": plan.disk_bytes}))
"""
"""What `foretell plan` does, in a process of its own; prints numbers that are not rounded."""

PRESETS = ("demo", "images", "models", "tokens", "token-pairs", "controls")


def main() -> None:
    """Print a table: said, taken, and their ratio, of time, memory and disk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=PRESETS, metavar="PRESET")
    parser.add_argument("--items", type=int, help="items of each study, those of the preset by default")
    parser.add_argument("--stores", type=Path, help="folder of activations that are there already")
    options = parser.parse_args()
    print(
        "| study | run | seconds said | taken | ratio | MiB said | held | ratio | MiB on disk said | written | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for preset in options.presets:
        study = json.loads(load_study(preset)[1].model_dump_json(exclude_none=True))
        if options.items is not None:
            study["pairs"]["items"] = options.items
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{preset}.yaml"
            file.write_text(json.dumps(study), encoding="utf-8")
            for run in ("first", "again"):
                cells = (
                    f"{said:.0f} | {taken:.0f} | {said / taken:.2f}" for said, taken in _pairs(file, options.stores)
                )
                print(f"| {preset} | {run} | {' | '.join(cells)} |", flush=True)


def _pairs(file: Path, stores: Path | None) -> Iterator[tuple[float, float]]:
    """What is said and what is taken: seconds, MiB of memory, MiB of disk."""
    out = file.parent / "run"
    of_stores = [] if stores is None else ["--stores", str(stores)]
    command = [sys.executable, "-c", _PLAN, str(file), str(out), "" if stores is None else str(stores)]
    planned = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
    began = time.time()
    seconds, memory = _foretell("run", str(file), "--out", str(out), "--quiet", *of_stores)
    yield planned["seconds"], seconds
    yield planned["memory"] / 2**20, memory / 2**20
    yield planned["disk"] / 2**20, _written(out, began) / 2**20


def _foretell(*arguments: str) -> tuple[float, int]:
    """Run the command; wall seconds and most bytes of memory."""
    command: list[Any] = [sys.executable, "-m", "foretell", *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"foretell {' '.join(arguments)} failed")
    return seconds, used.ru_maxrss * 1024


def _written(folder: Path, since: float) -> int:
    """Bytes of files that are newer."""
    found = (file.stat() for file in folder.rglob("*") if file.is_file())
    return sum(one.st_size for one in found if one.st_mtime >= since)


if __name__ == "__main__":
    main()
