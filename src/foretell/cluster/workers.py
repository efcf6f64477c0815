"""Workers that hold something large, as a model, and are given one shard after the other."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from foretell.cluster import nodes
from foretell.cluster.nodes import (
    PATIENCE,
    RETRIES,
    Nodes,
    Replica,
    WorkerDiedError,
    got,
    hide_gpus,
    ray_of_here,
    say_death,
)
from foretell.exceptions import ClusterError

_START = "the start of a worker"

_LOG = logging.getLogger(__name__)


@dataclass
class Crew:
    """Workers as they are now, for progress.

    Attributes
    ----------
    workers : int
        Those that hold a model.
    retries : int
        Shards that were given to another worker because one died.
    """

    workers: int = 0
    retries: int = 0

    def __str__(self) -> str:
        workers = f"{self.workers} worker{'' if self.workers == 1 else 's'}"
        return f"{workers}, {self.retries} tried again" if self.retries else workers


class Pool:
    """Workers that hold something large, and the shards that are left for them."""

    def __init__(self, nodes: Nodes, make: Any, common: Any, shards: Mapping[str, Any], replica: Replica) -> None:
        self._nodes, self._replica, self._shards = nodes, replica, shards
        ray = ray_of_here()
        self._start = ray.remote(max_restarts=0, max_task_retries=0, **replica.options)(_Worker)
        self._common = ray.put((make, common))
        self._waiting, self._tries = deque(shards), Counter[str]()
        self._busy: dict[Any, tuple[Any, str | None]] = {}  # a worker that starts has no shard yet
        self._crew, self._room = Crew(), 0
        self._alone_since = time.monotonic()

    def run(self, done: Callable[[Any, Crew], None]) -> None:
        """Have every shard done."""
        ray = ray_of_here()
        try:
            while self._waiting or any(shard is not None for _, shard in self._busy.values()):
                self._hire()
                if not self._busy:
                    time.sleep(PATIENCE)
                    continue
                for reference in ray.wait(list(self._busy), timeout=PATIENCE)[0]:
                    self._take(reference, done)
        finally:
            for worker, _ in self._busy.values():
                ray.kill(worker)

    def _hire(self) -> None:
        """Start as many workers as there is room for and work left."""
        room = self._room = self._nodes.room_for(self._replica)
        n_starting = sum(shard is None for _, shard in self._busy.values())
        for _ in range(min(len(self._waiting) - n_starting, room - len(self._busy))):
            worker = self._start.remote(self._common)
            self._busy[worker.ready.remote()] = worker, None
        if self._crew.workers:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > nodes.SAY_AFTER:
            there = "; ".join(
                ", ".join(f"{name} {amount:g}" for name, amount in node.items() if ":" not in name)
                for node in self._nodes.nodes
            )
            if not room:
                raise ClusterError(
                    f"No node of the cluster can hold a model with {self._replica.needs}; there are {there}. "
                    "Ask for less (`replica`), or add a node."
                )
            _LOG.warning("No worker has started yet: waiting for %s among %s", self._replica.needs, there)
            self._alone_since = time.monotonic()

    def _take(self, reference: Any, done: Callable[[Any, Crew], None]) -> None:
        """Take what a worker gave, and give it the next shard."""
        worker, shard = self._busy.pop(reference)
        try:
            answer = got(reference, shard or _START)
            if shard is not None:
                _LOG.info("Done: %s; %d are not begun", shard, len(self._waiting))
                done(answer, self._crew)
        except WorkerDiedError as death:
            what = shard or _START
            self._tries[what] += 1
            # A node takes all its workers with it: only where none has started since is something wrong with them.
            say_death(what, self._tries[what], death, most=RETRIES if shard else RETRIES * max(1, self._room))
            if shard is not None:
                self._crew.workers -= 1
                self._crew.retries += 1
                self._waiting.appendleft(shard)
            return
        except BaseException:
            ray_of_here().kill(worker)
            raise
        if shard is None:
            self._crew.workers += 1
            self._tries[_START] = 0
        if self._waiting:
            following = self._waiting.popleft()
            self._busy[worker.work.options(name=following).remote(self._shards[following])] = worker, following
        else:
            self._crew.workers -= 1
            ray_of_here().kill(worker)


class _Worker:
    """Runs where Ray puts it, and keeps what it made."""

    def __init__(self, common: tuple[Callable[[Any], Callable[[Any], Any]], Any]) -> None:
        self._common = common
        self._work: Callable[[Any], Any] | None = None

    def ready(self) -> None:
        """Make what works. Not when it is made itself: what is raised there would look like its death."""
        hide_gpus()
        make, of = self._common
        self._work = make(of)

    def work(self, shard: Any) -> Any:
        assert self._work is not None  # noqa: S101 - `ready` comes first
        return self._work(shard)
