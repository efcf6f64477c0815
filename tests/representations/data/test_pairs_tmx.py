"""Translation memories, and what must not be done with their XML."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.exceptions import InputError, OptionError
from foretell.representations.data import tmx
from foretell.representations.loading.load_pairs import load_pairs

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header/><body>\n'
TAIL = "</body></tmx>\n"


def unit(name: str = "", **texts: str) -> str:
    variants = "".join(f'<tuv xml:lang="{language}"><seg>{text}</seg></tuv>' for language, text in texts.items())
    return f'<tu tuid="{name}">{variants}</tu>\n' if name else f"<tu>{variants}</tu>\n"


def write(folder: Path, *units: str, head: str = HEAD) -> Path:
    path = folder / "memory.tmx"
    path.write_text(head + "".join(units) + TAIL, encoding="utf-8")
    return path


def test_units_are_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        unit("a", en="One &amp; two", de="Eins &#38; zwei"),
        unit("b", en="Only English"),
        unit(
            "c",
            en="Press <bpt i='1'>{\\b</bpt><hi>this</hi><ept i='1'>}</ept>.",
            de="<ph>x</ph>Hier <!-- so --> drücken.",
        ),
        unit("d", en=" ", de="leer"),
        '<tu><tuv xml:lang="EN-us"><seg>Colour</seg></tuv><tuv lang="de_AT"><prop>no text</prop><seg>Farbe</seg></tuv>'
        '<tuv xml:lang="en-GB"><seg>another</seg></tuv></tu>',
    )
    pairs = load_pairs(path, ["en", "de"])
    assert pairs.ids == ("unit 1", "unit 3", "unit 5")
    assert pairs.texts["en"] == ("One & two", "Press this.", "Colour")
    assert pairs.texts["de"] == ("Eins & zwei", "Hier  drücken.", "Farbe")
    assert pairs.dropped == {"no text on side de": 1, "no text on side en": 1}
    named = load_pairs(path, ["en", "de"], id="tuid")
    assert named.ids == ("a", "c")
    assert named.dropped == {"no text on side de": 1, "no text on side en": 1, "no tuid": 1}
    assert load_pairs(path, ["left"], columns={"left": "de"}).texts["left"][0] == "Eins & zwei"


# XML has no other control characters, and makes one line break of the others.
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1
).filter(lambda text: text.strip() != "")


@given(texts=st.lists(st.tuples(XML_TEXT, XML_TEXT), min_size=1, max_size=5))
def test_any_text_survives(texts: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), *(unit(en=escape(en), de=escape(de)) for en, de in texts))
        pairs = load_pairs(path, ["en", "de"], duplicates="keep")
    assert list(zip(pairs.texts["en"], pairs.texts["de"], strict=True)) == texts


def test_a_language_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no column 'fr'.*en, de"):
        load_pairs(write(tmp_path, unit(en="a", de="b")), ["en", "fr"])


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("doctype", "text", "entity"),
    [
        (f'<!DOCTYPE tmx [<!ENTITY l0 "ha">{LAUGHS}]>', "&l9;", "l0"),
        ('<!DOCTYPE tmx [<!ENTITY file SYSTEM "file:///etc/hostname">]>', "&file;", "file"),
        ('<!DOCTYPE tmx [<!ENTITY % p SYSTEM "http://localhost:9/p.dtd"> %p;]>', "text", "p"),
        ('<!DOCTYPE tmx SYSTEM "tmx14.dtd">', "a &nbsp; b", "nbsp"),
    ],
)
def test_entities_are_refused(tmp_path: Path, doctype: str, text: str, entity: str) -> None:
    path = write(tmp_path, unit(en=text), head=f"{doctype}\n<tmx><body>\n")
    with pytest.raises(InputError, match=f"Line [13] of .*memory.tmx has the entity '{entity}'") as caught:
        load_pairs(path, ["en"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEAD + unit(en="one") + "<tu>", "not well-formed XML .*line 5"),
        (HEAD + "<tu><tuv xml:lang='en'><seg>\x01</seg></tuv></tu>", "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<?xml version='1.0' encoding='UTG-8'?><tmx/>", "not well-formed XML .*unknown encoding"),
        ("\x00\x01\x02", "not well-formed XML"),
        (HEAD + TAIL, "no rows"),
    ],
)
def test_what_is_no_tmx_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "memory.tmx").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load_pairs(tmp_path / "memory.tmx", ["en"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("piece", ["<seg>", "<!-- ", '<seg x="'])
def test_what_never_ends_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: str) -> None:
    monkeypatch.setattr(tmx, "MOST_BYTES", 100_000)
    path = tmp_path / "memory.tmx"
    path.write_text(f"<tmx><body><tu><tuv xml:lang='en'>{piece}" + "x" * 20_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"Line 1 of .*100,000"):
            load_pairs(path, ["en"])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_long_memory_is_read_as_a_stream(tmp_path: Path) -> None:
    path = write(tmp_path, *(unit(en=f"text {number}", de="x" * 1000) for number in range(5000)))
    tracemalloc.start()
    try:
        pairs = load_pairs(path, ["en"])
        assert len(pairs) == 5000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size
    finally:
        tracemalloc.stop()
