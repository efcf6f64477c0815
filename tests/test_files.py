"""Files written whole or not at all, what killed writers leave, and seals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from foretell.exceptions import InputError, WriteError
from foretell.files import check_seal, read_bounded, replacing, seal_of

KILLED = """
import os, signal, sys
from pathlib import Path
from foretell.files import replacing
with replacing(Path(sys.argv[1])) as path:
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_goes_with_the_next_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.txt")], check=False)
    assert [path.name.startswith(".foretell-writing-") for path in tmp_path.iterdir()] == [True]
    with replacing(tmp_path / "b.txt") as path:
        path.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as slow:
        slow.write_text("first")
        with replacing(tmp_path / "b.txt") as quick:
            quick.write_text("second")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "first", "b.txt": "second"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = pytest.raises(WriteError, match=r"file/a\.txt cannot be written \(.*\): make room or choose another")
    with refused, replacing(tmp_path / "file" / "a.txt"):
        pass


@pytest.mark.parametrize("place", [0, 500, 999])
def test_a_seal_tells_of_a_changed_bit(tmp_path: Path, place: int) -> None:
    path, data = tmp_path / "sealed", bytes(1000)
    path.write_bytes(data + seal_of(data))
    check_seal(path)
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"sealed is damaged \(its sha256 does not fit\): measure it again"):
        check_seal(path)


@pytest.mark.parametrize("data", [b"", b"of an older version" * 100])
def test_a_file_without_a_seal_passes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "plain"
    path.write_bytes(data)
    check_seal(path)


def test_a_file_is_read_whole_if_it_is_one_and_small_enough(tmp_path: Path) -> None:
    (tmp_path / "four").write_bytes(b"1234")
    assert read_bounded(tmp_path / "four", 4) == b"1234"
    with pytest.raises(InputError, match=r"study file .*four' has more than 3 bytes"):
        read_bounded(tmp_path / "four", 3, "study file")


@pytest.mark.parametrize("name", ["missing", "n" * 300, "nul\0", "\ud800", "folder", "pipe"])
def test_what_is_no_readable_file_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"is no file|cannot be read"):
        read_bounded(tmp_path / name, 4)
