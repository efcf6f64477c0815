"""Files that are written whole or not at all, and that say so when they are damaged."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from foretell.exceptions import InputError, WriteError

_ASIDE = ".foretell-writing-"
SEAL = b"\nforetell-sha256:"
_SEAL_BYTES = len(SEAL) + 64
_BLOCK = 2**20
NOTE_BYTES = 2**24
"""More than any note has that a run leaves: its summary, health, plan, or cost."""
_REPOSITORY = re.compile("(models|datasets|spaces)--.+")
_UNPACKED_BYTES = 2**28
_UNPACKED_TIMES = 100


def read_bounded(path: Path, most: int, what: str = "file") -> bytes:
    """Read a file of somebody else whole, if it is one and no larger than such a file ever is.

    Parameters
    ----------
    path : Path
        The file. What is no regular file (a pipe, a device) is not waited for.
    most : int
        Bytes that it may hold.
    what : str
        What it should be, for the message: "study file", say.

    Raises
    ------
    InputError
        If it is no file, is larger, or cannot be read: also for a name that no file can have.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            is_now = os.fstat(file.fileno())
            if not stat.S_ISREG(is_now.st_mode):
                raise InputError(f"The {what} {str(path)!r} is no file: give one.")
            data = file.read(most + 1) if is_now.st_size <= most else None
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL, or with what cannot be encoded
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(f"The {what} {str(path)!r} cannot be read ({reason}): give one that can.") from error
    if data is None or len(data) > most:  # a file of /proc says that it is empty, and one may grow meanwhile
        raise InputError(f"The {what} {str(path)!r} has more than {most:,} bytes: make it smaller, or give another.")
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open a file as `open` does, but do not wait for whoever writes into a pipe; Windows has none of these."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Raise `InputError` for what the operating system refuses while a place is read, which the message names.

    A folder that others closed, a name that is too long, a disk that fails: these show at whichever call comes first.
    Libraries raise such errors too, for reasons of their own and without a number: those pass.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise InputError(
            f"{str(error.filename or place)!r} cannot be read ({error.strerror}): look whether it is there and may be "
            "read, or give another."
        ) from error


def check_unpacked(path: Path, n_bytes: int) -> None:
    """Raise `InputError` for a packed file that unpacks to more than 256 MiB and more than 100 times its size.

    Activations and results hardly shrink when they are packed; a file that grows so was made to fill the memory.
    """
    if n_bytes > max(_UNPACKED_BYTES, _UNPACKED_TIMES * path.stat().st_size):
        raise InputError(
            f"{path} unpacks to {n_bytes:,} bytes, more than {_UNPACKED_TIMES} times its size: save it without packing "
            "it if that is meant."
        )


def check_inside(path: Path, folder: Path) -> None:
    """Raise `InputError` if a file of a folder is a link to somewhere outside of it (`places_of`).

    Who made the folder does not choose which other files of this machine are read.
    """
    if not leads_inside(path, places_of(folder)):
        raise InputError(f"{path} is a link out of the folder: put the file itself there.")


def leads_inside(path: Path, places: Sequence[Path]) -> bool:
    """Whether a path, its links followed, is in one of some places; links in a circle lead nowhere."""
    try:
        file = path.resolve()
    except (OSError, RuntimeError):
        return False
    return any(file.is_relative_to(place) for place in places)


def places_of(folder: Path) -> tuple[Path, ...]:
    """Where files of a folder may lie: in it; and if it is of the hub's cache, among the blobs of its repository.

    The cache's layout is ``models--OWNER--NAME/snapshots/REVISION``, with links into ``models--OWNER--NAME/blobs``.
    """
    folder = folder.resolve()
    for snapshot in (folder, *folder.parents):
        if snapshot.parent.name == "snapshots" and _REPOSITORY.fullmatch(snapshot.parents[1].name):
            return folder, snapshot.parents[1] / "blobs"
    return (folder,)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path of the same name to write to; what is there at the end takes the place of `path` in one step.

    If writing fails, `path` is as it was. Folders above it are made. What a killed process left half written in the
    same folder is deleted. A link to a file is itself replaced; what it leads to stays as it is.

    Raises
    ------
    WriteError
        If the operating system refuses: a full disk, a folder that is read-only. If `path` is no file, but a folder, a
        device or a pipe, or a link to one: to replace it would take it away from everybody.
    """
    _check_replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _delete_abandoned(path.parent)
        with _aside(path.parent) as aside:
            made = aside / path.name
            yield made
            os.replace(made, path)
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror or error}): make room or choose another place; what was there "
            "is as it was."
        ) from error


def _check_replaceable(path: Path) -> None:
    """Raise `WriteError` where something is that is no file, nor a link to one; ``/dev/stdout`` is a link to such."""
    try:
        kinds = [stat.S_IFMT(path.lstat().st_mode)]
        if kinds == [stat.S_IFLNK]:
            through_proc = os.readlink(path).startswith("/proc/")  # to what a process has open, whatever that is
            kinds = [stat.S_IFIFO] if through_proc else [stat.S_IFMT(path.stat().st_mode)]
    except (OSError, ValueError):
        return  # nothing is there, or it leads nowhere; what else is wrong is told where it is written
    if kinds != [stat.S_IFREG]:
        raise WriteError(
            f"{path} is no file (a folder, a device or a pipe), and would be replaced by one: choose another place."
        )


def seal_of(data: bytes | memoryview) -> bytes:
    """What is to be written behind data so that `check_seal` can tell whether they are damaged: their sha256.

    HDF5 ignores what stands behind its end, and cuts it off where it changes a file: who edits one breaks no seal.
    """
    return SEAL + hashlib.sha256(data).hexdigest().encode()


def check_seal(path: Path) -> None:
    """Read a file, and raise `InputError` if its seal says that it is damaged; one without a seal passes."""
    with path.open("rb") as file:
        n_bytes = file.seek(0, os.SEEK_END) - _SEAL_BYTES
        if n_bytes < 0:
            return
        file.seek(n_bytes)
        seal = file.read()
        if not seal.startswith(SEAL):
            return
        file.seek(0)
        digest = hashlib.sha256()
        while n_bytes > 0:
            block = file.read(min(_BLOCK, n_bytes))
            if not block:
                break
            digest.update(block)
            n_bytes -= len(block)
    if seal != SEAL + digest.hexdigest().encode():
        raise InputError(f"{path} is damaged (its sha256 does not fit): measure it again.")


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder of one's own in `folder`, for as long as the context lasts; while its writer lives it is locked."""
    while True:
        with tempfile.TemporaryDirectory(dir=folder, prefix=_ASIDE, ignore_cleanup_errors=True) as made:
            aside = Path(made)
            with _locked(aside):
                if aside.exists():  # else another process found it before it was locked
                    yield aside
                    return


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a folder where the file system has locks: gives whether it is held."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        held = False
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        yield held
    finally:
        os.close(handle)


def _delete_abandoned(folder: Path) -> None:
    """Delete what was being written by processes that are no more."""
    for aside in folder.glob(f"{_ASIDE}*"):
        with suppress(OSError), _locked(aside, wait=False) as held:
            if held:
                shutil.rmtree(aside)
