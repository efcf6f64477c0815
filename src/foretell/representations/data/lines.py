"""Lines of a text file, one by one: UTF-8, and none so long that it must be a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from foretell.exceptions import InputError

__all__ = ["MOST_BYTES", "read_lines"]

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
