"""Extraction on a cluster: the same store, file by file, whoever did which shard."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

import foretell
from foretell.cluster.connection import connected
from foretell.cluster.nodes import Replica
from foretell.exceptions import ClusterError, InputError, OptionError, StoreError
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction import model_run
from foretell.representations.extraction.sharded import complete_on, spec_of
from foretell.representations.loading.load_model import LazyModel
from foretell.representations.store.reader import opened
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter
from tests.cluster.conftest import OPTIONS, SHARD_ITEMS, Loopback, files
from tests.options import under


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_run, "_WINDOW_ITEMS", SHARD_ITEMS)


def test_the_store_is_the_same(
    nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, alone: Path, tmp_path: Path
) -> None:
    store = under(cluster="auto").extract(
        tiny_pairs, model=str(tiny_model_folder), out=tmp_path / "left.zarr", **OPTIONS
    )
    assert store.is_complete
    assert files(tmp_path / "left.zarr") == files(alone)


@pytest.mark.slow
def test_what_is_there_is_not_made_again(
    nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "left.zarr"
    given = {"model": str(tiny_model_folder), "out": out, **OPTIONS}
    under(cluster="auto").extract(tiny_pairs, **given)
    written = {path: path.stat().st_mtime_ns for path in (out / "bits/0").rglob("c/*/0/0")}
    assert written
    store = opened(Storage(out, read_only=False))
    StoreWriter(store.storage, store.info).forget(5)
    under(cluster="auto").extract(tiny_pairs, **given)
    again = {path.parts[-3] for path, when in written.items() if path.stat().st_mtime_ns != when}
    assert again == {"5"}
    assert files(out) == files(alone)


def test_a_shard_that_was_done_is_not_written_again(
    nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, alone: Path
) -> None:
    """As when a worker died after its last write, before it could say so."""
    from foretell.representations.extraction import sharded

    store = opened(Storage(alone, read_only=False))
    place = sharded._Place(
        str(alone), store.info.fingerprint, spec_of(LazyModel(str(tiny_model_folder), "text")), batch_tokens=512
    )
    fill = sharded._reader(place)
    before = {path: path.stat().st_mtime_ns for path in alone.rglob("*")}
    shard = sharded._Shard(range(0, 2), 0, tiny_pairs.texts["left"][:4], n_missing=3)
    assert fill(shard) == 3  # as the driver saw it
    assert {path: path.stat().st_mtime_ns for path in alone.rglob("*")} == before
    other = sharded._Place(str(alone), "another", place.model, batch_tokens=512)
    with pytest.raises(StoreError, match="became another store"):
        sharded._reader(other)(shard)


@pytest.mark.slow
def test_progress_counts_every_item_once(
    nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "left.zarr"
    shutil.copytree(alone, out)
    store = opened(Storage(out, read_only=False))
    for chunk in range(1, store.info.n_chunks):
        StoreWriter(store.storage, store.info).forget(chunk)
    counts: list[tuple[int, str]] = []
    with connected("auto") as cluster:
        complete_on(
            cluster,
            store,
            spec_of(LazyModel(str(tiny_model_folder), "text")),
            tiny_pairs.texts["left"],
            batch_tokens=512,
            replica=Replica(),
            check=lambda: None,
            done=lambda n_items, crew: counts.append((n_items, str(crew))),
        )
    assert sum(n_items for n_items, _ in counts) == len(tiny_pairs) - 2
    assert all("worker" in crew for _, crew in counts)


class TestRefused:
    def test_a_model_that_is_loaded_here(
        self, nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path
    ) -> None:
        model = foretell.load_model(str(tiny_model_folder))
        with pytest.raises(OptionError, match="workers of a cluster load their own: give its name"):
            under(cluster="auto").extract(tiny_pairs, model=model, out=tmp_path / "left.zarr", **OPTIONS)

    @pytest.mark.slow
    def test_what_a_worker_raises_comes_here(
        self, nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken"
        shutil.copytree(tiny_model_folder, broken)
        weights = load_file(broken / "model.safetensors")
        weights["norm.weight"] = weights["norm.weight"] * float("nan")
        save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(InputError, match="gives NaN or infinity at layer"):
            under(cluster="auto").extract(tiny_pairs, model=str(broken), out=tmp_path / "left.zarr", **OPTIONS)

    def test_more_than_a_node_has(
        self, nodes: Loopback, tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr("foretell.cluster.nodes.SAY_AFTER", 0.0)
        given: dict[str, Any] = {"out": tmp_path / "left.zarr", "replica": Replica(num_gpus=1)}
        with pytest.raises(ClusterError, match="No node of the cluster can hold a model"):
            under(cluster="auto").extract(tiny_pairs, model=str(tiny_model_folder), **given, **OPTIONS)
