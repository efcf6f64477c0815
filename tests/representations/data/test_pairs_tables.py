"""Pairs from tables and text files: what is in them comes out, and what is wrong with them is said."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from foretell.exceptions import InputError, OptionError
from foretell.representations.data import tables
from foretell.representations.loading.load_pairs import load_pairs

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8)


def write_csv(path: Path, rows: Iterable[tuple[str, str]]) -> list[str]:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["en", "de"])
    places = []
    for row in rows:
        places.append(f"line {file.getvalue().count(chr(10)) + 1}")
        writer.writerow(row)
    path.write_bytes(file.getvalue().encode())
    return places


def write_tsv(path: Path, rows: Iterable[tuple[str, str]]) -> list[str]:
    path.write_bytes("".join(f"{en}\t{de}\n" for en, de in [("en", "de"), *rows]).encode())
    return [f"line {row + 2}" for row, _ in enumerate(rows)]


def write_jsonl(path: Path, rows: Iterable[tuple[str, str]]) -> list[str]:
    path.write_text("".join(json.dumps({"en": en, "de": de}) + "\n" for en, de in rows))
    return [f"line {row + 1}" for row, _ in enumerate(rows)]


def write_parquet(path: Path, rows: Iterable[tuple[str, str]]) -> list[str]:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"en": [en for en, _ in rows], "de": [de for _, de in rows]}), path)
    return [f"row {row}" for row, _ in enumerate(rows)]


WRITERS: dict[str, Callable[[Path, list[tuple[str, str]]], list[str]]] = {
    ".csv": write_csv,
    ".tsv": write_tsv,
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
}


@pytest.mark.parametrize("suffix", WRITERS)
@given(rows=ROWS)
@example(rows=[("\ufeffmark", 'a "quote"'), ("a,b", "nul \0"), ("line\u2028break", "\x85 next \x1c"), ("", "x")])
def test_any_text_survives(suffix: str, rows: list[tuple[str, str]]) -> None:
    if suffix == ".tsv":  # these cannot stand in one
        assume(not any(mark in text for row in rows for text in row for mark in "\t\n"))
        assume(not any(de.endswith("\r") for _, de in rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        places = WRITERS[suffix](path, rows)
        whole = [(place, en, de) for place, (en, de) in zip(places, rows, strict=True) if en.strip() and de.strip()]
        if not whole:
            with pytest.raises(InputError, match="no row with something on every side"):
                load_pairs(path, ("en", "de"), duplicates="keep")
            return
        pairs = load_pairs(path, ("en", "de"), duplicates="keep")
    assert list(zip(pairs.ids, pairs.texts["en"], pairs.texts["de"], strict=True)) == whole
    assert sum(pairs.dropped.values()) == len(rows) - len(whole)
    assert pairs.name == "table"


@given(rows=ROWS)
def test_aligned_files_hold_any_line(rows: list[tuple[str, str]]) -> None:
    rows = [(en.replace("\n", " ").rstrip("\r"), de.replace("\n", " ").rstrip("\r")) for en, de in rows]
    assume(all(en.strip() and de.strip() for en, de in rows) and not rows[0][0].startswith("\ufeff"))
    assume(not rows[0][1].startswith("\ufeff"))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "a.en", Path(folder) / "a.de"]
        for side, path in enumerate(paths):
            path.write_bytes("\r\n".join(row[side] for row in rows).encode())
        pairs = load_pairs([str(path) for path in paths], ("en", "de"), duplicates="keep")
    assert list(zip(pairs.texts["en"], pairs.texts["de"], strict=True)) == rows
    assert pairs.ids == tuple(f"line {row + 1}" for row in range(len(rows)))
    assert pairs.name == "a.en + a.de"


def test_blank_and_missing_cells_are_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    rows: list[Any] = [{"en": "a", "de": "b"}, {"en": None, "de": "b"}, {"de": "c"}, {"en": "d", "de": " \n"}]
    path.write_text(
        "\n".join(map(json.dumps, [*rows, {"en": "\ud83d", "de": "half"}, {"en": "e", "de": "f"}])) + "\n\n"
    )
    pairs = load_pairs(path, ["en", "de"])
    assert pairs.ids == ("line 1", "line 6")
    assert pairs.dropped == {"no text on side en": 3, "no text on side de": 1}


def test_ids_stay_under_filters(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("en\tde\n" + "".join(f"text {n}\tText {n}\n" for n in range(30)))
    everything = load_pairs(path, ["en", "de"])
    few = load_pairs(path, ["en", "de"], limit=7, seed=1, max_characters=6)
    whole = dict(zip(everything.ids, everything.texts["de"], strict=True))
    assert len(few) == 7
    assert all(whole[item] == text for item, text in zip(few.ids, few.texts["de"], strict=True))


def test_columns_ids_and_groups_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(
        'key\tbook\tEnglish\ttext.de\n7\tx\t"So," he said\teins\n8\t\ttwo\tzwei\n\ty\tthree\tdrei\n9\ty\tfour\n'
    )
    pairs = load_pairs(
        str(path), ["en", "de"], columns={"en": "English", "de": "text.de"}, id="key", group="book", licence="CC0-1.0"
    )
    assert (pairs.ids, pairs.groups) == (("7",), ("x",))
    assert pairs.texts["en"] == ('"So," he said',)
    assert pairs.dropped == {"no book": 1, "no key": 1, "no text on side de": 1}
    assert pairs.licence == "CC0-1.0"
    assert pairs.source.startswith("t.tsv, sha256 ")


def test_a_table_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text('a\t"b\tc"\n')
    pairs = load_pairs(path, ["x", "y"], header=False, columns={"x": "1", "y": "3"})
    assert pairs.texts == {"x": ("a",), "y": ('c"',)}
    quoted = load_pairs(path, ["x", "y"], header=False, quotes=True, columns={"x": "1", "y": "2"})
    assert quoted.texts["y"] == ("b\tc",)


def test_languages_inside_a_column_are_found(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"translation": {"en": "one", "de": "eins"}, "meta": {"a": {"key": 5}}}))
    assert load_pairs(path, ["en", "de"], id="meta.a.key").ids == ("5",)
    assert load_pairs(path, ["x"], columns={"x": "translation.de"}).texts == {"x": ("eins",)}


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfen,de\na,b\n")
    assert load_pairs(tmp_path / "t.csv", ["en"]).texts == {"en": ("a",)}


def test_a_wrong_column_is_known_from_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"en\tde\na\tb\n\xff\n")
    with pytest.raises(OptionError, match="no column 'fr'"):
        load_pairs(tmp_path / "t.tsv", ["en", "fr"])


def test_one_side_is_enough(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text\none\ntwo\n")
    assert load_pairs(tmp_path / "t.csv", ("text",)).texts == {"text": ("one", "two")}
    (tmp_path / "lines.txt").write_text("one\n\ntwo\n")
    pairs = load_pairs([tmp_path / "lines.txt"], ("text",))
    assert (pairs.ids, pairs.dropped) == (("line 1", "line 3"), {"no text on side text": 1})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tsv", b"en\tde\na\tb\nc\td\te\n", "Line 3 of .*t.tsv has 3 cells for 2 columns"),
        ("t.tsv", b"en\tde\na\tb\nc\t\xff\n", "Line 3 of .*t.tsv is not UTF-8"),
        ("t.csv", "en,de\na,b\n".encode("utf-16"), "Line 1 of .*t.csv is not UTF-8"),
        ("t.tsv", b"en\ten\tde\n", "two columns called 'en'"),
        ("t.csv", b'en,de\na,b\n"c,d\n', "Line 3 of .*quotation mark that is not closed"),
        ("t.csv", b"en,de\na," + b"x" * 200_000 + b"\n", "Line 2 of .*field larger than field limit"),
        ("t.jsonl", b'{"en": "a", "de": "b"}\n{"en": }\n', "Line 2 of .*t.jsonl is not JSON"),
        ("t.jsonl", b'["a", "b"]\n', "Line 1 of .*t.jsonl is no JSON object"),
        ("t.jsonl", b"[" * 200_000, "Line 1 of .*t.jsonl is not JSON"),
        ("t.jsonl", b'{"en": "a", "de": 5}\n', "line 1 of 't', column 'de', is 5, which is no text"),
        ("t.parquet", b"PAR1 but not really", "not readable as Parquet"),
        ("t.tsv", b"", "no rows"),
        ("t.tsv", b"en\tde\n", "no rows"),
        ("t.tsv", b"en\tde\n\tb\n", "'no text on side en': 1"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_clear_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_pairs(tmp_path / name, ("en", "de"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.tsv", "t.csv", "t.jsonl", "t.txt"])
def test_an_endless_line_is_not_read_into_memory(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    (tmp_path / name).write_bytes(b"en\n" * (name != "t.jsonl") + b"x" * 1001)
    source = [tmp_path / name] if name == "t.txt" else tmp_path / name
    with pytest.raises(InputError, match=r"Line [12] of .* is longer than 1,000 bytes"):
        load_pairs(source, ("en",))


def test_an_id_that_is_there_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("key,en\n1,a\n1,b\n")
    with pytest.raises(InputError, match="the id '1'"):
        load_pairs(tmp_path / "t.csv", ["en"], id="key")


def test_files_of_other_lengths_are_not_aligned(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\ntwo\nthree\n")
    (tmp_path / "b").write_text("eins\nzwei\n")
    with pytest.raises(InputError, match="b ends after 2 lines"):
        load_pairs([tmp_path / "a", tmp_path / "b"], ["en", "de"])
    with pytest.raises(OptionError, match="2 files for 1 sides"):
        load_pairs([tmp_path / "a", tmp_path / "b"], ["en"])


@pytest.mark.parametrize(
    ("sides", "options", "message"),
    [
        (["en", "fr"], {}, "no column 'fr'.* it has en, de, key"),
        (["en", "de"], {"id": "name"}, "no column 'name'"),
        ("en", {}, "sides='en'"),
        (["en", "en"], {}, "twice"),
        ([], {}, "sides=\\[\\]"),
        (["en"], {"colums": {}}, "'colums' is not an option of a .csv file: choose among .*columns"),
        (["en"], {"columns": "en"}, "columns='en'"),
        (["en"], {"columns": {"de": "en"}}, "'de' is not an option"),
        (["en"], {"captions": "some"}, "'first', 'all'"),
        (["en"], {"pictures": "en"}, "pictures='en'"),
        (["en"], {"config": "x"}, "'config' is not an option"),
        (["en"], {"header": "no"}, "header='no'"),
        (["en", "de"], {"classes": "key"}, "mapped to the one column"),
    ],
)
def test_wrong_options_list_the_right_ones(tmp_path: Path, sides: Any, options: dict[str, Any], message: str) -> None:
    (tmp_path / "t.csv").write_text("en,de,key\na,b,1\n")
    with pytest.raises(OptionError, match=message):
        load_pairs(tmp_path / "t.csv", sides, **options)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"none.tsv' is not there: name a built-in set .home-assistant, vscode"):
        load_pairs(tmp_path / "none.tsv", ["en"])
    (tmp_path / "t.docx").write_bytes(b"")
    with pytest.raises(OptionError, match="of no kind that can be read"):
        load_pairs(tmp_path / "t.docx", ["en"])
