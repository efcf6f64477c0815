"""The nodes of a cluster: what they have, how much more they have room for, and what comes back from them."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foretell.exceptions import ClusterError, OptionError, require


@dataclass(frozen=True)
class Replica:
    """What a worker that holds a model, or a task, is given of a node.

    Parameters
    ----------
    num_cpus, num_gpus : float
        Processors, by default 1, and GPUs, by default 0; a share of one is an amount too.
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

    @property
    def options(self) -> dict[str, Any]:
        """As Ray takes them."""
        return {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus, "resources": dict(self.resources)}


RETRIES = 3
"""How often a task is given to another worker because one died."""

PATIENCE = 1.0
"""Seconds after which it is looked whether nodes came or went."""

SAY_AFTER = 30.0
"""Seconds without a worker after which that is said."""

_LOG = logging.getLogger(__name__)


def ray_of_here() -> Any:
    """The module, or the error of one that is missing."""
    return require("ray", "ray")


class WorkerDiedError(Exception):
    """The worker of a task is gone."""


def hide_gpus() -> None:
    """Leave the GPUs of the node to those that were given one: Ray hides none from the others."""
    if not ray_of_here().get_gpu_ids():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def got(reference: Any, what: str) -> Any:
    """An answer; what the work raised; or `WorkerDiedError`."""
    exceptions = require("ray.exceptions", "ray")
    try:
        return ray_of_here().get(reference)
    except exceptions.RayTaskError as error:
        raised = error.cause if isinstance(error.cause, Exception) else error
        _LOG.info("%s failed:\n%s", what, error)  # where in the worker
        raised.add_note(f"In {what}.")
        raise raised from None
    except exceptions.RayError as error:
        raise WorkerDiedError(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error


def say_death(what: str, tries: int, death: WorkerDiedError, *, most: int = RETRIES) -> None:
    """Log a death, or raise where there were too many."""
    if tries > most:
        raise ClusterError(f"{what} was given to {tries} workers, and each died ({death}): look at their logs.")
    _LOG.warning("%s is given to another worker: the last one died (%s)", what, death)


@dataclass(frozen=True)
class Share:
    """What a task is given of a node, the bytes of memory with it, and how many such tasks there is room for."""

    each: Replica
    memory: int
    room: int


class Nodes:
    """The nodes of the cluster that this process is connected to."""

    @property
    def nodes(self) -> list[Mapping[str, float]]:
        """Resources of each node that is alive."""
        return [node["Resources"] for node in ray_of_here().nodes() if node["Alive"]]

    @property
    def n_processors(self) -> int:
        """Processors of all nodes."""
        return sum(int(node.get("CPU", 0)) for node in self.nodes)

    @property
    def n_gpus(self) -> int:
        """GPUs of all nodes."""
        return sum(int(node.get("GPU", 0)) for node in self.nodes)

    def shares(self, memory: int, *, on_gpus: bool = False) -> list[Share]:
        """What a task may be given, from one processor up to all of a node, the least first.

        Parameters
        ----------
        memory : int
            Bytes for all tasks of a node together; of one that has less, as much as it has.
        on_gpus : bool
            Whether each has a GPU, and its part of the node's processors.
        """
        nodes = [node for node in self.nodes if node.get("CPU", 0) >= 1 and (not on_gpus or node.get("GPU", 0) >= 1)]
        if not nodes:
            raise ClusterError("No node of the cluster has a processor for the measure: start one (`ray start`).")
        most = max(int(node["CPU"]) for node in nodes)
        counts = {*(2**power for power in range(most.bit_length())), most}
        if on_gpus:
            counts = {max(1, min(int(node["CPU"] // node["GPU"]) for node in nodes))}
        found = []
        for count in sorted(counts):
            each = Replica(count, int(on_gpus))
            parts = [
                min(memory, int(node.get("memory", memory))) * count // int(node["CPU"])
                for node in nodes
                if node["CPU"] >= count
            ]
            found.append(Share(each, min(parts), self.room_for(each)))
        return found

    def room_for(self, replica: Replica) -> int:
        """How many replicas the nodes hold together."""
        return sum(
            # A tenth fits ten times, whatever is left of it in binary.
            min(int(node.get(name, 0) / amount + 1e-9) for name, amount in replica.needs.items())
            for node in self.nodes
        )
