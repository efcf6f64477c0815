"""Reading a store: its items, and views of its layers."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from foretell.exceptions import ForetellError, StoreError, check_option, one_line
from foretell.measure.bits import Bits, Rows
from foretell.representations.spaces import StorePoints, StoreSpace, Window
from foretell.representations.store.checking import fault_of_array
from foretell.representations.store.choosing import averaged, chosen
from foretell.representations.store.layout import StoreInfo, decode_bytes, decode_texts
from foretell.representations.store.storage import Storage
from foretell.representations.tokens import TokenRule

__all__ = ["Store", "open_store", "opened"]

_LARGE_CHUNK = 2**26  # bytes


class Store:
    """What is kept of every layer of one model for one side of the pairs, opened by `open_store`.

    Parameters
    ----------
    storage : Storage
        Where it is.
    info : StoreInfo
        Its attributes.
    group : zarr.Group
        Open for reading.
    """

    def __init__(self, storage: Storage, info: StoreInfo, group: Any) -> None:
        self.storage = storage
        self.info = info
        self._group = group
        self._was_complete = False
        self._is_version_1 = group.attrs.get("version") == 1
        self._sized: set[str] = set()

    @property
    def name(self) -> str:
        """Its path or URL."""
        return self.storage.name

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, first to last."""
        return self.info.layers

    @property
    def n_items(self) -> int:
        """N, the number of items, those not extracted yet included."""
        return self.info.n_items

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Names of the items in order."""
        return self._column("ids")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Texts of the items in order; of images, their names."""
        return self._column("texts")

    @cached_property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        return self._column("groups") if self._has("groups") else None

    @cached_property
    def thumbnails(self) -> tuple[bytes, ...] | None:
        """Small PNG files of items that are images, else None."""
        return decode_bytes(*self._pieces("thumbnails", "bytes")) if self._has("thumbnails") else None

    @cached_property
    def token_counts(self) -> NDArray[np.uint32]:
        """Tokens of each item: real ones of its whole text, or patches; shape (N,)."""
        return np.asarray(self._small("token_counts", (self.n_items,), np.uint32, filled=True), np.uint32)

    @property
    def near_zero(self) -> NDArray[np.uint64]:
        """Kept activations that are near to 0 (`StoreInfo.near_zero`), shape (layers,)."""
        if self._is_version_1:
            return np.zeros(len(self.layers), np.uint64)
        shape = (self.info.n_chunks, len(self.layers))
        there = np.flatnonzero(self.committed).tolist()
        return np.asarray(self._small("near_zero", shape, np.uint64, filled=there).sum(axis=0), np.uint64)

    @property
    def committed(self) -> NDArray[np.bool_]:
        """Which chunks of items are there, shape (chunks,); read anew each time."""
        self._check_n_items()
        return np.asarray(self._small("committed", (self.info.n_chunks,))).astype(bool)

    def missing_of(self, chunks: range) -> list[int]:
        """Those of some chunks of items that are not there; read anew each time."""
        committed = self._small("committed", (self.info.n_chunks,), part=slice(chunks.start, chunks.stop)).astype(bool)
        return [chunk for chunk, is_there in zip(chunks, committed, strict=True) if not is_there]

    @property
    def n_missing(self) -> int:
        """How many items have nothing yet."""
        return sum(last - first for first, last in map(self.info.span, np.flatnonzero(~self.committed).tolist()))

    @property
    def waiting(self) -> list[int]:
        """Numbers of the recordings whose bits wait until all items are there."""
        waiting = [number for number, kept in enumerate(self.info.kept) if kept.recording.needs_all_items]
        return [number for number in waiting if not self._small("binarized", (len(self.info.kept),))[number]]

    @property
    def is_tidy(self) -> bool:
        """Whether no numbers are left over that bits were made of."""
        return not any(
            self.storage.exists(f"numbers/{number}/{layer}/zarr.json")
            for number, kept in enumerate(self.info.kept)
            if kept.recording.needs_all_items and number not in self.waiting
            for layer in kept.n_bits
        )

    @property
    def is_complete(self) -> bool:
        """Whether every item has its bits."""
        return bool(self.committed.all()) and not self.waiting

    def space(
        self,
        layer: int | str,
        tokens: str | TokenRule | slice | Sequence[int] | None = None,
        *,
        aggregate: str = "concatenate",
        binarize: str = "sign",
    ) -> StoreSpace:
        """One layer, for some tokens of each item; nothing is read yet.

        Parameters
        ----------
        layer : int or str
            Number of the layer, 0 to the number of blocks, or its name, such as "final".
        tokens : str, TokenRule, slice or sequence of int, optional
            A rule such as ``"last 5"``, ``"class"`` or ``"mean"``; or which of the tokens that the store keeps, by
            number or as a slice: ``slice(-5, None)``. All that were asked for first by default.
        aggregate : {"concatenate", "mean"}
            What becomes of several tokens. ``tokens="last 20", aggregate="mean"`` is ``tokens="mean last 20"``, which
            must have been extracted: signs of a mean do not follow from signs.
        binarize : str
            How activations became bits: "sign", or what the store was extracted with, such as "median" or
            "projection 256".

        Raises
        ------
        OptionError
            For a layer that there is not, or what the store does not keep; the message says what to extract.
        """
        check_option("aggregate", aggregate, ("concatenate", "mean"))
        if aggregate == "mean":
            tokens = averaged(self.info, tokens)
        number, window = chosen(self.info, self.name, str(layer), tokens, binarize)
        return StoreSpace(self, str(layer), number, window)

    def points(self, layer: int | str, tokens: str | TokenRule | slice | Sequence[int] | None = None) -> StorePoints:
        """Full precision of one layer, for ``metric="euclidean"``: the control of what signs lose.

        Each item is clipped to its 5 to 95 % quantiles and scaled to length 1.

        Parameters
        ----------
        layer, tokens
            As for `space`, of what was extracted as ``"TOKENS, full"``.
        """
        number, window = chosen(self.info, self.name, str(layer), tokens, "full")
        return StorePoints(self, str(layer), number, window)

    def read(
        self, layer: str, rows: Rows = slice(None), *, kept: int = 0, window: Window | None = None
    ) -> NDArray[Any]:
        """What is kept of some items at one layer.

        Parameters
        ----------
        layer : str
            Its name.
        rows : slice or array of int
            Items, all by default.
        kept : int
            Number of the recording.
        window : slice or array of int, optional
            Which of its tokens, all by default.

        Returns
        -------
        ndarray
            Packed bits of shape (rows, T, bytes), or float32 numbers of shape (rows, T, H).

        Raises
        ------
        StoreError
            If an item has no bits yet, or a chunk is damaged: the message names layer and items.
        """
        info = self.info
        places = np.arange(self.n_items)[rows]
        of_chunk, inside = np.divmod(places, info.chunk_items)
        needed = np.unique(of_chunk)
        self._check_there(needed, kept)
        n_tokens, width = info.kept[kept].item_shape(layer)
        window = slice(None) if window is None else window
        dtype = np.float32 if info.kept[kept].is_full else np.uint8
        data = np.empty((len(places), len(np.arange(n_tokens)[window]), width), dtype)
        for first, last in _runs(needed):
            block = self._read_chunks(layer, first, last, kept)
            mine = (of_chunk >= first) & (of_chunk <= last)
            data[mine] = block[:, window][(of_chunk[mine] - first) * info.chunk_items + inside[mine]]
        return data

    def bits(self, layer: str, rows: Rows = slice(None), *, kept: int = 0, window: Window | None = None) -> Bits:
        """`read` as `foretell.Bits`, with ids unless a row is repeated."""
        data = self.read(layer, rows, kept=kept, window=window)
        ids = tuple(self.ids[place] for place in np.arange(self.n_items)[rows])
        return Bits(data, self.info.kept[kept].n_bits[layer], ids if len(set(ids)) == len(ids) else None)

    def numbers(self, layer: str, kept: int) -> NDArray[np.float32]:
        """Numbers of a recording whose bits wait for all items, shape (N, T, H)."""
        return np.asarray(self._read_chunks(layer, 0, self.info.n_chunks - 1, kept, "numbers"), np.float32)

    def damaged(self) -> Iterator[tuple[int, str, int, str]]:
        """Read every chunk that should be there, and give recording, layer, chunk and fault of those damaged."""
        committed, waiting = np.flatnonzero(self.committed).tolist(), self.waiting
        for kept, one in enumerate(self.info.kept):
            of = "numbers" if kept in waiting else "bits"
            for layer in one.n_bits:
                for chunk in committed:
                    why = self._fault(layer, chunk, kept, of)
                    if why:
                        yield kept, layer, chunk, why

    def __repr__(self) -> str:
        info = self.info
        return (
            f"Store({self.name!r}, model={info.model_id!r}, side={info.side!r}, n_items={self.n_items}, "
            f"layers={len(self.layers)}, tokens={info.tokens!r})"
        )

    def _has(self, column: str) -> bool:
        return self.storage.exists(f"{column}/offsets/zarr.json")

    def _check_n_items(self) -> None:
        """Raise `StoreError` unless as many items are written as the attributes say: that decides what is allocated."""
        if "" not in self._sized:
            array = self._array_of("token_counts", (self.n_items,), np.uint32)
            self._check_filled("token_counts", array)
            self._sized.add("")

    def _check_filled(self, name: str, array: Any, chunks: Iterable[int] | None = None) -> None:
        """Raise `StoreError` unless some or all chunks of a small array are there: zarr makes zeros of what is not."""
        after = "/0" * (array.ndim - 1)
        for chunk in range(-(-array.shape[0] // array.chunks[0])) if chunks is None else chunks:
            key = f"{name}/c/{chunk}{after}"
            if not self.storage.exists(key):
                raise self._not_readable(name, f"{key} is gone")

    def _check_there(self, chunks: NDArray[np.intp], kept: int) -> None:
        # A chunk that is there stays, so the flags, a small file each, are read until all are set.
        if self._was_complete:
            return
        committed = self.committed
        self._was_complete = bool(committed.all()) and not self.waiting
        absent = chunks[~committed[chunks]]
        if absent.size:
            first, last = self.info.span(int(absent[0]))
            raise StoreError(
                f"{self.name} is incomplete: items {first} to {last - 1} have no bits "
                f"({self.n_missing} of {self.n_items} missing); run the same extract again to complete it."
            )
        if kept in self.waiting:
            raise StoreError(
                f"{self.name} is incomplete: bits of {str(self.info.kept[kept].recording)!r} wait for all items; run "
                "the same extract again to complete it."
            )

    def _read_chunks(self, layer: str, first: int, last: int, kept: int, of: str = "bits") -> NDArray[Any]:
        """What is kept of chunks `first` to `last` of a layer, both included."""
        array, place, key = self._array(layer, kept, of)
        # Zarr reads a chunk whose file is gone as zeros.
        if all(self.storage.exists(key.format(chunk)) for chunk in range(first, last + 1)):
            start, stop = self.info.span(first)[0], self.info.span(last)[1]
            with contextlib.suppress(ValueError, RuntimeError), self.storage.reached():
                return np.asarray(array[(*place, slice(start, stop))])
        # One of them is damaged: they are looked at one by one to name it.
        for chunk in range(first, last + 1):
            why = self._fault(layer, chunk, kept, of)
            if why:
                raise self._damaged(layer, chunk, kept, why)
        return np.concatenate(
            [np.asarray(array[(*place, slice(*self.info.span(chunk)))]) for chunk in range(first, last + 1)]
        )

    def _fault(self, layer: str, chunk: int, kept: int, of: str) -> str:
        """What is wrong with a chunk of a layer, or nothing."""
        array, place, key = self._array(layer, kept, of)
        if not self.storage.exists(key.format(chunk)):
            return "its file is gone"
        try:
            with self.storage.reached():
                array[(*place, slice(*self.info.span(chunk)))]
        except (ValueError, RuntimeError):
            return "its checksum does not fit"
        return ""

    def _array(self, layer: str, kept: int, of: str) -> tuple[Any, tuple[int, ...], str]:
        """The array of a recording's layer, where in it, and the key of a chunk's file."""
        if self._is_version_1:
            number = self.layers.index(layer)
            before, item = (len(self.layers),), self.info.kept[0].item_shape(layer)
            array = self._sized_array("bits", before, item, np.uint8, f"bits/c/{number}/0/0/0")
            return array, (number,), f"bits/c/{number}/{{}}/0/0"
        name = f"{of}/{kept}/{layer}"
        one = self.info.kept[kept]
        is_bits = of == "bits" and not one.is_full
        item = one.item_shape(layer) if is_bits else (one.n_tokens, one.n_bits[layer])
        array = self._sized_array(name, (), item, np.uint8 if is_bits else np.float32, f"{name}/c/0/0/0")
        return array, (), f"{name}/c/{{}}/0/0"

    def _sized_array(
        self, name: str, before: tuple[int, ...], item: tuple[int, ...], dtype: DTypeLike, first: str
    ) -> Any:
        """An array of a chunk of items a file; one that claims much must have a first file that is as large."""
        info = self.info
        chunk = (*(1 for _ in before), info.chunk_items, *item)
        array = self._array_of(name, (*before, info.n_items, *item), dtype, chunk)
        n_bytes = math.prod(chunk) * np.dtype(dtype).itemsize
        if n_bytes > _LARGE_CHUNK and first not in self._sized:
            if self.storage.size(first) < n_bytes:
                raise self._not_readable(name, "its first chunk is not as large as it claims")
            self._sized.add(first)
        return array

    def _array_of(
        self, name: str, shape: tuple[int, ...] | None, dtype: DTypeLike, chunk: tuple[int, ...] | None = None
    ) -> Any:
        """An array of the store, which is what it must be."""
        try:
            with self.storage.reached():
                array = self._group[name]
        except ForetellError:
            raise
        # As in `opened`.
        except Exception as error:
            raise self._not_readable(name, one_line(error)) from error
        fault = fault_of_array(array, shape, dtype, chunk)
        if fault:
            raise self._not_readable(name, fault)
        return array

    def _not_readable(self, name: str, why: str) -> StoreError:
        return StoreError(
            f"{self.name} is damaged: its array {name} is not readable ({why}); delete it and extract again."
        )

    def remedy(self, kept: int) -> str:
        """What to do about damage of a recording."""
        if self._is_version_1:
            return "this store is of an older version: extract it again, to another place."
        if self.info.kept[kept].recording.needs_all_items and kept not in self.waiting:
            return "its bits were made of all items at once: delete the store and make it again."
        call = "import" if "imported" in self.info.model_revision else "extract"
        return f"the same {call} with repair=True (`foretell {call} ... --repair`) makes those items anew."

    def _damaged(self, layer: str, chunk: int, kept: int, why: str) -> StoreError:
        first, last = self.info.span(chunk)
        return StoreError(
            f"{self.name} is damaged: layer {layer}, items {first} to {last - 1} ({why}); {self.remedy(kept)}"
        )

    def _column(self, name: str) -> tuple[str, ...]:
        try:
            return decode_texts(*self._pieces(name, "utf8"))
        except UnicodeDecodeError as error:
            raise self._not_readable(f"{name}/utf8", one_line(error)) from error

    def _pieces(self, name: str, data: str) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Offsets of a column, and what they point into."""
        offsets = self._small(f"{name}/offsets", (self.n_items + 1,), np.uint64, filled=True)
        pieces = self._small(f"{name}/{data}", None, filled=True)
        if offsets[0] != 0 or offsets[-1] != len(pieces) or (offsets[1:] < offsets[:-1]).any():
            raise self._not_readable(f"{name}/offsets", "it does not fit to what it points into")
        return offsets, pieces

    def _small(
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
        except (KeyError, ValueError, RuntimeError) as error:
            raise self._not_readable(name, one_line(error)) from error


def open_store(place: str | Path) -> Store:
    """Open a store for reading.

    Parameters
    ----------
    place : str or Path
        Its folder, or the URL of a file system that fsspec knows, such as "s3://bucket/en.zarr".

    Returns
    -------
    Store
        Its bits are read when asked; what is opened may still be incomplete (`Store.is_complete`).

    Raises
    ------
    StoreError
        If nothing is there, it is not a foretell store, or it is of a newer version.
    """
    return opened(Storage(place, read_only=True))


def opened(storage: Storage) -> Store:
    """The store at a place."""
    if storage.folder is not None and not storage.folder.exists():
        raise StoreError(f"There is no store at {storage.name}: give the path of one that extract wrote.")
    try:
        with storage.reached():
            group = storage.group()
            attrs = dict(group.attrs)
    except ForetellError:
        raise
    # Zarr makes objects of what is written in its files, and whatever is wrong there shows in ways of its own.
    except Exception as error:
        raise StoreError(f"{storage.name} is not a foretell store: give the path of one that extract wrote.") from error
    return Store(storage, StoreInfo.from_attrs(attrs, storage.name), group)


def _runs(numbers: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    if not numbers.size:
        return
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    starts, ends = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, numbers.size - 1]]
    yield from zip(starts.tolist(), ends.tolist(), strict=True)
