"""Interface texts of Home Assistant, translated by hand into some fifty languages.

The wheel of the package has ``homeassistant/components/COMPONENT/translations/LANG.json``: nested objects
whose leaves are texts. A text is found in another language by the path of its keys.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from foretell.exceptions import InputError, OptionError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import fetch
from foretell.representations.data.filters import sifted
from foretell.representations.data.pairs import Pairs

NAME = "home-assistant"

MIN_WORDS, MAX_WORDS = 6, 60
"""Words of the English text, parted by white space: below are labels, above are instructions of several
paragraphs. English is counted for every pair, since many languages write no spaces."""

_REFERENCE = "en"

# One file a component and language. Files such as sensor.en.json hold names of states, not sentences.
_MEMBER = re.compile(r"homeassistant/components/([a-z0-9_]+)/translations/([A-Za-z0-9-]+)\.json")


def load(sides: Sequence[str]) -> Pairs:
    """Texts that all of some languages have, aligned by key path.

    An item is ``component/key.path`` and its group is the component, since the texts of one component
    share words and templates. Left out, and counted by reason, are keys that a side or English lacks,
    references to other keys (``[%key``), blank texts, texts whose English has fewer than 6 or more than 60 words,
    translations that equal the English, and English texts met before.

    Parameters
    ----------
    sides : sequence of str
        Language codes; English need not be among them.

    Returns
    -------
    Pairs
        In the order of component and key path in the English files.

    Raises
    ------
    OptionError
        For a language that there is not; the message lists all.
    InputError
        If no text is left.
    FetchError
        If the package is not in the cache and cannot be fetched.
    """
    part = PARTS[NAME]
    with zipfile.ZipFile(fetch(part)) as wheel:
        members = _members(wheel)
        unknown = next((side for side in sides if side not in members), None)
        if unknown is not None:
            raise OptionError(f"{NAME} has no side {unknown!r}: choose among {', '.join(sorted(members))}.")
        by_language = {language: _read_language(wheel, members[language]) for language in {_REFERENCE, *sides}}
    ids, dropped = _choose(by_language, sides)
    return Pairs(
        name=NAME,
        texts={side: tuple(by_language[side][key] for key in ids) for side in sides},
        ids=ids,
        groups=tuple(key.partition("/")[0] for key in ids),
        licence=part.licence,
        source=f"{part.package} {part.version}",
        dropped=dropped,
    )


def _members(wheel: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    """Language -> component -> member of the wheel."""
    found: dict[str, dict[str, str]] = {}
    for member in sorted(wheel.namelist()):
        match = _MEMBER.fullmatch(member)
        if match:
            found.setdefault(match[2], {})[match[1]] = member
    return found


def _read_language(wheel: zipfile.ZipFile, members: Mapping[str, str]) -> dict[str, str]:
    """Id of an item -> its text in one language."""
    texts: dict[str, str] = {}
    for component, member in members.items():
        try:
            tree = json.loads(wheel.read(member))
        except (ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{member} of {NAME} is not readable ({error}): fetch the set again.") from error
        texts |= {f"{component}/{path}": text for path, text in _leaves(tree)}
    return texts


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield prefix + key, value


def _choose(
    by_language: Mapping[str, Mapping[str, str]], sides: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Ids to keep, and reason -> number of the others."""
    seen: set[str] = set()

    def reason_of(key: str) -> str | None:
        english = by_language[_REFERENCE][key]
        reason = _reason_to_drop(english, {side: by_language[side].get(key) for side in sides})
        if reason is None and english in seen:
            return "English text met before"
        if reason is None:
            seen.add(english)
        return reason

    chosen, dropped = sifted(by_language[_REFERENCE], reason_of)
    if not chosen:
        raise InputError(f"{NAME} has no text that all of {', '.join(sides)} have: choose other languages.")
    without_english = len(set().union(*by_language.values()) - by_language[_REFERENCE].keys())
    first = {"no text in English": without_english} if without_english else {}
    return tuple(chosen), {**first, **dropped}


def _reason_to_drop(english: str, texts: Mapping[str, str | None]) -> str | None:
    """Why an item is left out, or None. The first reason in this order is the one counted."""
    missing = [side for side, text in texts.items() if text is None or not text.strip()]
    if missing:
        return f"no text on side {missing[0]}"
    if any("[%key" in (text or "") for text in (english, *texts.values())):
        return "a reference to another key"
    n_words = len(english.split())
    if n_words < MIN_WORDS:
        return f"fewer than {MIN_WORDS} words in English"
    if n_words > MAX_WORDS:
        return f"more than {MAX_WORDS} words in English"
    if any(side != _REFERENCE and text == english for side, text in texts.items()):
        return "a translation equal to the English"
    return None
