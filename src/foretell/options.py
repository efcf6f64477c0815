"""Where defaults of options are decided: threads, memory, and which cluster the work goes to.

The measure knows a cluster by the protocols below and imports none. A public function resolves its ``cluster=`` once,
by `mapper_of`, and hands the mapper on as a value, since a context variable does not reach the threads of a pool.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from foretell.exceptions import OptionError, checked_count, require

__all__ = [
    "Held",
    "Mapper",
    "Resources",
    "Share",
    "checked_memory",
    "checked_threads",
    "current_mapper",
    "mapper_of",
    "using",
]

Common = TypeVar("Common")
Common_co = TypeVar("Common_co", covariant=True)
Task = TypeVar("Task")
Answer = TypeVar("Answer")

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def checked_threads(threads: int | None) -> int:
    """Number of threads to use: `threads`, or the processors this process may run on."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return checked_count("threads", threads, least=1)


def checked_memory(memory: str | int | None) -> int:
    """Bytes of a budget such as "512 MiB"; for None a quarter of the machine's memory.

    Raises
    ------
    OptionError
        If it is not a number of bytes.
    """
    if memory is None:
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
        except (AttributeError, ValueError, OSError):
            return 2**31
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?)b?\s*", str(memory), re.IGNORECASE)
    if isinstance(memory, bool) or found is None or found[2].lower() not in _UNITS:
        raise OptionError(f'memory={memory!r} is not an option: give a size such as "512 MiB" or "8 GiB".')
    return int(float(found[1]) * _UNITS[found[2].lower()])


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


_MAPPER: ContextVar[Mapper | None] = ContextVar("mapper", default=None)


def current_mapper() -> Mapper | None:
    """The mapper of the innermost `using`; None where this process does the work."""
    return _MAPPER.get()


@contextmanager
def using(mapper: Mapper | None) -> Iterator[None]:
    """Within this context, `current_mapper` is this one."""
    token = _MAPPER.set(mapper)
    try:
        yield
    finally:
        _MAPPER.reset(token)


@contextmanager
def mapper_of(cluster: str | None) -> Iterator[Mapper | None]:
    """The mapper that a public function's ``cluster=`` names, and the current one within the context.

    Parameters
    ----------
    cluster : str or None
        As for `foretell.connected`; None: the current one.

    Raises
    ------
    ClusterError
        If there is no such cluster.
    MissingDependencyError
        If Ray is not installed.
    """
    if cluster is None:
        yield current_mapper()
        return
    # By its name: the module stands above the measure, and needs Ray, which most people do not have.
    connected = require("foretell.cluster.connection", "ray").connected
    with connected(cluster) as mapper:
        yield mapper
