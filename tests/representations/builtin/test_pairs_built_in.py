"""Built-in sets of npm's packages: small ones made here, and the published ones where they are cached."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from foretell.exceptions import InputError, OptionError
from foretell.representations.builtin import emoji, packages, vscode
from foretell.representations.builtin.catalogue import PARTS, VSCODE_LANGUAGES, parts_named
from foretell.representations.builtin.emoji import code, family, from_file_name, is_flag, is_skin_tone
from foretell.representations.builtin.packages import Part, cached, read_members
from foretell.representations.loading.load_pairs import load_pairs


def write_pack(path: Path, members: Mapping[str, bytes]) -> Path:
    """A package as npm packs it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


Packs = Callable[[Mapping[str, Mapping[str, bytes]]], None]


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packs:
    """Put made packages in the place of the published ones, by the names of their parts."""

    def put(members: Mapping[str, Mapping[str, bytes]]) -> None:
        paths = {part: write_pack(tmp_path / f"{part}.tgz", inside) for part, inside in members.items()}

        def fetch(part: Part) -> Path:
            return paths[part.name]

        for module in (vscode, emoji):
            monkeypatch.setattr(module, "fetch", fetch)

    return put


def test_only_regular_files_of_the_names_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pack.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("package/a.json", "../package/a.json", "/package/a.json", "package/a.json.exe"):
            entry = tarfile.TarInfo(name)
            entry.size = 2
            tar.addfile(entry, io.BytesIO(b"{}"))
        link = tarfile.TarInfo("package/b.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    found = list(read_members(path, re.compile(r"package/(\w+)\.json")))
    assert [(match[1], content) for match, content in found] == [("a", b"{}")]


def test_a_damaged_or_monstrous_archive_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pack(tmp_path / "pack.tgz", {"a.json": bytes(100_000)})
    monkeypatch.setattr(packages, "_MOST_BYTES", 99_999)
    with pytest.raises(InputError, match="100,000 bytes"):
        list(read_members(path, re.compile("package/a.json")))
    for content in (path.read_bytes()[:-20], b"not a gzip", b""):
        path.write_bytes(content)
        monkeypatch.setattr(packages, "_MOST_BYTES", 10**6)
        with pytest.raises(InputError, match="damaged") as caught:
            list(read_members(path, re.compile("package/a.json")))
        assert "\n" not in str(caught.value)


def language_pack(
    main: list[str | None], extensions: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> dict[str, bytes]:
    lines = ",\n".join("\t" + ("undefined" if text is None else json.dumps(text)) for text in main)
    members = {"translations/main.i18n.json.js": f"var content = [\n{lines}\n];\n\nexport {{}};".encode()}
    for name, contents in extensions.items():
        members[f"translations/extensions/{name}.i18n.json"] = json.dumps({"contents": contents}).encode()
    return members


def test_vscode_texts_are_aligned_and_english_is_decoded(packs: Packs) -> None:
    packs(
        {
            "vscode-en": language_pack(
                [
                    None,
                    "Øpëñ thë fïlë ïñ æ ñëw wïñðøw",
                    "§hørt læþël",
                    "Thë {0} ïs ñøt ïñ thïs føldër",
                    "Øpëñ thë fïlë ïñ æ ñëw wïñðøw",
                    "Ñøt træñslætëð æt æll ïñ thïs læñgµægë",
                ],
                {"vscode.git": {"bundle": {"x": "ßræñçh, Ýøµ, ÜR£, Æ Ë Ï Ð, kÿ, six wørðs"}}},
            ),
            "vscode-de": language_pack(
                [
                    None,
                    "Datei in neuem Fenster öffnen",
                    "kurz",
                    "{0} fehlt",
                    "Datei im neuen Fenster öffnen",
                    "Not translated at all in this language",
                ],
                {"vscode.git": {"bundle": {"x": "Zweig"}}},
            ),
        }
    )
    pairs = vscode.load(["en", "de"])
    assert pairs.ids == ("main/1", "vscode.git/bundle/x")
    assert pairs.texts["en"] == ("Open the file in a new window", "Branch, You, URL, A E I D, ky, six words")
    assert pairs.texts["de"] == ("Datei in neuem Fenster öffnen", "Zweig")
    assert pairs.groups == ("main/0", "vscode.git")
    assert pairs.dropped == {
        "fewer than 6 words in English": 1,
        "markup or a placeholder": 1,
        "English text met before": 1,
        "a translation equal to the English": 1,
    }
    assert len(vscode.load(["de"], strings="all")) == 6


@pytest.mark.parametrize("script", [b"alert(1)", b"var content = [\n\tevil(),\n];", b"var content = [\n\t5", b"\xff"])
def test_a_pack_is_read_and_not_run(packs: Packs, script: bytes) -> None:
    packs({f"vscode-{side}": {"translations/main.i18n.json.js": script} for side in ("en", "de")})
    with pytest.raises(InputError, match=r"main.i18n.json.js of vscode is not readable"):
        vscode.load(["en", "de"])


def test_wrong_sides_of_the_built_in_sets_list_the_right_ones() -> None:
    with pytest.raises(OptionError, match="'zh-Hans'"):
        load_pairs("vscode", ["en", "zh"])
    with pytest.raises(OptionError, match="'sentences', 'all'"):
        load_pairs("vscode", ["en"], strings="some")
    with pytest.raises(OptionError, match="'google', 'twitter', 'fluent'"):
        load_pairs("emoji-pictures", ["google", "apple"])
    with pytest.raises(OptionError, match="google, twitter, fluent and a language"):
        load_pairs("emoji-captions", ["google", "twitter"])
    with pytest.raises(OptionError, match=r"'columns' is not an option of vscode: choose among .*strings"):
        load_pairs("vscode", ["en"], columns={})


def table(*emoji: tuple[str, str, bool]) -> bytes:
    return json.dumps(
        [
            {"unified": unified, "category": category}
            | {f"has_img_{hand}": everywhere for hand in ("apple", "google", "twitter", "facebook")}
            for unified, category, everywhere in emoji
        ]
    ).encode()


def small_emoji() -> dict[str, dict[str, bytes]]:
    listed = table(
        ("1F600", "Smileys", True),
        ("2764-FE0F", "Smileys", True),
        ("1F468-200D-1F373", "People", True),
        ("1F469-200D-1F373", "People", True),
        ("1F1E9-1F1EA", "Flags", True),
        ("1FAE9", "Smileys", False),
    )
    names = ("1f600", "2764-fe0f", "1f468-200d-1f373", "1f469-200d-1f373", "1f1e9-1f1ea", "1fae9")
    drawn = {
        hand: {f"img/{hand}/64/{name}.png": f"{hand} {name}".encode() for name in names}
        for hand in ("google", "twitter")
    }
    fluent = {
        f"assets/{name}.webp": f"fluent {name}".encode() for name in ("1f600", "2764", "2764-fe0f", "1f468-200d-1f373")
    }

    def named(**texts: str) -> bytes:
        return json.dumps({"annotations": {"annotations": {c: {"tts": [t]} for c, t in texts.items()}}}).encode()

    derived = {"annotationsDerived": {"annotations": {"👨‍🍳": {"tts": ["man cook"]}, "👨🏻‍🍳": {"tts": ["x"]}}}}
    return {
        "emoji-google": {"emoji.json": listed, **drawn["google"]},
        "emoji-twitter": {"emoji.json": listed, **drawn["twitter"]},
        "emoji-fluent": fluent,
        "cldr-names": {
            "annotations/en/annotations.json": named(**{"😀": "grinning face", "❤": "red heart", "😃": "big eyes"}),
            "annotations/de/annotations.json": named(**{"😀": "grinsendes Gesicht", "❤": "rotes Herz"}),
            "annotations/und/annotations.json": b'{"annotations": {"identity": {}}}',
        },
        "cldr-names-derived": {"annotationsDerived/en/annotations.json": json.dumps(derived).encode()},
    }


def test_emoji_pictures_are_paired_by_code_points(packs: Packs) -> None:
    packs(small_emoji())
    pairs = load_pairs("emoji-pictures", ["google", "twitter"])
    assert pairs.ids == ("1f600", "2764", "1f468-200d-1f373", "1f469-200d-1f373")
    assert pairs.groups == ("1f600", "2764", "1f9d1-200d-1f373", "1f9d1-200d-1f373")
    assert pairs.pictures["twitter"][1].read() == b"twitter 2764-fe0f"
    assert pairs.dropped == {"a flag": 1, "not drawn by all four hands of the table": 1}
    assert pairs.licence == "Apache-2.0, CC-BY-4.0"
    alone = load_pairs("emoji-pictures", ["fluent"])
    assert alone.ids == ("1f600", "2764", "1f468-200d-1f373")
    assert alone.pictures["fluent"][1].read() == b"fluent 2764-fe0f"
    assert alone.dropped["no drawing on side fluent"] == 1


def test_emoji_names_are_paired_by_characters(packs: Packs) -> None:
    packs(small_emoji())
    pairs = load_pairs("emoji-names", ["de", "en"])
    assert pairs.ids == ("2764", "1f600")
    assert pairs.texts == {"de": ("rotes Herz", "grinsendes Gesicht"), "en": ("red heart", "grinning face")}
    assert pairs.dropped == {"no name on side de": 2, "a colour of skin": 1}
    with pytest.raises(OptionError, match="no side 'fr': choose among de, en, und"):
        load_pairs("emoji-names", ["en", "fr"])
    with pytest.raises(InputError, match="choose other languages"):
        load_pairs("emoji-names", ["en", "und"])


def test_emoji_captions_are_images_and_sentences(packs: Packs) -> None:
    packs(small_emoji())
    pairs = load_pairs("emoji-captions", ["google", "en", "de"])
    assert pairs.ids == ("1f600", "2764")
    assert pairs.texts["en"] == ("This is a picture of grinning face.", "This is a picture of red heart.")
    assert pairs.texts["de"] == ("grinsendes Gesicht", "rotes Herz")
    assert pairs.dropped["no name in a language"] == 2
    assert pairs.pictures["google"][0].read() == b"google 1f600"
    same = load_pairs("emoji-captions", ["google", "de"], template="Bild: {name}")
    assert same.texts["de"][0] == "Bild: grinsendes Gesicht"
    several = load_pairs("emoji-captions", ["google", "en", "de"], template={"de": "{name}!"})
    assert (several.texts["en"][1], several.texts["de"][1]) == ("red heart", "rotes Herz!")


@pytest.mark.parametrize("template", ["no slot", {"en": "no slot"}, 5, {"en": None}])
def test_a_template_has_a_place_for_the_name(packs: Packs, template: Any) -> None:
    packs(small_emoji())
    with pytest.raises(OptionError, match="template="):
        load_pairs("emoji-captions", ["google", "en"], template=template)


def test_variants_are_one_family() -> None:
    assert code("❤️") == "2764" == code(from_file_name("2764-fe0f"))
    cooks = {family(cook) for cook in ("👨‍🍳", "👩‍🍳", "🧑‍🍳")}
    runners = {family(runner) for runner in ("🏃", "🏃‍♀️", "🏃‍♂️", "🏃‍➡️", "🏃‍♀️‍➡️")}
    assert (len(cooks), len(runners), len(cooks | runners)) == (1, 1, 2)


def published(name: str) -> Any:
    """Marks of a test that needs the published parts of a set."""
    here = all(cached(part) is not None for part in parts_named(name))
    return pytest.mark.skipif(not here, reason=f"{name} is not in the cache: `foretell data fetch {name}` brings it")


@published("vscode")
def test_counts_of_the_published_vscode_strings() -> None:
    assert len(VSCODE_LANGUAGES) == 12
    assert len(load_pairs("vscode", VSCODE_LANGUAGES, strings="all")) == 17_083
    pairs = load_pairs("vscode", VSCODE_LANGUAGES)
    # Another count of these, by a rule for markup that was not written down, gave 5,584.
    assert len(pairs) == 5_588
    place = pairs.ids.index("vscode.yaml/package/description")
    assert pairs.texts["en"][place] == "Provides syntax highlighting and bracket matching in YAML files."
    assert pairs.texts["de"][place] == "Bietet Syntaxhervorhebung und Klammernabgleich in YAML-Dateien."


@published("vscode")
def test_the_published_pseudo_locale_decodes_to_the_english_that_is_known() -> None:
    # The keys of some translations are the English texts, a few of them with a note to translators behind a slash.
    pairs = load_pairs("vscode", ["en"], strings="all")
    known = [
        (item.split("/bundle/", 1)[1], text)
        for item, text in zip(pairs.ids, pairs.texts["en"], strict=True)
        if "/bundle/" in item
    ]
    assert len(known) == 1_857
    assert sum(english != text for english, text in known) == 15
    assert all(english.startswith(f"{text}/") for english, text in known if english != text)


@published("emoji-pictures")
@pytest.mark.parametrize(
    ("sides", "n_items"),
    [(("google", "twitter"), 1_588), (("google", "twitter", "fluent"), 1_581), (("fluent", "twitter"), 1_581)],
)
def test_counts_of_the_published_pictures(sides: tuple[str, ...], n_items: int) -> None:
    pairs = load_pairs("emoji-pictures", sides)
    assert len(pairs) == n_items
    assert pairs.dropped["a flag"] == 270
    sizes = {"google": (64, 64), "twitter": (64, 64), "fluent": (256, 256)}
    for side in sides:
        assert [picture.rgb().size for picture in pairs.pictures[side][::400]] == [sizes[side]] * len(
            range(0, n_items, 400)
        )


@pytest.mark.slow
@published("emoji-names")
def test_counts_of_the_published_names() -> None:
    every = emoji.languages()
    kept = [
        sum(not is_flag(characters) and not is_skin_tone(characters) for characters in names)
        for names in emoji.read_names(every).values()
    ]
    assert sum(n_names >= 1_800 for n_names in kept) >= 100
    pairs = load_pairs("emoji-names", ["en", "de", "zh", "sw"])
    assert len(pairs) >= 1_800
    assert pairs.texts["de"][pairs.ids.index("1f35e")] == "Brot"


@published("emoji-captions")
def test_captions_of_the_published_emoji() -> None:
    pairs = load_pairs("emoji-captions", ["google", "en"])
    assert len(pairs) == 1_583
    assert pairs.dropped["no name in a language"] == 5  # colours of skin
    assert pairs.texts["en"][pairs.ids.index("1f47e")] == "This is a picture of alien monster."


def test_every_set_has_its_parts() -> None:
    for name in ("home-assistant", vscode.NAME, emoji.PICTURES, emoji.NAMES, emoji.CAPTIONS):
        assert parts_named(name)
    assert {part.name for part in parts_named("emoji-pictures")} == {"emoji-google", "emoji-twitter", "emoji-fluent"}
    assert parts_named("emoji-google") == (PARTS["emoji-google"],)
    with pytest.raises(OptionError, match=r"'emoji-pictures'.*'home-assistant'.*'vscode'"):
        parts_named("emojis")
