"""Tasks and workers on a cluster, with work that is easy to see through."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import foretell
from foretell.cluster.cluster import Cluster
from foretell.cluster.connection import connected, current_cluster
from foretell.cluster.nodes import RETRIES, Replica
from foretell.cluster.workers import Crew
from foretell.exceptions import ClusterError, InputError, MissingDependencyError, OptionError
from tests.cluster.conftest import Loopback


def _square(added: int, number: int) -> int:
    time.sleep(0.02 * (number % 3))
    return number**2 + added


def _dies_once(folder: Path, number: int, at: int = 3) -> int:
    """The first worker that is given task 3, or another one, is killed."""
    if number == at:
        try:
            (folder / f"killed at {at}").touch(exist_ok=False)
        except FileExistsError:
            return number
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _dies(common: None, number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def _two_die(folder: Path, number: int) -> int:
    """The first worker of task 0, and then the first of task 7, die; task 1 takes its time."""
    if number == 1:
        time.sleep(2)
    return _dies_once(folder, number, at=number) if number in (0, 7) else number


def _refuses(common: None, number: int) -> int:
    raise InputError(f"number {number} is wrong: give another.")


def _adder(added: int) -> Callable[[int], int]:
    return lambda number: number + added


def _dying_worker(folder: Path) -> Callable[[int], int]:
    return lambda number: _dies_once(folder, number)


def _dies_loading(folder: Path) -> Callable[[int], int]:
    _dies_once(folder, 3)
    return _slow


def _slow(number: int) -> int:
    time.sleep(0.3)  # until a death is known
    return number


def _never_loads(common: None) -> Callable[[int], int]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _unread(answer: int, crew: Crew) -> None:
    raise AssertionError("nobody answers")


def _cannot_load(common: None) -> Callable[[int], int]:
    raise InputError("the model is of a kind that nobody knows: name another.")


class TestInOrder:
    def test_answers_come_in_order(self, nodes: Loopback) -> None:
        assert list(Cluster().in_order(_square, 5, list(range(20)), name="squares")) == [n**2 + 5 for n in range(20)]

    def test_nothing_to_do(self, nodes: Loopback) -> None:
        assert list(Cluster().in_order(_square, 5, [], name="squares")) == []

    def test_what_the_work_raises_is_raised(self, nodes: Loopback) -> None:
        with pytest.raises(InputError, match=r"^number 0 is wrong: give another\.\nIn numbers 0 of 1\.$"):
            list(Cluster().in_order(_refuses, None, [0], name="numbers"))

    def test_a_killed_worker_is_replaced(
        self, nodes: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert list(Cluster().in_order(_dies_once, tmp_path, list(range(8)), name="numbers")) == list(range(8))
        assert "numbers 3 of 8 is given to another worker" in caplog.text

    @pytest.mark.slow
    def test_none_is_stuck_behind_a_later_one(
        self, nodes: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While there is room for fewer, an early task dies, and then a later one that may not be given out yet."""
        died = tmp_path / "killed at 0"
        monkeypatch.setattr(Cluster, "room_for", lambda self, each: 1 if died.exists() else 4)
        assert list(Cluster().in_order(_two_die, tmp_path, list(range(20)), name="numbers")) == list(range(20))

    def test_one_that_kills_every_worker_is_given_up(self, nodes: Loopback) -> None:
        with pytest.raises(ClusterError, match=rf"numbers 0 of 1 was given to {RETRIES + 1} workers, and each died"):
            list(Cluster().in_order(_dies, None, [0], name="numbers"))


