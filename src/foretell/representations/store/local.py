"""A folder as zarr keeps it, that gives no file from outside."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from zarr.storage import LocalStore

from foretell.exceptions import StoreError
from foretell.files import leads_inside, places_of

__all__ = ["InsideStore"]


class InsideStore(LocalStore):
    """A folder, no file of which is read that is a link out of it.

    Who made a store does not choose which other files of this machine are read.
    """

    @cached_property
    def _places(self) -> tuple[Path, ...]:
        return places_of(self.root)

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """The file at a key, or None."""
        path = self.root / key
        if not leads_inside(path, self._places):
            raise StoreError(f"{path} is a link out of the store: put the file itself there.")
        return await super().get(key, prototype, byte_range)
