"""Files written whole or not at all, what killed writers leave, and seals."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from foretell.exceptions import InputError, WriteError
from foretell.files import check_seal, read_bounded, reading, replacing, seal_of

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


def test_what_is_no_file_is_not_read_nor_left_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    open_before = sorted(os.listdir("/proc/self/fd"))
    for name in ("pipe", "folder", "none", "a\0b"):
        with pytest.raises(InputError, match=r"The note .* (is no file|cannot be read)"):
            read_bounded(tmp_path / name, 10, "note")
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(InputError, match="has more than 10 bytes: make it smaller, or give another"):
        read_bounded(tmp_path / "large", 10, "note")
    assert read_bounded(tmp_path / "large", 11, "note") == b"x" * 11
    assert sorted(os.listdir("/proc/self/fd")) == open_before


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    for name in ("pipe", "folder", "link", "stdout"):
        refused = pytest.raises(WriteError, match=rf"{name} is no file .*: choose another place")
        with refused, replacing(tmp_path / name) as path:
            path.write_text("harm")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 4
    assert (tmp_path / "stdout").is_symlink()


def test_a_link_is_replaced_and_what_it_leads_to_is_not(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    for name, target in (("link", "kept.txt"), ("nowhere", "absent")):
        (tmp_path / name).symlink_to(target)
        with replacing(tmp_path / name) as path:
            path.write_text("new")
        assert (tmp_path / name).read_text() == "new"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "kept.txt").read_text() == "kept"
    assert not (tmp_path / "absent").exists()


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


def test_what_a_library_raises_for_reasons_of_its_own_passes() -> None:
    with pytest.raises(OSError, match="libcudart") as raised, reading("model.gguf"):
        raise OSError("libcudart.so.12: cannot open shared object file")
    assert not isinstance(raised.value, InputError)
    with pytest.raises(InputError, match=r"'other' cannot be read \(Input/output error\)"), reading("given"):
        raise OSError(errno.EIO, "Input/output error", "other")