class TestEach:
    def test_every_shard_is_done_once(self, nodes: Loopback) -> None:
        found: list[int] = []
        crews: list[int] = []

        def done(answer: int, crew: Crew) -> None:
            found.append(answer)
            crews.append(crew.workers)

        Cluster().each(_adder, 10, {f"shard {n}": n for n in range(12)}, replica=Replica(), done=done)
        assert sorted(found) == [n + 10 for n in range(12)]
        assert 1 <= max(crews) <= len(nodes.nodes)

    def test_a_killed_worker_is_replaced(
        self, nodes: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        found: list[int] = []
        retries: list[int] = []

        def done(answer: int, crew: Crew) -> None:
            found.append(answer)
            retries.append(crew.retries)

        shards = {f"shard {n}": n for n in range(8)}
        Cluster().each(_dying_worker, tmp_path, shards, replica=Replica(), done=done)
        assert sorted(found) == list(range(8))
        assert retries[-1] >= 1
        assert "shard 3 is given to another worker" in caplog.text

    def test_a_model_that_cannot_be_loaded_says_so(self, nodes: Loopback) -> None:
        with pytest.raises(InputError, match="of a kind that nobody knows"):
            Cluster().each(_cannot_load, None, {"shard": 0}, replica=Replica(), done=lambda *_: None)

    @pytest.mark.slow
    def test_a_worker_that_dies_as_it_starts_is_replaced(
        self, nodes: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        found: list[int] = []
        shards = {f"shard {n}": n for n in range(24)}
        Cluster().each(_dies_loading, tmp_path, shards, replica=Replica(), done=lambda answer, _: found.append(answer))
        assert sorted(found) == list(range(24))
        assert "the start of a worker is given to another worker" in caplog.text

    @pytest.mark.slow
    def test_workers_that_never_start_are_given_up(self, nodes: Loopback) -> None:
        most = RETRIES * len(nodes.nodes)
        with pytest.raises(
            ClusterError, match=rf"the start of a worker was given to {most + 1} workers, and each died"
        ):
            Cluster().each(_never_loads, None, {f"shard {n}": n for n in range(9)}, replica=Replica(), done=_unread)

    def test_more_than_any_node_has_is_refused(self, nodes: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("foretell.cluster.nodes.SAY_AFTER", 0.0)
        with pytest.raises(ClusterError, match=r"No node of the cluster can hold a model with .*'GPU': 8.*replica"):
            Cluster().each(_adder, 1, {"shard": 0}, replica=Replica(num_gpus=8), done=lambda *_: None)


class TestConnected:
    def test_the_innermost_counts(self, nodes: Loopback) -> None:
        assert current_cluster() is None
        with foretell.set_options(cluster=nodes.address):
            outer = current_cluster()
            assert outer is not None
            with foretell.set_options(threads=1):
                assert current_cluster() is outer
            with foretell.set_options(cluster="local"):
                assert current_cluster() is None
            assert current_cluster() is outer
        assert current_cluster() is None
        assert outer.n_processors == len(nodes.nodes)
        (share,) = outer.shares(2**20)
        assert (share.each, share.memory, share.room) == (Replica(), 2**20, len(nodes.nodes))
        assert outer.shares(2**60)[0].memory < 2**60  # more than a node has

    def test_a_connection_of_the_caller_is_left(self, nodes: Loopback) -> None:
        import ray

        with connected("auto"):
            pass
        assert ray.is_initialized()

    def test_another_cluster_than_the_caller_s_is_refused(self, nodes: Loopback) -> None:
        with pytest.raises(ClusterError, match=r"connected to the cluster at .*, not '127\.0\.0\.1:1'"):
            connected("127.0.0.1:1").__enter__()


@pytest.mark.parametrize(
    "wrong", [{"num_cpus": 0}, {"num_cpus": float("nan")}, {"num_gpus": -1}, {"resources": {"GPU": 1}}]
)
def test_a_replica_of_wrong_amounts_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="replica"):
        Replica(**wrong)


def test_no_cluster_at_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(ClusterError, match=r"no cluster at '127\.0\.0\.1:1'"), connected("127.0.0.1:1"):
        pass


def test_without_ray_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"foretell\[ray\]"), connected("auto"):
        pass
