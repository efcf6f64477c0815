"""The on-disk format: read by a stranger, and refused when it is not what it should be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import AlignmentError, OptionError, StoreError
from foretell.measure.space import Space, check_same_items
from foretell.representations.store import Store, StoreInfo, StoreWriter, create_store, open_store
from foretell.representations.store.layout import fingerprint_of

N, H, T, CHUNK = 11, 13, 4, 3
LAYERS = ("0", "1", "2", "final")
IDS = tuple(f"item {number} é" for number in range(N))


@pytest.fixture
def signs() -> np.ndarray[Any, np.dtype[np.bool_]]:
    signs = np.random.default_rng(0).random((len(LAYERS), N, T, H)) > 0.5
    signs[2, 3:6] = False  # a chunk of zeros, which zarr by default would not write
    return signs


@pytest.fixture
def path(tmp_path: Path, signs: np.ndarray[Any, np.dtype[np.bool_]]) -> Path:
    made_of: dict[str, str | int] = {"tokens": f"last {T}"}
    info = StoreInfo(
        model_id="made",
        model_revision="1",
        model_licence="CC0-1.0",
        tokenizer="none",
        dtype="float32",
        tokens=f"last {T}",
        n_tokens=T,
        n_blocks=2,
        hidden_size=H,
        layers=LAYERS,
        n_items=N,
        chunk_items=CHUNK,
        pairs_name="made",
        side="left",
        source="here",
        licence="CC0-1.0",
        dropped={"too short": 2},
        versions={"numpy": np.__version__},
        made_of=made_of,
        fingerprint=fingerprint_of(made_of),
    )
    path = tmp_path / "made.zarr"
    create_store(path, info, ids=IDS, texts=IDS, groups=None, token_counts=np.arange(N, dtype=np.uint32))
    packed = np.packbits(signs, axis=-1)
    for chunk in range(info.n_chunks):
        StoreWriter(path, info).write_chunk(chunk, packed[:, chunk * CHUNK : (chunk + 1) * CHUNK])
    return path


@pytest.fixture
def store(path: Path) -> Store:
    return open_store(path)


def test_a_stranger_reads_it_with_zarr_alone(path: Path, signs: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    import zarr

    group: Any = zarr.open_group(path, mode="r")
    assert group.attrs["format"] == "foretell-activations"
    assert group.attrs["version"] == 1
    assert group["committed"][:].tolist() == [1, 1, 1, 1]
    assert group["bits"].chunks == (1, CHUNK, T, 2)
    layer = list(group.attrs["layers"]).index("1")
    read = np.unpackbits(group["bits"][layer], axis=-1, count=group.attrs["hidden_size"])
    assert (read == signs[layer]).all()
    ends = group["ids/offsets"][:]
    names = group["ids/utf8"][:].tobytes()
    assert tuple(names[a:b].decode() for a, b in pairwise(ends)) == IDS
    assert group["token_counts"][:].tolist() == list(range(N))
    assert "groups" not in group


def test_every_array_has_the_codecs_of_the_specification(path: Path) -> None:
    for file in path.rglob("zarr.json"):
        metadata = json.loads(file.read_text())
        if metadata["node_type"] == "array":
            assert [codec["name"] for codec in metadata["codecs"]] == ["bytes", "crc32c"]
            assert metadata["fill_value"] == 0


def test_every_attribute_is_in_the_specification(path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
    for name in json.loads((path / "zarr.json").read_text())["attributes"]:
        assert f"`{name}`" in page


def test_what_was_written_is_read(store: Store, signs: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    assert store.is_complete
    assert (store.n_items, store.n_missing, store.ids, store.groups) == (N, 0, IDS, None)
    assert store.info.dropped == {"too short": 2}
    for layer, name in enumerate(LAYERS):
        assert (store.space(name).bits().unpack() == signs[layer]).all()


@pytest.mark.parametrize(
    "rows",
    [slice(None), slice(2, 9), slice(None, None, -2), np.array([10, 0, 5, 4]), np.array([-1]), np.array([], int)],
)
def test_any_rows(store: Store, signs: np.ndarray[Any, np.dtype[np.bool_]], rows: Any) -> None:
    bits = store.space(1, "last 2").bits(rows)
    assert (bits.unpack() == signs[1, rows, -2:]).all()
    assert bits.ids == tuple(np.array(IDS, object)[rows])


def test_repeated_rows_have_no_ids(store: Store) -> None:
    assert store.space(1).bits(np.array([1, 1])).ids is None


def test_views_are_spaces(store: Store) -> None:
    space = store.space(1, "last 2")
    assert isinstance(space, Space)
    assert (space.name, space.n_items, space.n_tokens, space.ids) == ("made:left:1", N, 2, IDS)
    assert [store.space(layer).relative_depth for layer in store.layers] == [0, 0.5, 1, 1]
    check_same_items([space, store.space("final")])
    with pytest.raises(AlignmentError):
        check_same_items([space, store.space(0).bits(slice(None, None, -1))])


def test_layers_and_tokens_that_there_are_not(store: Store) -> None:
    with pytest.raises(OptionError, match="'0', '1', '2', 'final'"):
        store.space(3)
    with pytest.raises(OptionError, match="asks for more"):
        store.space(1, "last 5")
    with pytest.raises(OptionError, match="token rule"):
        store.space(1, "first 2")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store at"):
        open_store(tmp_path / "nowhere")


def test_not_a_store(tmp_path: Path) -> None:
    import zarr

    with pytest.raises(StoreError, match="not a foretell store"):
        open_store(tmp_path)
    zarr.create_group(tmp_path / "group", zarr_format=3)
    with pytest.raises(StoreError, match="not a foretell store"):
        open_store(tmp_path / "group")
    (tmp_path / "file").write_text("text")
    with pytest.raises(StoreError, match="not a foretell store"):
        open_store(tmp_path / "file")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "zarr.json").write_text('{"zarr_for')
    with pytest.raises(StoreError, match="not a foretell store"):
        open_store(tmp_path / "torn")


def change_attribute(path: Path, name: str, value: object) -> None:
    file = path / "zarr.json"
    metadata = json.loads(file.read_text())
    if value is None:
        del metadata["attributes"][name]
    else:
        metadata["attributes"][name] = value
    file.write_text(json.dumps(metadata))


def test_a_newer_version(path: Path) -> None:
    change_attribute(path, "version", 2)
    with pytest.raises(StoreError, match=r"version 2 .* upgrade foretell"):
        open_store(path)


def test_a_lost_attribute(path: Path) -> None:
    change_attribute(path, "hidden_size", None)
    with pytest.raises(StoreError, match="'hidden_size'"):
        open_store(path)


def test_a_damaged_chunk_names_layer_and_items(path: Path, store: Store) -> None:
    chunk = path / "bits" / "c" / "1" / "3" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[0] ^= 1
    chunk.write_bytes(data)
    assert store.space(1).bits(slice(0, 9)).n_items == 9
    with pytest.raises(StoreError, match=r"layer 1, items 9 to 10 \(its checksum"):
        store.space(1).bits()
    chunk.write_bytes(data[:-7])
    with pytest.raises(StoreError, match="layer 1, items 9 to 10"):
        store.space(1).bits(slice(9, 10))


def test_the_remedy_for_a_damaged_chunk_works(
    path: Path, store: Store, signs: np.ndarray[Any, np.dtype[np.bool_]]
) -> None:
    (path / "bits" / "c" / "1" / "3" / "0" / "0").write_bytes(b"rubbish")
    (path / "committed" / "c" / "3").unlink()
    assert (store.n_missing, store.is_complete) == (2, False)
    StoreWriter(path, store.info).write_chunk(3, np.packbits(signs, axis=-1)[:, 9:])
    assert (store.space(1).bits().unpack() == signs[1]).all()


def test_a_lost_chunk_is_not_read_as_minus_signs(path: Path, store: Store) -> None:
    (path / "bits" / "c" / "2" / "1" / "0" / "0").unlink()
    with pytest.raises(StoreError, match=r"layer 2, items 3 to 5 \(its file is gone"):
        store.space(2).bits()


def test_damaged_items(path: Path) -> None:
    file = path / "ids" / "utf8" / "c" / "0"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreError, match="ids/utf8 is not readable"):
        _ = open_store(path).ids
    shutil.rmtree(path / "ids")
    with pytest.raises(StoreError, match="ids/offsets"):
        _ = open_store(path).ids


def test_an_incomplete_store(path: Path, store: Store) -> None:
    (path / "committed" / "c" / "1").unlink()
    assert (store.is_complete, store.n_missing) == (False, 3)
    assert store.space(1).bits(np.array([0, 10])).n_items == 2
    with pytest.raises(StoreError, match=r"items 3 to 5 have no bits \(3 of 11 missing\)"):
        store.space(1).bits(np.array([4]))


def test_a_chunk_is_marked_only_when_its_bits_are_there(
    path: Path, store: Store, signs: np.ndarray[Any, np.dtype[np.bool_]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "committed" / "c" / "1").unlink()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("zarr.storage.LocalStore.set", full)
        with pytest.raises(OSError, match="no space left"):
            StoreWriter(path, store.info).write_chunk(1, np.packbits(signs, axis=-1)[:, 3:6])
    assert store.committed.tolist() == [True, False, True, True]
    # The flag is the last thing written.
    written: list[str] = []
    import zarr

    put = zarr.storage.LocalStore.set

    async def noted(self: Any, key: str, value: Any) -> None:
        written.append(key)
        await put(self, key, value)

    monkeypatch.setattr("zarr.storage.LocalStore.set", noted)
    StoreWriter(path, store.info).write_chunk(1, np.packbits(signs, axis=-1)[:, 3:6])
    assert [key for key in written if key.startswith("committed")] == written[-1:]
    assert sum(key.startswith("bits") for key in written) == len(LAYERS)


def test_rows_across_chunks_in_any_order(store: Store, signs: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    rng = np.random.default_rng(1)
    for size in range(1, N + 1):
        rows = rng.permutation(N)[:size]
        part = store.space(1).bits(rows)
        assert (part.unpack() == signs[1][rows]).all()
        assert part.ids == tuple(IDS[row] for row in rows)


def test_a_taken_place_is_refused(path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match="taken"):
        create_store(path, store.info, ids=IDS, texts=IDS, groups=None, token_counts=np.zeros(N, np.uint32))


def test_reading_needs_no_torch(path: Path) -> None:
    code = (
        "import sys; from foretell import open_store; import foretell.representations.extraction;"
        f"print(open_store({str(path)!r}).space(1).bits().n_items,"
        "'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(N), "False", "False"]
