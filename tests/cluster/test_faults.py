"""Nodes that die, nodes that join late, a driver that is killed: the answer is that of one machine, undisturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.cluster.cluster import Cluster
from foretell.cluster.nodes import Replica
from foretell.cluster.workers import Crew
from foretell.measure.imbalance.estimation import measurement
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction import model_run
from tests.cluster.conftest import OPTIONS, SHARD_ITEMS, Loopback, files, loopback
from tests.options import under

SPACES = list(np.random.default_rng(0).standard_normal((4, 1500, 60)))
LAYERS = list(np.random.default_rng(1).standard_normal((16, 800, 60)))


@pytest.fixture
def two_nodes() -> Iterator[Loopback]:
    """A cluster of 2 nodes, to be harmed."""
    with loopback(2) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "SPREAD_FROM", 1)
    monkeypatch.setattr(model_run, "_WINDOW_ITEMS", SHARD_ITEMS)


def _where(seconds: float, number: int) -> str:
    import ray

    time.sleep(seconds)
    return str(ray.get_runtime_context().get_node_id())


def _waiter(seconds: float) -> Callable[[int], str]:
    return lambda number: _where(seconds, number)


def _noted(common: tuple[Path, Callable[[Any, Any], Any], Any], task: Any) -> Any:
    """Do the work, and leave a note of where."""
    folder, work, of_work = common
    (folder / _where(0.5, 0)).touch()
    return work(of_work, task)


def _after(monkeypatch: pytest.MonkeyPatch, count: int, happens: Callable[[], None]) -> list[int]:
    """Have something happen once so many answers have come from the cluster."""
    answers: list[int] = []

    def counted() -> None:
        answers.append(len(answers))
        if len(answers) == count:
            happens()

    in_order, each = Cluster.in_order, Cluster.each

    def watched_in_order(self: Cluster, *given: Any, **options: Any) -> Iterator[Any]:
        for answer in in_order(self, *given, **options):
            yield answer
            counted()

    def watched_each(self: Cluster, *given: Any, done: Callable[[Any, Crew], None], **options: Any) -> None:
        def both(answer: Any, crew: Crew) -> None:
            done(answer, crew)
            counted()

        each(self, *given, done=both, **options)

    monkeypatch.setattr(Cluster, "in_order", watched_in_order)
    monkeypatch.setattr(Cluster, "each", watched_each)
    return answers


class TestTasks:
    @pytest.mark.slow
    def test_a_node_is_killed(self, two_nodes: Loopback) -> None:
        answers = Cluster().in_order(_where, 0.05, list(range(40)), name="waits")
        found = [next(answers)]
        two_nodes.kill()
        found += answers
        assert len(found) == 40

    @pytest.mark.slow
    def test_a_node_joins_late(self, two_nodes: Loopback) -> None:
        two_nodes.kill()
        answers = Cluster().in_order(_where, 0.2, list(range(40)), name="waits")
        found = [next(answers)]
        two_nodes.add()
        found += answers
        assert len(set(found)) >= 2

    @pytest.mark.slow
    def test_a_node_with_workers_is_killed_and_another_joins(self, two_nodes: Loopback) -> None:
        found: list[str] = []

        def done(answer: str, _crew: Crew) -> None:
            found.append(answer)
            if len(found) == 3:
                two_nodes.kill()
            if len(found) == 6:
                two_nodes.add()

        shards = {f"shard {number}": number for number in range(40)}
        Cluster().each(_waiter, 0.2, shards, replica=Replica(), done=done)
        assert len(found) == 40
        assert len(set(found)) >= 2


class TestMeasure:
    @pytest.mark.parametrize(
        "when", [1, pytest.param(5, marks=pytest.mark.slow), pytest.param(9, marks=pytest.mark.slow)]
    )
    def test_a_node_is_killed(self, two_nodes: Loopback, monkeypatch: pytest.MonkeyPatch, when: int) -> None:
        """In the first walk, or in that of the null."""
        alone = foretell.imbalance_matrix(SPACES[:2], SPACES[2:], null=20)
        answers = _after(monkeypatch, when, two_nodes.kill)
        shared = under(cluster="auto").imbalance_matrix(SPACES[:2], SPACES[2:], null=20)
        xr.testing.assert_identical(shared, alone)
        # Eight tasks a walk; four, where one node is left for the second.
        assert len(answers) in (12, 16)

    @pytest.mark.slow
    def test_a_node_that_measures_layers_is_killed(self, two_nodes: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
        alone = foretell.imbalance_curve(LAYERS, LAYERS[::-1], null=20)
        answers = _after(monkeypatch, 2, two_nodes.kill)
        xr.testing.assert_identical(under(cluster="auto").imbalance_curve(LAYERS, LAYERS[::-1], null=20), alone)
        assert len(answers) == len(LAYERS) // 2  # layers l and L - l measure each other, both ways round

    @pytest.mark.slow
    def test_a_node_joins_late(self, two_nodes: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        alone = foretell.imbalance_curve(LAYERS, LAYERS[::-1], null=20)
        two_nodes.kill()
        _after(monkeypatch, 1, two_nodes.add)
        in_order = Cluster.in_order

        def noted(self: Cluster, work: Any, common: Any, tasks: Any, **options: Any) -> Iterator[Any]:
            return in_order(self, _noted, (tmp_path, work, common), tasks, **options)

        monkeypatch.setattr(Cluster, "in_order", noted)
        xr.testing.assert_identical(under(cluster="auto").imbalance_curve(LAYERS, LAYERS[::-1], null=20), alone)
        assert len(list(tmp_path.iterdir())) == 2, "the one that joined late measured some of it"


class TestReading:
    @pytest.mark.slow
    def test_a_node_is_killed(
        self,
        two_nodes: Loopback,
        monkeypatch: pytest.MonkeyPatch,
        tiny_pairs: Pairs,
        tiny_model_folder: Path,
        alone: Path,
        tmp_path: Path,
    ) -> None:
        _after(monkeypatch, 2, two_nodes.kill)
        out = tmp_path / "left.zarr"
        under(cluster="auto").extract(tiny_pairs, model=str(tiny_model_folder), out=out, **OPTIONS)
        assert files(out) == files(alone)

    @pytest.mark.slow
    def test_a_node_joins_late(
        self,
        two_nodes: Loopback,
        monkeypatch: pytest.MonkeyPatch,
        tiny_pairs: Pairs,
        tiny_model_folder: Path,
        alone: Path,
        tmp_path: Path,
    ) -> None:
        two_nodes.kill()
        _after(monkeypatch, 1, two_nodes.add)
        out = tmp_path / "left.zarr"
        under(cluster="auto").extract(tiny_pairs, model=str(tiny_model_folder), out=out, **OPTIONS)
        assert files(out) == files(alone)

    @pytest.mark.slow
    def test_a_killed_driver_resumes(
        self, two_nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, alone: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "left.zarr"
        driver = self._driver(two_nodes, tiny_pairs, tiny_model_folder, out, tmp_path)
        try:
            _wait_for(lambda: out.exists() and int(_committed(out).sum()) >= 1, driver)
        finally:
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()
        n_before = int(_committed(out).sum())
        assert 1 <= n_before < len(_committed(out))
        # A worker that outlives its driver by a moment writes nothing but what it was writing.
        under(cluster="auto").extract(tiny_pairs, model=str(tiny_model_folder), out=out, **OPTIONS)
        assert files(out) == files(alone)

    def _driver(self, cluster: Loopback, pairs: Pairs, model: Path, out: Path, folder: Path) -> subprocess.Popen[bytes]:
        """A process that extracts on the cluster, slowly: it is held up after each shard."""
        given = {
            "name": pairs.name,
            "texts": dict(pairs.texts),
            "ids": pairs.ids,
            "groups": pairs.groups,
            "licence": pairs.licence,
            "source": pairs.source,
        }
        (folder / "given.json").write_text(json.dumps(given))
        code = f"""
            import json, time
            import foretell
            from foretell.cluster.cluster import Cluster
            from foretell.representations.extraction import model_run
            model_run._WINDOW_ITEMS = {SHARD_ITEMS}
            each = Cluster.each
            def slow(self, *given, done, **options):
                def then(*answer):
                    done(*answer)
                    time.sleep(3)
                each(self, *given, done=then, **options)
            Cluster.each = slow
            given = json.load(open({str(folder / "given.json")!r}))
            given |= {{"texts": {{side: tuple(texts) for side, texts in given["texts"].items()}},
                      "ids": tuple(given["ids"]), "groups": tuple(given["groups"])}}
            how = {OPTIONS | {"model": str(model), "out": str(out)}!r}
            with foretell.set_options(cluster={cluster.address!r}):
                foretell.extract(foretell.Pairs(**given), **how)
        """
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.Popen(command, start_new_session=True, cwd=Path(__file__).parents[2])


def _committed(place: Path) -> np.ndarray[Any, np.dtype[np.bool_]]:
    try:
        return foretell.open_store(place).committed
    except foretell.exceptions.StoreError:
        return np.zeros(1, bool)


def _wait_for(is_so: Callable[[], bool], driver: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 900  # however busy the machine is
    while not is_so():
        assert driver.poll() is None, "the driver ended by itself"
        assert time.monotonic() < until, "nothing was written"
        time.sleep(0.05)
