"""Writing a store: made whole at once, then filled chunk by chunk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import StoreError, require
from foretell.representations.store.layout import StoreInfo, encode_texts

__all__ = ["StoreWriter", "create_store"]


def create_store(
    path: Path,
    info: StoreInfo,
    *,
    ids: Sequence[str],
    texts: Sequence[str],
    groups: Sequence[str] | None,
    token_counts: NDArray[np.uint32],
) -> None:
    """Make a store that has its items and none of its bits.

    It is built in a folder beside `path` and renamed when it is whole: a creation that was killed leaves
    nothing at `path`, and the next one clears what it left beside.

    Raises
    ------
    StoreError
        If something is at `path` already.
    """
    zarr = require("zarr", "studies")
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.creating-"
    built = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent)) / "store"
    group = zarr.create_group(store=built, zarr_format=3)
    _create(
        group,
        "bits",
        shape=(len(info.layers), info.n_items, info.n_tokens, info.n_bytes),
        chunks=(1, info.chunk_items, info.n_tokens, info.n_bytes),
        dtype="uint8",
        dimension_names=("layer", "item", "token", "byte"),
    )
    _create(group, "committed", shape=(info.n_chunks,), chunks=(1,), dtype="uint8", dimension_names=("chunk",))
    _create_filled(group, "token_counts", token_counts)
    columns = {"ids": ids, "texts": texts} | ({} if groups is None else {"groups": groups})
    for name, column in columns.items():
        offsets, utf8 = encode_texts(column)
        _create_filled(group, f"{name}/offsets", offsets)
        _create_filled(group, f"{name}/utf8", utf8)
    group.attrs.update(info.to_attrs())
    try:
        os.replace(built, path)
    except OSError as error:
        raise StoreError(f"{path} is taken by something else: give another path, or delete it.") from error
    for left in path.parent.glob(f"{_escaped(prefix)}*"):
        shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True)
class StoreWriter:
    """Fills the chunks of a store.

    Parameters
    ----------
    path : Path
        A store that `create_store` made.
    info : StoreInfo
        Its attributes.
    """

    path: Path
    info: StoreInfo

    def write_chunk(self, chunk: int, bits: NDArray[np.uint8]) -> None:
        """Write the bits of a chunk of items, then mark it as there.

        Parameters
        ----------
        chunk : int
            Its number: items ``chunk * chunk_items`` and on.
        bits : ndarray of uint8, shape (layers, items, T, ceil(H / 8))
            Packed as `foretell.Bits` are.
        """
        zarr = require("zarr", "studies")
        group = zarr.open_group(store=self.path, mode="r+", zarr_format=3)
        first = chunk * self.info.chunk_items
        # An all-zero chunk is written too: what is missing on disk must never read as minus signs.
        with zarr.config.set({"array.write_empty_chunks": True}):
            group["bits"][:, first : first + bits.shape[1]] = bits
            group["committed"][chunk] = 1


def _create(group: Any, name: str, **options: Any) -> Any:
    crc32c = require("zarr.codecs", "studies").Crc32cCodec()
    return group.create_array(name, fill_value=0, filters=None, compressors=[crc32c], **options)


def _create_filled(group: Any, name: str, values: NDArray[Any]) -> None:
    """An array of one dimension in chunks of a million values."""
    zarr = require("zarr", "studies")
    array = _create(group, name, shape=values.shape, chunks=(min(max(1, len(values)), 2**20),), dtype=values.dtype)
    with zarr.config.set({"array.write_empty_chunks": True}):
        array[:] = values


def _escaped(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in text)
