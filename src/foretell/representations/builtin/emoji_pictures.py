"""Emoji as several hands draw them: one meaning, several images.

The packages of Google's and Twitter's drawings have ``img/HAND/64/CODE.png`` and one and the same table,
``emoji.json``; that of Microsoft's has ``assets/CODE.webp``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from foretell.exceptions import InputError, check_option
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.emoji import code, family, from_file_name
from foretell.representations.builtin.packages import fetch, read_members
from foretell.representations.data.filters import sifted
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture

NAME = "emoji-pictures"

_IMAGES = {
    "google": r"package/img/google/64/([0-9a-f-]+)\.png",
    "twitter": r"package/img/twitter/64/([0-9a-f-]+)\.png",
    "fluent": r"package/assets/([0-9a-f-]+)\.webp",
}

HANDS = tuple(_IMAGES)
"""Sides: who drew them."""

_TABLE = r"package/emoji\.json"
_TABLE_HANDS = ("apple", "google", "twitter", "facebook")


def load(sides: Sequence[str]) -> Pairs:
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
        name=NAME,
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
        raise InputError(f"The table of {NAME} is not readable ({error}): fetch the set again.") from error
    return found
