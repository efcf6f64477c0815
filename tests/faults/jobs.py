"""The work that is disturbed: each job takes a folder of what it is given and one that it fills.

None but `extract` and `run` needs torch. What one leaves in its folder does not depend on when it was made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import foretell
from foretell.representations.data.pairs import Pairs
from foretell.representations.imported.import_activations import import_activations
from foretell.representations.store_comparison import compare_sides, load_side, write_comparison

__all__ = [
    "JOBS",
    "MODEL",
    "compare",
    "extract",
    "give",
    "load",
    "make_store",
    "measure",
    "repair_store",
    "report",
    "run",
]

MODEL = "minilm-l6"
"""With its published weights."""

SIDES = ("left", "right")
N, T, H, LAYERS, CHUNK = 96, 2, 40, 5, 8
N_BLOCKS = LAYERS - 1
WORDS = ("the", "a", "red", "blue", "old", "new", "house", "dog", "cat", "tree", "sees", "likes", "two")


def give(folder: Path) -> None:
    """Make what the jobs are given: pairs, activations of both sides, and their stores."""
    rng = np.random.default_rng(0)
    lines = [[" ".join(rng.choice(WORDS, size)) for size in rng.integers(8, 20, 2)] for _ in range(N)]
    rows = ["\t".join(SIDES), *("\t".join(line) for line in lines)]
    (folder / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    shared = rng.standard_normal((N, T, H))
    for side in SIDES:
        (folder / side).mkdir()
        for layer in range(LAYERS):
            own = rng.standard_normal((N, T, H)) * (0.5 + abs(layer - N_BLOCKS / 2))
            np.save(folder / side / f"{layer}.npy", (shared + own).astype(np.float32))
    for side in SIDES:
        _import(folder, side, folder / f"{side}.zarr")


def make_store(given: Path, out: Path) -> None:
    """Commit a store chunk by chunk, then bits that wait until all items are there."""
    _import(given, "left", out / "left.zarr", "last 2, median")


def repair_store(given: Path, out: Path) -> None:
    """The same, and make anew what is damaged."""
    _import(given, "left", out / "left.zarr", "last 2, median", repair=True)


def measure(given: Path, out: Path) -> None:
    """A study of two stores: results, tables, figures, summary, page."""
    stores = {side: str(given / f"{side}.zarr") for side in SIDES}
    foretell.run(
        {
            "study": "depth",
            "pairs": {"data": str(given / "pairs.tsv"), "sides": list(SIDES)},
            "model": {"name": "made", "stores": stores},
            "tokens": "last 2",
            "measure": {"null": 40},
        },
        out=out / "run",
    )


def report(given: Path, out: Path) -> None:
    """A page of what `measure` left."""
    foretell.write_report(given / "run", out / "page.html")


def compare(given: Path, out: Path) -> None:
    """One result, of the two stores."""
    sides = [load_side(given / f"{side}.zarr", layers=["1", "2"]) for side in SIDES]
    write_comparison(compare_sides(*sides), out)


def load(given: Path, out: Path) -> None:
    """Read a result."""
    foretell.load_result(given / "result.nc")


def extract(given: Path, out: Path) -> None:
    """A real model reads one side."""
    pairs = foretell.load_pairs(str(given / "pairs.tsv"), list(SIDES))
    foretell.extract(
        pairs,
        model=MODEL,
        side="left",
        out=out / "left.zarr",
        tokens="last 2",
        chunk_items=4,
        batch_tokens=32,
    )


def run(given: Path, out: Path) -> None:
    """A whole study: a real model reads both sides, and they are measured."""
    foretell.run(
        {
            "study": "depth",
            "pairs": {"data": str(given / "pairs.tsv"), "sides": list(SIDES)},
            "model": MODEL,
            "tokens": "last 2",
            "measure": {"null": 40},
        },
        out=out / "run",
    )


def _import(given: Path, side: str, out: Path, *also: str, repair: bool = False) -> None:
    pairs: Pairs = foretell.load_pairs(str(given / "pairs.tsv"), list(SIDES))
    import_activations(
        given / side,
        pairs=pairs,
        side=side,
        out=out,
        model_id="made",
        ids=pairs.ids,
        tokens=["last 2", *also],
        chunk_items=CHUNK,
        repair=repair,
    )


Job = Callable[[Path, Path], None]

JOBS: dict[str, Job] = {job.__name__: job for job in (make_store, measure, report, load, extract, run)}
