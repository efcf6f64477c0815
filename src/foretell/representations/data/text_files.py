"""Aligned text files: one a side, line by line the same item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from foretell.exceptions import InputError, OptionError
from foretell.representations.data.lines import read_lines
from foretell.representations.data.rows import Row, Rows
from foretell.representations.packages import sha256_of

__all__ = ["read_text_files"]


def read_text_files(paths: Sequence[Path], sides: Sequence[str], *, licence: str = "not stated") -> Rows:
    """Read text files of which line n is item n of each side.

    Parameters
    ----------
    paths : sequence of Path
        One file a side, in the order of the sides.
    sides : sequence of str
        Names of the sides.
    licence : str
        Of what is in them.

    Raises
    ------
    OptionError
        If there are not as many files as sides.
    InputError
        While they are read, if they have different numbers of lines or one is not UTF-8.
    """
    if len(paths) != len(sides):
        raise OptionError(f"{len(paths)} files for {len(sides)} sides: give one file a side, in the same order.")
    return Rows(
        name=" + ".join(path.name for path in paths),
        source="; ".join(f"{path.name}, sha256 {sha256_of(path)[:16]}" for path in paths),
        licence=licence,
        rows=_rows(paths, sides),
    )


def _rows(paths: Sequence[Path], sides: Sequence[str]) -> Iterator[Row]:
    for number, lines in enumerate(zip_longest(*map(read_lines, paths)), start=1):
        if None in lines:
            shorter = paths[lines.index(None)]
            raise InputError(
                f"{shorter} ends after {number - 1} lines, before the others: line n of every file must be the same "
                "item."
            )
        yield Row(
            f"line {number}",
            {side: line.removesuffix("\n").removesuffix("\r") for side, (_, line) in zip(sides, lines, strict=True)},
        )
