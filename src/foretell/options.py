"""Options of how work is done: threads, memory, backend, cluster. The one place where their defaults are decided.

No result depends on them, but for the last digits of floats by backend. A public function reads them once, by
`current_options`, and hands them on as values. The measure knows a cluster by the protocols below and imports none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import Enum
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, TypeVar

from foretell.exceptions import OptionError, check_option, checked_count, require

Common = TypeVar("Common")
Common_co = TypeVar("Common_co", covariant=True)
Task = TypeVar("Task")
Answer = TypeVar("Answer")

BACKENDS = ("auto", "numba", "numkong", "torch", "numpy")
"""Names of the code that makes distances; "auto" chooses."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class Resources(Protocol):
    """What a task is given of a machine."""

    @property
    def num_cpus(self) -> float:
        """Processors."""
        ...


class Share(Protocol):
    """What each of several tasks may be given of a machine."""

    @property
    def each(self) -> Resources:
        """Of one task."""
        ...

    @property
    def memory(self) -> int:
        """Bytes of one task."""
        ...

    @property
    def room(self) -> int:
        """How many such tasks run at a time."""
        ...


class Held(Protocol[Common_co]):
    """Something that every machine was sent once."""

    def get(self) -> Common_co:
        """It, where a task runs; not to be changed."""
        ...


class Mapper(Protocol):
    """Runs lists of tasks elsewhere, such as on a cluster, and gives their answers in order."""

    @property
    def n_gpus(self) -> int:
        """GPUs of all machines."""
        ...

    def held(self, something: Common, /) -> Held[Common]:
        """Send something to the machines once, however many lists of tasks need it."""
        ...

    def shares(self, memory: int, *, on_gpus: bool = False) -> Sequence[Share]:
        """What a task may be given, the least first; `memory` is for all tasks of a machine together."""
        ...

    def in_order(
        self,
        work: Callable[[Common, Task], Answer],
        common: Common,
        tasks: Sequence[Task],
        *,
        name: str,
        each: Any,
    ) -> Iterator[Answer]:
        """Yield ``work(common, task)`` for every task, in the order of the tasks; `each` comes from a `Share`."""
        ...


class _Unchanged(Enum):
    UNCHANGED = "unchanged"


_UNCHANGED: Final = _Unchanged.UNCHANGED
_Keep = Literal[_Unchanged.UNCHANGED]


@dataclass(frozen=True)
class CurrentOptions:
    """The options as they are now.

    Attributes
    ----------
    threads : int
    memory : int
        Bytes.
    backend : str
        One of `BACKENDS`.
    mapper : Mapper or None
        The cluster that work goes to; None: this process does it.
    """

    threads: int
    memory: int
    backend: str
    mapper: Mapper | None


class set_options:  # noqa: N801 - used like a function, and as a context manager
    """Set how work is done, from now on or within a ``with`` block.

    A block puts back what was there before. An option that is not named stays as it is. Results do not depend on
    options, but for the last digits of floats by ``backend``. Options are those of a context (`contextvars`): they hold
    in the thread that set them, and a thread that you start yourself begins with the defaults.

    Parameters
    ----------
    threads : int or None
        None, the default: as many as this process may use processors.
    memory : str, int or None
        The most that a measure may hold beyond its inputs, as "512 MiB", or in bytes. None, the default: a quarter of
        the machine's memory. On a cluster it is that of a machine for all tasks that run there.
    backend : {"auto", "numba", "numkong", "torch", "numpy"}
        What makes distances. ``numba`` and ``numkong`` compare packed bits; ``torch`` multiplies matrices, on a GPU
        where it sees one; ``numpy`` is the slow reference. All give the same, but that torch tells floats apart only
        where squared distances differ by a share of 1e-10. ``auto``, the default, is torch where it is in use and sees
        a GPU, else numba.
    cluster : str or None
        ``"auto"``: the Ray cluster that this machine is part of, or else one of this machine alone, which ends with the
        block. An address: that cluster. ``"local"`` or None, the default: none, this process does the work.

    Raises
    ------
    OptionError
        For a value that is not allowed.
    ClusterError
        If there is no cluster at the address, or it has no processors.
    MissingDependencyError
        If a cluster is asked for and Ray is not installed.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> x = np.random.default_rng(0).standard_normal((200, 64))
    >>> with foretell.set_options(threads=1, memory="100 MiB"):
    ...     foretell.information_imbalance(x, x).a_to_b
    0.0
    """

    def __init__(
        self,
        *,
        threads: int | _Keep | None = _UNCHANGED,
        memory: str | int | _Keep | None = _UNCHANGED,
        backend: str | _Keep = _UNCHANGED,
        cluster: str | _Keep | None = _UNCHANGED,
    ) -> None:
        self._open = ExitStack()
        new = _CHOSEN.get()
        if threads is not _UNCHANGED:
            new = replace(new, threads=None if threads is None else checked_count("threads", threads, least=1))
        if memory is not _UNCHANGED:
            new = replace(new, memory=None if memory is None else _bytes_of(memory))
        if backend is not _UNCHANGED:
            check_option("backend", backend, BACKENDS)
            new = replace(new, backend=backend)
        if cluster is not _UNCHANGED:
            new = replace(new, mapper=self._connected(cluster))
        self._token = _CHOSEN.set(new)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _CHOSEN.reset(self._token)
        self._open.close()

    def _connected(self, cluster: str | None) -> Mapper | None:
        if cluster in (None, "local"):
            return None
        # By its name: the module stands above this one, and needs Ray, which most people do not have.
        connection = require("foretell.cluster.connection", "ray")
        mapper: Mapper = self._open.enter_context(connection.connected(cluster))
        return mapper


def current_options() -> CurrentOptions:
    """The options as they are now, defaults decided."""
    chosen = _CHOSEN.get()
    return CurrentOptions(
        _processors() if chosen.threads is None else chosen.threads,
        _quarter_of_memory() if chosen.memory is None else chosen.memory,
        chosen.backend,
        chosen.mapper,
    )


@dataclass(frozen=True)
class _Chosen:
    """What was set; None for a default that is decided when it is asked for."""

    threads: int | None = None
    memory: int | None = None
    backend: str = "auto"
    mapper: Mapper | None = None


_CHOSEN: ContextVar[_Chosen] = ContextVar("chosen", default=_Chosen())  # noqa: B039 - it is frozen


def _processors() -> int:
    """The processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quarter_of_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, ValueError, OSError):
        return 2**31


def _bytes_of(memory: str | int) -> int:
    """Bytes of a budget such as "512 MiB"."""
    parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?)b?\s*", str(memory), re.IGNORECASE)
    if isinstance(memory, bool) or parts is None or parts[2].lower() not in _UNITS:
        raise OptionError(f'memory={memory!r} is not an option: give a size such as "512 MiB" or "8 GiB".')
    return int(float(parts[1]) * _UNITS[parts[2].lower()])
