"""Reading a store: its items, and views of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, StoreError, check_option, require
from foretell.measure.bits import Bits, Rows
from foretell.representations.spaces import StoreSpace
from foretell.representations.store.layout import StoreInfo, decode_texts
from foretell.representations.tokens import TokenRule

__all__ = ["Store", "open_store"]


class Store:
    """Sign bits of every layer of one model for one side of the pairs, opened by `open_store`.

    Parameters
    ----------
    path : Path
        Its folder.
    info : StoreInfo
        Its attributes.
    group : zarr.Group
        Open for reading.
    """

    def __init__(self, path: Path, info: StoreInfo, group: Any) -> None:
        self.path = path
        self.info = info
        self._group = group
        self._was_complete = False

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
        """Texts of the items in order."""
        return self._column("texts")

    @cached_property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        return self._column("groups") if "groups" in self._group else None

    @cached_property
    def token_counts(self) -> NDArray[np.uint32]:
        """Real tokens of each item's whole text, shape (N,)."""
        return np.asarray(self._small("token_counts"), np.uint32)

    @property
    def committed(self) -> NDArray[np.bool_]:
        """Which chunks of items are there, shape (chunks,); read anew each time."""
        return np.asarray(self._small("committed")).astype(bool)

    @property
    def n_missing(self) -> int:
        """How many items have no bits yet."""
        return sum(last - first for first, last in map(self._span, np.flatnonzero(~self.committed).tolist()))

    @property
    def is_complete(self) -> bool:
        """Whether every item has its bits."""
        return bool(self.committed.all())

    def space(self, layer: int | str, tokens: str | TokenRule | None = None) -> StoreSpace:
        """One layer, for the last tokens of each item; nothing is read yet.

        Parameters
        ----------
        layer : int or str
            Number of the layer, 0 to the number of blocks, or its name, such as "final".
        tokens : str or TokenRule, optional
            Such as ``"last 5"``: as many tokens as the store has or fewer. All by default.

        Raises
        ------
        OptionError
            For a layer that there is not, or more tokens than the store has.
        """
        check_option("layer", str(layer), self.layers)
        rule = TokenRule.parse(self.info.tokens if tokens is None else tokens)
        if rule.last > self.info.n_tokens:
            raise OptionError(
                f"{self.path} keeps {self.info.tokens!r} and tokens={str(rule)!r} asks for more: "
                "extract again with more tokens, or ask for fewer."
            )
        return StoreSpace(self, str(layer), rule)

    def read(self, layer: str, rows: Rows = slice(None), *, n_tokens: int | None = None) -> Bits:
        """Bits of some items at one layer.

        Parameters
        ----------
        layer : str
            Its name.
        rows : slice or array of int
            Items, all by default.
        n_tokens : int, optional
            How many of the last tokens, all by default.

        Returns
        -------
        Bits
            Shape (rows, n_tokens, ceil(H / 8)); with ids, unless a row is repeated.

        Raises
        ------
        StoreError
            If an item has no bits yet, or a chunk is damaged: the message names layer and items.
        """
        info = self.info
        places = np.arange(self.n_items)[rows]
        n_tokens = info.n_tokens if n_tokens is None else n_tokens
        of_chunk, inside = np.divmod(places, info.chunk_items)
        needed = np.unique(of_chunk)
        self._check_committed(needed)
        data = np.empty((len(places), n_tokens, info.n_bytes), np.uint8)
        for first, last in _runs(needed):
            block = self._read_chunks(layer, first, last)
            mine = (of_chunk >= first) & (of_chunk <= last)
            data[mine] = block[(of_chunk[mine] - first) * info.chunk_items + inside[mine], -n_tokens:]
        ids = tuple(self.ids[place] for place in places)
        return Bits(data, info.hidden_size, ids if len(set(ids)) == len(ids) else None)

    def __repr__(self) -> str:
        info = self.info
        return (
            f"Store({str(self.path)!r}, model={info.model_id!r}, side={info.side!r}, n_items={self.n_items}, "
            f"layers={len(self.layers)}, tokens={info.tokens!r})"
        )

    def _check_committed(self, chunks: NDArray[np.intp]) -> None:
        # A chunk that is there stays, so the flags, a small file each, are read until all are set.
        if self._was_complete:
            return
        committed = self.committed
        self._was_complete = bool(committed.all())
        absent = chunks[~committed[chunks]]
        if absent.size:
            first, last = self._span(int(absent[0]))
            raise StoreError(
                f"{self.path} is incomplete: items {first} to {last - 1} have no bits "
                f"({self.n_missing} of {self.n_items} missing); run the same extract again to complete it."
            )

    def _read_chunks(self, layer: str, first: int, last: int) -> NDArray[np.uint8]:
        """Bits of chunks `first` to `last` of a layer, both included, shape (items, T, bytes)."""
        number = self.layers.index(layer)
        for chunk in range(first, last + 1):
            # Zarr reads a chunk whose file is gone as zeros.
            if not (self.path / "bits" / "c" / f"{number}/{chunk}/0/0").is_file():
                raise self._damaged(layer, chunk, "its file is gone")
        start, stop = self._span(first)[0], self._span(last)[1]
        try:
            return np.asarray(self._group["bits"][number, start:stop], np.uint8)
        except (ValueError, RuntimeError) as error:
            if first == last:
                raise self._damaged(layer, first, "its checksum does not fit") from error
        # One of them is damaged: read one by one to name it.
        return np.concatenate([self._read_chunks(layer, chunk, chunk) for chunk in range(first, last + 1)])

    def _damaged(self, layer: str, chunk: int, why: str) -> StoreError:
        first, last = self._span(chunk)
        return StoreError(
            f"{self.path} is damaged: layer {layer}, items {first} to {last - 1} ({why}); delete the file "
            f"committed/c/{chunk} in it and run the same extract again, which computes those items anew."
        )

    def _span(self, chunk: int) -> tuple[int, int]:
        """First item of a chunk, and one past its last."""
        first = chunk * self.info.chunk_items
        return first, min(first + self.info.chunk_items, self.n_items)

    def _column(self, name: str) -> tuple[str, ...]:
        return decode_texts(self._small(f"{name}/offsets"), self._small(f"{name}/utf8"))

    def _small(self, name: str) -> NDArray[Any]:
        try:
            return np.asarray(self._group[name][:])
        except (KeyError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"{self.path} is damaged: its array {name} is not readable ({error}); delete it and extract again."
            ) from error


def open_store(path: str | Path) -> Store:
    """Open a store for reading.

    Parameters
    ----------
    path : str or Path
        Its folder.

    Returns
    -------
    Store
        Its bits are read when asked; what is opened may still be incomplete (`Store.is_complete`).

    Raises
    ------
    StoreError
        If nothing is there, it is not a foretell store, or it is of a newer version.
    """
    path = Path(path)
    zarr = require("zarr", "studies")
    if not path.exists():
        raise StoreError(f"There is no store at {path}: give the path of one that extract wrote.")
    try:
        group = zarr.open_group(store=path, mode="r", zarr_format=3)
        attrs = dict(group.attrs)
    except (FileNotFoundError, ValueError, KeyError, TypeError, OSError) as error:
        raise StoreError(f"{path} is not a foretell store: give the path of one that extract wrote.") from error
    return Store(path, StoreInfo.from_attrs(attrs, str(path)), group)


def _runs(numbers: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    if not numbers.size:
        return
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    starts, ends = numbers[np.r_[0, breaks + 1]], numbers[np.r_[breaks, numbers.size - 1]]
    yield from zip(starts.tolist(), ends.tolist(), strict=True)
