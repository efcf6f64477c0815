"""The command `prompts`: the texts of a side, for a server that reads them in place of a model that is run here."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretell.cli.arguments import Data, DataOption, Side, Sides, pairs_of
from foretell.exceptions import InputError, check_option
from foretell.files import replacing

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs


def prompts(
    data: Data,
    side: Side,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .jsonl file.")],
    sides: Sides = None,
    data_option: DataOption = None,
) -> None:
    """Write the texts of one side with their ids.

    They are for a server that is to read them (docs/large-models.md).
    """
    pairs = pairs_of(data, side, sides, data_option)
    write_prompts(pairs, side, out)
    print(f'Written to {out}: {len(pairs)} prompts, {{"id", "prompt"}} a line')


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
