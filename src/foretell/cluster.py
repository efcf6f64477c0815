"""Runs tasks on a Ray cluster: lists of them whose answers come in order, and shards for workers that hold a model.

A task or a shard whose worker died is given to another one, at most `RETRIES` times. What the work itself raises is
raised here, at once.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import math
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from foretell.exceptions import ClusterError, OptionError, require

__all__ = ["RETRIES", "Cluster", "Crew", "Replica", "connected", "current"]

_START = "the start of a worker"

RETRIES = 3
"""How often a task is given to another worker because one died."""

_PATIENCE = 1.0  # seconds after which it is looked whether nodes came or went
_SAY_AFTER = 30.0  # seconds without a worker after which that is said

_REACHED_IN = 10.0  # seconds in which a cluster must answer at its address

_LOG = logging.getLogger(__name__)

Common = TypeVar("Common")
Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Replica:
    """What a worker that holds a model is given of a node.

    Parameters
    ----------
    num_cpus, num_gpus : float
    resources : mapping of str to float
        Of Ray's custom resources, such as ``{"highmem": 1}``.
    """

    num_cpus: float = 1
    num_gpus: float = 0
    resources: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if {"CPU", "GPU", "memory", "object_store_memory"}.intersection(self.resources):
            raise OptionError(
                f"replica: resources={dict(self.resources)} are of one's own: give cpus and gpus by name."
            )
        amounts = {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus, **self.resources}
        for name, amount in amounts.items():
            if not (math.isfinite(amount) and (amount > 0 or (name == "num_gpus" and amount == 0))):
                raise OptionError(f"replica: {name}={amount} is not an amount: give a number above 0.")

    @property
    def needs(self) -> dict[str, float]:
        """Resources by Ray's names, those of which nothing is needed left out."""
        every = {"CPU": self.num_cpus, "GPU": self.num_gpus, **self.resources}
        return {name: amount for name, amount in every.items() if amount}


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


@contextlib.contextmanager
def connected(cluster: str | None) -> Iterator[Cluster | None]:
    """The cluster that work within this context goes to.

    Parameters
    ----------
    cluster : str or None
        ``"auto"``: the cluster that this machine is part of, or else one of this machine alone, which ends with the
        context. An address: that cluster. ``"local"``: none, this process does the work. None: as it is outside.

    Raises
    ------
    ClusterError
        If there is no cluster at the address, or it has no processors.
    MissingDependencyError
        Without Ray, but for None and "local".
    """
    if cluster is None:
        yield current()
        return
    if cluster == "local":
        with _as_current(None):
            yield None
        return
    ray = require("ray", "ray")
    joined = ray.is_initialized()  # the caller's own connection is used, and left as it is
    if not joined:
        _join(ray, cluster)
    elif cluster not in ("auto", there := ray.get_runtime_context().gcs_address):
        raise ClusterError(f"This process is connected to the cluster at {there}, not {cluster!r}: leave that first.")
    try:
        found = Cluster()
        if not found.n_processors:
            raise ClusterError(f"The cluster at {cluster!r} has no processors: start a worker node (`ray start`).")
        with _as_current(found):
            yield found
    finally:
        if not joined:
            ray.shutdown()


def current() -> Cluster | None:
    """The cluster of the innermost `connected`."""
    return _CURRENT.get()


_CURRENT: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


