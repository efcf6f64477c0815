"""Two stores that do not fit into a budget of memory, measured from disk: peak memory, and the same number.

    .venv/bin/python benchmarks/beyond_memory.py [--items 50000 --bits 143360 --queries 5000 --folder FOLDER]

Makes two stores (a layer each, of made-up bits that share a quarter), then measures them in processes of their own:
from disk with less than 512 MiB to spend, and with everything in memory. What is counted is the peak beyond the
interpreter with its imports and kernels, which a small measurement loads first. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from memory import CLEAR, status

import foretell
from foretell.representations.store.format import Kept, StoreInfo
from foretell.representations.store.recordings import Recording
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter, create_store

TOKENS = 20
CHUNK = 64
MEMORY = "440 MiB"
"""What the measure may hold: below the bar, as reading and checking a chunk take some more."""


def main() -> None:
    """Make the stores, measure both ways, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--bits", type=int, default=20 * 7168, help="of an item, over 20 tokens")
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="where the stores are, or go (1.8 GB)")
    parser.add_argument("--how", choices=("disk", "memory"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.how is not None:
        print(json.dumps(measured(options.folder, options.how, options.queries)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        make(folder, options.items, options.bits)
        found = {}
        for how in ("disk", "memory"):
            given = ["--how", how, "--folder", str(folder), "--queries", str(options.queries)]
            done = subprocess.run(  # noqa: S603 - this file
                [sys.executable, __file__, *given], check=True, capture_output=True, text=True
            )
            found[how] = json.loads(done.stdout.splitlines()[-1])
            one = found[how]
            print(f"{how}: {one['seconds']:.0f} s, {one['beyond'] / 2**20:.0f} MiB beyond the imports", flush=True)
        same = found["disk"]["values"] == found["memory"]["values"]
        print(f"values {found['disk']['values'][:2]}; the same to the bit: {same} (bar: 512 MiB, the same)")


def make(folder: Path, n_items: int, n_bits: int) -> None:
    """Two stores of random bits, three quarters of B's being those of A."""
    rngs = [np.random.default_rng(seed) for seed in (0, 1)]
    writers = [_empty(folder / f"{side}.zarr", side, n_items, n_bits // TOKENS) for side in "ab"]
    if any(writer is None for writer in writers):
        return
    shape = (TOKENS, n_bits // TOKENS // 8)
    # Items near to one another, or every distance would be the same but for chance.
    centres = rngs[0].integers(0, 256, (2000, *shape), np.uint8)
    for chunk in range(-(-n_items // CHUNK)):
        first, stop = chunk * CHUNK, min((chunk + 1) * CHUNK, n_items)
        known = centres[rngs[0].integers(0, len(centres), stop - first)] ^ _few(rngs[0], (stop - first, *shape))
        for writer, rng in zip(writers, rngs, strict=True):
            assert writer is not None
            bits = known ^ _few(rng, known.shape)
            writer.write_chunk(chunk, {(0, "0"): bits}, np.zeros(1, np.uint64))


def _few(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Bytes a quarter of whose bits are set."""
    return rng.integers(0, 256, shape, np.uint8) & rng.integers(0, 256, shape, np.uint8)


def _empty(place: Path, side: str, n_items: int, n_dimensions: int) -> StoreWriter | None:
    if place.exists():
        return None
    recording = Recording.parse(f"last {TOKENS}")
    info = StoreInfo(
        model_id="made-up", model_revision="none", model_licence="none", preprocessing="none", modality="text",
        dtype="float32", n_blocks=1, layers=("0",), kept=(Kept(recording, TOKENS, {"0": n_dimensions}),),
        n_items=n_items, chunk_items=CHUNK, near_zero=0.0, pairs_name="made-up", side=side, source="none",
        licence="none", dropped={}, versions={}, made_of={"side": side}, fingerprint=side,
    )  # fmt: skip
    ids = [f"item {number}" for number in range(n_items)]
    storage = Storage(place, read_only=False)
    create_store(storage, info, columns={"ids": ids, "texts": ids}, token_counts=np.full(n_items, TOKENS, np.uint32))
    return StoreWriter(storage, info)


def measured(folder: Path, how: str, n_queries: int) -> dict[str, Any]:
    """Seconds, peak and values of one measurement."""
    spaces = [foretell.open_store(folder / f"{side}.zarr").space("0") for side in "ab"]
    some = [space.bits(slice(0, 200)) for space in spaces]
    foretell.imbalance_matrix([some[0]], [some[1]], queries=20)
    del some
    foretell.set_options(memory=MEMORY if how == "disk" else "8 GiB")
    gc.collect()
    baseline = status("VmRSS")
    CLEAR.write_text("5")  # the high-water mark starts from here
    began = time.perf_counter()
    if how == "memory":
        result = foretell.imbalance_matrix([spaces[0].bits()], [spaces[1].bits()], queries=n_queries)
    else:
        result = foretell.imbalance_matrix([spaces[0]], [spaces[1]], queries=n_queries)
    seconds = time.perf_counter() - began
    values = [*result["imbalance"].values.ravel().tolist(), *result["stderr"].values.ravel().tolist()]
    return {"seconds": seconds, "beyond": status("VmHWM") - baseline, "values": values}


if __name__ == "__main__":
    main()
