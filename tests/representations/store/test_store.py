"""The on-disk format: read by a stranger, and refused when it is not what it should be."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import AlignmentError, OptionError, StoreError
from foretell.measure.spaces.space import Space, check_same_items
from foretell.representations.store.format import VERSION, Kept, StoreInfo, fingerprint_of
from foretell.representations.store.lock import STALE, locked
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store.recordings import Recording
from foretell.representations.store.storage import LOCK, Storage
from foretell.representations.store.writer import StoreWriter, create_store

N, H, T, CHUNK = 11, 13, 4, 3
LAYERS = ("0", "1", "2", "final")
IDS = tuple(f"item {number} é" for number in range(N))


@pytest.fixture
def signs() -> np.ndarray[Any, np.dtype[np.bool_]]:
    signs = np.random.default_rng(0).random((len(LAYERS), N, T, H)) > 0.5
    signs[2, 3:6] = False  # a chunk of zeros, which zarr by default would not write
    return signs


RECORDING = Recording.parse(f"last {T}")


def made_info() -> StoreInfo:
    made_of: dict[str, str | int] = {"tokens": f"last {T}"}
    return StoreInfo(
        model_id="made",
        model_revision="1",
        model_licence="CC0-1.0",
        preprocessing="none",
        modality="text",
        dtype="float32",
        n_blocks=2,
        layers=LAYERS,
        kept=(Kept(RECORDING, T, dict.fromkeys(LAYERS, H)),),
        n_items=N,
        chunk_items=CHUNK,
        near_zero=1e-4,
        pairs_name="made",
        side="left",
        source="here",
        licence="CC0-1.0",
        dropped={"too short": 2},
        versions={"numpy": np.__version__},
        made_of=made_of,
        fingerprint=fingerprint_of(made_of),
    )


def write(place: Any, signs: np.ndarray[Any, np.dtype[np.bool_]], chunks: Any = None) -> None:
    info, packed = made_info(), np.packbits(signs, axis=-1)
    writer = StoreWriter(Storage(place, read_only=False), info)
    for chunk in range(info.n_chunks) if chunks is None else chunks:
        items = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        data = {(0, layer): packed[number, items] for number, layer in enumerate(LAYERS)}
        writer.write_chunk(chunk, data, np.full(len(LAYERS), chunk, np.uint64))


def create(place: Any) -> None:
    create_store(
        Storage(place, read_only=False),
        made_info(),
        columns={"ids": IDS, "texts": IDS},
        token_counts=np.arange(N, dtype=np.uint32),
    )


@pytest.fixture(params=["folder", "url"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Somewhere for a store: a folder, or a URL."""
    if request.param == "folder":
        yield str(tmp_path / "made.zarr")
        return
    import fsspec

    yield f"memory://{tmp_path.name}/made.zarr"
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def path(tmp_path: Path, signs: np.ndarray[Any, np.dtype[np.bool_]]) -> Path:
    path = tmp_path / "made.zarr"
    create(path)
    write(path, signs)
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
    assert group["bits/0/1"].chunks == (CHUNK, T, 2)
    (kept,) = group.attrs["kept"]
    read = np.unpackbits(group["bits/0/1"][:], axis=-1, count=kept["n_bits"]["1"])
    assert (read == signs[1]).all()
    assert group["near_zero"][:].tolist() == [[chunk] * len(LAYERS) for chunk in range(4)]
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
    page = (Path(__file__).parents[3] / "docs" / "store.md").read_text(encoding="utf-8")
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
    with pytest.raises(OptionError, match=r"keeps 'last 4' and has no 'last 5' of layer 1.*extract with tokens"):
        store.space(1, "last 5")
    with pytest.raises(OptionError, match="has no 'first 2'"):
        store.space(1, "first 2")
    with pytest.raises(OptionError, match="has no 'mean'"):
        store.space(1, "mean")
    with pytest.raises(OptionError, match="has no 'last 4, median'"):
        store.space(1, "last 4, median")
    with pytest.raises(OptionError, match=r"has no 'numbers' of layer 1.*last 20, full"):
        store.points(1)
    with pytest.raises(OptionError, match="token rule"):
        store.space(1, "some 2")
    with pytest.raises(OptionError, match="has no 'mean last 4'"):
        store.space(1, "mean last 4")
    for window in (slice(4, None), [4], []):
        with pytest.raises(OptionError, match="keeps 4 tokens"):
            store.space(1, window)