@contextlib.contextmanager
def _as_current(cluster: Cluster | None) -> Iterator[None]:
    token = _CURRENT.set(cluster)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _join(ray: Any, address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    try:
        if address != "auto":
            _check_reachable(address)
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        is_none_here = isinstance(error, ConnectionError) and "RAY_ADDRESS" not in os.environ
        if address != "auto" or not is_none_here:
            raise ClusterError(
                f"There is no cluster at {address!r} ({error}): give the address that `ray start --head` named, or "
                "'auto'."
            ) from error
        _LOG.info("No cluster is running here: starting one of this machine alone")
        ray.init(address="local", include_dashboard=False, **quiet)


def _check_reachable(address: str) -> None:
    """Raise OSError or ValueError where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_REACHED_IN):
        pass


class Cluster:
    """The cluster that this process is connected to."""

    @property
    def nodes(self) -> list[Mapping[str, float]]:
        """Resources of each node that is alive."""
        return [node["Resources"] for node in _ray().nodes() if node["Alive"]]

    @property
    def n_processors(self) -> int:
        """Processors of all nodes."""
        return sum(int(node.get("CPU", 0)) for node in self.nodes)

    def memory_of_a_task(self, memory: int) -> int:
        """Bytes for each of the tasks that a node runs at a time, of so many for all; fewer where a node has less."""
        shares = [
            min(memory, int(node.get("memory", memory))) // int(node["CPU"])
            for node in self.nodes
            if node.get("CPU", 0) >= 1
        ]
        return min(shares, default=memory)

    @property
    def n_gpus(self) -> int:
        """GPUs of all nodes."""
        return sum(int(node.get("GPU", 0)) for node in self.nodes)

    def room_for(self, replica: Replica) -> int:
        """How many replicas the nodes hold together."""
        return sum(
            # A tenth fits ten times, whatever is left of it in binary.
            min(int(node.get(name, 0) / amount + 1e-9) for name, amount in replica.needs.items())
            for node in self.nodes
        )

    def in_order(
        self,
        work: Callable[[Common, Task], Answer],
        common: Common,
        tasks: Sequence[Task],
        *,
        name: str,
        on_gpus: bool = False,
    ) -> Iterator[Answer]:
        """Yield ``work(common, task)`` for every task, in the order of the tasks; each has a processor, or a GPU too.

        Parameters
        ----------
        work : callable
            Of a module: it is looked up by its name where it runs.
        common : object
            Sent to each node once.
        tasks : sequence
        name : str
            What Ray and the log call them.
        on_gpus : bool
            Whether each has a GPU.

        Raises
        ------
        ClusterError
            If a task's workers died `RETRIES` + 1 times, or the cluster has nothing left to run it on.
        """
        ray = _ray()
        shared = ray.put((work, common))
        remote = ray.remote(num_cpus=1, num_gpus=int(on_gpus), max_retries=0)(_do)
        waiting, tries = list(range(len(tasks))), [0] * len(tasks)  # a heap: what is due first is given out first
        running: dict[Any, int] = {}
        done: dict[int, Answer] = {}
        given, last_seen = 0, time.monotonic()
        try:
            while given < len(tasks):
                room = self.n_gpus if on_gpus else self.n_processors
                last_seen = time.monotonic() if room else last_seen
                if time.monotonic() - last_seen > _SAY_AFTER:
                    raise ClusterError("All nodes of the cluster that work are gone: start one, and run this again.")
                # Few are under way at a time, so that what is given out later may go to a node that joined; and few
                # wait for one that is late, so that their answers do not pile up.
                most = 2 * max(1, room)
                while waiting and len(running) < most and waiting[0] < given + 2 * most:
                    number = heapq.heappop(waiting)
                    running[remote.options(name=f"{name} {number}").remote(shared, tasks[number])] = number
                for reference in ray.wait(list(running), timeout=_PATIENCE)[0]:
                    number = running.pop(reference)
                    try:
                        done[number] = _got(reference, f"{name} {number} of {len(tasks)}")
                    except _WorkerDiedError as death:
                        tries[number] += 1
                        _say_death(f"{name} {number} of {len(tasks)}", tries[number], death)
                        heapq.heappush(waiting, number)
                while given in done:
                    yield done.pop(given)
                    given += 1
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

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
        _Pool(self, make, common, shards, replica).run(done)


class _Pool:
    """Workers that hold something large, and the shards that are left for them."""

    def __init__(self, cluster: Cluster, make: Any, common: Any, shards: Mapping[str, Any], replica: Replica) -> None:
        self._cluster, self._replica, self._shards = cluster, replica, shards
        ray = _ray()
        needs = {"num_cpus": replica.num_cpus, "num_gpus": replica.num_gpus, "resources": dict(replica.resources)}
        self._start = ray.remote(max_restarts=0, max_task_retries=0, **needs)(_Worker)
        self._common = ray.put((make, common))
        self._waiting, self._tries = deque(shards), Counter[str]()
        self._busy: dict[Any, tuple[Any, str | None]] = {}  # a worker that starts has no shard yet
        self._crew, self._room = Crew(), 0
        self._alone_since = time.monotonic()

    def run(self, done: Callable[[Any, Crew], None]) -> None:
        ray = _ray()
        try:
            while self._waiting or any(shard is not None for _, shard in self._busy.values()):
                self._hire()
                if not self._busy:
                    time.sleep(_PATIENCE)
                    continue
                for reference in ray.wait(list(self._busy), timeout=_PATIENCE)[0]:
                    self._take(reference, done)
        finally:
            for worker, _ in self._busy.values():
                ray.kill(worker)

    def _hire(self) -> None:
        """Start as many workers as there is room for and work left."""
        room = self._room = self._cluster.room_for(self._replica)
        n_starting = sum(shard is None for _, shard in self._busy.values())
        for _ in range(min(len(self._waiting) - n_starting, room - len(self._busy))):
            worker = self._start.remote(self._common)
            self._busy[worker.ready.remote()] = worker, None
        if self._crew.workers:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > _SAY_AFTER:
            nodes = "; ".join(
                ", ".join(f"{name} {amount:g}" for name, amount in node.items() if ":" not in name)
                for node in self._cluster.nodes
            )
            if not room:
                raise ClusterError(
                    f"No node of the cluster can hold a model with {self._replica.needs}; there are {nodes}. "
                    "Ask for less (`replica`), or add a node."
                )
            _LOG.warning("No worker has started yet: waiting for %s among %s", self._replica.needs, nodes)
            self._alone_since = time.monotonic()

    def _take(self, reference: Any, done: Callable[[Any, Crew], None]) -> None:
        """Take what a worker gave, and give it the next shard."""
        worker, shard = self._busy.pop(reference)
        try:
            answer = _got(reference, shard or _START)
            if shard is not None:
                _LOG.info("Done: %s; %d are not begun", shard, len(self._waiting))
                done(answer, self._crew)
        except _WorkerDiedError as death:
            what = shard or _START
            self._tries[what] += 1
            # A node takes all its workers with it: only where none has started since is something wrong with them.
            _say_death(what, self._tries[what], death, most=RETRIES if shard else RETRIES * max(1, self._room))
            if shard is not None:
                self._crew.workers -= 1
                self._crew.retries += 1
                self._waiting.appendleft(shard)
            return
        except BaseException:
            _ray().kill(worker)
            raise
        if shard is None:
            self._crew.workers += 1
            self._tries[_START] = 0
        if self._waiting:
            following = self._waiting.popleft()
            self._busy[worker.work.options(name=following).remote(self._shards[following])] = worker, following
        else:
            self._crew.workers -= 1
            _ray().kill(worker)


class _Worker:
    """Runs where Ray puts it, and keeps what it made."""

    def __init__(self, common: tuple[Callable[[Any], Callable[[Any], Any]], Any]) -> None:
        self._common = common
        self._work: Callable[[Any], Any] | None = None

    def ready(self) -> None:
        """Make what works. Not when it is made itself: what is raised there would look like its death."""
        _hide_gpus()
        make, of = self._common
        self._work = make(of)

    def work(self, shard: Any) -> Any:
        assert self._work is not None  # noqa: S101 - `ready` comes first
        return self._work(shard)


def _hide_gpus() -> None:
    """Leave the GPUs of the node to those that were given one: Ray hides none from the others."""
    if not _ray().get_gpu_ids():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


class _WorkerDiedError(Exception):
    """The worker of a task is gone."""


def _do(shared: tuple[Callable[[Any, Any], Any], Any], task: Any) -> Any:
    _hide_gpus()
    work, common = shared
    return work(common, task)


def _got(reference: Any, what: str) -> Any:
    """An answer; what the work raised; or `_WorkerDiedError`."""
    exceptions = require("ray.exceptions", "ray")
    try:
        return _ray().get(reference)
    except exceptions.RayTaskError as error:
        raised = error.cause if isinstance(error.cause, Exception) else error
        _LOG.info("%s failed:\n%s", what, error)  # where in the worker
        raised.add_note(f"In {what}.")
        raise raised from None
    except exceptions.RayError as error:
        raise _WorkerDiedError(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error


def _say_death(what: str, tries: int, death: _WorkerDiedError, *, most: int = RETRIES) -> None:
    if tries > most:
        raise ClusterError(f"{what} was given to {tries} workers, and each died ({death}): look at their logs.")
    _LOG.warning("%s is given to another worker: the last one died (%s)", what, death)


def _ray() -> Any:
    return require("ray", "ray")
