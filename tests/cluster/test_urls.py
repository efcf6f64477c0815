"""A store on a server that speaks S3, filled and read by a cluster."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import foretell
from foretell.exceptions import StoreError
from foretell.measure.imbalance.estimation import measurement
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction import model_run
from foretell.representations.store.reader import Store
from tests.cluster.conftest import OPTIONS, SHARD_ITEMS, loopback
from tests.options import under


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a server on this machine that speaks S3; what is started from here on knows of it."""
    server_of = pytest.importorskip("moto.server", reason="moto is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    boto3 = pytest.importorskip("boto3")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    said = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    for name in ("FORETELL_OFFLINE", "HF_HUB_OFFLINE"):  # what is on this machine is no network
        monkeypatch.delenv(name, raising=False)
    boto3.client("s3").create_bucket(Bucket="stores")
    s3fs.S3FileSystem.clear_instance_cache()  # one may know of an earlier server
    yield "s3://stores"
    # A client that is collected later would warn of its open session wherever that happens.
    s3fs.S3FileSystem.clear_instance_cache()
    gc.collect()
    server.stop()


def check_same(store: Store, here: Store) -> None:
    assert store.is_complete
    assert not store.storage.exists(".lock")
    for layer in here.layers:
        assert (store.space(layer).bits().data == here.space(layer).bits().data).all()


@pytest.mark.filterwarnings("ignore")  # of the client library's own
def test_a_store_behind_a_url(bucket: str, tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"model": str(tiny_model_folder), **OPTIONS}
    here = foretell.extract(tiny_pairs, out=tmp_path / "left.zarr", **given)
    check_same(foretell.extract(tiny_pairs, out=f"{bucket}/left.zarr", **given), here)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the client library's own
def test_a_cluster_fills_and_reads_it(
    bucket: str,
    stores: tuple[Path, Path],
    tiny_pairs: Pairs,
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measurement, "SPREAD_FROM", 1)
    monkeypatch.setattr(model_run, "_WINDOW_ITEMS", SHARD_ITEMS)
    here = foretell.extract(tiny_pairs, model=str(tiny_model_folder), out=tmp_path / "left.zarr", **OPTIONS)
    with loopback(2):
        given: dict[str, Any] = {"model": str(tiny_model_folder), **OPTIONS}
        store = under(cluster="auto").extract(tiny_pairs, out=f"{bucket}/left.zarr", **given)
        check_same(store, here)
        right = foretell.open_store(stores[1])
        spaces = [{layer: one.space(layer, "last 3") for layer in one.layers} for one in (store, right)]
        local = [{layer: one.space(layer, "last 3") for layer in one.layers} for one in (here, right)]
        shared = under(cluster="auto").imbalance_matrix(*spaces, null=5)
    xr.testing.assert_identical(shared, foretell.imbalance_matrix(*local, null=5))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the client library's own
def test_a_study_whose_stores_are_behind_a_url(
    bucket: str, study: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "SPREAD_FROM", 1)
    monkeypatch.setattr(model_run, "_WINDOW_ITEMS", SHARD_ITEMS)
    here = foretell.run(study, out=tmp_path / "here")
    with loopback(2):
        far = under(cluster="auto").run(study, out=tmp_path / "far", stores=f"{bucket}/of-studies/")
        again = foretell.run(study, out=tmp_path / "again", stores=f"{bucket}/of-studies")
    for one in (far, again):
        xr.testing.assert_identical(one.result.drop_attrs(), here.result.drop_attrs())
    assert (tmp_path / "far" / "stores").is_dir(), "notes stay here"
    assert not list((tmp_path / "far" / "stores").glob("*.zarr"))
    assert not list((tmp_path / "again" / "stores").glob("*.zarr"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the client library's own
def test_a_server_that_is_not_there_is_one_error(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3fs: Any = pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreError, match=r"^s3://stores/left\.zarr cannot be reached \(.*127\.0\.0\.1:9"):
        foretell.open_store(f"{bucket}/left.zarr")
