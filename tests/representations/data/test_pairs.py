"""Paired texts, and Home Assistant's."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from foretell.exceptions import InputError, OptionError
from foretell.representations.builtin import home_assistant
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import cached
from foretell.representations.data.pairs import Pairs
from foretell.representations.loading.load_pairs import load_pairs


def made(**changes: Any) -> Pairs:
    values: dict[str, Any] = {
        "name": "made",
        "texts": {"en": ("one", "two", "three"), "de": ("eins", "zwei", "drei")},
        "ids": ("a", "b", "c"),
        "groups": ("g", "g", "h"),
        "licence": "CC0-1.0",
        "source": "here",
        "dropped": {"too short": 2},
    }
    return Pairs(**values | changes)


def test_take_keeps_order_and_adds_counts() -> None:
    taken = made().take([2, 0], dropped={"too short": 1, "other": 3})
    assert taken.sides == ("en", "de")
    assert taken.texts["de"] == ("drei", "eins")
    assert (taken.ids, taken.groups) == (("c", "a"), ("h", "g"))
    assert taken.dropped == {"too short": 3, "other": 3}
    assert len(taken) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": {}}, "no sides"),
        ({"ids": (), "texts": {"en": ()}, "groups": None}, "no items"),
        ({"texts": {"en": ("one",)}}, "side 'en' of 'made' has 1 values for 3 ids"),
        ({"ids": ("a", "b", "a")}, "the id 'a'"),
        ({"groups": ("g",)}, "groups of 'made' has 1"),
        ({"texts": {"en": ("one", " \n", "three")}}, "item 'b'"),
        ({"texts": {"en": ("one", None, "three")}}, "None for item 'b'"),
        ({"texts": {"en": ("one", "\ud83d", "three")}}, "item 'b'"),
    ],
)
def test_what_cannot_be_pairs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(**changes)


@pytest.mark.parametrize("rows", [[3], [-1], [], [0, 0]])
def test_take_refuses_what_is_not_there(rows: list[int]) -> None:
    with pytest.raises(InputError):
        made().take(rows)


def test_unknown_set_lists_the_names() -> None:
    with pytest.raises(OptionError, match="home-assistant"):
        load_pairs("home-asistant", ("en", "de"))


@pytest.fixture
def small_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel in the layout of the published one, with one item for each reason to be left out."""
    long = "word " * 60
    files = {
        "lamp/translations/en": {
            "config": {
                "good": "Turn on the lamp in this room",
                "reference": "[%key:lamp::config::good%] and some more words here",
                "short": "Turn on the lamp now",
                "long": long + "more",
                "limit": long.strip(),
                "same": "Lamp lamp lamp lamp lamp lamp",
                "untranslated": "This one has not been translated yet",
                "blank": "This one has a blank for translation",
            }
        },
        "lamp/translations/de": {
            "config": {
                "good": "Schalte die Lampe ein",
                "reference": "[%key:lamp::config::good%]",
                "short": "Lampe jetzt einschalten",
                "long": "lang",
                "limit": "gerade noch",
                "same": "Lamp lamp lamp lamp lamp lamp",
                "blank": "\n",
                "german_only": "Das gibt es nur auf Deutsch",
            }
        },
        "lamp/translations/ja": {"config": {"good": "ランプをつける", "limit": "限界"}},
        "tv/translations/en": {"again": "Turn on the lamp in this room", "list": ["not", "a text"]},
        "tv/translations/de": {"again": "Die Lampe einschalten"},
        "tv/translations/sensor.en": {"state": "Names of states are not sentences here"},
    }
    path = tmp_path / "small.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, tree in files.items():
            wheel.writestr(f"homeassistant/components/{member}.json", json.dumps(tree))
        wheel.writestr("homeassistant/components/../../evil/translations/en.json", "{}")
    monkeypatch.setattr(home_assistant, "fetch", lambda _part: path)


@pytest.mark.usefixtures("small_wheel")
def test_every_reason_to_drop_is_counted() -> None:
    pairs = home_assistant.load(("en", "de"))
    assert pairs.ids == ("lamp/config.good", "lamp/config.limit")
    assert pairs.groups == ("lamp", "lamp")
    assert pairs.texts["de"] == ("Schalte die Lampe ein", "gerade noch")
    assert pairs.dropped == {
        "no text in English": 1,
        "no text on side de": 2,
        "a reference to another key": 1,
        "fewer than 6 words in English": 1,
        "more than 60 words in English": 1,
        "a translation equal to the English": 1,
        "English text met before": 1,
    }
    assert pairs.licence == "Apache-2.0"
    assert pairs.source == "homeassistant 2024.3.3"


@pytest.mark.usefixtures("small_wheel")
def test_pairs_without_english_are_chosen_by_the_english() -> None:
    assert home_assistant.load(("ja",)).ids == ("lamp/config.good", "lamp/config.limit")
    pairs = home_assistant.load(("ja", "de"))
    assert pairs.sides == ("ja", "de")
    assert pairs.ids == ("lamp/config.good", "lamp/config.limit")


@pytest.mark.usefixtures("small_wheel")
@pytest.mark.parametrize("sides", [(), ("en", "en"), "en", ("en", "xx")])
def test_wrong_sides(sides: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match=r"de, en, ja|must be a list of names|names a side twice"):
        load_pairs("home-assistant", sides)


@pytest.mark.model
@pytest.mark.skipif(cached(PARTS["home-assistant"]) is None, reason="home-assistant is not in the cache")
@pytest.mark.parametrize(
    ("sides", "n_items"),
    [
        (("en", "es"), 3627),
        (("en", "de"), 3690),
        (("en", "zh-Hans"), 2838),
        (("en", "ru"), 2598),
        (("en", "fr"), 2431),
        (("en", "de", "es", "it", "ru"), 2254),
        (("en", "de", "es", "it", "ru", "fr", "ja", "zh-Hans"), 1767),
    ],
)
def test_counts_of_the_real_set(sides: tuple[str, ...], n_items: int) -> None:
    pairs = load_pairs("home-assistant", sides)
    assert len(pairs) == n_items
    assert not any("[%key" in text for texts in pairs.texts.values() for text in texts)


@pytest.mark.model
@pytest.mark.skipif(cached(PARTS["home-assistant"]) is None, reason="home-assistant is not in the cache")
def test_real_items_are_aligned() -> None:
    with_english = load_pairs("home-assistant", ("en", "de"))
    place = with_english.ids.index("abode/config.step.mfa.title")
    assert with_english.texts["en"][place] == "Enter your MFA code for Abode"
    assert with_english.texts["de"][place] == "Gib deinen MFA-Code für Abode ein"
    without = load_pairs("home-assistant", ("es", "de"))
    both = dict(zip(with_english.ids, with_english.texts["de"], strict=True))
    common = {item: text for item, text in zip(without.ids, without.texts["de"], strict=True) if item in both}
    assert len(common) > 3000
    assert common.items() <= both.items()
    with pytest.raises(OptionError) as caught:
        load_pairs("home-assistant", ("xx",))
    assert str(caught.value).count(", ") > 50
