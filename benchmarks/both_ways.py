"""Row 1: both directions between two float arrays, against the libraries that people use for it."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import data
from turns import ONE_THREAD, Row, Timing, compared, in_turn, timed, unavailable

import foretell

N_ITEMS, N_DIMS = 2000, 81_920
# Peer, what it does, how many times faster we mean to be, and the convention that it computes.
PEERS = (
    ("a", "dadapy", "DADApy", 25.0, "glielmo"),
    ("b", "faiss", "faiss binary flat, numpy", 6.0, "adjusted"),
    ("c", "scikit-learn", "scikit-learn brute, scipy", 10.0, "adjusted"),
)
# Neighbours tied for nearest are shared by us and taken as they come by the peers; nothing else differs.
TOLERANCE = 2e-3
PYTHON = Path(__file__).parents[1] / ".venv-peers/bin/python"
WORK = f"both directions, N={N_ITEMS:,}, D={N_DIMS:,} float32"


class Peers:
    """The peers' process. One lives through a run, so that its jobs and ours can take turns."""

    def __init__(self) -> None:
        command = [str(PYTHON), str(Path(__file__).with_name("peers.py"))]
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peers' process ended at {request}; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def timing(self, job: str) -> Timing:
        """Run a job there."""
        answer = self.ask(do="run", job=job)
        return Timing(answer["seconds"], tuple(answer["values"]))

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def versions() -> dict[str, str]:
    """Versions of the peers' libraries; empty where their environment is not there."""
    if not PYTHON.exists():
        return {}
    with Peers() as peers:
        return peers.ask(do="versions")


def rows(repeats: int) -> list[Row]:
    """Time ours and each peer in turn."""
    if not PYTHON.exists():
        why = "make bench makes the peers' environment"
        return [unavailable(f"1{letter}", WORK, what, f">= {bar:g}x", why) for letter, _, what, bar, _ in PEERS]
    foretell.set_options(threads=1)
    a, b = (data.activations(N_ITEMS, N_DIMS, side=side) for side in (0, 1))
    foretell.information_imbalance(a[:64, :64], b[:64, :64])
    with Peers() as peers:
        theirs = peers.ask(do="make", n_items=N_ITEMS, n_dims=N_DIMS)["digest"]
        if theirs != data.digest(a, b):
            raise RuntimeError("the peers' process made other data: the two versions of numpy draw other numbers")
        jobs = {"ours": timed(lambda: foretell.information_imbalance(a, b))}
        jobs |= {name: partial(peers.timing, name) for _, name, *_ in PEERS}
        runs = in_turn(jobs, repeats)
    found = []
    for letter, name, what, bar, convention in PEERS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # DADApy's convention depends on the order of ties, and says so
            ours = foretell.information_imbalance(a, b, convention=convention)
        note = _agreement((ours.a_to_b, ours.b_to_a), runs[name][-1].result)
        row = compared(f"1{letter}", WORK, what, ours=runs["ours"], theirs=runs[name], at_least=bar, note=note)
        found.append(row)
    return found


def _agreement(ours: tuple[float, float], theirs: tuple[float, float]) -> str:
    apart = max(abs(x - y) for x, y in zip(ours, theirs, strict=True))
    said = ", ".join(f"{x:.4f} and {y:.4f}" for x, y in zip(ours, theirs, strict=True))
    return f"values ours and theirs {said}: {'agree' if apart <= TOLERANCE else 'DISAGREE'}"
