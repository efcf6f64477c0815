"""Every built-in model and data set, by the package that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from foretell.representations.data.parts import DATA_PARTS
from foretell.representations.models.parts import MODEL_PARTS
from foretell.representations.packages import Part

__all__ = ["PARTS"]

PARTS: Mapping[str, Part] = MappingProxyType({**MODEL_PARTS, **DATA_PARTS})
"""Every built-in part by its name."""
