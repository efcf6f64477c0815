"""Places where writing fails: a small disk, a folder that is read-only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Disk", "mounted", "read_only"]


@dataclass(frozen=True)
class Disk:
    """A file system of its own in memory.

    Parameters
    ----------
    place : Path
        Where it is.
    """

    place: Path

    def resize(self, n_bytes: int) -> None:
        """Give it another size."""
        _mount("-o", f"remount,size={n_bytes}", str(self.place))


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """Mount something at a place; skips the test where that is not allowed."""
    try:
        _mount(*options, str(place))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs the right to mount: {error}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Where a folder is read-only: itself without permissions, or for root, whom these do not stop, a mount of it."""
    if os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as made, mounted(Path(made), "--bind", str(folder)):
            _mount("-o", "remount,bind,ro", made)
            yield Path(made)
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o500)
    try:
        yield folder
    finally:
        for path in folders:
            path.chmod(0o700)


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True, capture_output=True)
