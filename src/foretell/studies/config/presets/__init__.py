"""The studies that come with Foretell, one YAML file each."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from foretell.studies.config.yaml_file import parse_mapping


@cache
def preset_names() -> tuple[str, ...]:
    """Names of the presets, in alphabetical order."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def preset_mapping(name: str) -> dict[str, Any]:
    """What the file of a preset says, before it is checked."""
    text = resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return parse_mapping(text, source=f"preset {name}")
