"""Disks that are full and folders that are read-only: one clear error, and the work goes on when the cause is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from foretell.measure.inference.item_data import items_of
from foretell.measure.results.result_files import load_result
from foretell.representations.store.reader import open_store
from tests.faults.children import Child, Ended
from tests.faults.conftest import Undisturbed
from tests.faults.files import check_same, check_store, check_whole_files, files_of
from tests.faults.places import Disk, read_only
from tests.faults.tally import Fault

PAGE, LARGE = 4096, 16 * 2**20


def _check_refused(ended: Ended) -> None:
    """Raise AssertionError unless a job ended with an error of one line that says that something cannot be written."""
    assert ended.fault is None, ended
    assert ended.error is not None, "it wrote what does not fit"
    assert "\n" not in ended.error, ended
    assert "cannot be written" in ended.error or "cannot hold a run" in ended.error, ended


def _pages(folder: Path) -> int:
    return sum(-(-path.stat().st_size // PAGE) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("job", "n_cases"),
    [
        ("make_store", 1),
        pytest.param("make_store", 15, marks=pytest.mark.faults),
        pytest.param("measure", 10, marks=pytest.mark.faults),
        pytest.param("report", 5, marks=pytest.mark.faults),
        pytest.param("extract", 3, marks=pytest.mark.faults),
    ],
)
def test_a_full_disk(
    job: str, n_cases: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, disk: Disk
) -> None:
    like = undisturbed.of(job)
    counted = fault(f"full disk: {WORK[job]}")
    for share in np.linspace(0.95, 0.02, n_cases):
        with counted.case(f"{job} with {share:.2f} of the room") as case:
            out = disk.place / "out"
            disk.resize(max(1, int(share * _pages(like))) * PAGE)
            _check_refused(Child(job, undisturbed.given, out).ended())
            if job in ("make_store", "extract"):
                check_store(out / "left.zarr", like / "left.zarr")
            else:
                check_whole_files(out, like)
            disk.resize(LARGE)
            ended = Child(job, undisturbed.given, out).ended()
            assert ended.is_done, ended
            check_same(out, like)
            case.outcome = "clear error, then the same result"
        shutil.rmtree(disk.place / "out")


WORK = {
    "make_store": "a store",
    "measure": "a study",
    "report": "a page",
    "extract": "a store, with a real model (MiniLM)",
}


@pytest.mark.faults
def test_files_beyond_a_quota(fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The system refuses files above a size: another error than that of a full disk, and of single files."""
    counted = fault("files larger than the system allows")
    for job, file_bytes in (("make_store", 100), ("make_store", 700), ("measure", 4096), ("report", 2**20)):
        like, out = undisturbed.of(job), tmp_path / f"{job} {file_bytes}"
        with counted.case(f"{job} in files of {file_bytes} bytes") as case:
            _check_refused(Child(job, undisturbed.given, out, file_bytes=file_bytes).ended())
            ended = Child(job, undisturbed.given, out).ended()
            assert ended.is_done, ended
            check_same(out, like)
            case.outcome = "clear error, then the same result"


@pytest.mark.parametrize(
    ("jobs", "shares"),
    [
        (("make_store",), (0.0,)),
        pytest.param(("make_store", "measure", "report"), (0.0, 0.5), marks=pytest.mark.faults),
    ],
)
def test_a_read_only_folder(
    jobs: tuple[str, ...],
    shares: tuple[float, ...],
    fault: Callable[[str], Fault],
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    counted = fault("read-only folder, empty or with half of the work")
    for job in jobs:
        like = undisturbed.of(job)
        for share in shares:
            with counted.case(f"{job}, {share} of it done") as case:
                out = tmp_path / f"{job} {share}"
                out.mkdir()
                seconds = share * undisturbed.seconds(job)
                while share and not Child(job, undisturbed.given, out).killed_after(seconds):
                    shutil.rmtree(out)  # it was faster than before
                    seconds *= 0.7
                before = files_of(out)
                with read_only(out) as place:
                    _check_refused(Child(job, undisturbed.given, place).ended())
                assert files_of(out) == before, "something was written"
                ended = Child(job, undisturbed.given, out).ended()
                assert ended.is_done, ended
                check_same(out, like)
                case.outcome = "clear error, then the same result"


@pytest.mark.faults
def test_reading_writes_nothing(fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path) -> None:
    """What is whole is read where nothing may be written, and a call that finds nothing to do ends well."""
    counted = fault("read-only folder with all of the work")
    for job in ("make_store", "measure"):
        shutil.copytree(undisturbed.of(job), tmp_path / job)
    with read_only(tmp_path / "make_store") as place:
        with counted.case("a store that is read") as case:
            assert not list(open_store(place / "left.zarr").damaged())
            case.outcome = "same result"
        with counted.case("a store that is complete") as case:
            ended = Child("make_store", undisturbed.given, place).ended()
            assert ended.is_done, ended
            case.outcome = "same result"
    with read_only(tmp_path / "measure") as place, counted.case("results") as case:
        assert [len(items_of(load_result(path)).ids) for path in (place / "run" / "results").glob("*.nc")]
        case.outcome = "same result"
