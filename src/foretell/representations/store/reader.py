"""Reading a store: its items, and views of its layers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import ForetellError, StoreError
from foretell.measure.spaces.bits import BinarySpace, Rows
from foretell.representations.store.format import StoreInfo, Window
from foretell.representations.store.recordings import TokenRule
from foretell.representations.store.storage import Storage
from foretell.representations.store.stored_arrays import StoreArrays, chunk_key

_LOW, _HIGH = 0.05, 0.95  # quantiles that numbers are clipped to


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
        self._arrays = StoreArrays(storage, info, group)
        self._was_complete = False

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
        return self._arrays.texts("ids")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Texts of the items in order; of images, their names."""
        return self._arrays.texts("texts")

    @cached_property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        return self._arrays.texts("groups") if self._arrays.has("groups") else None

    @cached_property
    def thumbnails(self) -> tuple[bytes, ...] | None:
        """Small PNG files of items that are images, else None."""
        return self._arrays.pieces("thumbnails", "bytes") if self._arrays.has("thumbnails") else None

    @cached_property
    def token_counts(self) -> NDArray[np.uint32]:
        """Tokens of each item: real ones of its whole text, or patches; shape (N,)."""
        return np.asarray(self._arrays.small("token_counts", (self.n_items,), np.uint32, filled=True), np.uint32)

    @property
    def near_zero(self) -> NDArray[np.uint64]:
        """Kept activations that are near to 0 (`StoreInfo.near_zero`), shape (layers,)."""
        shape = (self.info.n_chunks, len(self.layers))
        there = np.flatnonzero(self.committed).tolist()
        return np.asarray(self._arrays.small("near_zero", shape, np.uint64, filled=there).sum(axis=0), np.uint64)

    @property
    def committed(self) -> NDArray[np.bool_]:
        """Which chunks of items are there, shape (chunks,); read anew each time."""
        self._arrays.check_n_items()
        return np.asarray(self._arrays.small("committed", (self.info.n_chunks,))).astype(bool)

    def missing_of(self, chunks: range) -> list[int]:
        """Those of some chunks of items that are not there; read anew each time."""
        committed = self._arrays.small("committed", (self.info.n_chunks,), part=slice(chunks.start, chunks.stop))
        return [chunk for chunk, is_there in zip(chunks, committed.astype(bool), strict=True) if not is_there]

    @property
    def n_missing(self) -> int:
        """How many items have nothing yet."""
        return sum(last - first for first, last in map(self.info.span, np.flatnonzero(~self.committed).tolist()))

    @property
    def waiting(self) -> list[int]:
        """Numbers of the recordings whose bits wait until all items are there."""
        waiting = [number for number, kept in enumerate(self.info.kept) if kept.recording.needs_all_items]
        return [number for number in waiting if not self._arrays.small("binarized", (len(self.info.kept),))[number]]

    @property
    def is_tidy(self) -> bool:
        """Whether no numbers are left over that bits were made of, nor files of them by a deletion that was stopped."""
        return not any(
            self.storage.has_folder(f"numbers/{number}")
            for number, kept in enumerate(self.info.kept)
            if kept.recording.needs_all_items and number not in self.waiting
        )

    @property
    def is_complete(self) -> bool:
        """Whether every item has its bits."""
        return bool(self.committed.all()) and not self.waiting

    def space(self, layer: int | str, tokens: str | TokenRule | slice | Sequence[int] | None = None) -> StoreSpace:
        """One layer, for some tokens of each item; nothing is read yet.

        Parameters
        ----------
        layer : int or str
            Number of the layer, 0 to the number of blocks, or its name, such as "final".
        tokens : str, TokenRule, slice or sequence of int, optional
            What was extracted, or a part of it: a rule such as ``"last 5"``, ``"class"`` or ``"mean"``, and after a
            comma how activations became bits where that is not by their signs, as in ``"last 5, median"``; or which
            tokens of the first bits that the store keeps, by number or as a slice: ``slice(-5, None)``. All of these
            by default. Signs of a mean do not follow from signs: a mean must have been extracted.

        Raises
        ------
        OptionError
            For a layer that there is not, or what the store does not keep; the message says what to extract.
        """
        number, window = self.info.chosen(self.name, str(layer), tokens)
        return StoreSpace(self, str(layer), number, window)

    def points(self, layer: int | str, tokens: str | TokenRule | slice | Sequence[int] | None = None) -> StorePoints:
        """Full precision of one layer, for ``metric="euclidean"``: the control of what signs lose.

        Each item is clipped to its 5 to 95 % quantiles and scaled to length 1.

        Parameters
        ----------
        layer, tokens
            As for `space`, of what was extracted as ``"TOKENS, full"``.
        """
        number, window = self.info.chosen(self.name, str(layer), tokens, full=True)
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
        (n_tokens, width), dtype = info.kept[kept].item_form(layer, as_numbers=info.kept[kept].is_full)
        window = slice(None) if window is None else window
        data = np.empty((len(places), len(np.arange(n_tokens)[window]), width), dtype)
        for first, last in runs(needed):
            block = self._read_chunks(layer, first, last, kept)
            mine = (of_chunk >= first) & (of_chunk <= last)
            data[mine] = block[:, window][(of_chunk[mine] - first) * info.chunk_items + inside[mine]]
        return data

    def bits(self, layer: str, rows: Rows = slice(None), *, kept: int = 0, window: Window | None = None) -> BinarySpace:
        """`read` as `foretell.BinarySpace`, with ids unless a row is repeated."""
        data = self.read(layer, rows, kept=kept, window=window)
        ids = tuple(self.ids[place] for place in np.arange(self.n_items)[rows])
        return BinarySpace(data, self.info.kept[kept].n_bits[layer], ids if len(set(ids)) == len(ids) else None)

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
                    why = self._arrays.fault(layer, chunk, kept, of)
                    if why:
                        yield kept, layer, chunk, why

    def __repr__(self) -> str:
        info = self.info
        return (
            f"Store({self.name!r}, model={info.model_id!r}, side={info.side!r}, n_items={self.n_items}, "
            f"layers={len(self.layers)}, tokens={info.tokens!r})"
        )

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
        array = self._arrays.layer(layer, kept, of)
        chunks, items = range(first, last + 1), slice(self.info.span(first)[0], self.info.span(last)[1])
        # Zarr reads a chunk whose file is gone as zeros.
        if all(self.storage.exists(chunk_key(array, chunk)) for chunk in chunks):
            with contextlib.suppress(ValueError, RuntimeError), self.storage.reached():
                return np.asarray(array[items])
        # One of them is damaged: they are looked at one by one to name it.
        for chunk in chunks:
            why = self._arrays.fault(layer, chunk, kept, of)
            if why:
                start, stop = self.info.span(chunk)
                raise StoreError(
                    f"{self.name} is damaged: layer {layer}, items {start} to {stop - 1} ({why}); {self.remedy(kept)}"
                )
        return np.asarray(array[items])

    def remedy(self, kept: int) -> str:
        """What to do about damage of a recording."""
        if self.info.kept[kept].recording.needs_all_items and kept not in self.waiting:
            return "its bits were made of all items at once: delete the store and make it again."
        call = "import" if "imported" in self.info.model_revision else "extract"
        return f"the same {call} with repair=True (`foretell {call} ... --repair`) makes those items anew."


