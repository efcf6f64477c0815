"""What a task of the measure is given of a node: processors, and the memory that is their share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.cluster.cluster import Cluster
from foretell.cluster.nodes import Replica
from foretell.exceptions import ClusterError, OptionError
from foretell.measure.imbalance.estimation import measurement
from tests.cluster.conftest import Loopback, loopback
from tests.options import under

SIDES = [list(layers) for layers in np.random.default_rng(0).standard_normal((2, 3, 500, 30))]
"""Each layer's distances to both sides take 1.1 MB."""


class TestShares:
    """Of nodes that are said to be there."""

    def _shares(self, monkeypatch: pytest.MonkeyPatch, *nodes: dict[str, float], on_gpus: bool = False) -> list[Any]:
        monkeypatch.setattr(Cluster, "nodes", list(nodes))
        found = Cluster().shares(1000, on_gpus=on_gpus)
        return [(share.each.num_cpus, share.memory, share.room) for share in found]

    def test_up_to_a_whole_node(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self._shares(monkeypatch, {"CPU": 4}) == [(1, 250, 4), (2, 500, 2), (4, 1000, 1)]
        assert self._shares(monkeypatch, {"CPU": 6}) == [(1, 166, 6), (2, 333, 3), (4, 666, 1), (6, 1000, 1)]

    def test_a_small_node_does_not_bound_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nodes: list[dict[str, float]] = [{"CPU": 4}, {"CPU": 1}, {"CPU": 0}]
        assert self._shares(monkeypatch, *nodes) == [(1, 250, 5), (2, 500, 2), (4, 1000, 1)]

    def test_a_node_with_less_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self._shares(monkeypatch, {"CPU": 2}, {"CPU": 2, "memory": 600}) == [(1, 300, 4), (2, 600, 2)]

    def test_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nodes: list[dict[str, float]] = [{"CPU": 16, "GPU": 4}, {"CPU": 2}]
        assert self._shares(monkeypatch, *nodes, on_gpus=True) == [(4, 250, 4)]

    def test_nothing_to_share(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ClusterError, match="No node of the cluster has a processor"):
            self._shares(monkeypatch, {"CPU": 0})


@pytest.fixture(scope="module")
def one_node_of_two() -> Iterator[Loopback]:
    """A cluster of one node with two processors."""
    with loopback(1, processors=2) as cluster:
        yield cluster


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> set[float]:
    """Processors of the tasks that are run."""
    found: set[float] = set()
    in_order = Cluster.in_order

    def watched(self: Cluster, *args: Any, each: Replica, **options: Any) -> Iterator[Any]:
        found.add(each.num_cpus)
        return in_order(self, *args, each=each, **options)

    monkeypatch.setattr(Cluster, "in_order", watched)
    monkeypatch.setattr(measurement, "SPREAD_FROM", 1)
    return found


@pytest.mark.slow
class TestTasks:
    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize(("memory", "processors"), [("4 MB", 1), ("2 MB", 2), ("1 MB", 1), ("400 kB", 2)])
    def test_as_many_processors_as_memory_is_worth(
        self, one_node_of_two: Loopback, given: set[float], memory: str, processors: int, signed: bool
    ) -> None:
        """One where its share is enough for a block; all where theirs is, or where a share is not enough for a tile."""
        sides = [[foretell.BinarySpace.from_activations(x) if signed else x for x in side] for side in SIDES]
        alone = foretell.imbalance_curve(*sides, errors=False)
        shared = under(memory=memory, cluster="auto").imbalance_curve(*sides, errors=False)
        xr.testing.assert_identical(shared, alone)
        assert given == {processors}

    def test_what_no_task_can_hold(self, one_node_of_two: Loopback, given: set[float]) -> None:
        with pytest.raises(OptionError, match=r"^memory=0\.1 MiB of each machine .* at least 1\.\d MiB"):
            under(memory="100 kB", cluster="auto").imbalance_curve(*SIDES)
        assert not given

    def test_tasks_that_wait_for_others_say_so(
        self,
        one_node_of_two: Loopback,
        given: set[float],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        import ray

        monkeypatch.setattr("foretell.cluster.nodes.SAY_AFTER", 2.0)
        holder: Any = ray.remote(num_cpus=1)(_Holder).remote()
        ray.get(holder.is_there.remote())
        warned: list[str] = []

        def stop(record: Any) -> bool:
            if "other work holds it" in record.getMessage():
                warned.append(record.getMessage())
                ray.kill(holder)
            return True

        monkeypatch.setattr(caplog.handler, "filters", [stop])
        shared = under(memory="2 MB", cluster="auto").imbalance_curve(*SIDES, errors=False)
        xr.testing.assert_identical(shared, foretell.imbalance_curve(*SIDES, errors=False))
        assert given == {2}
        assert warned


class _Holder:
    def is_there(self) -> None:
        """Say so."""
