"""One writer at a time.

In a folder the operating system holds the lock, and lets it go when the process ends, however it ends. Behind a URL the
lock is a file that its owner renews while it works; one that was not renewed for `STALE` seconds, or whose owner was a
process of this machine that is gone, is taken over. There the file is looked for and then made: two writers that begin
within that moment might both begin, and the one whose lock it is not stops at its next write.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from foretell.exceptions import StoreError
from foretell.representations.store.storage import LOCK, Storage

STALE = 600.0
"""Seconds without a renewal after which a writer behind a URL counts as gone."""

_RENEW = STALE / 10


@contextlib.contextmanager
def locked(storage: Storage) -> Iterator[Callable[[], None]]:
    """Be the only writer of a store while the context lasts; what it gives is to be called before something is written.

    Folders above the store are made.

    Raises
    ------
    StoreError
        If another writer is at work, or the place cannot be written; from what it gives, if another writer took over.
    """
    if storage.folder is not None:
        with storage.writing():
            storage.folder.parent.mkdir(parents=True, exist_ok=True)
        with _of_folder(storage, storage.folder):
            yield lambda: None
        return
    token = uuid.uuid4().hex
    _take(storage, token)
    over, lost = threading.Event(), threading.Event()

    def renewing() -> None:
        while not over.wait(_RENEW):
            with contextlib.suppress(StoreError):  # a network that is away for a moment: the next renewal may do
                if _owner(storage).get("token") != token:
                    lost.set()
                    return
                storage.write(LOCK, _note(token))

    def check() -> None:
        if lost.is_set() or _owner(storage).get("token") != token:
            raise StoreError(f"{storage.name} was taken over by another writer: run the same extract again later.")

    # Beside the work: a single step of a large model may take longer than a lock lasts.
    renewer = threading.Thread(target=renewing, daemon=True)
    renewer.start()
    try:
        yield check
    finally:
        over.set()
        renewer.join()
        if _owner(storage).get("token") == token:
            storage.delete(LOCK)


@contextlib.contextmanager
def _of_folder(storage: Storage, folder: Path) -> Iterator[None]:
    import fcntl

    path = folder.parent / f".{folder.name}.lock"
    while True:
        if path.is_symlink():
            raise StoreError(f"{path} is a link, where the lock of {folder.name} is to be: delete it.")
        with storage.writing():
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise StoreError(f"{folder} is being written by another process: wait until it ends.") from error
        except OSError as error:
            os.close(file)
            raise StoreError(f"{folder} is on a file system without locks ({error}): choose another.") from error
        # Another writer may have deleted the file between our opening and locking it: then ours is nobody's lock.
        if path.exists() and os.stat(path).st_ino == os.fstat(file).st_ino:
            break
        os.close(file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _take(storage: Storage, token: str) -> None:
    storage.write(LOCK, _note(token), only_if_new=True)
    owner = _owner(storage)
    if owner.get("token") != token and (_is_stale(owner) or _died_here(owner)):
        storage.delete(LOCK)
        storage.write(LOCK, _note(token), only_if_new=True)
        owner = _owner(storage)
    if owner.get("token") != token:
        raise StoreError(
            f"{storage.name} is being written by process {owner.get('process')!r} on {owner.get('host')!r}: wait until "
            f"it ends, or {STALE:.0f} seconds if it died. If nobody writes, delete its {LOCK}."
        )


def _is_stale(owner: dict[str, Any]) -> bool:
    """Whether a lock was not renewed for long, or says nothing that a writer would: of a time to come, for instance."""
    renewed = owner.get("renewed")
    if not isinstance(renewed, int | float) or isinstance(renewed, bool) or not math.isfinite(renewed):
        return True
    return abs(time.time() - renewed) > STALE


def _died_here(owner: dict[str, Any]) -> bool:
    """Whether the owner was a process of this machine that is no more."""
    if not owner.get("machine") or owner["machine"] != _machine() or not isinstance(owner.get("process"), int):
        return False
    try:
        os.kill(owner["process"], 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, ProcessLookupError)
    return False


def _machine() -> str:
    """What tells this boot of this machine, and its numbering of processes, from all others; empty if nothing does."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _note(token: str) -> bytes:
    here = {"host": socket.gethostname(), "machine": _machine(), "process": os.getpid()}
    note = {"token": token, **here, "renewed": time.time()}
    return json.dumps(note).encode()


def _owner(storage: Storage) -> dict[str, Any]:
    """What a lock says; nothing, where it is none of ours or damaged."""
    try:
        found = json.loads(storage.read(LOCK) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
