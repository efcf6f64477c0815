"""Texts of a side as a file for a server that is to read them, each with its id."""

from __future__ import annotations

import json
from pathlib import Path

from foretell.exceptions import InputError, check_option
from foretell.files import replacing
from foretell.representations.data.pairs import Pairs

__all__ = ["write_prompts"]


def write_prompts(pairs: Pairs, side: str, out: str | Path) -> Path:
    """Write ``{"id": ..., "prompt": ...}`` an item and line, in the order of the pairs.

    Raises
    ------
    OptionError
        For an unknown side.
    InputError
        If the side is of images.
    """
    check_option("side", side, pairs.sides)
    if side not in pairs.texts:
        raise InputError(f"Side {side!r} of {pairs.name!r} is of images: prompts are texts.")
    with replacing(Path(out)) as made, made.open("w", encoding="utf-8") as file:
        for item, text in zip(pairs.ids, pairs.texts[side], strict=True):
            file.write(json.dumps({"id": item, "prompt": text}, ensure_ascii=False) + "\n")
    return Path(out)
