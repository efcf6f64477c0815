"""Emoji, their names, and captions made of these: what is drawn by several hands and named in many languages.

Items are emoji by their code points, one name for each over all packages; variants of one another are a group. The
packages of Google's and Twitter's drawings have ``img/HAND/64/CODE.png`` and one and the same table, ``emoji.json``;
that of Microsoft's has ``assets/CODE.webp``. Unicode's locale data has ``annotations/LANGUAGE/annotations.json``: of
each character, keywords (``default``) and a name (``tts``); a second package has the same of emoji that are made of
several others (``annotationsDerived``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from foretell.exceptions import InputError, OptionError, check_option
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import fetch, read_members
from foretell.representations.data.filters import sifted
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture

_COLOURED = "\ufe0f"  # asks for colours; some sets write it and some do not
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff\U000e0020-\U000e007f]")
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")
_SIGNS = re.compile("\u200d[\u2640\u2642\u27a1]")  # joined to another: as a woman, as a man, facing right
_PEOPLE = str.maketrans("\U0001f468\U0001f469\U0001f466\U0001f467", "\U0001f9d1\U0001f9d1\U0001f9d2\U0001f9d2")


def code(characters: str) -> str:
    """Name of an emoji: its code points, as in "1f468-200d-1f373", without those that only ask for colours."""
    return "-".join(f"{ord(one):04x}" for one in characters if one != _COLOURED)


def from_file_name(name: str) -> str:
    """The characters that a file such as ``0023-fe0f-20e3`` shows."""
    return "".join(chr(int(point, 16)) for point in name.split("-"))


def family(characters: str) -> str:
    """Name of what an emoji shows, be it a woman, a man or a person, a girl or a boy, facing left or right.

    Such variants are drawn and named alike, so they are no independent items.
    """
    return code(_SIGNS.sub("", characters.replace(_COLOURED, "")).translate(_PEOPLE))


def is_flag(characters: str) -> bool:
    """Whether it is the flag of a country or region."""
    return _FLAG.search(characters) is not None


def is_skin_tone(characters: str) -> bool:
    """Whether it is a colour of skin, or somebody in one."""
    return _SKIN.search(characters) is not None


PICTURES = "emoji-pictures"

_IMAGES = {
    "google": r"package/img/google/64/([0-9a-f-]+)\.png",
    "twitter": r"package/img/twitter/64/([0-9a-f-]+)\.png",
    "fluent": r"package/assets/([0-9a-f-]+)\.webp",
}

HANDS = tuple(_IMAGES)
"""Sides: who drew them."""

_TABLE = r"package/emoji\.json"
_TABLE_HANDS = ("apple", "google", "twitter", "facebook")


def load_pictures(sides: Sequence[str]) -> Pairs:
    """Emoji that some hands have drawn.

    An item is called by its code points, such as ``1f468-200d-1f373``. Variants that differ in sex, age or the way they
    face are a group. Left out, and counted by reason, are flags, those that the table does not list for all of its
    four hands (Apple, Google, Twitter, Facebook), so that the items do not depend on the sides, and those that a side
    lacks.

    Parameters
    ----------
    sides : sequence of {"google", "twitter", "fluent"}
        Who drew them.

    Returns
    -------
    Pairs
        In the order of the table, with the images in memory.

    Raises
    ------
    OptionError
        For a side that there is not; the message lists all.
    InputError
        If a package is not as it should be.
    FetchError
        If a package is not in the cache and cannot be fetched.
    """
    for side in sides:
        check_option("side", side, HANDS)
    # Both packages have the table: without Google's drawings theirs need not be fetched.
    table_from = next((side for side in sides if side != "fluent"), "google")
    listed = ""
    drawings: dict[str, dict[str, Picture]] = {}
    for side in dict.fromkeys((table_from, *sides)):
        wanted = re.compile(f"(?:{_TABLE})|(?:{_IMAGES[side]})")
        drawings[side] = {}
        for match, content in read_members(fetch(PARTS[f"emoji-{side}"]), wanted):
            if match[1] is None:
                listed = content.decode()
                continue
            # Of two that differ by the wish for colours alone, the longer name is the one that asks for them.
            name = code(from_file_name(match[1]))
            met = drawings[side].get(name)
            if met is None or len(met.name) < len(match[0]):
                drawings[side][name] = Picture(match[0].removeprefix("package/"), content)
    left_out = _table(listed)

    def reason_of(characters: str) -> str | None:
        missing = (f"no drawing on side {side}" for side in sides if code(characters) not in drawings[side])
        return left_out[characters] or next(missing, None)

    kept, dropped = sifted(left_out, reason_of)
    ids = tuple(map(code, kept))
    parts = [PARTS[f"emoji-{side}"] for side in sides]
    return Pairs(
        name=PICTURES,
        texts={},
        pictures={side: tuple(drawings[side][name] for name in ids) for side in sides},
        ids=ids,
        groups=tuple(map(family, kept)),
        licence=", ".join(dict.fromkeys(part.licence for part in parts)),
        source=", ".join(f"{part.package} {part.version}" for part in parts),
        dropped=dropped,
    )


def _table(listed: str) -> dict[str, str | None]:
    """The characters of every emoji in the table, and why it is left out."""
    found: dict[str, str | None] = {}
    try:
        for entry in json.loads(listed):
            reason = None
            if entry["category"] == "Flags":
                reason = "a flag"
            elif not all(entry[f"has_img_{hand}"] for hand in _TABLE_HANDS):
                reason = "not drawn by all four hands of the table"
            found[from_file_name(entry["unified"])] = reason
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"The table of {PICTURES} is not readable ({error}): fetch the set again.") from error
    return found


NAMES = "emoji-names"

# Part -> what its folders and objects are called.
_PARTS = {"cldr-names": "annotations", "cldr-names-derived": "annotationsDerived"}
_LANGUAGE = r"[A-Za-z0-9-]+"


def languages() -> tuple[str, ...]:
    """Codes of all languages, sorted; some have few names.

    Raises
    ------
    FetchError
        If the package is not in the cache and cannot be fetched.
    """
    wanted = re.compile(rf"package/annotations/({_LANGUAGE})/annotations\.json")
    return tuple(sorted(match[1] for match, _ in read_members(fetch(PARTS["cldr-names"]), wanted)))


def load_names(sides: Sequence[str]) -> Pairs:
    """Names that emoji and symbols have in all of some languages.

    An item is called by its code points, such as ``1f468-200d-1f373``. Variants that differ in sex, age or the way they
    face are a group. Left out, and counted by reason, are flags, colours of skin, and characters that a language does
    not name.

    Parameters
    ----------
    sides : sequence of str
        Language codes.

    Returns
    -------
    Pairs
        In order of the code points.

    Raises
    ------
    OptionError
        For a language that there is not; the message lists all.
    InputError
        If a package is not as it should be, or no name is left.
    FetchError
        If a package is not in the cache and cannot be fetched.
    """
    names = read_names(sides)

    def reason_of(characters: str) -> str | None:
        if is_flag(characters):
            return "a flag"
        if is_skin_tone(characters):
            return "a colour of skin"
        return next((f"no name on side {side}" for side in sides if characters not in names[side]), None)

    kept, dropped = sifted(sorted(set().union(*names.values())), reason_of)
    if not kept:
        raise InputError(f"{NAMES} has no character that all of {', '.join(sides)} name: choose other languages.")
    parts = [PARTS[name] for name in _PARTS]
    return Pairs(
        name=NAMES,
        texts={side: tuple(names[side][characters] for characters in kept) for side in sides},
        ids=tuple(map(code, kept)),
        groups=tuple(map(family, kept)),
        licence=parts[0].licence,
        source=", ".join(f"{part.package} {part.version}" for part in parts),
        dropped=dropped,
    )


def read_names(sides: Sequence[str]) -> dict[str, dict[str, str]]:
    """Language -> characters, without those that only ask for colours -> name.

    Raises
    ------
    OptionError
        For a language that there is not; the message lists all.
    InputError
        If a package is not as it should be.
    FetchError
        If a package is not in the cache and cannot be fetched.
    """
    names: dict[str, dict[str, str]] = {}
    for part, folder in _PARTS.items():
        chosen = "|".join(map(re.escape, sides))
        wanted = re.compile(rf"package/{folder}/({chosen})/annotations\.json")
        for match, content in read_members(fetch(PARTS[part]), wanted):
            found = names.setdefault(match[1], {})
            try:
                for characters, entry in json.loads(content)[folder].get("annotations", {}).items():
                    name = next(iter(entry.get("tts", ())), "")
                    if name.strip():
                        found.setdefault(characters.replace("\ufe0f", ""), str(name))
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise InputError(f"{match[0]} of {NAMES} is not readable ({error}): fetch the set again.") from error
    unknown = next((side for side in sides if side not in names), None)
    if unknown is not None:
        raise OptionError(f"{NAMES} has no side {unknown!r}: choose among {', '.join(languages())}.")
    return names


CAPTIONS = "emoji-captions"

TEMPLATES: Mapping[str, str] = {"en": "This is a picture of {name}."}
"""Captions by language. In others a sentence needs endings or articles that fit the name, so the name alone is the
caption."""

_SLOT = "{name}"


def load_captions(sides: Sequence[str], *, template: str | Mapping[str, str] | None = None) -> Pairs:
    """Emoji that some hands have drawn and some languages name.

    Items, ids and groups are those of `emoji_pictures`; emoji that a language does not name are left out and counted.

    Parameters
    ----------
    sides : sequence of str
        Hands ("google", "twitter", "fluent") and language codes, one of each kind at least.
    template : str or mapping of str to str, optional
        A caption with ``{name}`` in it, for all languages or by language. `TEMPLATES` by default.

    Raises
    ------
    OptionError
        For a wrong side or template; the message lists the valid sides.
    InputError
        If a package is not as it should be, or no item is left.
    FetchError
        If a package is not in the cache and cannot be fetched.
    """
    hands = [side for side in sides if side in HANDS]
    languages = [side for side in sides if side not in hands]
    if not hands or not languages:
        raise OptionError(f"sides={list(sides)!r} must have one of {', '.join(HANDS)} and a language, such as 'en'.")
    templates = _templates(template, languages)
    pictures = load_pictures(hands)
    texts = load_names(languages)
    rows = {item: row for row, item in enumerate(texts.ids)}
    kept = [row for row, item in enumerate(pictures.ids) if item in rows]
    if not kept:
        raise InputError(f"{CAPTIONS} has no emoji that all of {', '.join(languages)} name: choose other languages.")
    unnamed = len(pictures) - len(kept)
    chosen = pictures.take(kept, dropped={"no name in a language": unnamed} if unnamed else None)
    return replace(
        chosen,
        name=CAPTIONS,
        texts={
            side: tuple(templates[side].replace(_SLOT, texts.texts[side][rows[item]]) for item in chosen.ids)
            for side in languages
        },
        licence=f"{chosen.licence}, {texts.licence}",
        source=f"{chosen.source}, {texts.source}",
    )


def _templates(template: str | Mapping[str, str] | None, languages: Sequence[str]) -> dict[str, str]:
    if isinstance(template, str):
        template = dict.fromkeys(languages, template)
    if template is not None and not isinstance(template, Mapping):
        raise OptionError(f"template={template!r} must be a caption with {_SLOT} in it, or one for each language.")
    chosen = {side: (TEMPLATES if template is None else template).get(side, _SLOT) for side in languages}
    for side, caption in chosen.items():
        if not isinstance(caption, str) or _SLOT not in caption:
            raise OptionError(f"template={caption!r} for {side!r} must have {_SLOT} in it, where the name goes.")
    return chosen