@pytest.mark.parametrize(
    ("tokens", "window"),
    [
        ("last 2", slice(2, 4)),
        ("last 1 before 2", slice(1, 2)),
        (slice(-3, None, 2), slice(1, 4, 2)),
        ([0, -1], [0, 3]),
        (np.array([2]), [2]),
    ],
)
def test_tokens_of_a_space(store: Store, signs: np.ndarray[Any, np.dtype[np.bool_]], tokens: Any, window: Any) -> None:
    space = store.space(1, tokens)
    assert (space.bits().unpack() == signs[1][:, window]).all()
    assert space.n_tokens == signs[1][:, window].shape[1]


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
    change_attribute(path, "version", 3)
    with pytest.raises(StoreError, match=r"version 3 .* upgrade foretell"):
        open_store(path)


def test_a_lost_attribute(path: Path) -> None:
    change_attribute(path, "n_blocks", None)
    with pytest.raises(StoreError, match="'n_blocks'"):
        open_store(path)


def test_a_damaged_chunk_names_layer_and_items(path: Path, store: Store) -> None:
    chunk = path / "bits" / "0" / "1" / "c" / "3" / "0" / "0"
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
    (path / "bits" / "0" / "1" / "c" / "3" / "0" / "0").write_bytes(b"rubbish")
    (path / "committed" / "c" / "3").unlink()
    assert (store.n_missing, store.is_complete) == (2, False)
    write(path, signs, [3])
    assert (store.space(1).bits().unpack() == signs[1]).all()


def test_a_lost_chunk_is_not_read_as_minus_signs(path: Path, store: Store) -> None:
    (path / "bits" / "0" / "2" / "c" / "1" / "0" / "0").unlink()
    with pytest.raises(StoreError, match=r"layer 2, items 3 to 5 \(its file is gone"):
        store.space(2).bits()


@pytest.mark.parametrize("name", ["token_counts/c/0", "ids/utf8/c/0", "near_zero/c/2/0"])
def test_what_is_lost_beside_the_bits_is_not_read_as_zeros(path: Path, store: Store, name: str) -> None:
    (path / name).unlink()
    with pytest.raises(StoreError, match=rf"is damaged: its array .* is not readable \({name} is gone\); delete it"):
        print(store.token_counts, store.ids, store.near_zero)


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
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zarr.storage.LocalStore.set", full)
        with pytest.raises(StoreError, match=r"made\.zarr cannot be written \(No space left on device\): make room"):
            write(path, signs, [1])
    assert store.committed.tolist() == [True, False, True, True]
    # The flag is the last thing written.
    written: list[str] = []
    import zarr

    put = zarr.storage.LocalStore.set

    async def noted(self: Any, key: str, value: Any) -> None:
        written.append(key)
        await put(self, key, value)

    monkeypatch.setattr("zarr.storage.LocalStore.set", noted)
    write(path, signs, [1])
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
        create(path)


def test_folders_and_urls_hold_the_same(place: str, signs: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    with pytest.raises(StoreError, match=r"not a foretell store|no store at"):
        open_store(place)
    create(place)
    store = open_store(place)
    assert (store.n_missing, store.is_complete) == (N, False)
    write(place, signs, [2, 0])
    assert store.committed.tolist() == [True, False, True, False]
    write(place, signs, [1, 3])
    assert store.is_complete
    assert store.ids == store.texts == IDS
    assert (store.space("final").bits().unpack() == signs[3]).all()
    assert store.near_zero.tolist() == [6] * len(LAYERS)
    assert list(store.damaged()) == []
    storage = Storage(place, read_only=False)
    key = "bits/0/2/c/3/0/0"
    data = storage.read(key)
    assert data is not None
    storage.write(key, bytes([data[0] ^ 1]) + data[1:])
    storage.delete("bits/0/final/c/1/0/0")
    assert [(kept, layer, chunk) for kept, layer, chunk, _ in store.damaged()] == [(0, "2", 3), (0, "final", 1)]
    with pytest.raises(StoreError, match=r"layer 2, items 9 to 10 \(its checksum"):
        store.space(2).bits()
    with pytest.raises(StoreError, match="taken by something else"):
        create(place)


def test_a_creation_that_was_killed_is_begun_again(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StoreInfo, "to_attrs", killed)
        with pytest.raises(KeyboardInterrupt):
            create(place)
    with pytest.raises(StoreError, match="not made to the end"):
        open_store(place)
    create(place)
    assert open_store(place).n_missing == N


def test_one_writer_at_a_time(place: str) -> None:
    storage = Storage(place, read_only=False)
    with locked(storage) as renew:
        renew()
        with pytest.raises(StoreError, match="is being written by"), locked(Storage(place, read_only=False)):
            pass
    with locked(storage):
        pass


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from foretell.representations.store.lock import locked\n"
        "from foretell.representations.store.storage import Storage\n"
        f"with locked(Storage({str(tmp_path / 's')!r}, read_only=False)): os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / ".s.lock").exists()
    with locked(Storage(tmp_path / "s", read_only=False)):
        pass
    assert not (tmp_path / ".s.lock").exists()


def test_a_lock_behind_a_url_that_is_not_renewed_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"memory://{tmp_path.name}/made.zarr"
    with locked(Storage(place, read_only=False)) as check:
        check()
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + STALE + 1)
        with locked(Storage(place, read_only=False)), pytest.raises(StoreError, match="taken over by another writer"):
            check()


