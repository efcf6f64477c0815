"""What a task of the measure is given of a node: processors, and the memory that is their share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.cluster import Cluster, Replica
from foretell.measure import estimates
from foretell.measure.planner import Planner
from tests.cluster.conftest import Loopback, loopback

SIDES = [list(layers) for layers in np.random.default_rng(0).standard_normal((2, 3, 500, 30))]
"""Each layer's distances to both sides take 1.1 MB."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_node_of_two() -> Iterator[Loopback]:
    """A cluster of one node with two processors."""
    with loopback(1, processors=2) as cluster:
        yield cluster


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(
    ("memory", "processors"),
    [("4 MB", {False: 1, True: 1}), ("2 MB", {False: 2, True: 2}), ("1 MB", {False: 1, True: 2})],
)
def test_a_task_has_the_processors_that_its_memory_is_the_share_of(
    one_node_of_two: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    memory: str,
    processors: dict[bool, int],
    reads: bool,
) -> None:
    """One where that is enough; all where it is; and where none is, all if spaces are read again for each block."""
    monkeypatch.setattr(estimates, "SPREAD_FROM", 1)
    monkeypatch.setattr(Planner, "reads", reads)
    given: set[float] = set()
    in_order = Cluster.in_order

    def watched(self: Cluster, *args: Any, each: Replica, **options: Any) -> Iterator[Any]:
        given.add(each.num_cpus)
        return in_order(self, *args, each=each, **options)

    monkeypatch.setattr(Cluster, "in_order", watched)
    shared = foretell.imbalance_curve(*SIDES, memory=memory, null=3, cluster="auto")
    xr.testing.assert_identical(shared, foretell.imbalance_curve(*SIDES, null=3))
    assert given == {processors[reads]}
