"""The measure on a cluster: the same bits as on one machine, for any number of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.cluster.cluster import Cluster
from foretell.cluster.nodes import Replica, Share
from foretell.measure.imbalance.estimation import distributed, measurement
from foretell.measure.kernels.order_keys import TILE
from tests.cluster.conftest import Loopback
from tests.options import call, under

N = 200


@pytest.fixture(autouse=True)
def _few_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "SPREAD_FROM", 1)


def _layers(seed: int, *, n_items: int = N, n_dimensions: int = 40) -> dict[str, Any]:
    """Layers that know the same in part; the first has ties throughout, and the last is constant."""
    rng = np.random.default_rng(seed)
    known = np.random.default_rng(0).standard_normal((n_items, 6))
    layers = {
        str(layer): known @ rng.standard_normal((6, n_dimensions))
        + layer * rng.standard_normal((n_items, n_dimensions))
        for layer in range(1, 4)
    }
    tied = np.sign(known[:, :2]) @ rng.standard_normal((2, n_dimensions))
    return {"0": tied, **layers, "4": np.ones((n_items, n_dimensions))}


GROUPS = [f"group {number // 3}" for number in range(N)]

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "null and groups": {"null": 30, "groups": GROUPS},
    "strata": {"null": 20, "strata": [str(number % 4) for number in range(N)]},
    "several k": {"k": [1, 3, 10]},
    "every item": {"per_item": True, "k": 2},
    "halves": {"candidates": "split"},
    "queries": {"queries": 70},
    "glielmo": {"convention": "glielmo"},
    "paper": {"preset": "paper"},
    "euclidean": {"metric": "euclidean"},
    "no errors": {"errors": False},
    "little memory": {"memory": "2 MiB", "null": 10},
    "numkong": {"backend": "numkong"},
}


@pytest.mark.filterwarnings("ignore::foretell.exceptions.ForetellWarning")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_maps_are_the_same_to_the_bit(nodes: Loopback, options: dict[str, Any]) -> None:
    a, b = _layers(1), _layers(2)
    alone = call(foretell.imbalance_matrix, a, b, seed=3, **options)
    xr.testing.assert_identical(call(foretell.imbalance_matrix, a, b, seed=3, cluster="auto", **options), alone)


CURVES: dict[str, dict[str, Any]] = {
    "null and groups": {"null": 40, "groups": GROUPS},
    "several k": {"k": [1, 3]},
    "halves": {"candidates": "split"},
    "queries": {"queries": 70},
    "glielmo": {"convention": "glielmo"},
    "euclidean": {"metric": "euclidean", "null": 5},
    "little memory": {"memory": "2 MiB", "null": 10},
}


@pytest.mark.filterwarnings("ignore::foretell.exceptions.ForetellWarning")
@pytest.mark.parametrize("n_workers", [1, 100], ids=["a task a layer", "rows of layers"])
@pytest.mark.parametrize("options", CURVES.values(), ids=CURVES)
def test_curves_are_the_same_to_the_bit(
    nodes: Loopback, options: dict[str, Any], n_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By layers where there are enough for all workers, or by rows of each."""
    a, b = _layers(1), _layers(2)
    alone = call(foretell.imbalance_curve, a, b, seed=3, **options)
    names: set[str] = set()
    in_order = Cluster.in_order

    def watched(self: Cluster, *given: Any, name: str, **options: Any) -> Iterator[Any]:
        names.add(name)
        return in_order(self, *given, name=name, **options)

    monkeypatch.setattr(Cluster, "in_order", watched)
    monkeypatch.setattr(Cluster, "room_for", lambda self, each: n_workers)
    xr.testing.assert_identical(call(foretell.imbalance_curve, a, b, seed=3, cluster=nodes.address, **options), alone)
    assert names == {"part" if n_workers == 1 else "rows"}


def test_what_is_merged_here_keeps_to_the_memory_of_this_machine(
    nodes: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of few layers at a time where the tallies of all would be too many."""
    a, b = ({name: one for name, one in _layers(side).items() if name != "4"} for side in (1, 2))
    alone = foretell.imbalance_curve(a, b, null=10)
    monkeypatch.setattr(Cluster, "room_for", lambda self, each: 100)
    monkeypatch.setattr(Cluster, "shares", lambda self, memory, on_gpus: [Share(Replica(), 2**30, 100)])
    walks: list[int] = []
    in_order = Cluster.in_order

    def watched(self: Cluster, work: Any, common: Any, tasks: Any, **options: Any) -> Iterator[Any]:
        walks.append(len({part for part, _ in tasks}))
        return in_order(self, work, common, tasks, **options)

    monkeypatch.setattr(Cluster, "in_order", watched)
    xr.testing.assert_identical(under(memory="100 kB", cluster="auto").imbalance_curve(a, b, null=10), alone)
    assert len(walks) > 2  # a walk and its null's, for all layers at once
    assert sum(walks) == 2 * 4


def test_token_curves_are_the_same_to_the_bit(nodes: Loopback) -> None:
    tokens = [
        foretell.BinarySpace.from_activations(np.random.default_rng(of).standard_normal((N, 5, 24))) for of in (1, 2)
    ]
    alone = foretell.token_curve(*tokens, null=10)
    with foretell.set_options(cluster="auto"):
        xr.testing.assert_identical(foretell.token_curve(*tokens, null=10), alone)


def test_ties_that_order_decides_are_told_of(nodes: Loopback) -> None:
    a, b = _layers(1), _layers(2)
    with pytest.warns(foretell.exceptions.TieOrderWarning):
        under(cluster="auto").imbalance_matrix({"0": a["0"]}, {"0": b["0"]}, convention="glielmo")


def test_stores_are_read_by_the_nodes(nodes: Loopback, stores: tuple[Path, Path]) -> None:
    sides = [foretell.open_store(place) for place in stores]
    spaces = [{layer: store.space(layer) for layer in store.layers} for store in sides]
    alone = foretell.imbalance_matrix(*spaces, null=5)
    xr.testing.assert_identical(under(cluster="auto").imbalance_matrix(*spaces, null=5), alone)


def test_tasks_are_whole_tiles_that_are_all_rows() -> None:
    for n_queries in (1, TILE - 1, TILE, TILE + 1, 5 * TILE + 3, 40 * TILE):
        for n_processors in (1, 2, 7, 1000):
            ranges = distributed._ranges(n_queries, n_processors)
            assert [row for rows in ranges for row in rows] == list(range(n_queries))
            assert all(rows.start % TILE == 0 and len(rows) > 0 for rows in ranges)
            assert len(ranges) <= 4 * n_processors
