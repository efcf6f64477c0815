"""Two processes that write one thing: one of them waits its turn, or both write the same."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from foretell.exceptions import StoreError
from foretell.representations.store.reader import Store, open_store
from tests.faults.children import Child
from tests.faults.conftest import Undisturbed
from tests.faults.files import check_same
from tests.faults.tally import Fault


@pytest.mark.parametrize(
    ("job", "n_cases"),
    [
        ("make_store", 1),
        pytest.param("make_store", 15, marks=pytest.mark.faults),
        pytest.param("measure", 5, marks=pytest.mark.faults),
        pytest.param("report", 10, marks=pytest.mark.faults),
        pytest.param("extract", 3, marks=pytest.mark.faults),
    ],
)
def test_two_at_once(
    job: str, n_cases: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    like = undisturbed.of(job)
    counted = fault(f"two processes on {WORK[job]}")
    for number, share in enumerate(np.random.default_rng(n_cases).uniform(0, 0.8, n_cases)):
        out = tmp_path / f"{number}"
        with counted.case(f"a second {job} at {share:.2f} of the first") as case:
            first = Child(job, undisturbed.given, out)
            time.sleep(share * undisturbed.seconds(job) if number else 0)
            second = Child(job, undisturbed.given, out)
            both = first.ended(), second.ended()
            refused = [ended for ended in both if not ended.is_done]
            assert all(ended.fault is None for ended in refused), refused
            assert len(refused) < 2, refused
            for ended in refused:
                assert ended.error is not None
                assert ended.error.endswith("is being written by another process: wait until it ends."), ended
                assert Child(job, undisturbed.given, out).ended().is_done
            check_same(out, like)
            case.outcome = "clear error, then the same result" if refused else "same result"
        shutil.rmtree(out)


WORK = {
    "make_store": "one store",
    "measure": "one run",
    "report": "one page",
    "extract": "one store, with a real model (MiniLM)",
}


@pytest.mark.parametrize("n_cases", [1, pytest.param(10, marks=pytest.mark.faults)])
def test_a_reader_beside_a_writer(
    n_cases: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """What is read while a store is written is incomplete, or as it will be."""
    like = undisturbed.of("make_store") / "left.zarr"
    last = open_store(like)
    seen: set[int] = set()
    counted = fault("a reader beside the writer of a store")
    for number in range(n_cases):
        out = tmp_path / f"{number}"
        with counted.case(f"writer {number}") as case:
            writer = Child("make_store", undisturbed.given, out)
            try:
                while writer.is_running():
                    seen.add(_n_committed(out / "left.zarr", last))
            finally:
                ended = writer.ended()
            assert ended.is_done, ended
            assert _n_committed(out / "left.zarr", last) == len(last.committed)
            check_same(out, like.parent)
            case.outcome = "same result"
        shutil.rmtree(out)
    # One store is written in a moment, in which a machine that is busy may not read it.
    assert n_cases == 1 or seen & set(range(1, len(last.committed))), "none was read while it was written"


def _n_committed(path: Path, last: Store) -> int:
    """How many chunks a store has; raises AssertionError unless what is kept of each is that of the `last`."""
    try:
        store = open_store(path)
        chunks, waiting = np.flatnonzero(store.committed).tolist(), store.waiting
    except StoreError as error:
        said = str(error)
        unfinished = ("There is no store", "is not a foretell store", "was not made to the end")
        assert any(one in said for one in unfinished), said
        return 0
    for number, kept in enumerate(store.info.kept):
        for layer in kept.n_bits if number not in waiting else ():
            for chunk in chunks:
                rows = slice(*store.info.span(chunk))
                found, expected = (one.read(layer, rows, kept=number) for one in (store, last))
                assert np.array_equal(found, expected), (number, layer, chunk)
    return len(chunks)
