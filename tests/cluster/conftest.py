"""Clusters on this machine, over its loopback: a head that does no work, and nodes, mostly of one processor each."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import foretell
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction import model_run

pytest.importorskip("ray", reason="Ray is not installed")

OPTIONS: dict[str, Any] = {"side": "left", "tokens": ["last 5", "last 3, median"], "chunk_items": 2}
"""Of a small extraction."""

SHARD_ITEMS = 4

_STORE_BYTES = 100 * 2**20

# A killed node is missed within seconds.
_SOON = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


class Loopback:
    """A cluster whose nodes come and go."""

    def __init__(self, n_nodes: int, processors: int = 1) -> None:
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_system_config": _SOON,
        }
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._processors = processors
        self.nodes: list[Any] = []
        for _ in range(n_nodes):
            self.add()

    @property
    def address(self) -> str:
        """What a driver joins."""
        return str(self._cluster.address)

    def add(self) -> None:
        """Have a node join."""
        self.nodes.append(self._cluster.add_node(num_cpus=self._processors, object_store_memory=_STORE_BYTES))

    def kill(self) -> None:
        """Kill the first node that is left, with all that runs on it."""
        self._cluster.remove_node(self.nodes.pop(0), allow_graceful=False)

    def end(self) -> None:
        """Kill every node."""
        self._cluster.shutdown()  # type: ignore[no-untyped-call]


_kept: dict[int, tuple[Loopback, contextlib.ExitStack]] = {}
"""The cluster that files of tests share, by its nodes: starting one takes seconds, and a driver joins one at a time."""


@contextlib.contextmanager
def loopback(n_nodes: int, processors: int = 1) -> Iterator[Loopback]:
    """A cluster of so many nodes of so many processors, and this process connected to it."""
    import ray

    _end_kept()
    # What the tests make can be imported on the nodes, which are this machine.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    cluster = Loopback(n_nodes, processors)
    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        yield cluster
    finally:
        ray.shutdown()
        cluster.end()


def _end_kept() -> None:
    while _kept:
        _kept.popitem()[1][1].close()


@pytest.fixture(scope="session")
def _ended() -> Iterator[None]:
    yield
    _end_kept()


@pytest.fixture(
    scope="module",
    params=[pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(4, marks=pytest.mark.slow)],
    ids=lambda n_nodes: f"{n_nodes}-nodes",
)
def nodes(request: pytest.FixtureRequest, _ended: None) -> Loopback:
    """Clusters of 1, 2 and 4 nodes, one after the other; one that the last file left is used again."""
    if request.param not in _kept:
        stack = contextlib.ExitStack()
        _kept[request.param] = (stack.enter_context(loopback(request.param)), stack)
    return _kept[request.param][0]


@pytest.fixture(scope="session")
def stores(tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Stores of both sides of the tiny pairs, of last tokens."""
    folder = tmp_path_factory.mktemp("stores")
    model = foretell.load_model(str(tiny_model_folder))
    left, right = (
        foretell.extract(tiny_pairs, model=model, side=side, out=folder / f"{side}.zarr", tokens="last 5")
        for side in ("left", "right")
    )
    return Path(left.name), Path(right.name)


@pytest.fixture(scope="session")
def alone(tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that this machine makes by itself, by `OPTIONS`."""
    place = tmp_path_factory.mktemp("alone") / "left.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_run, "_WINDOW_ITEMS", SHARD_ITEMS)
        foretell.extract(tiny_pairs, model=str(tiny_model_folder), out=place, **OPTIONS)
    return place


def files(place: Path) -> dict[str, bytes]:
    """What a store is of, file by file."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.fixture
def study(tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path) -> dict[str, Any]:
    """A study of pairs in a file and of a model in a folder, which the nodes can read."""
    rows = ["\t".join(tiny_pairs.sides)] + ["\t".join(of) for of in zip(*tiny_pairs.texts.values(), strict=True)]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n")
    replica = {"num_cpus": 1}
    return {
        "study": "depth",
        "pairs": {"data": str(tmp_path / "pairs.tsv"), "sides": list(tiny_pairs.sides)},
        "model": {"name": str(tiny_model_folder), "replica": replica},
        "tokens": "last 3",
        "measure": {"null": 40},
    }
