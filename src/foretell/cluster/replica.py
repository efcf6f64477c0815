"""What a worker or a task is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foretell.exceptions import OptionError


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
