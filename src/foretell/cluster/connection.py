"""The cluster that work goes to."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

from foretell.cluster.cluster import Cluster
from foretell.exceptions import ClusterError, require
from foretell.options import current_options

_REACHED_IN = 10.0  # seconds in which a cluster must answer at its address

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def connected(cluster: str) -> Iterator[Cluster]:
    """Connect to a cluster for the time of the context (`foretell.set_options` makes it the one that work goes to).

    Parameters
    ----------
    cluster : str
        ``"auto"``: the cluster that this machine is part of, or else one of this machine alone, which ends with the
        context. An address: that cluster.

    Yields
    ------
    Cluster

    Raises
    ------
    ClusterError
        If there is no cluster at the address, or it has no processors.
    MissingDependencyError
        Without Ray.
    """
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
        yield found
    finally:
        if not joined:
            ray.shutdown()


def current_cluster() -> Cluster | None:
    """The cluster that `foretell.set_options` names; None where this process does the work."""
    mapper = current_options().mapper
    return mapper if isinstance(mapper, Cluster) else None


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
