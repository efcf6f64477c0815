"""The cluster: lists of tasks whose answers come in order, and shards for workers that hold a model."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from foretell.cluster import nodes
from foretell.cluster.nodes import PATIENCE, Nodes, Replica, WorkerDiedError, got, hide_gpus, ray_of_here, say_death
from foretell.cluster.workers import Crew, Pool
from foretell.exceptions import ClusterError

Common = TypeVar("Common")
Task = TypeVar("Task")
Answer = TypeVar("Answer")

_A_PROCESSOR = Replica()

_LOG = logging.getLogger(__name__)


class Held(Generic[Common]):
    """Something that the nodes of a cluster are sent once, however many lists of tasks need it."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def get(self) -> Common:
        """It, on a node; not to be changed."""
        found: Common = ray_of_here().get(self._reference)
        return found


class Cluster(Nodes):
    """The cluster that this process is connected to, and what runs on it."""

    def held(self, something: Common) -> Held[Common]:
        """Something that several lists of tasks need."""
        return Held(ray_of_here().put(something))

    def in_order(
        self,
        work: Callable[[Common, Task], Answer],
        common: Common,
        tasks: Sequence[Task],
        *,
        name: str,
        each: Replica = _A_PROCESSOR,
    ) -> Iterator[Answer]:
        """Yield ``work(common, task)`` for every task, in the order of the tasks.

        Parameters
        ----------
        work : callable
            Of a module: it is looked up by its name where it runs.
        common : object
            Sent to each node once.
        tasks : sequence
        name : str
            What Ray and the log call them.
        each : Replica
            What each task is given of a node.

        Raises
        ------
        ClusterError
            If a task's workers died `RETRIES` + 1 times, or the cluster has nothing left to run it on.
        """
        ray = ray_of_here()
        shared = ray.put((work, common))
        do = ray.remote(max_retries=0, **each.options)(_do)
        tries: Counter[int] = Counter()
        running: dict[Any, int] = {}
        done: dict[int, Answer] = {}
        started, given, last_seen, last_heard = 0, 0, time.monotonic(), time.monotonic()

        def start(number: int) -> None:
            running[do.options(name=f"{name} {number}").remote(shared, tasks[number])] = number

        try:
            while given < len(tasks):
                room = self.room_for(each)
                last_seen = time.monotonic() if room else last_seen
                if time.monotonic() - last_seen > nodes.SAY_AFTER:
                    raise ClusterError(
                        f"No node of the cluster has {each.needs} any more: start one, and run this again."
                    )
                # Few are under way at a time, so that what is given out later may go to a node that joined; and few
                # wait for one that is late, so that their answers do not pile up.
                most = 2 * max(1, room)
                while len(running) < most and started < min(len(tasks), given + 2 * most):
                    start(started)
                    started += 1
                if time.monotonic() - last_heard > nodes.SAY_AFTER:
                    last_heard = time.monotonic()
                    self._warn_if_none_runs(each)
                for reference in ray.wait(list(running), timeout=PATIENCE)[0]:
                    last_heard = time.monotonic()
                    number = running.pop(reference)
                    try:
                        done[number] = got(reference, f"{name} {number} of {len(tasks)}")
                    except WorkerDiedError as death:
                        tries[number] += 1
                        say_death(f"{name} {number} of {len(tasks)}", tries[number], death)
                        start(number)
                while given in done:
                    yield done.pop(given)
                    given += 1
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _warn_if_none_runs(self, each: Replica) -> None:
        """Say so where less is in use than one task has: others hold what it waits for."""
        free = ray_of_here().available_resources()
        used = {name: sum(node.get(name, 0) for node in self.nodes) - free.get(name, 0) for name in each.needs}
        if any(used[name] < amount for name, amount in each.needs.items()):
            _LOG.warning("No task runs yet: each needs %s of one node, and other work holds it", each.needs)

    def each(
        self,
        make: Callable[[Common], Callable[[Task], Answer]],
        common: Common,
        shards: Mapping[str, Task],
        *,
        replica: Replica,
        done: Callable[[Answer, Crew], None],
    ) -> None:
        """Have workers do every shard, in any order: as many as there is room for, also on nodes that join later.

        Parameters
        ----------
        make : callable
            Of a module: called once a worker, with what is common; it gives what is called with each shard.
        common : object
        shards : mapping of str to task
            By names that logs and errors give.
        replica : Replica
        done : callable
            Is given each answer as it comes, and the crew as it is.

        Raises
        ------
        ClusterError
            If no node can hold a worker, or a shard's workers died `RETRIES` + 1 times.
        """
        Pool(self, make, common, shards, replica).run(done)


def _do(shared: tuple[Callable[[Any, Any], Any], Any], task: Any) -> Any:
    hide_gpus()
    work, common = shared
    return work(common, task)
