"""Files that were cut, changed or lost after they were written: it is noticed, named, and can be repaired."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from foretell.exceptions import StoreError
from foretell.representations.store.reader import open_store
from tests.faults import jobs
from tests.faults.children import Child
from tests.faults.conftest import Undisturbed
from tests.faults.files import check_same
from tests.faults.tally import Case, Fault

KINDS = {"truncated": "cut", "bit-flipped": "with a changed bit", "missing": "gone"}
REPLACED = "replaced by a folder"


def damage(path: Path, kind: str, rng: np.random.Generator) -> None:
    """Cut a file at random, change one of its bits, delete it, or put a folder in its place."""
    data = bytearray(path.read_bytes())
    if kind in ("missing", REPLACED):
        path.unlink()
        if kind == REPLACED:
            (path / "of its own").mkdir(parents=True)
        return
    place = int(rng.integers(len(data)))
    if kind == "truncated":
        data = data[:place]
    else:
        data[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def _read(path: Path) -> None:
    """Everything of a store; raises StoreError where some of it is not there."""
    store = open_store(path)
    assert len(store.ids) == len(store.texts) == len(store.token_counts)
    assert len(store.near_zero) == len(store.layers)
    for number, kept in enumerate(store.info.kept):
        for layer in kept.n_bits:
            store.read(layer, kept=number)


def _check_noticed(store: Path) -> None:
    """Raise AssertionError unless reading a store says in one line that it is damaged or incomplete."""
    try:
        _read(store)
    except StoreError as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(f"not Foretell's own error: {error!r}") from error
    else:
        raise AssertionError("damage passes for data")
    assert "\n" not in said, said
    assert "is damaged" in said or "is incomplete" in said, said


def _chunks(store: Path, rng: np.random.Generator, n_bits: int) -> Iterator[str]:
    """Some files of bits; where it is more than one, a file of every other array too."""
    files = sorted(path.relative_to(store).as_posix() for path in store.rglob("c/**/*") if path.is_file())
    bits = [name for name in files if name.startswith("bits/")]
    yield from rng.choice(bits, n_bits, replace=False).tolist()
    if n_bits == 1:
        return
    others = [name for name in files if not name.startswith("bits/")]
    yield from {name.split("/c/")[0]: name for name in others if (store / name).stat().st_size > 0}.values()


@pytest.mark.parametrize("kind", [*KINDS, REPLACED])
@pytest.mark.parametrize("n_bits", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_a_chunk_of_a_store(
    kind: str, n_bits: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    like = undisturbed.of("make_store")
    counted = fault(f"a chunk file of a store {KINDS.get(kind, kind)}")
    rng = np.random.default_rng([*KINDS, REPLACED].index(kind))
    for name in _chunks(like / "left.zarr", rng, n_bits):
        out = tmp_path / name.replace("/", "-")
        with counted.case(f"{name} {kind}") as case:
            shutil.copytree(like, out)
            damage(out / "left.zarr" / name, kind, rng)
            _check_noticed(out / "left.zarr")
            _repair(undisturbed.given, out)
            check_same(out, like)
            case.outcome = "clear error, then the same result"


@pytest.mark.parametrize("n_bits", [60, pytest.param(0, marks=pytest.mark.faults)])
@pytest.mark.parametrize("array", ["bits/0/2", "committed"])
def test_what_describes_an_array(
    array: str, n_bits: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """Any one bit of it (or some) changed: noticed, or of no account, as of a space between two names."""
    like = undisturbed.of("make_store") / "left.zarr"
    counted = fault(f"any bit of {array}/zarr.json of a store changed")
    shutil.copytree(like, tmp_path / "left.zarr")
    file = tmp_path / "left.zarr" / array / "zarr.json"
    whole = file.read_bytes()
    every = np.arange(8 * len(whole))
    expected = _everything(like)
    for bit in np.random.default_rng(0).choice(every, n_bits, replace=False) if n_bits else every:
        with counted.case(f"bit {bit}") as case:
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << (bit % 8)
            file.write_bytes(changed)
            found = _everything(tmp_path / "left.zarr")
            assert isinstance(found, str) or found == expected, "damage passes for data"
            assert not isinstance(found, str) or "\n" not in found, found
            case.outcome = "clear error" if isinstance(found, str) else "same result"


def _everything(path: Path) -> list[bytes] | str:
    """What a store holds of bits and marks, or the error that it gives."""
    try:
        return _bits_and_marks(path)
    except StoreError as error:
        return str(error)


def _bits_and_marks(path: Path) -> list[bytes]:
    store = open_store(path)
    bits = [store.read(layer, kept=n).tobytes() for n, kept in enumerate(store.info.kept) for layer in kept.n_bits]
    return [store.committed.tobytes(), *bits]


def _repair(given: Path, out: Path) -> None:
    """Repair a store as its errors say: the same call with `repair`, or to delete it and make it again."""
    try:
        jobs.repair_store(given, out)
        _read(out / "left.zarr")
        return
    except StoreError as error:
        said = str(error)
    in_its_place = re.match("(.+) is a folder, and a file is due there: delete it, and try again", said)
    if in_its_place:
        shutil.rmtree(in_its_place[1])
        jobs.repair_store(given, out)
        return
    assert "delete" in said, said
    shutil.rmtree(out / "left.zarr")
    jobs.make_store(given, out)


@pytest.mark.parametrize("kind", ["truncated", "bit-flipped"])
@pytest.mark.parametrize("n_cases", [2, pytest.param(30, marks=pytest.mark.faults)])
def test_a_result(
    kind: str, n_cases: int, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """In a process of its own: HDF5 was seen not to come back from such files."""
    jobs.compare(undisturbed.given, tmp_path)
    counted = fault(f"a result {KINDS[kind]}")
    rng = np.random.default_rng(list(KINDS).index(kind))
    data = (tmp_path / "result.nc").read_bytes()
    for number in range(n_cases):
        with counted.case(f"{kind} {number}") as case:
            (tmp_path / "result.nc").write_bytes(data)
            damage(tmp_path / "result.nc", kind, rng)
            ended = Child("load", tmp_path, tmp_path).ended(60)
            assert ended.fault is None, ended
            assert ended.error is not None, "damage passes for data"
            assert "measure it again" in ended.error
            assert "\n" not in ended.error, ended
            case.outcome = "clear error"


@pytest.mark.faults
@pytest.mark.parametrize("kind", list(KINDS))
def test_files_of_a_run(kind: str, fault: Callable[[str], Fault], undisturbed: Undisturbed, tmp_path: Path) -> None:
    """A page is made without what is only shown beside results, or refused; the same study makes its files anew."""
    like = undisturbed.of("measure")
    counted = fault(f"a file of a run {KINDS[kind]}")
    rng = np.random.default_rng(list(KINDS).index(kind))
    names = [path.relative_to(like / "run").as_posix() for path in sorted((like / "run").rglob("*")) if path.is_file()]
    shutil.copytree(like, tmp_path / "all")
    for name in names:
        if name.startswith("stores/cost"):
            continue
        with counted.case(f"{name} {kind}") as case:
            shutil.copytree(like / "run", tmp_path / "run", dirs_exist_ok=True)
            damage(tmp_path / "run" / name, kind, rng)
            ended = Child("report", tmp_path, tmp_path / "page").ended(60)
            _page_made_or_refused(case, ended.error, ended.fault)
            damage(tmp_path / "all" / "run" / name, kind, rng)
    with counted.case("all of them, made again") as case:
        ended = Child("measure", undisturbed.given, tmp_path / "all").ended()
        case.outcome = "same result"
        if not ended.is_done:  # what is left of study.yaml might be somebody's own
            assert ended.error is not None, ended
            assert "study.yaml was not written by a run" in ended.error, ended
            (tmp_path / "all" / "run" / "study.yaml").unlink()
            ended = Child("measure", undisturbed.given, tmp_path / "all").ended()
            case.outcome = "clear error, then the same result"
        assert ended.is_done, ended
        check_same(tmp_path / "all", like)


def _page_made_or_refused(case: Case, error: str | None, fault: str | None) -> None:
    assert fault is None, fault
    assert error is None or "\n" not in error, error
    case.outcome = "same result" if error is None else "clear error"
