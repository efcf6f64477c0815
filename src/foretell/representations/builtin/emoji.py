"""Emoji by their code points: one name for each over all sets, and which are variants of one another."""

from __future__ import annotations

import re

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
