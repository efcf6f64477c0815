"""Files made to fill the memory, to lead elsewhere, or to start something: each is refused in one clear line."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import foretell
from foretell import files
from foretell.exceptions import ForetellError, InputError, StoreError, StudyError
from foretell.files import check_inside
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture
from foretell.representations.data.table_cells import image_file
from foretell.representations.imported.array_files import open_arrays, read_texts
from foretell.representations.imported.layer_arrays import texts_in
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_pairs import load_pairs
from foretell.representations.store.reader import open_store
from foretell.studies.config.study_file import load_study
from foretell.studies.planning.rates import kept_rates
from foretell.studies.preparation.prepare import _only
from foretell.studies.report.contents import contents_of
from foretell.studies.report.page import write_report
from tests.hostile.readers import READERS, _pairs

OUTSIDE = "not for the page"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run."""
    pytest.importorskip("h5netcdf")
    READERS["study files of runs"].make(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store."""
    pytest.importorskip("zarr")
    READERS["stores' metadata"].make(tmp_path)
    return tmp_path / "en.zarr"


class TestResults:
    """Files of HDF5 can point elsewhere."""

    @pytest.fixture
    def copy(self, run: Path, tmp_path: Path) -> Path:
        return Path(shutil.copy(run / "results" / "en-de.nc", tmp_path / "copy.nc"))

    @pytest.mark.parametrize(
        ("harm", "says"),
        [
            ("external link", "'more' is a link"),
            ("soft link", "'more' is a link"),
            ("group", "'more' is no variable"),
            ("external data", "'more' lies in another file"),
            ("virtual data", "'more' lies in another file"),
            ("bomb", "unpacks to 80,000,0"),
            ("truncated", "cannot be read as netCDF4"),
        ],
    )
    def test_are_refused(self, copy: Path, harm: str, says: str, tmp_path: Path) -> None:
        h5py = pytest.importorskip("h5py")
        (tmp_path / "secret").write_text(OUTSIDE * 10)
        with h5py.File(copy, "a") as file:
            if harm == "external link":
                file["more"] = h5py.ExternalLink("other.h5", "/x")
            elif harm == "soft link":
                file["more"] = h5py.SoftLink("/imbalance")
            elif harm == "group":
                file.create_group("more")
            elif harm == "external data":
                file.create_dataset("more", (100,), "u1", external=[(str(tmp_path / "secret"), 0, 100)])
            elif harm == "virtual data":
                layout = h5py.VirtualLayout((4,), "f8")
                layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
                file.create_virtual_dataset("more", layout)
            elif harm == "bomb":
                file.create_dataset("more", (10**10,), "f8", chunks=(2**20,), compression="gzip")
        if harm == "truncated":
            copy.write_bytes(copy.read_bytes()[:-2000])
        with pytest.raises(InputError, match=says) as caught:
            foretell.load_result(copy)
        assert "\n" not in str(caught.value)

    def test_what_lacks_something_is_one_line(self, run: Path, tmp_path: Path) -> None:
        result = foretell.load_result(run / "results" / "en-de.nc")
        foretell.save_result(
            result.drop_attrs().assign_attrs(schema="foretell-result", schema_version=1, n=3), tmp_path / "r.nc"
        )
        with pytest.raises(InputError, match=r"'r' does not hold what docs/result\.md says"):
            write_report(tmp_path / "r.nc", tmp_path / "page.html")


class TestRuns:
    @pytest.mark.parametrize("name", ["study.yaml", "summary.json", "health.json", "results/en-de.nc"])
    def test_links_out_of_a_run_are_not_followed(self, run: Path, name: str, tmp_path: Path) -> None:
        shutil.move(run / name, tmp_path / "elsewhere")
        (run / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(InputError, match="is a link out of the folder"):
            contents_of([run])

    def test_a_study_of_a_run_expands_nothing(self, run: Path) -> None:
        laughs = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 10))
        (run / "study.yaml").write_text(f"l0: &l0 ha\n{laughs}title: *l9\n", encoding="utf-8")
        with pytest.raises(ForetellError, match="aliases are not allowed"):
            contents_of([run])

    def test_pipes_and_large_files_are_not_waited_for(self, run: Path) -> None:
        for name in ("summary.json", "health.json"):
            (run / name).unlink()
            os.mkfifo(run / name)
        assert contents_of([run]).health == ()
        (run / "health.json").unlink()
        with (run / "health.json").open("wb") as file:
            file.truncate(2**24 + 1)
        assert contents_of([run]).health == ()
        (run / "study.yaml").unlink()
        os.mkfifo(run / "study.yaml")
        with pytest.raises(StudyError, match=r"The study file .* is no file: give one"):
            load_study(run / "study.yaml")

    @pytest.mark.parametrize("only", ["pipe", "/dev/zero", "~nobodyx/x", "a\0b"])
    def test_a_list_of_ids_that_is_none(self, only: str, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(StudyError, match=r"pairs\.only: .* cannot be read as a list of ids") as caught:
            _only(_pairs(), tmp_path / only if only == "pipe" else Path(only))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("value", ["Infinity", "NaN", "-1", "1e300", "[]"])
    def test_rates_that_are_no_durations_are_measured_again(self, value: str, tmp_path: Path) -> None:
        kept = '{"seconds": {"calls": %s}, "file_bytes": {"pages": 1.0}, "start_seconds": 1.0, "start_bytes": 1}'
        (tmp_path / "rates.json").write_text(kept % "1.5", encoding="utf-8")
        found = kept_rates(tmp_path / "rates.json")
        assert found is not None
        assert found.seconds == {"calls": 1.5}
        (tmp_path / "rates.json").write_text(kept % value, encoding="utf-8")
        assert kept_rates(tmp_path / "rates.json") is None

    def test_halves_of_letters_are_shown(self, run: Path) -> None:
        """JSON and YAML can spell them, and names of files have them for bytes that are no UTF-8."""
        said = json.loads((run / "summary.json").read_text(encoding="utf-8"))
        name = os.fsdecode(b"\xff")
        (run / "results" / "en-de.nc").rename(run / "results" / f"{name}.nc")
        said |= {"heading": ["half \ud800"], "paragraph": "half \udfff", "results": [name]}
        (run / "summary.json").write_text(json.dumps(said), encoding="utf-8")
        health = json.loads((run / "health.json").read_text(encoding="utf-8"))
        health[0]["name"] = "half \ud801"
        (run / "health.json").write_text(json.dumps(health), encoding="utf-8")
        study = (run / "study.yaml").read_text(encoding="utf-8")
        (run / "study.yaml").write_text('title: "half \\ud802"\n' + study.replace("title:", "#"), encoding="utf-8")
        page = write_report(run, run / "page.html").read_text(encoding="utf-8")
        for half in ("d800", "dfff", "d801", "d802", "dcff"):
            assert f"\\u{half}" in page

    def test_an_attribute_that_is_no_text_is_shown(self, run: Path, tmp_path: Path) -> None:
        h5py = pytest.importorskip("h5py")
        copy = Path(shutil.copy(run / "results" / "en-de.nc", tmp_path / "copy.nc"))
        for name in ("model_a", "side_a", "tokens", "data", "convention", "metric", "backend"):
            with h5py.File(copy, "a") as file:
                file.attrs[name] = np.bytes_(b"\xff\xfe")
            try:
                write_report(copy, tmp_path / "page.html").read_text(encoding="utf-8")
            except ForetellError as error:
                assert "\n" not in str(error)  # noqa: PT017 - either will do

    def test_health_that_nests_or_repeats_ends(self, run: Path) -> None:
        health = json.loads((run / "health.json").read_text(encoding="utf-8"))
        nested = json.dumps(health).replace('"near_zero": null', '"near_zero": ' + "[" * 800 + "]" * 800)
        (run / "health.json").write_text(nested, encoding="utf-8")
        assert contents_of([run]).health == ()
        many = [{"name": f"s{number}", "problems": [], "layers": []} for number in range(20_000)]
        (run / "health.json").write_text(json.dumps(many + many), encoding="utf-8")
        began = time.process_time()
        assert len(contents_of([run]).health) == 20_000
        assert time.process_time() - began < 20  # it was quadratic: minutes

    def test_inside(self, tmp_path: Path) -> None:
        check_inside(tmp_path / "absent", tmp_path)
        with pytest.raises(InputError):
            check_inside(tmp_path / ".." / "x", tmp_path)


class TestFoldersOfTheHub:
    """Its cache keeps a set's files beside the folder that it gives, which has links to them."""

    @pytest.fixture
    def snapshot(self, tmp_path: Path) -> Path:
        snapshot = tmp_path / "datasets--somebody--things" / "snapshots" / "0123abcd"
        snapshot.mkdir(parents=True)
        (snapshot.parents[1] / "blobs").mkdir()
        return snapshot

    @staticmethod
    def _link(file: Path, snapshot: Path) -> None:
        blob = snapshot.parents[1] / "blobs" / f"blob-{len(list((snapshot.parents[1] / 'blobs').iterdir()))}"
        shutil.move(file, blob)
        file.symlink_to(os.path.relpath(blob, file.parent))

    @staticmethod
    def _draw(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pytest.importorskip("PIL.Image").new("RGB", (8, 8), "red").save(path)
        return path

    def test_activations(self, snapshot: Path, tmp_path: Path) -> None:
        data = np.random.default_rng(0).standard_normal((2, 6, 16))
        for layer in (0, 1):
            np.save(snapshot / f"{layer}.npy", data[layer])
            self._link(snapshot / f"{layer}.npy", snapshot)
        (snapshot / "ids.txt").write_text("".join(f"i{n}\n" for n in range(6)), encoding="utf-8")
        (snapshot / "notes.md").symlink_to("/etc/hostname")  # which nothing reads
        texts = {"en": tuple(f"text {n}" for n in range(6))}
        pairs = Pairs("p", texts, tuple(f"i{n}" for n in range(6)), None, "-", "-")
        call = partial(foretell.import_activations, pairs=pairs, side="en", model_id="m", n_blocks=1, tokens="last 1")
        store = call(snapshot, out=tmp_path / "s")
        np.testing.assert_array_equal(
            store.space(1).bits().unpack(), foretell.BinarySpace.from_activations(data[1]).unpack()
        )
        for target in (tmp_path / "private", snapshot.parent / "other", snapshot.parents[1] / "secret", "1.npy"):
            (snapshot / "1.npy").unlink()
            (snapshot / "1.npy").symlink_to(target)  # the last one to itself
            with pytest.raises(InputError, match=r"1\.npy is a link out of the folder"):
                call(snapshot, out=tmp_path / "other")
        np.save(tmp_path / "mine.npy", data[1])
        named = {"0": snapshot / "0.npy", "1": tmp_path / "mine.npy"}
        assert call(named, ids=pairs.ids, out=tmp_path / "named").is_complete

    @pytest.mark.parametrize("below", [".", "photos/dogs"])
    def test_images(self, snapshot: Path, below: str, tmp_path: Path) -> None:
        root = snapshot / below
        self._link(self._draw(root / "a.png"), snapshot)
        found = image_file("sub/../a.png", roots=[root], where="here")
        assert found is not None
        assert found.name == "a.png"
        assert found.sha256
        absolute = image_file(str(root / "a.png"), roots=[root], where="here", absolute=True)
        assert absolute is not None
        assert absolute.name == "a.png"
        outside = [self._draw(snapshot.parents[1] / "b.png"), self._draw(snapshot.parent / "other" / "b.png")]
        for number, target in enumerate([*outside, self._draw(tmp_path / "b.png")]):
            (root / f"{number}.png").symlink_to(target)
            for path in (f"{number}.png", os.path.relpath(target, root)):
                with pytest.raises(InputError, match="outside the folder"):
                    image_file(path, roots=[root], where="here")

    @pytest.mark.parametrize("name", ["my--notes", "--", "things"])
    def test_folders_that_only_look_alike(self, name: str, tmp_path: Path) -> None:
        given = tmp_path / name / "snapshots" / "given"
        self._draw(tmp_path / name / "blobs" / "secret.png")
        given.mkdir(parents=True)
        (given / "a.png").symlink_to(tmp_path / name / "blobs" / "secret.png")
        with pytest.raises(InputError, match="outside the folder"):
            image_file("a.png", roots=[given], where="here")
        with pytest.raises(InputError, match="is a link out of the folder"):
            check_inside(given / "a.png", given)

    def test_a_cache_behind_a_link(self, snapshot: Path, tmp_path: Path) -> None:
        self._draw(snapshot / "a.png")
        (tmp_path / "cache").symlink_to(snapshot)
        found = image_file(str(tmp_path / "cache" / "a.png"), roots=[tmp_path / "cache"], where="here", absolute=True)
        assert found is not None
        assert found.name == "a.png"

    def test_stores(self, store: Path, snapshot: Path) -> None:
        here = shutil.copytree(store, snapshot / "left.zarr")
        for path in [path for path in here.rglob("*") if path.is_file()]:
            self._link(path, snapshot)
        assert open_store(here).texts == open_store(store).texts


class TestStores:
    def test_links_out_of_a_store_are_not_followed(self, store: Path, tmp_path: Path) -> None:
        chunk = store / "texts" / "utf8" / "c" / "0"
        shutil.move(chunk, tmp_path / "elsewhere")
        chunk.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="is a link out of the store"):
            _ = open_store(store).texts

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("layers", ["../../outside"]),
            ("layers", ["0", "0"]),
            ("n_items", 10**12),
            ("n_items", True),
            ("n_blocks", 0),
            ("chunk_items", -4),
            ("near_zero", "0"),
            ("kept", [{"recording": "last 1", "n_tokens": 10**9, "n_bits": {"0": 10**9}}]),
            ("kept", [{"recording": "last 1", "n_tokens": 1, "n_bits": {"0": 10**9}}]),
            ("kept", [{"recording": "all of it", "n_tokens": 1, "n_bits": {"0": 40}}]),
            ("versions", None),
        ],
    )
    def test_attributes_are_checked_before_they_are_used(self, store: Path, name: str, value: object) -> None:
        said = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
        said["attributes"][name] = value
        (store / "zarr.json").write_text(json.dumps(said), encoding="utf-8")
        with pytest.raises(StoreError, match=r"is damaged"):
            _ = open_store(store).committed, open_store(store).space("0").bits()

    def test_an_array_that_claims_more_than_is_there(self, store: Path) -> None:
        said = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
        said["attributes"]["n_items"] = 10**9
        (store / "zarr.json").write_text(json.dumps(said), encoding="utf-8")
        place = store / "token_counts" / "zarr.json"
        array = json.loads(place.read_text(encoding="utf-8"))
        array["shape"] = [10**9]
        place.write_text(json.dumps(array), encoding="utf-8")
        with pytest.raises(StoreError, match=r"/c/\d+ is gone"):
            _ = open_store(store).committed


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


