"""Every built-in model and data set, by the package that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from foretell.exceptions import check_option
from foretell.representations.data.parts import DATA_PARTS
from foretell.representations.models.parts import MODEL_PARTS
from foretell.representations.packages import Part

__all__ = ["PARTS", "parts_named"]

PARTS: Mapping[str, Part] = MappingProxyType({**MODEL_PARTS, **DATA_PARTS})
"""Every built-in part by its name."""


def parts_named(name: str) -> tuple[Part, ...]:
    """The part of that name, or all parts of the built-in set of that name.

    Raises
    ------
    OptionError
        If there is neither; the message lists all names.
    """
    found = tuple(part for part in PARTS.values() if name == part.name or name in part.part_of)
    if not found:
        check_option("NAME", name, sorted({*PARTS, *(one for part in PARTS.values() for one in part.part_of)}))
    return found
