"""Names of emoji and symbols in over a hundred languages, from Unicode's locale data.

A package has ``annotations/LANGUAGE/annotations.json``: of each character, keywords (``default``), a name (``tts``).
A second one has the same of emoji that are made of several others (``annotationsDerived``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from foretell.exceptions import InputError, OptionError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.emoji import code, family, is_flag, is_skin_tone
from foretell.representations.builtin.packages import fetch, read_members
from foretell.representations.data.filters import sifted
from foretell.representations.data.pairs import Pairs

NAME = "emoji-names"

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


def load(sides: Sequence[str]) -> Pairs:
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
        raise InputError(f"{NAME} has no character that all of {', '.join(sides)} name: choose other languages.")
    parts = [PARTS[name] for name in _PARTS]
    return Pairs(
        name=NAME,
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
                raise InputError(f"{match[0]} of {NAME} is not readable ({error}): fetch the set again.") from error
    unknown = next((side for side in sides if side not in names), None)
    if unknown is not None:
        raise OptionError(f"{NAME} has no side {unknown!r}: choose among {', '.join(languages())}.")
    return names
