"""Many hostile files, in processes that may die of them: ``python -m tests.hostile.fuzz`` counts what comes of them."""

from __future__ import annotations

import argparse
import json
import math
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.readers import HARM, READERS

__all__ = ["Tally", "make_material", "tally"]

MOST_SECONDS = 5.0
"""Of processor a case: on a machine that is busy a case takes longer by the clock."""

_ROOT = Path(__file__).parents[2]
_DEAF = 60.0  # seconds by the clock after which a process that says nothing is ended even if it sleeps
_FIRST = 120.0  # the same while it starts
_TABLE = _ROOT / "docs" / "hostile-input.md"
_MARKS = ("<!-- counts: begin -->", "<!-- counts: end -->")


@dataclass
class Tally:
    """What came of the cases of a reader.

    Parameters
    ----------
    outcomes : Counter
        How many were read, refused, or went wrong.
    faults : list of str
        What went wrong, with the number of the case.
    seconds, added : float
        The most of a case: seconds of processor, and bytes of memory.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    added: int = 0


def make_material(folder: Path, names: Sequence[str]) -> Path:
    """Valid files for each reader, made once."""
    for name in names:
        place = folder / name.replace(" ", "-")
        place.mkdir(parents=True)
        READERS[name].make(place)
    return folder


def tally(name: str, count: int, material: Path, *, first: int = 0) -> Tally:
    """Give a reader so many cases; a process that dies or does not end is replaced from the next case on."""
    found, number, stop = Tally(), first, first + count
    while number < stop:
        ended = ""
        for line in _lines(name, number, stop - number, material):
            if isinstance(line, str):
                ended = line
                break
            case, outcome, seconds, added, why = json.loads(line)
            number = case + 1
            found.outcomes[outcome] += 1
            found.seconds, found.added = max(found.seconds, seconds), max(found.added, added)
            if why or seconds > MOST_SECONDS:
                found.faults.append(f"{name} {case}: {why or f'{seconds:.1f} s'}")
        if ended:
            found.outcomes["fault"] += 1
            found.faults.append(f"{name} {number}: {ended}")
            number += 1
    return found


def _lines(name: str, first: int, count: int, material: Path) -> Iterator[bytes | str]:
    """Lines of a child as they come, and at last a text where it ended otherwise than it should."""
    command = [sys.executable, "-m", "tests.hostile.child", name, str(first), str(count), str(material)]
    settings = {"PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{_ROOT}", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, cwd=_ROOT, env={**os.environ, **settings}
        ) as child,
        selectors.DefaultSelector() as waiting,
    ):
        assert child.stdout is not None
        waiting.register(child.stdout, selectors.EVENT_READ)
        held, cpu, heard, given = b"", 0.0, time.monotonic(), 0
        while True:
            if waiting.select(timeout=0.5):
                block = os.read(child.stdout.fileno(), 2**16)
                if not block:
                    break
                *whole, held = (held + block).split(b"\n")
                yield from whole if given else whole[1:]
                given += len(whole)
                cpu, heard = _processor(child.pid), time.monotonic()
                continue
            slow = given and _processor(child.pid) - cpu > MOST_SECONDS
            if slow or time.monotonic() - heard > (_DEAF if given else _FIRST):
                child.kill()
                child.wait()
                yield f"did not end within {MOST_SECONDS:g} s"
                return
        child.wait()
        if child.returncode or given <= count:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()
            if not given:
                raise RuntimeError("\n".join(last[-20:]))
            yield f"ended with {child.returncode} {last[-1] if last else ''}"


def _processor(pid: int) -> float:
    """Seconds of processor that a process has had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _write(rows: Sequence[str], total: int) -> None:
    text = _TABLE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_MARKS[0])
    _, _, after = rest.partition(_MARKS[1])
    head = [
        f"{total:,} cases:",
        "",
        "| reader | cases | read all the same | refused | faults | slowest, s | most memory added, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    table = "\n".join([_MARKS[0], *head, *rows, _MARKS[1]])
    _TABLE.write_text(f"{before}{table}{after}", encoding="utf-8")


def main() -> None:
    """Give every reader its share of the cases, and write the table of `docs/hostile-input.md`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cases", type=int, default=110_000, help="in all")
    parser.add_argument("--first", type=int, default=0, help="number of the first case of each reader")
    parser.add_argument("--only", nargs="*", default=[name for name in READERS if name not in HARM])
    parser.add_argument("--write", action="store_true", help="write the table")
    given = parser.parse_args()
    shares = sum(reader.share for reader in READERS.values())
    rows, faults, total = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        material = make_material(Path(folder), given.only)
        for name in given.only:
            count = math.ceil(given.cases * READERS[name].share / shares)
            began = time.monotonic()
            found = tally(name, count, material, first=given.first)
            outcomes = found.outcomes
            rows.append(
                f"| {name} | {count:,} | {outcomes['read']:,} | {outcomes['refused']:,} | {outcomes['fault']:,} "
                f"| {found.seconds:.2f} | {found.added / 2**20:.0f} |"
            )
            print(rows[-1], f"{time.monotonic() - began:.0f} s", flush=True)
            for fault in found.faults:
                print("   ", fault, flush=True)
            faults += found.faults
            total += count
    if given.write:
        _write(rows, total)
    sys.exit(f"{len(faults)} faults" if faults else 0)


if __name__ == "__main__":
    main()
