"""Runs a list of tasks on threads and gives their results in order."""

from __future__ import annotations

import operator
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from foretell.exceptions import OptionError

__all__ = ["checked_count", "checked_threads", "in_order"]

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def checked_threads(threads: int | None) -> int:
    """Number of threads to use: `threads`, or the processors this process may run on."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return checked_count("threads", threads, least=1)


def checked_count(name: str, number: object, *, least: int) -> int:
    """Return `number` as an int, or raise `OptionError` unless it is a whole number of `least` or more."""
    if isinstance(number, bool) or not hasattr(number, "__index__") or operator.index(number) < least:
        raise OptionError(f"{name}={number!r} is not an option: give a whole number of {least} or more.")
    return operator.index(number)


def in_order(work: Callable[[Task], Answer], tasks: Iterable[Task], *, threads: int) -> Iterator[Answer]:
    """Yield ``work(task)`` for every task, in the order of the tasks.

    The caller sums what it is given in that order, so a sum does not depend on the number of threads.
    At most two answers a thread wait to be taken, which bounds memory. `work` must release the GIL to gain.
    """
    if threads == 1:
        yield from map(work, tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Answer]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