class TestImages:
    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (_png(12_000, 12_000), "12000 x 12000 pixels"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n%%EOF\n", "not a readable image"),
        ],
    )
    def test_are_refused(self, data: bytes, says: str) -> None:
        pytest.importorskip("PIL")
        with pytest.raises(InputError, match=says):
            Picture("p", data).rgb()

    def test_a_file_that_is_too_large_is_not_read(self, tmp_path: Path) -> None:
        with (tmp_path / "a.png").open("wb") as file:
            file.truncate(2**28 + 1)
        with pytest.raises(InputError, match="more than 268,435,456 bytes"):
            Picture("a.png", tmp_path / "a.png").read()


class TestArraysAndTables:
    def test_an_archive_that_unpacks_to_far_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "_UNPACKED_BYTES", 2**20)
        np.savez_compressed(tmp_path / "a.npz", layer0=np.zeros((2, 2**20), np.float32))
        with pytest.raises(InputError, match="more than 100 times its size"):
            open_arrays(tmp_path / "a.npz")

    def test_many_columns_are_compared_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tsv"
        path.write_text("\t".join(map(str, range(10_000))) + "\n" + "x\n", encoding="utf-8")
        with pytest.raises(ForetellError, match="no column 'en'"):
            load_pairs(path, ["en"])

    def test_a_device_is_no_table(self, tmp_path: Path) -> None:
        (tmp_path / "a.tsv").symlink_to("/dev/zero")
        with pytest.raises(ForetellError, match="is not there"):
            load_pairs(tmp_path / "a.tsv", ["en"])

    def test_captions_without_end(self, tmp_path: Path) -> None:
        row = {"image": "a.png", "en": ["a"] * 1_001}
        (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
        (tmp_path / "a.png").write_bytes(_png(2, 2))
        with pytest.raises(InputError, match="holds 1,001 texts, more than 1,000"):
            load_pairs(tmp_path / "a.jsonl", ["image", "en"], captions="all")


LONG = "n" * 300
"""More than any file system takes for a name."""


class TestWhatCannotBeRead:
    """The operating system refuses in ways that depend on the call that comes first; all of it is one error."""

    @pytest.mark.parametrize(
        "read",
        [
            lambda name: load_pairs(name, ["en"]),
            lambda name: load_pairs([f"{name}.txt", f"{name}.txt"], ["en", "fr"]),
            lambda name: foretell.import_activations(
                name, pairs=_pairs(), side="en", out="unused.zarr", model_id="m", n_blocks=2
            ),
            describe_model,
            lambda name: describe_model(name, "image"),
            load_study,
            lambda name: foretell.load_result(f"{name}.nc"),
            lambda name: write_report([name], "unused.html"),
            open_store,
            lambda name: foretell.run("demo", out=name),
        ],
    )
    def test_names_that_are_too_long(self, read: Callable[[str], object]) -> None:
        with pytest.raises(ForetellError, match=r"\A.*nnn.*\Z"):
            read(LONG)

    def test_a_folder_that_others_closed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def closed(folder: Path) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))

        monkeypatch.setattr(Path, "iterdir", closed)
        for read in (
            lambda: load_pairs(tmp_path, ["en"]),
            lambda: foretell.import_activations(tmp_path, pairs=_pairs(), side="en", out="x", model_id="m"),
        ):
            with pytest.raises(InputError, match=re.escape(f"'{tmp_path}' cannot be read (Permission denied)")):
                read()


