"""Many threads at work, and many callers at once: the numbers are those of one caller with one thread."""

from __future__ import annotations

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import TieOrderWarning
from tests.options import call, under

RNG = np.random.default_rng(0)
KNOWN = RNG.standard_normal((210, 5))
LAYERS = [
    {str(n): KNOWN @ RNG.standard_normal((5, 90)) + RNG.standard_normal((210, 90)) for n in range(3)} for _ in "ab"
]


def curve(**options: Any) -> xr.Dataset:
    """A curve with errors and a null, that has ties to break where the convention asks for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        result: xr.Dataset = call(foretell.imbalance_curve, *LAYERS, null=5, **options)
        return result


@pytest.mark.parametrize(
    ("backend", "metric", "convention"),
    [
        ("numba", "hamming", "adjusted"),
        ("numba", "hamming", "paper"),
        ("numba", "hamming", "glielmo"),
        ("numba", "euclidean", "adjusted"),
        ("numba", "cosine", "adjusted"),
        ("numkong", "hamming", "adjusted"),
        ("torch", "hamming", "adjusted"),
    ],
)
def test_one_to_eight_threads_give_the_same_bits(backend: str, metric: str, convention: str) -> None:
    one = curve(backend=backend, metric=metric, convention=convention, threads=1)
    for threads in range(2, 9) if backend != "torch" else (2, 8):  # torch's products have threads of their own
        many = curve(backend=backend, metric=metric, convention=convention, threads=threads)
        xr.testing.assert_identical(many, one)


@pytest.mark.parametrize("threads", [1, 3, None])
def test_callers_at_once_do_not_disturb_each_other(threads: int | None) -> None:
    """Twelve callers on six threads, with options and seeds of their own, each as if it were alone."""
    backends = ("numba", "numkong", "torch", "numba")
    asked: list[dict[str, Any]] = [
        {"backend": backends[n % 4], "k": 1 + n % 3, "seed": n, "metric": "euclidean" if n % 4 == 3 else "hamming"}
        for n in range(12)
    ]
    alone = [curve(**options, threads=1) for options in asked]
    with ThreadPoolExecutor(6) as pool:
        together = list(
            pool.map(lambda options: call(foretell.imbalance_curve, *LAYERS, null=5, threads=threads, **options), asked)
        )
    for one, other in zip(together, alone, strict=True):
        xr.testing.assert_identical(one, other)


FIRST = """
import sys, threading
import numpy as np, foretell
x, y = np.random.default_rng(0).standard_normal((2, 150, 70))
begin, found = threading.Barrier(5), []
def ask():
    begin.wait()
    found.append(repr(foretell.imbalance_curve([x], [y], null=3)["imbalance"].values.tolist()))
callers = [threading.Thread(target=ask) for _ in range(5)]
[caller.start() for caller in callers]
[caller.join() for caller in callers]
print(len(found), *set(found), sep="\\n")
"""


def test_the_first_calls_may_come_at_once() -> None:
    """Kernels are compiled, or read from the cache, while five callers wait for them."""
    x, y = np.random.default_rng(0).standard_normal((2, 150, 70))
    expected = foretell.imbalance_curve([x], [y], null=3)["imbalance"].values.tolist()
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.splitlines() == ["5", repr(expected)]


def in_another_process(seed: int) -> list[float]:
    x, y = np.random.default_rng(seed).standard_normal((2, 120, 40))
    ii = under(threads=2).information_imbalance(x, y)
    return [ii.a_to_b, ii.b_to_a, ii.stderr_asymmetry]


@pytest.mark.parametrize(
    "method",
    ["fork", pytest.param("spawn", marks=pytest.mark.slow), pytest.param("forkserver", marks=pytest.mark.slow)],
)
def test_processes_of_every_kind_give_the_same_bits(method: str) -> None:
    """Forked after threads were at work here, or begun anew; all at once."""
    here = [in_another_process(seed) for seed in range(4)]
    with warnings.catch_warnings():
        # Python 3.12 says that forking where threads are is not safe. None of ours is left when a call returns.
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
        with get_context(method).Pool(2) as pool:
            found = pool.map_async(in_another_process, range(4), chunksize=1).get(timeout=240)
            # Leaving the context would end them by a signal, which what measures coverage takes for the tests' own end.
            pool.close()
            pool.join()
    assert found == here
