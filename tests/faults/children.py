"""Processes that work and are killed.

Each is a fork of one process that has imported everything and begun no thread, so that a moment of its life is a moment
of the work, and fifty of them take minutes.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from foretell.exceptions import ForetellError

__all__ = ["Child", "Ended", "import_beforehand"]

_IMPORTED = (
    "pytest",
    "foretell.representations.imported.import_activations",
    "foretell.studies.run",
    "h5netcdf",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "numba",
    "plotly.offline",
    "xarray.backends",
    "zarr.storage",
    "tests.faults.jobs",
)
_OF_MODELS = ("torch", "transformers")

_FORKS = multiprocessing.get_context("forkserver")


def import_beforehand(*, models: bool) -> None:
    """Say what the process that is forked imports: what models are run with takes long, and few cases need it."""
    _FORKS.set_forkserver_preload([*_IMPORTED, *(_OF_MODELS if models else ())])


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Parameters
    ----------
    error : str, optional
        Foretell's own error in its words.
    fault : str, optional
        Whatever else went wrong: another exception, or a signal.
    seconds : float
        How long it took.
    """

    error: str | None
    fault: str | None
    seconds: float

    @property
    def is_done(self) -> bool:
        """Whether it did what it was to do."""
        return self.error is None and self.fault is None


class Child:
    """A job in a process of its own.

    Parameters
    ----------
    job : str
        Its name in `tests.faults.jobs.JOBS`.
    given, out : Path
        What it takes, and where it writes.
    file_bytes : int, optional
        Most bytes of a file that it may write: what the system refuses beyond that.
    """

    def __init__(self, job: str, given: Path, out: Path, *, file_bytes: int | None = None) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._ends, theirs = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=_work, args=(theirs, job, given, out, file_bytes), daemon=True)
        self._process.start()
        theirs.close()
        with suppress(EOFError):
            self._ends.recv()  # the work begins
        self._began = time.perf_counter()

    def killed_after(self, seconds: float) -> bool:
        """Kill it at a moment of its work: whether it was still at work."""
        self._process.join(max(0.0, self._began + seconds - time.perf_counter()))
        self._process.kill()
        self._process.join()
        self._ends.close()
        return self._process.exitcode == -signal.SIGKILL

    def is_running(self) -> bool:
        """Whether it has not said how it ended."""
        return not self._ends.poll()

    def ended(self, limit: float = 300) -> Ended:
        """Wait for its end, or say that it hangs."""
        error: str | None = None
        fault: str | None = f"no end within {limit:.0f} seconds"
        if self._ends.poll(limit):
            try:
                error, fault = self._ends.recv()
            except EOFError:
                self._process.join()
                fault = f"exit code {self._process.exitcode}"
        seconds = time.perf_counter() - self._began
        self._process.kill()  # it has nothing more to say
        self._process.join()
        self._ends.close()
        return Ended(error, fault, seconds)


def _work(ends: Connection, job: str, given: Path, out: Path, file_bytes: int | None) -> None:
    from tests.faults.jobs import JOBS

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stderr.fileno())
    if file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    ends.send("begun")
    error = fault = None
    try:
        JOBS[job](given, out)
    except ForetellError as raised:
        error = str(raised)
    except BaseException as raised:
        fault = f"{type(raised).__name__}: {raised}"
    ends.send((error, fault))
