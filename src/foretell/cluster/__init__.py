"""Runs tasks on a Ray cluster: lists of them whose answers come in order, and shards for workers that hold a model.

A task or a shard whose worker died is given to another one, at most `RETRIES` times. What the work itself raises is
raised here, at once.
"""

from foretell.cluster.connection import connected, current
from foretell.cluster.pool import Crew
from foretell.cluster.remote import RETRIES
from foretell.cluster.replica import Replica
from foretell.cluster.tasks import Cluster, Held, Share

__all__ = ["RETRIES", "Cluster", "Crew", "Held", "Replica", "Share", "connected", "current"]
