"""Where a store is: a folder, or a URL that fsspec understands; and its files by their keys.

Folders and URLs are used alike, through zarr's stores. What is written under a key appears whole or not at all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from foretell.exceptions import ForetellError, StoreError, one_line, require
from foretell.representations.cache import is_offline

_OF_DATA = (FileNotFoundError, ValueError, KeyError, TypeError, RuntimeError)  # as zarr raises them

_PARTIAL = ".partial"  # how files end that zarr is writing

_LOCAL = {"file", "local", "memory"}
"""File systems of fsspec that need no network."""

LOCK = ".lock"
"""Key of the lock of a store behind a URL."""


def is_url(place: str | Path) -> bool:
    """Whether a place is a URL, such as "s3://bucket/en.zarr", rather than a path."""
    return isinstance(place, str) and "://" in place


def _check_offline(url: str) -> None:
    """Refuse a URL that leads into a network where none may be used."""
    protocols = {link.partition("://")[0] for link in url.split("::")}
    if is_offline() and not protocols <= _LOCAL:
        raise StoreError(
            f"{url} would be reached over a network, which FORETELL_OFFLINE or HF_HUB_OFFLINE forbids: give a path, or "
            "unset it."
        )


class Storage:
    """The files of a store.

    Parameters
    ----------
    place : str or Path
        A folder, or a URL.
    read_only : bool
    """

    def __init__(self, place: str | Path, *, read_only: bool) -> None:
        storage = require("zarr.storage", "studies")
        self.name = str(place)
        if isinstance(place, str):
            place = place.removeprefix("file://")
        if is_url(place):
            _check_offline(self.name)
        try:
            # One lock for one store, however it is named.
            self.folder = None if is_url(place) else Path(place).resolve()
            if self.folder is not None:
                self.folder.exists()  # which says of some names that there can be none
            self.zarr: Any = (
                require("foretell.representations.store.local", "studies").InsideStore(self.folder, read_only=read_only)
                if self.folder is not None
                else storage.FsspecStore.from_url(self.name, read_only=read_only)
            )
        except (ImportError, ValueError, TypeError, RuntimeError, OSError) as error:
            raise StoreError(
                f"{place} cannot be opened ({one_line(error)}): give a path, or a URL of a file system that fsspec "
                "knows and whose library is installed (s3fs for s3://)."
            ) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Say of what the operating system refuses that this store cannot be written."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self.name} cannot be written ({error.strerror or error}): make room or choose another place, then "
                "make the same call again; what is there is whole and is not made twice."
            ) from error

    def group(self, mode: str = "r") -> Any:
        """The group that it is.

        Nothing is taken from metadata that are kept a second time, consolidated in the group's own: these may speak of
        older formats, some of whose codecs unpickle.
        """
        open_group = require("zarr", "studies").open_group
        return open_group(store=self.zarr, mode=mode, zarr_format=3, use_consolidated=False)

    def expect(self, array: str, n_bytes: int) -> None:
        """Say how large a chunk of an array may be: of a folder no larger one is read."""
        if self.folder is not None:
            self.zarr.most_bytes[array] = n_bytes

    def size(self, key: str) -> int:
        """Bytes of the file at a key, 0 where there is none."""
        try:
            return int(self._now(self.zarr.getsize(key)))
        except FileNotFoundError:
            return 0

    def exists(self, key: str) -> bool:
        """Whether there is a file at a key."""
        if self.folder is not None:
            return (self.folder / key).is_file()
        return bool(self._now(self.zarr.exists(key)))

    def has_folder(self, key: str) -> bool:
        """Whether a folder is at a key; behind a URL, whether there are files below it."""
        return (self.folder / key).is_dir() if self.folder is not None else self._has_keys(f"{key}/")

    def read(self, key: str) -> bytes | None:
        """The file at a key, or None."""
        prototype = require("zarr.core.buffer", "studies").default_buffer_prototype()
        found = self._now(self.zarr.get(key, prototype))
        return None if found is None else bytes(found.to_bytes())

    def write(self, key: str, data: bytes, *, only_if_new: bool = False) -> None:
        """Write a file; `only_if_new` leaves one that is there alone."""
        buffer = require("zarr.core.buffer", "studies").default_buffer_prototype().buffer.from_bytes(data)
        self._now(self.zarr.set_if_not_exists(key, buffer) if only_if_new else self.zarr.set(key, buffer))

    def delete(self, key: str) -> None:
        """Delete the file at a key, if there is one."""
        self._now(self.zarr.delete(key))

    def clear(self) -> None:
        """Delete every file but a lock."""
        for key in self.keys(""):
            if key != LOCK:
                self.delete(key)

    def delete_partial(self) -> None:
        """Delete files that a killed writer had not written to the end."""
        for path in list(self.folder.rglob(f"*{_PARTIAL}")) if self.folder is not None else []:
            path.unlink(missing_ok=True)

    def delete_folder(self, prefix: str) -> None:
        """Delete every file whose key begins with a prefix."""
        self._now(self.zarr.delete_dir(prefix))

    def keys(self, prefix: str) -> Sequence[str]:
        """Keys of the files in a folder and below it."""

        async def listed() -> list[str]:
            return [key async for key in self.zarr.list_prefix(prefix)]

        return sorted(self._now(listed()))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there but a lock."""
        if self.folder is not None:
            there = self.folder.iterdir() if self.folder.is_dir() else iter([self.folder] * self.folder.exists())
            return not any(not path.name.endswith(_PARTIAL) for path in there)

        return not self._has_keys("")

    def _has_keys(self, prefix: str) -> bool:
        """Whether there are files whose keys begin so, besides a lock."""

        async def found() -> bool:
            async for key in self.zarr.list_prefix(prefix):
                if key != LOCK:
                    return True
            return False

        return bool(self._now(found()))

    @contextlib.contextmanager
    def reached(self) -> Iterator[None]:
        """Tell of a server that fails, whatever its library raises; what is wrong with data passes."""
        try:
            yield
        except (ForetellError, *_OF_DATA):
            raise
        except Exception as error:
            if self.folder is not None:
                raise
            raise StoreError(f"{self.name} cannot be reached ({type(error).__name__}: {error}).") from error

    def _now(self, awaitable: Any) -> Any:
        """What an operation of zarr's stores gives, which are all asynchronous."""
        with self.reached():
            return require("zarr.core.sync", "studies").sync(awaitable)
