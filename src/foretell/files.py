"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foretell.exceptions import InputError

__all__ = ["check_inside", "check_unpacked", "replacing"]

_UNPACKED_BYTES = 2**30
_UNPACKED_TIMES = 100


def check_unpacked(path: Path, n_bytes: int) -> None:
    """Raise `InputError` for a packed file that unpacks to more than 1 GiB and more than 100 times its size.

    Activations and results hardly shrink when they are packed; a file that grows so was made to fill the memory.
    """
    if n_bytes > max(_UNPACKED_BYTES, _UNPACKED_TIMES * path.stat().st_size):
        raise InputError(
            f"{path} unpacks to {n_bytes:,} bytes, more than {_UNPACKED_TIMES} times its size: save it without packing "
            "it if that is meant."
        )


def check_inside(path: Path, folder: Path) -> None:
    """Raise `InputError` if a file of a folder is a link to somewhere outside of it.

    Who made the folder does not choose which other files of this machine are read.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path} is a link out of the folder: put the file itself there.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path of the same name to write to; what is there at the end takes the place of `path` in one step.

    If writing fails, `path` is as it was. Folders above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as aside:
        made = Path(aside) / path.name
        yield made
        os.replace(made, path)