@dataclass(frozen=True, eq=False)
class _View:
    """Some tokens of a layer of a store.

    Parameters
    ----------
    store : Store
    layer : str
        Name of the layer: "0" to the number of blocks, or "final".
    kept : int
        Number of the recording in the store.
    window : slice or ndarray of int
        Which of its tokens.
    """

    store: Store
    layer: str
    kept: int
    window: Window

    @property
    def name(self) -> str:
        """Model, side and layer, parted by colons."""
        return f"{self.store.info.model_id}:{self.store.info.side}:{self.layer}"

    @property
    def relative_depth(self) -> float:
        """Layer / number of blocks, 0 to 1; 1 for "final"."""
        return int(self.layer) / self.store.info.n_blocks if self.layer.isdecimal() else 1.0

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return self.store.n_items

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the items in order."""
        return self.store.ids

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        return self.store.groups

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens of an item."""
        return len(np.arange(self.store.info.kept[self.kept].n_tokens)[self.window])

    def __repr__(self) -> str:
        recording = self.store.info.kept[self.kept].recording
        return (
            f"{type(self).__name__}({self.name!r}, {str(recording)!r}, n_tokens={self.n_tokens}, "
            f"n_items={self.n_items})"
        )


class StoreSpace(_View):
    """Bits of one layer of a store: a `foretell.Space`, made by `Store.space`."""

    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        """Bits of the items at `rows`, shape (rows, T, bytes).

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        return self.store.bits(self.layer, rows, kept=self.kept, window=self.window)


class StorePoints(_View):
    """Full precision of one layer of a store, for ``metric="euclidean"``, made by `Store.points`."""

    def points(self, rows: Rows = slice(None)) -> NDArray[np.float64]:
        """Numbers of the items at `rows`, each item clipped to its 5 to 95 % quantiles and scaled to length 1.

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        x = self.store.read(self.layer, rows, kept=self.kept, window=self.window)
        flat = x.reshape(len(x), -1).astype(np.float64)
        clipped = np.clip(flat, *np.quantile(flat, (_LOW, _HIGH), axis=1, keepdims=True))
        lengths = np.linalg.norm(clipped, axis=1, keepdims=True)
        return np.asarray(clipped / np.where(lengths > 0, lengths, 1.0))


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


def runs(numbers: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    if not numbers.size:
        return
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    starts, ends = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, numbers.size - 1]]
    yield from zip(starts.tolist(), ends.tolist(), strict=True)
