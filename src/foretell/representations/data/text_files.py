"""Text files, read line by line, and aligned text files: one a side, line by line the same item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from foretell.exceptions import InputError, OptionError
from foretell.representations.cache import sha256_of
from foretell.representations.data.table_rows import Row, Rows

__all__ = ["MOST_BYTES", "read_lines", "read_text_files"]

MOST_BYTES = 4 * 2**20
"""Of a line, and of a text in a TMX: far more than any model reads."""


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Lines of a file with their numbers from 1, each with the ``\n`` that ends it.

    Nothing but ``\n`` ends a line, so that a text keeps whatever else Unicode calls a line break.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is longer than `MOST_BYTES` or not UTF-8; the message names the line.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MOST_BYTES + 1):
                number += 1
                if len(line) > MOST_BYTES:
                    raise InputError(f"Line {number} of {path} is longer than {MOST_BYTES:,} bytes: leave it out.")
                try:
                    # Some editors begin a file with a byte order mark, which is no part of its first line.
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"Line {number} of {path} is not UTF-8 ({error}): save the file as UTF-8."
                    ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of yours.") from error


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
