"""The nodes of a cluster: what they have, and how many tasks or workers they have room for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from foretell.cluster.remote import ray_of_here
from foretell.cluster.replica import Replica
from foretell.exceptions import ClusterError


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
