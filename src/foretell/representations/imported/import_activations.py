"""Activations made elsewhere -> store: files of arrays in place of a model that is run here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError, check_option, checked_count
from foretell.files import reading
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.binarize import kept_of_array, n_near_zero_of_array
from foretell.representations.extraction.filling import Advance, filled_store, full_chunks, info_of, made_of_items
from foretell.representations.imported.layer_arrays import Ids
from foretell.representations.imported.sources import Source, open_source, sha256_of_files
from foretell.representations.models.base import FINAL
from foretell.representations.store.format import StoreInfo, sha256_of_texts
from foretell.representations.store.reader import Store
from foretell.representations.store.recordings import Recording, Tokens
from foretell.representations.store.writer import StoreWriter

_BLOCK_BYTES = 256 * 2**20
"""Of the files, all layers together: items that are read at a time."""


def import_activations(
    source: str | Path | Mapping[str, str | Path],
    *,
    pairs: Pairs,
    side: str,
    out: str | Path,
    model_id: str,
    ids: Ids | None = None,
    layers: Sequence[int | str] | None = None,
    n_blocks: int | None = None,
    tokens: Tokens = "last 20",
    special_token_ids: Sequence[int] = (),
    drop_short: bool = False,
    model_licence: str = "not stated",
    chunk_items: int | None = None,
    repair: bool = False,
    progress: bool = False,
) -> Store:
    """Make a store of activations that something else computed; neither a model nor torch is needed.

    A call that was stopped is completed by the same call. Files are read once for what is kept and once for their
    sha256. They are mapped, so that what of them is in memory is the system's to drop: of requests 256 MiB, or one
    file that is larger. What is held beyond is one layer of these in 32 bits, and the bits of `chunk_items` items.

    Parameters
    ----------
    source : str, Path, or mapping of str to Path
        - a folder with one file a layer (``0.npy``, ``layer-12.safetensors``, ``final.npz``), or such files by layer;
        - a .npz or .safetensors file with an array a layer;
        - a folder of the files that vLLM's hidden-states connector writes, one a request.

        Arrays of a layer are of shape (items, H), (items, tokens, H), or (all tokens, H) with ``offsets``, shape
        (items + 1,), beside them. ``docs/large-models.md`` shows all of it.
    pairs : Pairs
        The items, on all sides.
    side : str
        Side of the pairs that the model read.
    out : str or Path
        Folder of the store, or the URL of a file system that fsspec knows.
    model_id : str
        Name of the model.
    ids : sequence of str, mapping, str or Path, optional
        Which item is which: names in the order of the arrays, or a file of them (one a line, or a JSON list), unless
        the files say so themselves; of requests, the item of each file by its name, or a JSON file of that, or
        "file names". They must be the ids of the pairs, in any order.
    layers : sequence of int or str, optional
        Which layers to keep, all by default. Of requests, and then needed: the layers that the server was asked for.
    n_blocks : int, optional
        Blocks of the model, for relative depths; needed unless there is every layer from 0 on.
    tokens : str, or sequence of str
        As for `extract`. An array (items, H) has one token an item: ``"last 1"``.
    special_token_ids : sequence of int
        Tokens that are not the text's own, padding included: they are left out by their numbers in ``token_ids``.
    drop_short : bool
        Whether to leave out items with too few tokens, and count them, in place of an error. Another side may then have
        other items: `foretell.align` finds those of both.
    model_licence : str
        Of the model.
    chunk_items : int, optional
        Items of a chunk, which is what is read of the store at a time: about 64 by default, as many in each.
    repair : bool
        Whether to read what is there, and make damaged chunks anew.
    progress : bool
        Whether to draw a progress bar on standard error.

    Returns
    -------
    Store
        Complete.

    Raises
    ------
    OptionError
        For an unknown side, layer or token rule, and what is needed but not given.
    InputError
        If a file is not what it should be, ids are missing, unknown or repeated, an item has too few tokens, or an
        activation is not finite.
    StoreError
        If something else is at `out`, another process writes it, or the disk is full or read-only.
    """
    recordings = Recording.parse_all(tokens)
    check_option("side", side, pairs.sides)
    chunk_items = full_chunks(len(pairs)) if chunk_items is None else checked_count("chunk_items", chunk_items, least=1)
    with reading(source):
        files = open_source(source, ids=ids, layers=layers, special=special_token_ids)
    order = _order(files.ids, pairs)
    blocks = _checked_blocks(n_blocks, tuple(files.n_dimensions))
    counts = np.array([files.reading(place).n_tokens for place in order], np.uint32)
    if drop_short:
        pairs, order, counts = _long_enough(pairs, order, counts, recordings)
    _check_counts(counts, pairs.ids, recordings)
    revision = f"imported, files sha256:{sha256_of_files(files.files)}"
    made_of: dict[str, str | int] = {
        "model revision": revision,
        "model": model_id,
        "layers": json.dumps(list(files.n_dimensions)),
        "n_blocks": blocks,
        "order of the files": sha256_of_texts(files.ids),
        "special tokens": json.dumps(sorted(set(special_token_ids))),
        "dtype": files.dtype,
        "tokens": json.dumps([str(one) for one in recordings]),
        "side": side,
        "chunk_items": chunk_items,
        **made_of_items(pairs, side),
    }

    def describe() -> tuple[StoreInfo, NDArray[np.uint32]]:
        info = info_of(
            pairs,
            recordings,
            counts,
            files.n_dimensions,
            made_of,
            # What is computed in 64 bits rounds no more than in 32, which a store has a name for.
            dtype=files.dtype.replace("float64", "float32"),
            libraries=("foretell", "numpy"),
            model_id=model_id,
            model_revision=revision,
            model_licence=model_licence,
            preprocessing="made elsewhere, not known",
            n_blocks=blocks,
        )
        return info, counts

    def fill(store: Store, check: Callable[[], None], done: Advance) -> None:
        info, writer = store.info, StoreWriter(store.storage, store.info)
        for chunk in np.flatnonzero(~store.committed).tolist():
            span = range(*info.span(chunk))
            data, near_zero = _chunk(files, info, [order[item] for item in span])
            check()
            writer.write_chunk(chunk, data, near_zero)
            done(len(span))

    return filled_store(
        pairs, side=side, out=out, made_of=made_of, describe=describe, fill=fill, repair=repair, progress=progress
    )


def _order(ids: Sequence[str], pairs: Pairs) -> list[int]:
    """For each item of the pairs, its place in the files."""
    places = {item: place for place, item in enumerate(ids)}
    if len(places) < len(ids):
        twice = next(item for place, item in enumerate(ids) if places[item] != place)
        raise InputError(f"The files have the item {twice!r} twice: ids must differ.")
    missing = [item for item in pairs.ids if item not in places]
    if missing:
        raise InputError(
            f"The files lack {len(missing)} of the {len(pairs)} items of {pairs.name!r}, such as {missing[0]!r}: "
            "compute them too, or leave them out of the pairs (Pairs.take)."
        )
    known = set(pairs.ids)
    unknown = [item for item in ids if item not in known]
    if unknown:
        raise InputError(
            f"The files have {len(unknown)} items that are not in {pairs.name!r}, such as {unknown[0]!r}: give the "
            "pairs that they were computed for."
        )
    return [places[item] for item in pairs.ids]


def _checked_blocks(n_blocks: int | None, layers: Sequence[str]) -> int:
    numbers = [int(layer) for layer in layers if layer != FINAL]
    if n_blocks is None:
        if not numbers or numbers != list(range(max(numbers) + 1)) or max(numbers) < 1:
            raise OptionError(
                f"n_blocks= is needed, for relative depths: these are the layers {', '.join(layers)}, and not every "
                "one from 0 on."
            )
        return max(numbers)
    if checked_count("n_blocks", n_blocks, least=1) < max(numbers, default=0):
        raise OptionError(f"n_blocks={n_blocks} is less than the layer {max(numbers)} that is there.")
    return n_blocks


def _long_enough(
    pairs: Pairs, order: Sequence[int], counts: NDArray[np.uint32], recordings: Sequence[Recording]
) -> tuple[Pairs, list[int], NDArray[np.uint32]]:
    """The items with tokens enough for what is to be kept, the others counted as left out."""
    longest = max((one.tokens for one in recordings), key=lambda rule: rule.needs)
    rows = np.flatnonzero(counts >= longest.needs)
    if not rows.size:
        raise InputError(f"No item has the tokens that {str(longest)!r} needs: ask for fewer.")
    n_short = len(counts) - rows.size
    dropped = {f"fewer tokens than {str(longest)!r} needs": n_short} if n_short else {}
    return pairs.take(rows.tolist(), dropped=dropped), [order[row] for row in rows.tolist()], counts[rows]


def _check_counts(counts: NDArray[np.uint32], ids: Sequence[str], recordings: Sequence[Recording]) -> None:
    """Refuse items with too few tokens for what is to be kept."""
    for one in recordings:
        short = np.flatnonzero(counts < one.tokens.needs)
        if short.size:
            raise InputError(
                f"Item {ids[short[0]]!r} has {counts[short[0]]} tokens, too few for tokens={str(one)!r}, and so have "
                f"{short.size - 1} others: ask for fewer tokens, or leave them out with drop_short=True (--drop-short)."
            )


def _chunk(
    source: Source, info: StoreInfo, places: Sequence[int]
) -> tuple[dict[tuple[int, str], NDArray[Any]], NDArray[np.uint64]]:
    """What is kept of the items of a chunk, and how many of their activations are near to 0 at each layer."""
    pieces: dict[tuple[int, str], list[NDArray[Any]]] = {}
    near_zero = np.zeros(len(info.layers), np.uint64)
    for some in _blocks(source, places):
        readings = [source.reading(place) for place in some]
        for number, kept in enumerate(info.kept):
            rule = kept.recording.tokens
            of_item = [rule.places(reading) for reading in readings]
            for layer in kept.n_bits:
                x = np.stack(
                    [
                        _averaged(source.activations(layer, place, positions), mean=rule.mean)
                        for place, positions in zip(some, of_item, strict=True)
                    ]
                )
                _check_finite(x, layer, [source.ids[place] for place in some])
                if number == 0:
                    near_zero[info.layers.index(layer)] += n_near_zero_of_array(x, info.near_zero).sum()
                pieces.setdefault((number, layer), []).append(kept_of_array(x, kept, layer))
        source.release()
    return {key: np.concatenate(arrays) for key, arrays in pieces.items()}, near_zero


def _blocks(source: Source, places: Sequence[int]) -> Iterator[list[int]]:
    """Items whose activations at all layers are few enough to stay in the system's memory while layers are read."""
    some: list[int] = []
    n_bytes = 0
    for place in places:
        if some and n_bytes + source.item_bytes(place) > _BLOCK_BYTES:
            yield some
            some, n_bytes = [], 0
        some.append(place)
        n_bytes += source.item_bytes(place)
    yield some


def _averaged(x: NDArray[Any], *, mean: bool) -> NDArray[Any]:
    return x.mean(axis=0, keepdims=True) if mean else x


def _check_finite(x: NDArray[Any], layer: str, items: Sequence[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(x).all(axis=(1, 2)))
    if bad.size:
        raise InputError(
            f"The activations of item {items[bad[0]]!r} are NaN or infinity at layer {layer}: compute them anew, in a "
            "dtype with more range, or leave the item out of pairs and files."
        )
