"""Arrays of a store, each looked at before it is read: files may be damaged, or come from anyone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from foretell.exceptions import ForetellError, StoreError, one_line
from foretell.representations.store.format import StoreInfo, decode_bytes
from foretell.representations.store.storage import Storage

_LARGE_CHUNK = 2**26  # bytes
_CHECKSUM_BYTES = 4
_CODECS = ["bytes", "crc32c"]
_KEYS = {"name": "default", "configuration": {"separator": "/"}}
_SMALL = 2**20  # values in a chunk of what is small


class StoreArrays:
    """What is in a store's files, by the names of its arrays.

    Every method raises `StoreError` for an array that is not what the attributes say.

    Parameters
    ----------
    storage : Storage
        Where they are.
    info : StoreInfo
        What they must be.
    group : zarr.Group
        Open for reading.
    """

    def __init__(self, storage: Storage, info: StoreInfo, group: Any) -> None:
        self.storage = storage
        self.info = info
        self._group = group
        self._is_counted = False
        self._sized: set[str] = set()

    def has(self, column: str) -> bool:
        """Whether there is such a column of the items."""
        return self.storage.exists(f"{column}/offsets/zarr.json")

    def check_n_items(self) -> None:
        """Raise `StoreError` unless as many items are written as the attributes say: that decides what is allocated."""
        if not self._is_counted:
            self._check_filled("token_counts", self._array_of("token_counts", (self.info.n_items,), np.uint32))
            self._is_counted = True

    def texts(self, name: str) -> tuple[str, ...]:
        """A column of texts."""
        try:
            return tuple(piece.decode("utf-8") for piece in self.pieces(name, "utf8"))
        except UnicodeDecodeError as error:
            raise self._not_readable(f"{name}/utf8", one_line(error)) from error

    def pieces(self, name: str, data: str) -> tuple[bytes, ...]:
        """A column of bytes, those of `data` being cut at its offsets."""
        offsets = self.small(f"{name}/offsets", (self.info.n_items + 1,), np.uint64, filled=True)
        pieces = self.small(f"{name}/{data}", None, filled=True)
        if offsets[0] != 0 or offsets[-1] != len(pieces) or (offsets[1:] < offsets[:-1]).any():
            raise self._not_readable(f"{name}/offsets", "it does not fit to what it points into")
        return decode_bytes(offsets, pieces)

    def small(
        self,
        name: str,
        shape: tuple[int, ...] | None,
        dtype: DTypeLike = np.uint8,
        *,
        filled: bool | Iterable[int] = False,
        part: slice = slice(None),
    ) -> NDArray[Any]:
        """A small array, or a part of it; `filled`: of which every chunk, or these, were written."""
        array = self._array_of(name, shape, dtype)
        if filled is not False:
            self._check_filled(name, array, None if filled is True else filled)
        try:
            with self.storage.reached():
                return np.asarray(array[part])
        except (KeyError, ValueError, RuntimeError, OSError) as error:
            raise self._not_readable(name, one_line(error)) from error

    def layer(self, layer: str, kept: int, of: str) -> Any:
        """The array of a recording's layer; one that claims much must have a first file that is as large."""
        name, one = f"{of}/{kept}/{layer}", self.info.kept[kept]
        item, dtype = one.item_form(layer, as_numbers=of == "numbers" or one.is_full)
        chunk = (self.info.chunk_items, *item)
        array = self._array_of(name, (self.info.n_items, *item), dtype, chunk)
        n_bytes = math.prod(chunk) * dtype.itemsize
        if n_bytes > _LARGE_CHUNK and name not in self._sized:
            if self.storage.size(chunk_key(array, 0)) < n_bytes:
                raise self._not_readable(name, "its first chunk is not as large as it claims")
            self._sized.add(name)
        return array

    def fault(self, layer: str, chunk: int, kept: int, of: str) -> str:
        """What is wrong with a chunk of a layer, or nothing."""
        array = self.layer(layer, kept, of)
        key = chunk_key(array, chunk)
        if not self.storage.exists(key):
            return "a folder is in its file's place" if self.storage.has_folder(key) else "its file is gone"
        try:
            with self.storage.reached():
                array[slice(*self.info.span(chunk))]
        except (ValueError, RuntimeError):
            return "its checksum does not fit"
        except (StoreError, OSError) as error:
            return one_line(error)
        return ""

    def _array_of(
        self, name: str, shape: tuple[int, ...] | None, dtype: DTypeLike, chunk: tuple[int, ...] | None = None
    ) -> Any:
        """An array of the store, which is what it must be."""
        try:
            with self.storage.reached():
                array = self._group[name]
        except ForetellError:
            raise
        # Zarr makes objects of what is written in its files, and whatever is wrong there shows in ways of its own.
        except Exception as error:
            raise self._not_readable(name, one_line(error)) from error
        fault = _fault_of(array, shape, np.dtype(dtype), chunk)
        if fault:
            raise self._not_readable(name, fault)
        self.storage.expect(name, math.prod(array.chunks) * array.dtype.itemsize + _CHECKSUM_BYTES)
        return array

    def _check_filled(self, name: str, array: Any, chunks: Iterable[int] | None = None) -> None:
        """Raise `StoreError` unless some or all chunks of a small array are there: zarr makes zeros of what is not."""
        for chunk in range(-(-array.shape[0] // array.chunks[0])) if chunks is None else chunks:
            key = chunk_key(array, chunk)
            if not self.storage.exists(key):
                raise self._not_readable(name, f"{key} is gone")

    def _not_readable(self, name: str, why: str) -> StoreError:
        return StoreError(
            f"{self.storage.name} is damaged: its array {name} is not readable ({why}); delete it and extract again."
        )


def chunk_key(array: Any, chunk: int) -> str:
    """Key of the file of an array's chunk, by its number along the first dimension."""
    return f"{array.path}/c/{chunk}{'/0' * (array.ndim - 1)}"


def _fault_of(array: Any, shape: tuple[int, ...] | None, dtype: np.dtype[Any], chunk: tuple[int, ...] | None) -> str:
    """What is wrong with an array as its metadata describe it, or nothing.

    Parameters
    ----------
    array : zarr.Array, or what stands in its place
    shape : tuple of int, optional
        That it must have; any of one dimension by default.
    dtype : dtype
    chunk : tuple of int, optional
        Shape of its chunks; small ones by default.
    """
    if not hasattr(array, "metadata") or not hasattr(array, "chunks"):
        return "it is no array"
    described = array.metadata.to_dict()
    # Where chunks have other names than those that are looked for, zarr finds none and makes zeros.
    has_other_names = described["chunk_key_encoding"] != _KEYS or described.get("storage_transformers")
    faults = {
        "it has other codecs": [codec.to_dict()["name"] for codec in array.metadata.codecs] != _CODECS,
        "its chunks have other names": has_other_names,
        "what is not written is not 0": array.fill_value != 0,
        f"it is of {array.dtype}": array.dtype != dtype,
        f"it is of shape {array.shape}": array.shape != shape if shape is not None else array.ndim != 1,
        f"it has chunks of shape {array.chunks}": (
            array.chunks != chunk if chunk is not None else not 1 <= math.prod(array.chunks) <= _SMALL
        ),
    }
    return next((fault for fault, is_there in faults.items() if is_there), "")
