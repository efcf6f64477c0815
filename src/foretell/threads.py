"""Runs a list of tasks on threads and gives their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


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