def _bad_result(folder: Path) -> list[str]:
    (folder / "a.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 500)
    return ["report", str(folder / "a.nc"), "--out", str(folder / "page.html")]


def _bad_study(folder: Path) -> list[str]:
    (folder / "a.yaml").write_text("study: depth\npairs: !!python/object/apply:os.system [id]\n")
    return ["run", str(folder / "a.yaml"), "--out", str(folder / "run")]


def _bad_store(folder: Path) -> list[str]:
    (folder / "a.zarr").mkdir()
    (folder / "a.zarr" / "zarr.json").write_text("[" * 100_000)
    return ["inspect", str(folder / "a.zarr")]


def _bad_arrays(folder: Path) -> list[str]:
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{(((")
    return ["compare", str(folder / "a.npy"), str(folder / "a.npy")]


@pytest.mark.parametrize("made", [_bad_result, _bad_study, _bad_store, _bad_arrays])
def test_the_command_line_says_one_line(made: Callable[[Path], list[str]], tmp_path: Path) -> None:
    pytest.importorskip("typer")
    done = subprocess.run(
        [sys.executable, "-m", "foretell", *made(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")


def _jpeg_of_many_scans(path: Path) -> None:
    """A progressive JPEG whose last scan comes again and again: each is a pass over the whole image."""
    images = pytest.importorskip("PIL.Image")
    images.new("L", (64, 64), 128).save(path, "JPEG", progressive=True)
    data = path.read_bytes()
    last = data.rindex(b"\xff\xda")
    path.write_bytes(data[:-2] + data[last:-2] * 70 + data[-2:])


def _png_that_claims(path: Path, width: int, height: int) -> None:
    """The first bytes of a PNG of that size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + checked)


class TestPictures:
    def test_many_scans(self, tmp_path: Path) -> None:
        _jpeg_of_many_scans(tmp_path / "a.jpg")
        with pytest.raises(InputError, match="a JPEG of more than 64 scans"):
            Picture("a", tmp_path / "a.jpg").rgb()

    @pytest.mark.parametrize("size", [(100_000_000, 1), (1, 70_000), (5_000, 5_000), (2**31 - 1, 2**31 - 1)])
    def test_more_pixels_than_models_look_at(self, size: tuple[int, int], tmp_path: Path) -> None:
        _png_that_claims(tmp_path / "a.png", *size)
        with pytest.raises(InputError, match=r"'a' (has .* pixels, more than 20,000,000|is not a readable image)"):
            Picture("a", tmp_path / "a.png").rgb()

    def test_letters_are_no_image(self, tmp_path: Path) -> None:
        (tmp_path / "a.ppm").write_text("P3\n" + "#\n" * 1000 + "2 2 255\n" + "0 " * 12)
        with pytest.raises(InputError, match="is not a readable image"):
            Picture("a", tmp_path / "a.ppm").rgb()

    def test_memory_that_does_not_suffice(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        images = pytest.importorskip("PIL.Image")
        images.new("RGB", (8, 8)).save(tmp_path / "a.png")

        def too_much(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr(images.Image, "convert", too_much)
        with pytest.raises(InputError, match="is not a readable image"):
            Picture("a", tmp_path / "a.png").rgb()


class TestTables:
    def test_declarations_of_a_tmx(self, tmp_path: Path) -> None:
        """Defaults of attributes are put together for every element: a small file would take hours."""
        declared = "".join(f'<!ATTLIST tu x{number} CDATA "1">' for number in range(50))
        (tmp_path / "a.tmx").write_text(f"<!DOCTYPE tmx [{declared}]><tmx><body><tu/></body></tmx>")
        with pytest.raises(InputError, match=r"Line 1 of .* declares what 'tu' may have"):
            load_pairs(tmp_path / "a.tmx", ["en", "de"])
        (tmp_path / "b.tmx").write_text("<!DOCTYPE tmx [<!ELEMENT tu (tuv+)>]><tmx><body><tu/></body></tmx>")
        with pytest.raises(InputError, match="declares what 'tu' may have"):
            load_pairs(tmp_path / "b.tmx", ["en", "de"])

    @pytest.mark.parametrize("suffix", ["tsv", "csv"])
    def test_columns_without_end(self, suffix: str, tmp_path: Path) -> None:
        separator = "\t" if suffix == "tsv" else ","
        header = separator.join(map(str, range(10_001)))
        (tmp_path / f"a.{suffix}").write_text(f"{header}\n" + f"a{separator}b\n" * 3)
        with pytest.raises(InputError, match="more than 10,000 columns"):
            load_pairs(tmp_path / f"a.{suffix}", ["0", "1"])


class TestArrays:
    @pytest.mark.parametrize("name", ["ids.txt", "ids.json"])
    def test_lists_that_are_larger_than_any(self, name: str, tmp_path: Path) -> None:
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**32)
        with pytest.raises(InputError, match="more than 268,435,456 bytes"):
            read_texts(tmp_path / name)

    def test_a_header_that_claims_to_be_long(self, tmp_path: Path) -> None:
        (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1))
        with (tmp_path / "a.npy").open("r+b") as file:
            file.truncate(2**32)
        with pytest.raises(InputError, match="its header is of more than 65,536 bytes"):
            open_arrays(tmp_path / "a.npy")

    def test_a_header_of_safetensors_that_is_long(self, tmp_path: Path) -> None:
        (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 9 * 2**20) + b" " * (9 * 2**20))
        with pytest.raises(InputError, match="its header is longer than it"):
            open_arrays(tmp_path / "a.safetensors")

    def test_half_a_letter_as_a_name(self, tmp_path: Path) -> None:
        header = json.dumps({"\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        with pytest.raises(InputError, match="an array's name holds half a letter"):
            open_arrays(tmp_path / "a.safetensors")

    def test_ids_that_are_nested_without_end(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="'ids' are no JSON list"):
            texts_in({}, {"ids": "[" * 100_000}, tmp_path / "a.safetensors")
