"""The measures beside the imbalance: a map of 30 x 30 layers against its distances alone, and against plain matrices.

    .venv/bin/python benchmarks/similarity.py [--repeats 3]

One thread each, in turn; medians. The plain CKA multiplies matrices of +-1 in numpy, and in torch where it is there. It
is timed on 2 + 2 layers: one product of N x D numbers a layer, and one of N x N a pair, from which the time of the
whole map is worked out. Both must give the same numbers.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from importlib.util import find_spec
from typing import Any

from turns import ONE_THREAD, Timing, in_turn, median, timed

os.environ.update(ONE_THREAD)  # before numpy is there

import data
import numpy as np

import foretell
from foretell.measure.distances.backends import distances
from foretell.measure.pairwise.reduction import PairwiseReduction
from foretell.measure.similarity.measures import MEASURES
from foretell.measure.spaces.inputs import as_input
from foretell.measure.spaces.queries import Layout

N_ITEMS, N_BITS, N_LAYERS, N_PLAIN = 2000, 11_520, 30, 2


def distances_alone(layers: list[Any]) -> None:
    """All distances, read by nobody."""
    spaces = [distances(as_input(layer, "hamming", ""), "hamming", "numba") for layer in layers]
    PairwiseReduction([spaces], Layout.everyone(N_ITEMS), memory=2**31, threads=1).run([])


def plain_cka(xp: Any, a: list[Any], b: list[Any]) -> Any:
    """Debiased CKA of signs by products of matrices, shape (len(a), len(b))."""

    def centred(bits: Any) -> Any:
        signs = bits.astype(np.float32) * 2 - 1
        x = signs if xp is np else xp.from_numpy(signs)
        k = x @ x.T
        n = len(k)
        k[range(n), range(n)] = 0
        total = k.sum(1)
        k = k - total[:, None] / (n - 2) - total / (n - 2) + total.sum() / ((n - 1) * (n - 2))
        k[range(n), range(n)] = 0
        return k / ((k * k).sum() ** 0.5)

    left, right = ([centred(bits) for bits in side] for side in (a, b))
    return np.array([[float((x * y).sum()) for y in right] for x in left])


def whole_map(run: Timing, of_pairs: Timing) -> float:
    """Seconds of the whole map, from those of few layers, of which the pairs were timed apart."""
    few = run.seconds - of_pairs.seconds
    return few * N_LAYERS / N_PLAIN + of_pairs.seconds * (N_LAYERS / N_PLAIN) ** 2


def main() -> None:
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    a, b = (
        [
            np.unpackbits(data.packed(N_ITEMS, N_BITS, side=side, number=layer), axis=1).view(bool)
            for layer in range(N_LAYERS)
        ]
        for side in (0, 1)
    )
    foretell.set_options(threads=1)
    foretell.similarity_matrix([a[0][:64]], [b[0][:64]])  # compiled once
    foretell.imbalance_matrix([a[0][:64]], [b[0][:64]])

    jobs = {
        "distances alone": timed(partial(distances_alone, [*a, *b])),
        "imbalance, k=1, no errors": timed(partial(foretell.imbalance_matrix, a, b, errors=False)),
    }
    for name in MEASURES:
        jobs[name] = timed(partial(foretell.similarity_matrix, a, b, measures=[name]))
    jobs["all six"] = timed(partial(foretell.similarity_matrix, a, b))
    plain = {"numpy": np}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        plain["torch"] = torch
    few_a, few_b = a[:N_PLAIN], b[:N_PLAIN]
    for library, xp in plain.items():
        jobs[f"plain {library}"] = timed(partial(plain_cka, xp, few_a, few_b))
    grams = np.ones((2, N_ITEMS, N_ITEMS), np.float32)
    jobs["pairs"] = timed(lambda: [float((grams[0] * grams[1]).sum()) for _ in range(N_PLAIN**2)])

    runs = in_turn(jobs, repeats)
    alone = median(runs["distances alone"])
    print(f"{N_LAYERS} x {N_LAYERS} layers, N={N_ITEMS:,}, D={N_BITS:,}, one thread")
    ours = runs["cka"][-1].result.similarity.values[0, :N_PLAIN, :N_PLAIN]
    for name, timings in runs.items():
        if name == "pairs":
            continue
        if name.startswith("plain"):
            seconds = whole_map(timings[-1], runs["pairs"][-1])
            np.testing.assert_allclose(timings[-1].result, ours, atol=1e-4)
            print(f"  {name + ' cka, worked out':28} {seconds:7.2f} s  {seconds / alone:6.2f} x")
            continue
        print(f"  {name:28} {median(timings):7.2f} s  {median(timings) / alone:6.2f} x")


if __name__ == "__main__":
    main()