def test_a_lock_behind_a_url_of_a_process_that_died_here_is_taken_over(tmp_path: Path) -> None:
    place = f"memory://{tmp_path.name}/made.zarr"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with locked(Storage(place, read_only=False)):
        note = json.loads(Storage(place, read_only=False).read(LOCK) or b"{}")
    note |= {"token": "other", "process": gone.pid}
    Storage(place, read_only=False).write(LOCK, json.dumps(note).encode())
    with locked(Storage(place, read_only=False)) as check:
        check()
    elsewhere = {**note, "host": "another machine", "machine": "another"}
    Storage(place, read_only=False).write(LOCK, json.dumps(elsewhere).encode())
    with pytest.raises(StoreError, match="on 'another machine'"), locked(Storage(place, read_only=False)):
        pass


@pytest.mark.parametrize(
    "note",
    [
        *(b"{", b"[]", b"\xff", b"[" * 100_000, b"{}", b"0"),
        *(
            json.dumps({"token": "other", "renewed": renewed}).encode()
            for renewed in (None, "soon", math.nan, math.inf, 1e300, 4e9, True)
        ),
        json.dumps({"token": "other", "renewed": 0, "process": 10**30}).encode(),
    ],
)
def test_a_lock_behind_a_url_that_no_writer_holds_is_taken_over(note: bytes, tmp_path: Path) -> None:
    """Damaged, of nobody, or of a time to come, as a clock that went back leaves it."""
    place = Storage(f"memory://{tmp_path.name}/made.zarr", read_only=False)
    place.write(LOCK, note)
    with locked(place) as check:
        check()


def test_who_writes_is_said_in_one_line(tmp_path: Path) -> None:
    place = Storage(f"memory://{tmp_path.name}/made.zarr", read_only=False)
    note = {"token": "other", "host": "here\n\x1b[31merror: all is lost", "process": 10**30, "renewed": time.time()}
    place.write(LOCK, json.dumps(note).encode())
    with pytest.raises(StoreError, match=r"^[^\n\x1b]*delete its \.lock\.$"), locked(place):
        pass


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / ".made.zarr.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"made\.zarr\.lock is a link"), locked(Storage(path, read_only=False)):
        pass
    assert not (tmp_path / "elsewhere").exists()


def read_all(path: Path) -> None:
    """Something of every array."""
    store = open_store(path)
    assert store.committed.all()
    assert store.token_counts.any()
    assert store.ids
    store.read("2")


@pytest.mark.parametrize("linked", ["bits/0/2", "bits/0/2/c", "bits/0/2/c/0", "bits", "committed", "numbers"])
def test_nothing_is_written_or_deleted_through_a_link(
    linked: str, path: Path, tmp_path: Path, signs: np.ndarray[Any, np.dtype[np.bool_]]
) -> None:
    """Who makes a store and gives it away does not say what of this machine its next writer changes."""
    victim = tmp_path / "victim"
    if (path / linked).exists():
        shutil.move(path / linked, victim)
    else:
        (victim / "0").mkdir(parents=True)
        (victim / "0" / "mine").write_text("mine")
    (path / linked).symlink_to(victim)
    before = {one: one.read_bytes() for one in victim.rglob("*") if one.is_file()}
    storage = Storage(path, read_only=False)
    changes: list[Callable[[], None]] = [
        lambda: storage.delete_folder(linked),
        lambda: storage.delete_folder(f"{linked}/0"),
        lambda: storage.write(f"{linked}/0/new", b"new"),
        lambda: storage.write(f"{linked}/new", b"new", only_if_new=True),
        lambda: storage.delete(f"{linked}/0"),
    ]
    for change in changes:
        with pytest.raises(StoreError, match="leads out of the store by a link"):
            change()
    assert {one: one.read_bytes() for one in victim.rglob("*") if one.is_file()} == before


