"""What of Foretell reads files of others: valid files of each kind, and the call that reads them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml

from tests.hostile.mutation import twisted

__all__ = ["HARM", "READERS", "Reader"]

GIB = 2**30

Twist = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Reader:
    """A reader that is given hostile files.

    Parameters
    ----------
    name : str
    share : float
        Of the cases of all readers.
    make : callable
        Puts valid files into a folder.
    read : callable
        Reads the folder, or the file in it that is spoiled.
    spoiled : str
        Pattern of the files that are spoiled, one a case.
    words : tuple of bytes
        Put in here and there.
    twist : callable, optional
        Spoils the file as what it means, in place of its bytes.
    memory : int
        Bytes that the process may have more than at the start.
    lines : int
        Most lines of an error.
    may_start : bool
        Whether it may start a program of Foretell's own.
    """

    name: str
    share: float
    make: Callable[[Path], None]
    read: Callable[[Path, Path], object]
    spoiled: str = "*"
    words: tuple[bytes, ...] = ()
    twist: Twist | None = None
    memory: int = GIB
    lines: int = 1
    may_start: bool = False


def _twist_json(data: bytes, rng: Random) -> bytes:
    return json.dumps(twisted(json.loads(data), rng)).encode()


def _twist_json_line(data: bytes, rng: Random) -> bytes:
    lines = data.splitlines()
    place = rng.randrange(len(lines))
    lines[place] = _twist_json(lines[place], rng)
    return b"\n".join(lines)


def _twist_yaml(data: bytes, rng: Random) -> bytes:
    found: bytes = yaml.safe_dump(twisted(yaml.safe_load(data), rng), encoding="utf-8", allow_unicode=True)
    return found


def _twist_safetensors(data: bytes, rng: Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header = _twist_json(data[8 : 8 + length], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


# Studies


def _make_studies(folder: Path) -> None:
    from foretell.studies.config.presets import preset_names
    from foretell.studies.config.study_file import load_study

    for name in preset_names():
        (folder / f"{name}.yaml").write_text(load_study(name)[1].to_yaml(), encoding="utf-8")


def _read_study(_folder: Path, file: Path) -> object:
    from foretell.studies.config.study_file import load_study

    _, study = load_study(file)
    return study.comparisons, study.to_yaml()


# Tables, translation memories, images

TEXTS = {
    "en": ["One day", 'A second, "quoted"', "Three\tparts", "four", "The fifth", "Six of them"],
    "de": ["Ein Tag", "Ein zweiter", "Drei Teile", "vier", "Der fünfte", "Sechs davon"],
}


def _rows() -> list[dict[str, str]]:
    return [
        {"id": f"n{number}", "en": en.replace("\t", " "), "de": de, "group": str(number // 2)}
        for number, (en, de) in enumerate(zip(TEXTS["en"], TEXTS["de"], strict=True))
    ]


def _make_tsv(folder: Path) -> None:
    lines = ["\t".join(_rows()[0]), *("\t".join(row.values()) for row in _rows())]
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _make_csv(folder: Path) -> None:
    import csv

    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(_rows()[0]))
        table.writeheader()
        table.writerows(_rows())


def _make_jsonl(folder: Path) -> None:
    rows: list[dict[str, Any]] = [*_rows(), {"id": 7, "translation": {"en": "Seven", "de": "Sieben"}, "group": "g"}]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")


def _make_tmx(folder: Path) -> None:
    from xml.sax.saxutils import escape

    units = "".join(
        f'<tu tuid="{row["id"]}"><tuv xml:lang="en"><seg>{escape(row["en"])} <bpt i="1">x</bpt></seg></tuv>'
        f'<tuv xml:lang="de-AT"><prop>p</prop><seg>{escape(row["de"])}</seg></tuv></tu>\n'
        for row in _rows()
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><body>\n'
    (folder / "memory.tmx").write_text(f"{head}{units}</body></tmx>\n", encoding="utf-8")


def _make_parquet(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(_rows()), folder / "pairs.parquet")


def _read_pairs(_folder: Path, file: Path) -> object:
    from foretell.representations.loading.load_pairs import load_pairs

    options: dict[str, Any] = {"id": "tuid"} if file.suffix == ".tmx" else {"id": "id", "group": "group"}
    return load_pairs(file, ["en", "de"], **options)


def _make_images(folder: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    for suffix in ("jpg", "webp", "tiff", "bmp", "png"):
        image.save(folder / f"a.{suffix}", exif=exif) if suffix != "bmp" else image.save(folder / f"a.{suffix}")
    image.convert("P").save(folder / "p.gif", transparency=3, save_all=True, append_images=[image.convert("P")])
    image.convert("P").save(folder / "p.png", transparency=3)
    image.convert("LA").save(folder / "la.png")
    image.save(folder / "lzw.tif", compression="tiff_lzw")
    image.convert("CMYK").save(folder / "cmyk.jpg", progressive=True)


def _read_image(_folder: Path, file: Path) -> object:
    from foretell.representations.data.pictures import Picture

    return Picture(file.name, file).thumbnail()


# Arrays


def _layers(n_items: int = 12, layers: int = 4) -> list[Any]:
    rng = np.random.default_rng(1)
    shared = rng.standard_normal((n_items, 6))
    return [(shared @ rng.standard_normal((6, 40))).astype(np.float32) for _ in range(layers)]


def _make_npy(folder: Path) -> None:
    np.save(folder / "a.npy", _layers()[0])
    np.save(folder / "b.npy", np.asfortranarray(_layers()[1].astype(">f8")))


def _make_npz(folder: Path) -> None:
    arrays = {str(number): layer for number, layer in enumerate(_layers())}
    np.savez(folder / "a.npz", **arrays, ids=np.array([f"i{number}" for number in range(12)]))
    np.savez_compressed(folder / "b.npz", **arrays)


def _make_safetensors(folder: Path) -> None:
    from safetensors.numpy import save_file

    arrays = {str(number): layer for number, layer in enumerate(_layers())}
    save_file(arrays, folder / "a.safetensors", metadata={"ids": json.dumps([f"i{number}" for number in range(12)])})


def _read_arrays(_folder: Path, file: Path) -> object:
    from foretell.representations.store_comparison import load_side

    side = load_side(file)
    return [space.n_items for space in side.spaces.values()]


def _pairs() -> Any:
    from foretell.representations.data.pairs import Pairs

    ids = tuple(f"i{number}" for number in range(12))
    texts = {side: tuple(f"{side} text {one}" for one in ids) for side in ("en", "de")}
    return Pairs("made", texts, ids, tuple(f"g{number // 3}" for number in range(12)), "CC0-1.0", "made")


def _make_import(folder: Path) -> None:
    from safetensors.numpy import save_file

    (folder / "layers").mkdir()
    for number, layer in enumerate(_layers()):
        np.save(folder / "layers" / f"{number}.npy", layer)
    (folder / "layers" / "ids.json").write_text(json.dumps(list(_pairs().ids)), encoding="utf-8")
    (folder / "requests").mkdir()
    hidden = np.stack(_layers(), axis=1)
    for number in range(12):
        tokens = {"hidden_states": hidden[[number, number]], "token_ids": np.array([1, 5], np.int64)}
        save_file(tokens, folder / "requests" / f"r{number}.safetensors")
    requests = {f"r{number}.safetensors": f"i{number}" for number in range(12)}
    (folder / "requests.json").write_text(json.dumps(requests), encoding="utf-8")


def _read_import(folder: Path, file: Path) -> object:
    from foretell.representations.imported.sources import open_source

    of_requests = file.name == "requests.json"
    source = open_source(
        folder / ("requests" if of_requests else "layers"),
        ids=file if of_requests else None,
        layers=[0, 1, 2, 3] if of_requests else None,
        special=[],
    )
    return [source.activations("1", item, np.arange(1)) for item in range(len(source.ids))]


# Stores


def _make_store(folder: Path) -> None:
    from foretell.representations.imported.import_activations import import_activations

    files: dict[str, str | Path] = {}
    for number, layer in enumerate(_layers()):
        np.save(folder / f"{number}.npy", layer)
        files[str(number)] = folder / f"{number}.npy"
    pairs = _pairs()
    import_activations(
        files,
        pairs=pairs,
        side="en",
        out=folder / "en.zarr",
        model_id="made",
        ids=pairs.ids,
        tokens=["last 1", "last 1, full", "last 1, median"],
        chunk_items=4,
    )
    for file in files.values():
        Path(file).unlink()


def _read_store(folder: Path, _file: Path) -> object:
    from foretell.representations.store.reader import open_store

    store = open_store(folder / "en.zarr")
    list(store.damaged())
    spaces = [store.space(layer) for layer in store.layers]
    return store.ids, store.texts, store.groups, store.near_zero, [space.bits() for space in spaces]


# Results and runs


def _run(folder: Path) -> None:
    """A run's folder as a depth study leaves it, made of arrays."""
    import foretell
    from foretell.measure.results.result_files import save_result
    from foretell.measure.spaces.inputs import named
    from foretell.studies.config.study_file import load_study
    from foretell.studies.summaries.items import neighbours_of_spaces

    layers = {str(number): layer for number, layer in enumerate(_layers())}
    others = {name: layer + 1.5 for name, layer in layers.items()}
    result = foretell.imbalance_curve(layers, others, null=20)
    study = load_study("demo")[1]
    said = {
        "side_a": "en",
        "side_b": "de",
        "model_a": "tiny",
        "model_b": "tiny",
        "revision_a": "r",
        "revision_b": "r",
        "data": "made",
        "data_source": "made",
        "data_licence": "CC0-1.0",
        "tokens": "last 1",
        "study": json.dumps(study.model_dump(mode="json")),
        "comparison": "en-de",
        "drop_counts": json.dumps({"no text on side de": 2}),
        "semantic_regions": json.dumps({"a_to_b": [["1", "2"]], "b_to_a": []}),
    }
    depth = ("layer", np.linspace(0, 1, 4))
    result = result.assign_attrs(said).assign_coords(relative_depth=depth)
    save_result(result, folder / "results" / "en-de.nc")
    first, second = (next(iter(named(of, "hamming", end).values())) for of, end in ((layers, "a"), (others, "b")))
    near = neighbours_of_spaces(first, second)  # type: ignore[arg-type]
    near = near.assign({f"text_{end}": ("item", np.array([f"text {n}" for n in range(12)], object)) for end in "ab"})
    names = {"layer_a": "0", "layer_b": "0", "side_a": "en", "side_b": "de", "model_a": "tiny", "model_b": "tiny"}
    save_result(near.assign_attrs(names), folder / "neighbours" / "en-de.nc")
    (folder / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    summary = {
        "heading": ["en and de", "12 items"],
        "paragraph": "English foretells German.",
        "blocks": [{"title": "en-de", "facts": {"least": "0.1"}}],
        "results": ["en-de"],
    }
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    row = {"layer": "0", "positive": 0.5, "n_duplicates": 0, "tied": 0.1, "near_zero": None}
    health = [{"name": "en by tiny", "problems": ["one"], "layers": [row, {**row, "layer": "1"}]}]
    (folder / "health.json").write_text(json.dumps(health), encoding="utf-8")


def _make_run(folder: Path) -> None:
    _run(folder)


def _make_result(folder: Path) -> None:
    import foretell
    from foretell.files import SEAL
    from foretell.measure.results.result_files import save_result

    _run(folder / "run")
    layers = {str(number): layer for number, layer in enumerate(_layers())}
    matrix = foretell.imbalance_matrix(layers, layers, null=20, errors=True)
    save_result(matrix, folder / "map.nc")
    # Without their seals, as whoever means harm leaves them: with one, damage is refused before anything is read.
    for path in folder.rglob("*.nc"):
        made = path.read_bytes()
        path.write_bytes(made[: made.rindex(SEAL)])


def _read_run(folder: Path, _file: Path) -> object:
    from foretell.studies.report.page import write_report

    return write_report(folder, folder / "page.html")


def _read_result(folder: Path, file: Path) -> object:
    from foretell.measure.results.result_files import checked_as_result, load_result, write_csv
    from foretell.studies.report.page import write_report

    result = load_result(file)
    if file.parent.name == "neighbours":
        return result
    if "imbalance" in result:
        with checked_as_result("A result"):
            write_csv(result, folder / "table.csv")
    return write_report(file, folder / "page.html")


_TEXT_WORDS = (
    b'"',
    b"\t",
    b",",
    b"\n",
    b"\r",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"{",
    b"[" * 2000,
    b'{"a":' * 2000,
    b"9" * 5000,
    b"1e999",
    b"NaN",
    b"\\ud800",
    b"../../../etc/hostname",
)
_XML_WORDS = (
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;",
    b"&b;",
    b"&#0;",
    b"&#xD800;",
    b"<tu>" * 500,
    b"</tu>",
    b"<seg>",
    b"</seg>",
    b"<ph>",
    b"</ph>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"encoding='UTF-16'",
    b"encoding='rot13'",
    b"encoding='cp037'",
    b"encoding='utf-7'",
    b"xml:lang=''",
    b"<?x?>",
)
_YAML_WORDS = (
    b"&a [*a]",
    b"*a",
    b"!!python/object/apply:os.system [id]",
    b"!!python/name:os.system",
    b"!!binary x",
    b"!!set {a}",
    b"!!timestamp x",
    b"<<: ",
    b"? ",
    b"- ",
    b": ",
    b"|\n",
    b"[" * 500,
    b"{" * 500,
    b"1:" + b"59:" * 500 + b"1",
    b"0x" + b"f" * 5000,
    b"9" * 5000,
    b"---\n",
    b"%TAG ! x\n",
    b"~",
    b".inf",
    b"../../x",
    b"\xc2\x85",
)


def _make_one(folder: Path) -> None:
    (folder / "one.txt").write_bytes(b"one")


def _harm(how: str) -> Callable[[Path, Path], object]:
    """A reader that does harm as soon as its file is not what it was."""

    def read(_folder: Path, file: Path) -> object:
        if file.read_bytes() == b"one":
            return None
        if how == "never ends":
            while True:
                pass
        if how == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "fills the memory":
            return bytearray(2 * GIB)
        if how == "opens another file":
            with contextlib.suppress(Exception):
                return Path("/etc/passwd").read_bytes()
        if how == "reaches for the network":
            return socket.create_connection(("127.0.0.1", 9), timeout=1)
        raise KeyError("an error of another kind")

    return read


HARM = ("never ends", "dies", "fills the memory", "opens another file", "reaches for the network", "raises")
"""Readers that show that harm is seen: they are no part of the count."""

READERS = {
    reader.name: reader
    for reader in (
        *(Reader(how, 0, _make_one, _harm(how)) for how in HARM),
        Reader("study files", 15, _make_studies, _read_study, words=_YAML_WORDS, twist=_twist_yaml, lines=100),
        Reader("TMX", 15, _make_tmx, _read_pairs, words=_XML_WORDS),
        Reader("TSV", 8, _make_tsv, _read_pairs, words=_TEXT_WORDS),
        Reader("CSV", 8, _make_csv, _read_pairs, words=_TEXT_WORDS),
        Reader("JSON lines", 12, _make_jsonl, _read_pairs, words=_TEXT_WORDS, twist=_twist_json_line),
        Reader("Parquet", 4, _make_parquet, _read_pairs),
        Reader("images", 12, _make_images, _read_image, memory=2 * GIB),
        Reader("npy", 8, _make_npy, _read_arrays, words=(b"'descr'", b"|O", b"(999999999,9999999)", b"(" * 500)),
        Reader("npz", 5, _make_npz, _read_arrays, words=(b"PK\x03\x04", b"PK\x01\x02", b"../x.npy", b"|O")),
        Reader("safetensors", 8, _make_safetensors, _read_arrays, words=_TEXT_WORDS, twist=_twist_safetensors),
        Reader("ids of activations", 4, _make_import, _read_import, "*.json", _TEXT_WORDS, _twist_json),
        Reader("stores' metadata", 1, _make_store, _read_store, "zarr.json", _TEXT_WORDS, _twist_json),
        Reader("stores' arrays", 0.3, _make_store, _read_store, "[0-9]*"),
        Reader("summary and health of runs", 0.3, _make_run, _read_run, "*.json", _TEXT_WORDS, _twist_json),
        Reader("study files of runs", 0.3, _make_run, _read_run, "*.yaml", _YAML_WORDS, _twist_yaml),
        Reader("results", 0.3, _make_result, _read_result, "*.nc", may_start=True),
    )
}
