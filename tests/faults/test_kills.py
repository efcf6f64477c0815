"""Killed at random moments: what is there is whole, and the same call again gives the undisturbed result."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.faults.children import Child
from tests.faults.conftest import Undisturbed
from tests.faults.files import check_same, check_store, check_whole_files
from tests.faults.tally import Fault


def _check_what_is_there(job: str, out: Path, like: Path) -> None:
    """Raise AssertionError where something half written passes for whole."""
    if job in ("measure", "report"):
        check_whole_files(out, like)
        return
    for store in like.rglob("*.zarr"):
        check_store(out / store.relative_to(like), store)


def _kills(fault: Fault, undisturbed: Undisturbed, job: str, n_kills: int, tmp_path: Path) -> None:
    """Kill a job so many times while it works, anew each time, and complete it."""
    like, seconds = undisturbed.of(job), undisturbed.seconds(job)
    rng = np.random.default_rng([n_kills, len(job)])
    while fault.n_cases < n_kills:
        assert fault.missed <= n_kills, "most kills come too late: the work takes less time than it did"
        out, moment = tmp_path / f"{fault.n_cases}", rng.uniform(0, seconds)
        if not Child(job, undisturbed.given, out).killed_after(moment):
            fault.missed += 1
            shutil.rmtree(out)
            continue
        fault.before += not any(path.is_file() for path in out.rglob("*"))
        with fault.case(f"{job} killed after {moment:.3f} of {seconds:.3f} s") as case:
            _check_what_is_there(job, out, like)
            ended = Child(job, undisturbed.given, out).ended()
            assert ended.is_done, ended
            check_same(out, like)
            case.outcome = "same result"
        shutil.rmtree(out)


WORK = {
    "make_store": "kill -9 while a store is committed",
    "measure": "kill -9 while a study measures, draws and writes",
    "report": "kill -9 while a page is made",
    "extract": "kill -9 while a real model (MiniLM) reads",
    "run": "kill -9 in a whole study with a real model (MiniLM)",
}


@pytest.mark.parametrize(
    ("job", "n_kills"),
    [
        ("make_store", 2),
        pytest.param("make_store", 50, marks=pytest.mark.faults),
        pytest.param("measure", 50, marks=pytest.mark.faults),
        pytest.param("report", 50, marks=pytest.mark.faults),
        pytest.param("extract", 10, marks=pytest.mark.faults),
        pytest.param("run", 10, marks=pytest.mark.faults),
    ],
)
def test_kills(job: str, n_kills: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path) -> None:
    _kills(fault(WORK[job]), undisturbed, job, n_kills, tmp_path)
