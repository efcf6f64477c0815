"""Bits compared in a second, by backend: what `docs/scale.md` reckons with.

    .venv/bin/python benchmarks/rates.py [--queries 2000 --candidates 10000 --bits 143360]

Each backend makes the distances of some queries to all candidates, once before it is timed and three times in turn; the
fastest is shown. torch takes a GPU where it sees one.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from foretell.measure.distances.backends import distances
from foretell.measure.kernels.order_keys import empty_rows
from foretell.measure.spaces.bits import BinarySpace
from foretell.options import current_options


def main() -> None:
    """Print a line a backend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--bits", type=int, default=143_360)
    parser.add_argument("--backends", nargs="+", default=["numba", "torch"])
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    n_items = max(options.queries, options.candidates)
    space = BinarySpace(rng.integers(0, 256, (n_items, 1, options.bits // 8), np.uint8), options.bits)
    queries, candidates = np.arange(options.queries), np.arange(options.candidates)
    threads = current_options().threads
    fastest = {}
    made = {name: distances(space, "hamming", name) for name in options.backends}
    for number in range(4):
        for name, one in made.items():
            out = empty_rows(len(queries), len(candidates), np.dtype(np.uint32))
            began = time.perf_counter()
            one.fill(out, queries, candidates, triangle=False, threads=threads, panel_bytes=2**30)
            seconds = time.perf_counter() - began
            if number:
                fastest[name] = min(seconds, fastest.get(name, seconds))
    compared = len(queries) * len(candidates) * options.bits
    for name, seconds in fastest.items():
        print(f"{name}{_where(name, threads)}: {compared / seconds:.2e} bits compared in a second")


def _where(backend: str, threads: int) -> str:
    if backend == "torch":
        import torch

        return f" on {torch.cuda.get_device_name()}" if torch.cuda.is_available() else " on the processor"
    return f", {threads} threads"


if __name__ == "__main__":
    main()
