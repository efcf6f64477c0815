"""Memory that this process holds."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import threading
from pathlib import Path
from types import TracebackType

__all__ = ["Watch", "give_back", "resident"]

_EVERY_SECONDS = 0.05


def resident() -> tuple[int, int]:
    """Bytes of memory that this process holds, and the most that it held."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        said = {name: value for name, _, value in (line.partition(":") for line in lines)}
        now, most = (int(said[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    except (OSError, KeyError, ValueError):
        import resource  # which not every system has

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)
        now = most
    return now, most


class Watch:
    """Looks at the memory of this process while something is done: `with Watch() as watch: ...; watch.more`."""

    def __enter__(self) -> Watch:
        self._before = self._most = resident()[0]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._most = max(self._most, resident()[0])

    @property
    def more(self) -> int:
        """Most bytes that were held beside those held at first."""
        return self._most - self._before

    def _look(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            self._most = max(self._most, resident()[0])


def give_back() -> None:
    """Give memory that was freed back to the system, which the allocator would keep for later (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
