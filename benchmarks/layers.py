"""Rows 2 and 3: a matrix of 30 x 30 layers, against the bare distances of its 60 spaces, and on two threads."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import data
import numkong
import numpy as np
from turns import Row, compared, in_turn, timed, unavailable

import foretell

N_ITEMS, N_BITS, N_LAYERS = 2000, 11_520, 30
N_PERMUTATIONS = 200
WORK = f"{N_LAYERS} x {N_LAYERS} layers, N={N_ITEMS:,}, D={N_BITS:,} bools"
BARE = f"{2 * N_LAYERS} bare hammings_symmetric"
# Letter, what is measured beside the values, the options for it, and how many times the bare distances it may take.
KINDS: tuple[tuple[str, str, dict[str, Any], float], ...] = (
    ("a", "values alone", {"errors": False}, 1.45),
    ("b", "errors", {"errors": True}, 1.7),
    ("c", f"errors, null={N_PERMUTATIONS}", {"errors": True, "null": N_PERMUTATIONS}, 2.9),
)
STRETCH = 1.35
SPEEDUP = 1.8


def _on_two_threads(a: Any, b: Any, **options: Any) -> Any:
    with foretell.set_options(threads=2):
        return foretell.imbalance_matrix(a, b, **options)


def rows(repeats: int) -> list[Row]:
    """Time the bare distances, the three kinds of matrix, and one kind on two threads, all in turn."""
    packed = [[data.packed(N_ITEMS, N_BITS, side=side, number=layer) for layer in range(N_LAYERS)] for side in (0, 1)]
    a, b = ([np.unpackbits(layer, axis=1).view(bool) for layer in side] for side in packed)
    foretell.set_options(threads=1)
    foretell.imbalance_matrix([a[0][:64]], [b[0][:64]], null=2)

    def bare() -> None:
        for side in packed:
            for layer in side:
                numkong.hammings_symmetric(layer, dtype="uint1")

    jobs = {"bare": timed(bare)}
    for letter, _, options, _ in KINDS:
        jobs[letter] = timed(partial(foretell.imbalance_matrix, a, b, **options))
    two = (os.cpu_count() or 1) >= 2
    if two:
        for letter, _, options, _ in KINDS[::2]:
            jobs[f"{letter} on two"] = timed(partial(_on_two_threads, a, b, **options))
    runs = in_turn(jobs, repeats)

    found = [
        compared(
            f"2{letter}",
            f"{WORK}, {what}",
            BARE,
            ours=runs[letter],
            theirs=runs["bare"],
            at_most=bar,
            note=f"{STRETCH:g}x is what we would like" if letter == "a" else "",
        )
        for letter, what, _, bar in KINDS
    ]
    for place, (letter, what, _, _) in enumerate(KINDS[::2]):
        number, work = f"3{'ab'[place]}", f"{WORK}, {what}, 2 threads"
        if not two:
            found.append(unavailable(number, work, "1 thread", f">= {SPEEDUP}x", "one processor"))
            continue
        same = runs[letter][-1].result.equals(runs[f"{letter} on two"][-1].result)
        found.append(
            compared(
                number,
                work,
                "the same on 1 thread",
                ours=runs[f"{letter} on two"],
                theirs=runs[letter],
                at_least=SPEEDUP,
                note="the same result" if same else "ANOTHER RESULT",
            )
        )
    return found
