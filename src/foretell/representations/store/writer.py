"""Writing a store: its items first, then its bits chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import StoreError, require
from foretell.representations.store.format import FORMAT, VERSION, StoreInfo, encode_bytes
from foretell.representations.store.storage import Storage

Column = Sequence[str] | Sequence[bytes]


def create_store(
    storage: Storage,
    info: StoreInfo,
    *,
    columns: Mapping[str, Column],
    token_counts: NDArray[np.uint32],
) -> None:
    """Make a store that has its items and none of its bits.

    While it is made its attribute `creating` says so; one that was left so is made anew. The caller holds the lock.

    Parameters
    ----------
    storage : Storage
        Empty, or a store that was not made to the end.
    info : StoreInfo
    columns : mapping of str to sequence of str or bytes
        Of one value an item: `ids`, `texts` and others of ``docs/store.md``.
    token_counts : ndarray of uint32, shape (N,)

    Raises
    ------
    StoreError
        If something else is there, or the place cannot be written.
    """
    zarr = require("zarr", "studies")
    with storage.writing():
        if not storage.is_empty:
            _clear(storage)
        group = zarr.create_group(
            store=storage.zarr, zarr_format=3, attributes={"format": FORMAT, "version": VERSION, "creating": True}
        )
        for number, kept in enumerate(info.kept):
            for layer in kept.n_bits:
                form = kept.item_form(layer, as_numbers=kept.is_full)
                _create_items(group, f"bits/{number}/{layer}", info, *form)
                if kept.recording.needs_all_items:
                    form = kept.item_form(layer, as_numbers=True)
                    _create_items(group, f"numbers/{number}/{layer}", info, *form)
        _create(group, "committed", shape=(info.n_chunks,), chunks=(1,), dtype="uint8", dimension_names=("chunk",))
        _create(
            group,
            "near_zero",
            shape=(info.n_chunks, len(info.layers)),
            chunks=(1, len(info.layers)),
            dtype="uint64",
            dimension_names=("chunk", "layer"),
        )
        if any(kept.recording.needs_all_items for kept in info.kept):
            _create(group, "binarized", shape=(len(info.kept),), chunks=(1,), dtype="uint8", dimension_names=("kept",))
        _create_filled(group, "token_counts", token_counts)
        for name, column in columns.items():
            offsets, data = encode_bytes([one.encode("utf-8") if isinstance(one, str) else one for one in column])
            _create_filled(group, f"{name}/offsets", offsets)
            _create_filled(group, f"{name}/utf8" if isinstance(column[0], str) else f"{name}/bytes", data)
        group.attrs.put(info.to_attrs())


@dataclass(frozen=True)
class StoreWriter:
    """Fills a store.

    Parameters
    ----------
    storage : Storage
        Of a store that `create_store` made; the caller holds the lock.
    info : StoreInfo
        Its attributes.
    """

    storage: Storage
    info: StoreInfo

    def write_chunk(
        self, chunk: int, data: Mapping[tuple[int, str], NDArray[Any]], near_zero: NDArray[np.uint64]
    ) -> None:
        """Write a chunk of items, then mark it as there.

        Parameters
        ----------
        chunk : int
            Its number: items ``chunk * chunk_items`` and on.
        data : mapping of (int, str) to ndarray
            For each recording, by number, and layer: packed bits of shape (items, T, bytes), or numbers of shape
            (items, T, H) where the recording keeps them, or its bits wait until all items are there.
        near_zero : ndarray of uint64, shape (layers,)
            Activations near to 0.
        """
        first, stop = self.info.span(chunk)
        with self._writing() as group:
            for (number, layer), values in data.items():
                name = f"bits/{number}/{layer}"
                if self.info.kept[number].recording.needs_all_items:
                    if group["binarized"][number]:  # its bits are there, of this chunk as of all
                        continue
                    name = f"numbers/{number}/{layer}"
                _whole(group[name])[first:stop] = values
            _whole(group["near_zero"])[chunk] = near_zero
            group["committed"][chunk] = 1

    def write_layer(self, number: int, layer: str, bits: NDArray[np.uint8]) -> None:
        """Write a layer of a recording for all items, chunk by chunk."""
        with self._writing() as group:
            _whole(group[f"bits/{number}/{layer}"])[:] = bits

    def finish(self, number: int) -> None:
        """Mark a recording's bits as there that waited for all items; its numbers are then of no use."""
        with self._writing() as group:
            group["binarized"][number] = 1

    def tidy(self) -> None:
        """Delete numbers that bits were made of, and what a killed writer left half written."""
        with self._writing() as group:
            for number, kept in enumerate(self.info.kept):
                if kept.recording.needs_all_items and group["binarized"][number]:
                    self.storage.delete_folder(f"numbers/{number}")
            self.storage.delete_partial()

    def forget(self, chunk: int) -> None:
        """Mark a chunk of items as missing, so that it is made anew."""
        with self._writing() as group:
            _whole(group["committed"])[chunk] = 0

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """The group, open for writing."""
        with self.storage.writing():
            yield self.storage.group("r+")


def _whole(array: Any) -> Any:
    """The array, chunks of zeros written too: what is missing must never read as minus signs."""
    return array.with_config({"write_empty_chunks": True})


def _clear(storage: Storage) -> None:
    try:
        attrs = dict(storage.group().attrs)
    except (FileNotFoundError, ValueError, KeyError, TypeError, OSError):
        attrs = {}
    if attrs.get("format") != FORMAT or not attrs.get("creating"):
        raise StoreError(f"{storage.name} is taken by something else: give another path, or delete it.")
    storage.clear()


def _create_items(group: Any, name: str, info: StoreInfo, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
    """An array of what is kept of every item: packed bits, or numbers."""
    _create(
        group,
        name,
        shape=(info.n_items, *shape),
        chunks=(info.chunk_items, *shape),
        dtype=dtype,
        dimension_names=("item", "token", "byte" if dtype == np.uint8 else "dimension"),
    )


def _create(group: Any, name: str, **options: Any) -> Any:
    crc32c = require("zarr.codecs", "studies").Crc32cCodec()
    return group.create_array(name, fill_value=0, filters=None, compressors=[crc32c], **options)


def _create_filled(group: Any, name: str, values: NDArray[Any]) -> None:
    """An array of one dimension in chunks of a million values."""
    array = _create(group, name, shape=values.shape, chunks=(min(max(1, len(values)), 2**20),), dtype=values.dtype)
    _whole(array)[:] = values
