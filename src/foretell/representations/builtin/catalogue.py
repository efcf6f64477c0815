"""Built-in models and data sets: what their packages are called and hold, as `parts.toml` says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from foretell.exceptions import check_option
from foretell.representations.builtin.packages import Part

_FACTS: Mapping[str, Any] = tomllib.loads(
    files("foretell.representations.builtin").joinpath("parts.toml").read_text(encoding="utf-8")
)

PARTS: Mapping[str, Part] = MappingProxyType(
    {part["name"]: Part(**part | {"part_of": tuple(part.get("part_of", ()))}) for part in _FACTS["part"]}
)
"""Every package by its name; a model or set may need several."""

DATA_SETS: Mapping[str, str] = _FACTS["data_sets"]
"""Sets that are made of several packages, and what they are."""

MODELS: tuple[Mapping[str, Any], ...] = tuple(_FACTS["model"])
"""Models: which members of which packages their folders are made of."""

VSCODE_LANGUAGES = tuple(name.removeprefix("vscode-") for name in PARTS if name.startswith("vscode-"))
"""Languages of the interface texts of VS Code."""


@dataclass(frozen=True)
class BuiltIn:
    """A built-in model or data set.

    Parameters
    ----------
    name : str
        What `load_model` or `load_pairs` knows it by.
    what : str
        One line for people.
    parts : tuple of Part
        The packages that it is made of.
    """

    name: str
    what: str
    parts: tuple[Part, ...]

    @property
    def licence(self) -> str:
        """Licences of all its packages."""
        return ", ".join(dict.fromkeys(part.licence for part in self.parts))

    @property
    def size_bytes(self) -> int:
        """Of all its packages, as they are fetched."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def source(self) -> str:
        """The package, or how many of which client."""
        first = self.parts[0]
        if len(self.parts) == 1:
            return f"{first.package} {first.version} ({first.client})"
        return f"{len(self.parts)} packages ({', '.join(dict.fromkeys(part.client for part in self.parts))})"


def parts_named(name: str) -> tuple[Part, ...]:
    """All parts of the built-in model or set of that name, or the part of that name.

    Raises
    ------
    OptionError
        If there is neither; the message lists the models and sets.
    """
    found = tuple(part for part in PARTS.values() if name == part.name or name in part.part_of)
    if not found:
        check_option("NAME", name, sorted(BUILT_IN))
    return found


def _built_in() -> Mapping[str, BuiltIn]:
    alone = {part.name: part.what for part in PARTS.values() if not part.part_of}
    return MappingProxyType(
        {name: BuiltIn(name, what, parts_named(name)) for name, what in {**alone, **DATA_SETS}.items()}
    )


BUILT_IN: Mapping[str, BuiltIn] = _built_in()
"""Every built-in model and data set by its name."""
