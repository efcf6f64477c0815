"""A process that reads hostile files: short of memory, watched, and allowed its own folder alone.

``python -m tests.hostile.child READER FIRST COUNT MATERIAL`` prints a line a case: its number, what came of it, the
seconds it took, the bytes of memory it added, and where it went wrong a word about that.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

from tests.hostile.mutation import mutated
from tests.hostile.readers import READERS, Reader

READ, REFUSED, FAULT = "read", "refused", "fault"

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind")
_STARTED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")


class Breach(BaseException):
    """Something was done that no file may bring about."""


class Watch:
    """An audit hook: which files may be opened, no network, no other program, nothing unpickled."""

    def __init__(self, folder: Path, *, may_start: bool) -> None:
        self.folder, self.may_start = os.path.realpath(folder), may_start
        self.own = (os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix), os.getcwd(), "/usr/lib", "/proc/")
        self.on = False
        self.breach = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            self._opened(*arguments)
        elif event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.truncate", "os.chmod"):
            self._changed(event, arguments[0])
        elif event in _NETWORK or (event in _STARTED and not self.may_start):
            self._tell(f"{event} {arguments[:1]}")

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        where = os.path.realpath(os.fsdecode(path))
        writes = bool(flags & _WRITING) if isinstance(flags, int) else any(one in str(mode) for one in "wax+")
        if self._inside(where) or where == os.devnull:
            return
        if writes or not where.startswith(self.own):
            self._tell(f"open {where} ({mode})")

    def _changed(self, event: str, path: Any) -> None:
        if not isinstance(path, int) and not self._inside(os.path.realpath(os.fsdecode(path))):
            self._tell(f"{event} {path!r}")

    def _inside(self, where: str) -> bool:
        return where == self.folder or where.startswith(self.folder + os.sep)

    def _tell(self, what: str) -> None:
        if "__pycache__" not in what:
            self.breach = self.breach or what
            raise Breach(what)


def main(name: str, first: int, count: int, material: Path) -> None:
    """Read `count` cases of a reader, from number `first` on."""
    from foretell.exceptions import ForetellError

    reader = READERS[name]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="foretell-hostile-") as made:
        outer = Path(made)
        tempfile.tempdir = made
        folder = outer / "given"
        shutil.copytree(material / name.replace(" ", "-"), folder)
        whole = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        targets = sorted(path.relative_to(folder) for path in folder.rglob(reader.spoiled) if path.is_file())
        for target in targets:  # imports what reading needs, and shows that the file is well
            reader.read(folder, folder / target)
        watch = Watch(outer, may_start=reader.may_start)
        sys.addaudithook(watch)
        held = _of_status("VmSize")
        resource.setrlimit(resource.RLIMIT_AS, (held + reader.memory, held + reader.memory))
        print("ready", flush=True)
        for number in range(first, first + count):
            rng = Random(f"{name}:{number}")  # noqa: S311
            target = rng.choice(targets)
            (folder / target).write_bytes(case(reader, whole[target], rng))
            Path("/proc/self/clear_refs").write_text("5")
            before = _of_status("VmHWM")
            began, why = time.process_time(), ""
            watch.on, watch.breach = True, ""
            try:
                reader.read(folder, folder / target)
                outcome = READ
            except ForetellError as error:
                outcome = REFUSED
                if not str(error).strip() or len(str(error).splitlines()) > reader.lines:
                    outcome, why = FAULT, f"an error of {len(str(error).splitlines())} lines: {error!r}"
            except BaseException as error:
                outcome = FAULT
                last = traceback.extract_tb(error.__traceback__)
                own = [frame for frame in last if "/src/foretell/" in frame.filename]
                where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
                why = f"{type(error).__name__} at {where}: {str(error)[:200]}"
            watch.on = False
            if watch.breach:
                outcome, why = FAULT, f"breach: {watch.breach}"
            seconds, added = time.process_time() - began, _of_status("VmHWM") - before
            print(json.dumps([number, outcome, round(seconds, 4), max(0, added), why]), flush=True)
            _restore(folder, whole, target)


def case(reader: Reader, data: bytes, rng: Random) -> bytes:
    """What a case puts in a file's place."""
    if reader.twist is not None and rng.random() < 0.5:
        return reader.twist(data, rng)
    return mutated(data, rng, reader.words)


def _restore(folder: Path, whole: dict[Path, bytes], target: Path) -> None:
    (folder / target).write_bytes(whole[target])
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(folder) not in whole:
            path.unlink()


def _of_status(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