@pytest.mark.parametrize(
    "name", ["zarr.json", "bits/0/2/zarr.json", "bits/0/2/c/0/0/0", "ids/utf8/c/0", "committed/c/0"]
)
@pytest.mark.parametrize("harm", ["pipe", "4 GiB"])
def test_what_is_no_file_or_too_large_is_not_read(name: str, harm: str, path: Path) -> None:
    """Neither is there an end to wait for, nor memory to take."""
    (path / name).unlink()
    if harm == "pipe":
        os.mkfifo(path / name)
    else:
        with (path / name).open("wb") as file:
            file.truncate(2**32)
    with pytest.raises(StoreError, match=re.escape(path.name)):
        read_all(path)


@pytest.mark.parametrize("array", ["bits/0/2", "committed", "token_counts", "ids/offsets"])
def test_chunks_of_other_names_are_not_read_as_zeros(array: str, path: Path) -> None:
    file = path / array / "zarr.json"
    file.write_text(file.read_text().replace('"separator": "/"', '"separator": "."'))
    with pytest.raises(StoreError, match="its chunks have other names"):
        read_all(path)


@pytest.mark.parametrize("name", ["x" * 300, "loop", "a\0b"])
def test_places_that_no_store_can_be_at(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StoreError):
        open_store(tmp_path / name)


@pytest.mark.parametrize("url", ["reference://x", "dbfs://a/b", "generic://x", "no-such-protocol://x"])
def test_a_url_of_no_file_system_is_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORETELL_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StoreError, match=r"^.* cannot be opened [^\n]*$"):
        open_store(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "zip://x::http://127.0.0.1:9/y", "github://a:b@c/d", "s3://b/x"]
)
@pytest.mark.parametrize("name", ["FORETELL_OFFLINE", "HF_HUB_OFFLINE"])
def test_no_url_is_reached_offline(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in ("FORETELL_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, "1")
    with pytest.raises(StoreError, match="would be reached over a network, which FORETELL_OFFLINE or HF_HUB_OFFLINE"):
        open_store(url)


def test_a_lock_behind_a_url_is_renewed_while_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foretell.representations.store.lock._RENEW", 0.05)
    place = Storage(f"memory://{tmp_path.name}/made.zarr", read_only=False)
    with locked(place) as check:
        first = json.loads(place.read(LOCK) or b"{}")
        time.sleep(0.3)
        assert json.loads(place.read(LOCK) or b"{}")["renewed"] > first["renewed"]
        check()
    assert place.read(LOCK) is None


def test_one_store_by_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(f"file://{tmp_path}/made.zarr")
    assert open_store(tmp_path / "made.zarr").n_items == N
    (tmp_path / "link").symlink_to(tmp_path / "made.zarr")
    monkeypatch.chdir(tmp_path / "made.zarr")
    for other in (tmp_path / "link", Path("."), "../made.zarr"):
        with (
            locked(Storage(tmp_path / "made.zarr", read_only=False)),
            pytest.raises(StoreError, match="being written by another process"),
            locked(Storage(other, read_only=False)),
        ):
            pass
    assert not list((tmp_path / "made.zarr").glob(".*"))


def test_every_version_is_in_the_specification() -> None:
    page = (Path(__file__).parents[3] / "docs" / "store.md").read_text(encoding="utf-8").lower()
    for version in range(1, VERSION + 1):
        assert f"version {version}" in page


def test_reading_needs_no_torch(path: Path) -> None:
    code = (
        "import sys; from foretell import open_store; import foretell.representations.extraction.extract;"
        f"print(open_store({str(path)!r}).space(1).bits().n_items,"
        "'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(N), "False", "False"]
