"""A folder as zarr keeps it, of which nothing outside is read, written or deleted."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from pathlib import Path
from typing import Any

from zarr.storage import LocalStore

from foretell.exceptions import StoreError
from foretell.files import leads_inside, places_of

_METADATA = "zarr.json"
_MOST_METADATA = 16 * 2**20
"""Bytes of what describes the store or an array; a store of hundreds of layers takes some hundred thousand."""


class InsideStore(LocalStore):
    """A folder, no file of which is read that is a link out of it, and in which no link out of it is written through.

    Who made a store does not choose which other files of this machine are read, written or deleted, nor how much is
    read at a time.
    """

    @cached_property
    def _places(self) -> tuple[Path, ...]:
        return places_of(self.root)

    @cached_property
    def most_bytes(self) -> dict[str, int]:
        """The most that a chunk of an array may take, by the array's name; of the others nothing is known."""
        return {}

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """The file at a key, or None."""
        self._check_read(key)
        return await super().get(key, prototype, byte_range)

    async def set(self, key: str, value: Any) -> None:
        """Write a file."""
        self._check_due(key)
        await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Any) -> None:
        """Write a file where there is none."""
        self._check_due(key)
        await super().set_if_not_exists(key, value)

    async def delete(self, key: str) -> None:
        """Delete a file."""
        self._check_own(key)
        await super().delete(key)

    async def delete_dir(self, prefix: str) -> None:
        """Delete a folder."""
        self._check_own(prefix)
        await super().delete_dir(prefix)

    def get_sync(self, key: str, **options: Any) -> Any:
        """As `get`, for parts of zarr that do not wait."""
        self._check_read(key)
        return super().get_sync(key, **options)

    def set_sync(self, key: str, value: Any) -> None:
        """As `set`."""
        self._check_due(key)
        super().set_sync(key, value)

    def delete_sync(self, key: str) -> None:
        """As `delete`."""
        self._check_own(key)
        super().delete_sync(key)

    def _check_read(self, key: str) -> None:
        """Refuse what lies outside, and what `_check_file` does."""
        path = self.root / key
        if not leads_inside(path, self._places):
            raise StoreError(f"{path} is a link out of the store: put the file itself there.")
        self._check_file(path, key)

    def _check_file(self, path: Path, key: str) -> None:
        """Refuse what is no file, which might never end, and more than there can be of what is asked for."""
        try:
            found = os.stat(path)
        except OSError:
            return  # zarr tells of it
        if stat.S_ISDIR(found.st_mode):
            return
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path} is no file: a store has nothing but files and folders.")
        array = key.partition("/c/")[0]
        most = _MOST_METADATA if path.name == _METADATA else self.most_bytes.get(array)
        if most is not None and found.st_size > most:
            raise StoreError(
                f"{path} has {found.st_size:,} bytes, more than the {most:,} that it can need: it is damaged."
            )

    def _check_due(self, key: str) -> None:
        """Refuse as `_check_own`, and where a folder is in the place of a file: it might hold anything."""
        self._check_own(key)
        if (self.root / key).is_dir():
            raise StoreError(f"{self.root / key} is a folder, and a file is due there: delete it, and try again.")

    def _check_own(self, key: str) -> None:
        """Refuse to write where a link leads out of the folder itself: into a repository's blobs nothing is written."""
        path = self.root / key
        if not leads_inside(path, (self.root.resolve(),)):
            raise StoreError(
                f"{path} leads out of the store by a link, and nothing was changed there: delete the link."
            )
