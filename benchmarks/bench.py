"""Every benchmark in one table: what was done, how long it took, against what, and the bar that we mean to keep.

``make bench`` runs it all and makes the peers' environment first; a run takes about a quarter of an hour. Of
single rows, or one repeat of each while something is being worked on::

    .venv/bin/python benchmarks/bench.py --only 2,3 --quick

``--json FILE`` keeps every timing, ``--write`` puts the table into ``benchmarks/README.md``. Jobs that are compared run
in turn, five times each unless ``--quick``; medians are shown. A bar missed is printed as missed and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turns import Row

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench: written by bench.py --write -->", "<!-- /bench -->"
REPEATS = 5
# Row -> where it is measured. Rows 2 and 3 share what is timed in turn, so they come together.
GROUPS: dict[str, str] = {
    "1": "both_ways.rows",
    "2": "layers.rows",
    "3": "layers.rows",
    "4": "tokens.rows",
    "5": "sizes.within_budget",
    "6": "sizes.growth",
    "7": "first_call.rows",
    "8": "popcount.rows",
    "9": "extraction.rows",
}
LIBRARIES = ("numpy", "numba", "llvmlite", "numkong", "xarray")
HEADER = ("", "work", "ours", "against", "theirs", "ratio", "bar", "")


def measured(numbers: list[str], repeats: int) -> list[Row]:
    """Rows of the groups that hold these numbers. A group that breaks is a row that says so."""
    from turns import unavailable

    found: list[Row] = []
    for group in dict.fromkeys(GROUPS[number] for number in numbers):
        print(f"{group} ...", file=sys.stderr, flush=True)
        module, _, function = group.partition(".")
        try:
            rows: Callable[[int], list[Row]] = getattr(import_module(module), function)
            found += rows(repeats)
        except Exception as error:
            number = next(number for number in numbers if GROUPS[number] == group)
            found.append(unavailable(number, group, "", "", f"{type(error).__name__}: {error}"))
    return [row for row in found if row.number[0] in numbers]


def machine() -> list[str]:
    """What it was measured on and with."""
    import both_ways

    import foretell

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    vectors = next((words for flag, words in VECTORS.items() if flag in flags), "no wide vectors")
    ours = [f"foretell {foretell.__version__}", f"Python {platform.python_version()}"]
    ours += [f"{library} {version(library)}" for library in LIBRARIES]
    theirs = [f"{library} {number}" for library, number in both_ways.versions().items()]
    return [
        f"{os.cpu_count()} cores of {names[0] if names else platform.processor()} ({vectors}), {platform.system()}.",
        f"Ours: {', '.join(ours)}.",
        f"Peers: {', '.join(theirs)}." if theirs else "Peers: not installed.",
    ]


VECTORS = {
    "avx512_vpopcntdq": "AVX-512 with vector popcount",
    "avx512f": "AVX-512 without vector popcount",
    "avx2": "AVX2",
}


def cells(row: Row) -> tuple[str, ...]:
    """A row as the table shows it."""
    return (row.number, row.work, row.ours, row.against, row.theirs, row.ratio, row.bar, row.verdict)


def as_text(rows: list[Row]) -> str:
    """An aligned table, and the notes below."""
    lines = [HEADER, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    numeric = {2, 4, 5}

    def aligned(line: tuple[str, ...]) -> str:
        parts = (
            text.rjust(width) if column in numeric else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(parts).rstrip()

    table = [aligned(HEADER), "  ".join("-" * width for width in widths), *(aligned(cells(row)) for row in rows)]
    return "\n".join([*table, "", *(f"{row.number}: {row.note}" for row in rows if row.note)])


def as_markdown(rows: list[Row], on: list[str], repeats: int) -> str:
    """The same for the README."""
    table = ["| | " + " | ".join(HEADER[1:]) + " |", "|---|---|---:|---|---:|---:|---|---|"]
    for row in rows:
        said = list(cells(row))
        said[-1] = f"**{row.verdict}**" if row.verdict == "missed" else row.verdict
        table.append("| " + " | ".join(said) + " |")
    notes = [f"- {row.number}: {row.note}" for row in rows if row.note]
    head = f"Medians of {repeats}, in turn, all rows in one run; one thread where no other number is given. {on[0]}"
    return "\n".join([head, "", *table, "", *notes, "", *on[1:]])


def write(text: str) -> None:
    """Put the table between the markers of the README."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise SystemExit(f"{README} has no lines {BEGIN} and {END}: the table goes between them.")
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Measure, print, and keep what is asked for."""
    parser = argparse.ArgumentParser(description="All benchmarks in one table.")
    parser.add_argument("--only", help=f"rows by number, as in 1,4; all of {', '.join(GROUPS)} by default")
    parser.add_argument("--quick", action="store_true", help="one repeat instead of five")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every timing")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    asked = parser.parse_args()
    numbers = asked.only.split(",") if asked.only else list(GROUPS)
    if unknown := [number for number in numbers if number not in GROUPS]:
        parser.error(f"there is no row {unknown[0]}: the rows are {', '.join(GROUPS)}")
    if asked.write and (asked.only or asked.quick):
        parser.error("--write is for a whole run: leave out --only and --quick")
    # One thread means one: before anything loads numpy, and for the processes that are started.
    from turns import ONE_THREAD

    os.environ.update(ONE_THREAD)
    repeats = 1 if asked.quick else REPEATS
    rows = measured(numbers, repeats)
    on = machine()
    print(
        "\n".join(
            [as_text(rows), "", f"Medians of {repeats}, in turn; one thread where no other number is given.", *on]
        )
    )
    if asked.json:
        asked.json.write_text(
            json.dumps({"machine": on, "repeats": repeats, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
        )
    if asked.write:
        write(as_markdown(rows, on, repeats))


if __name__ == "__main__":
    main()
