"""Pairs x model -> store: run a model over one side of the pairs and keep the signs of every layer."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError, StoreError, UnfinishedStoreError, check_option, require
from foretell.representations.batches import batches, full_chunks, windows
from foretell.representations.binarize import NEAR_ZERO, Gather, kept_values, n_near_zero, packed_above
from foretell.representations.data.pairs import Pairs
from foretell.representations.models import Model, ModelInfo, Reading, describe, load_model
from foretell.representations.models.base import Modality
from foretell.representations.progress import progress_bar
from foretell.representations.recordings import Recording, Tokens
from foretell.representations.store import Storage, Store, StoreInfo, StoreWriter, create_store, locked, opened
from foretell.representations.store.layout import Kept, fingerprint_of, sha256_of_texts

__all__ = ["binarize_waiting", "columns_of", "existing", "extract", "fingerprint", "forget_damaged", "made_of_items"]


def extract(
    pairs: Pairs,
    *,
    model: str | Model,
    side: str,
    out: str | Path,
    tokens: Tokens = "last 20",
    batch_tokens: int = 512,
    chunk_items: int | None = None,
    repair: bool = False,
    progress: bool = False,
    **options: Any,
) -> Store:
    """Run a model over one side of the pairs and keep the sign bits of every layer.

    A run that was stopped is completed by the same call: what is there is not computed again, and for a complete store
    the model is not even loaded. One process may write a store at a time.

    Parameters
    ----------
    pairs : Pairs
        Each with tokens enough for the rule (see `select_pairs`).
    model : str or Model
        What `load_model` takes, or gives.
    side : str
        Side of the pairs.
    out : str or Path
        Folder of the store, or the URL of a file system that fsspec knows.
    tokens : str, or sequence of str
        Which tokens of each item are kept, such as ``"last 20"``, ``"class"`` or ``"mean"``, and how they become bits
        if not by their signs: ``"last 20, median"``. Several are kept of one run of the model, the first of them being
        what `Store.space` gives by default.
    batch_tokens : int
        Most tokens in a forward pass, padding included; a single longer item makes a pass of its own.
        The bits do not depend on it, but for activations as near to 0 as rounding, which `Store.near_zero` counts.
    chunk_items : int, optional
        Items of a chunk, which is what is read at a time: about 64 by default, as many in each.
    repair : bool
        Whether to read what is there, and make damaged chunks anew.
    progress : bool
        Whether to draw a progress bar on standard error.
    **options
        Of `load_model`, such as ``dtype="bfloat16"``, ``device="cuda"`` or ``revision="main"``.

    Returns
    -------
    Store
        Complete.

    Raises
    ------
    OptionError
        For an unknown side, model or token rule, or a number below 1.
    InputError
        If an item has too few tokens, or more than the model takes, or a hidden state is not finite.
    StoreError
        If something else is at `out`, or another process writes it.
    FetchError
        If a built-in model is not in the cache and cannot be fetched.
    """
    recordings = Recording.parse_all(tokens)
    check_option("side", side, pairs.sides)
    chunk_items = full_chunks(len(pairs)) if chunk_items is None else chunk_items
    for name, number in (("batch_tokens", batch_tokens), ("chunk_items", chunk_items)):
        if number < 1:
            raise OptionError(f"{name}={number} must be at least 1.")
    if options and not isinstance(model, str):
        raise OptionError(
            f"{', '.join(options)}: options of loading a model, and this one is loaded: give its name, or leave them "
            "out."
        )
    if isinstance(model, str) and options.get("dtype") == "auto":
        model = load_model(model, modality=_modality(pairs, side), **options)  # its weights tell
    known, dtype = _known(model, _modality(pairs, side), options)
    made_of = _made_of(pairs, side=side, model=known, dtype=dtype, recordings=recordings, chunk_items=chunk_items)
    storage = Storage(out, read_only=False)
    if not isinstance(model, str) and model.modality != _modality(pairs, side):
        raise OptionError(
            f"{model.info.id} reads {model.modality}s and side {side!r} is of {_modality(pairs, side)}s: load its part "
            f"for them with load_model(..., modality={_modality(pairs, side)!r})."
        )
    store = existing(storage, made_of)
    if store is not None and store.is_complete and store.is_tidy and not repair:
        return store
    if storage.folder is not None:
        storage.folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(storage) as check:
        store = existing(storage, made_of)  # another process may have been at work until now
        check()
        if store is not None and repair:
            forget_damaged(store, StoreWriter(storage, store.info))
        if store is None or not store.committed.all():
            loaded = load_model(model, modality=_modality(pairs, side), **options) if isinstance(model, str) else model
            if store is None:
                store = _create(storage, pairs, side=side, model=loaded, recordings=recordings, made_of=made_of)
            with progress_bar(store, enabled=progress) as advance:
                run = _Run(store, loaded, pairs.contents(side), batch_tokens)
                run.complete(check, advance)
        binarize_waiting(opened(storage), StoreWriter(storage, store.info), check)
    return opened(Storage(out, read_only=True))


def fingerprint(pairs: Pairs, *, model: Model, side: str, tokens: Tokens = "last 20") -> str:
    """Hash of all that decides what `extract` would keep, chunks as by default: a name for its store."""
    check_option("side", side, pairs.sides)
    recordings = Recording.parse_all(tokens)
    made_of = _made_of(
        pairs,
        side=side,
        model=model.info,
        dtype=model.dtype,
        recordings=recordings,
        chunk_items=full_chunks(len(pairs)),
    )
    return fingerprint_of(made_of)


def _modality(pairs: Pairs, side: str) -> Modality:
    return "image" if side in pairs.pictures else "text"


def _known(model: str | Model, modality: Modality, options: Mapping[str, Any]) -> tuple[ModelInfo, str]:
    """What is known of a model before it is loaded, and in which dtype it is run."""
    if not isinstance(model, str):
        return model.info, model.dtype
    finding = {name: value for name, value in options.items() if name not in ("dtype", "device", "device_map")}
    return describe(model, modality=modality, **finding), str(options.get("dtype", "float32"))


def _made_of(
    pairs: Pairs, *, side: str, model: ModelInfo, dtype: str, recordings: Sequence[Recording], chunk_items: int
) -> dict[str, str | int]:
    """Everything that the bits and their places depend on, by names that an error can show."""
    return {
        "model revision": model.revision,
        "preprocessing": model.tokenizer,
        "dtype": dtype,
        "tokens": json.dumps([str(one) for one in recordings]),
        "side": side,
        "chunk_items": chunk_items,
        **made_of_items(pairs, side),
    }


def made_of_items(pairs: Pairs, side: str) -> dict[str, str]:
    """What of a side of the pairs decides the bits and their places."""
    contents = (
        sha256_of_texts([picture.sha256 for picture in pairs.pictures[side]])
        if side in pairs.pictures
        else sha256_of_texts(pairs.texts[side])
    )
    return {
        "ids": sha256_of_texts(pairs.ids),
        "items": contents,
        "groups": "none" if pairs.groups is None else sha256_of_texts(pairs.groups),
    }


def existing(storage: Storage, made_of: Mapping[str, str | int]) -> Store | None:
    """The store that is there, None where there is nothing whole, or an error where it is of something else."""
    if storage.is_empty:
        return None
    try:
        store = opened(storage)
    except UnfinishedStoreError:
        return None
    if store.info.fingerprint == fingerprint_of(made_of):
        return store
    there = store.info.made_of
    differing = [name for name, value in made_of.items() if there.get(name) != value]
    raise StoreError(
        f"{storage.name} holds other activations (different {', '.join(differing) or 'fingerprint'}): "
        "give another path, or delete it to extract anew."
    )


def _create(
    storage: Storage,
    pairs: Pairs,
    *,
    side: str,
    model: Model,
    recordings: Sequence[Recording],
    made_of: Mapping[str, str | int],
) -> Store:
    layers = tuple(model.n_dimensions)
    contents = pairs.contents(side)
    counts, first = _counted(model, contents, pairs.ids, side=side, recordings=recordings)
    info = StoreInfo(
        model_id=model.info.id,
        model_revision=model.info.revision,
        model_licence=model.info.licence,
        preprocessing=model.info.tokenizer,
        modality=model.modality,
        dtype=model.dtype,
        n_blocks=model.n_blocks,
        layers=layers,
        kept=tuple(
            Kept(
                one,
                one.tokens.n_tokens or len(one.tokens.places(first)),
                {layer: one.n_bits(model.n_dimensions[layer]) for layer in one.of_layers(layers)},
            )
            for one in recordings
        ),
        n_items=len(pairs),
        chunk_items=int(made_of["chunk_items"]),
        near_zero=NEAR_ZERO[model.dtype],
        pairs_name=pairs.name,
        side=side,
        source=pairs.source,
        licence=pairs.licence,
        dropped=dict(pairs.dropped),
        versions={
            library: importlib.metadata.version(library) for library in ("foretell", "numpy", "torch", "transformers")
        },
        made_of=made_of,
        fingerprint=fingerprint_of(made_of),
    )
    create_store(storage, info, columns=columns_of(pairs, side), token_counts=counts)
    return opened(storage)


def columns_of(pairs: Pairs, side: str) -> dict[str, Any]:
    """Columns of a store: the items of a side by name."""
    columns: dict[str, Any] = {"ids": pairs.ids}
    if side in pairs.pictures:
        columns["texts"] = [picture.name for picture in pairs.pictures[side]]
        columns["thumbnails"] = [picture.thumbnail() for picture in pairs.pictures[side]]
    else:
        columns["texts"] = pairs.texts[side]
    if pairs.groups is not None:
        columns["groups"] = pairs.groups
    return columns


def _counted(
    model: Model, contents: Sequence[Any], ids: Sequence[str], *, side: str, recordings: Sequence[Recording]
) -> tuple[NDArray[np.uint32], Reading]:
    """Tokens of each item, checked for what is to be kept of them, and the first item as the model reads it."""
    # Images are all read alike, and it takes long: one tells.
    read = model.read(contents[:1] if model.modality == "image" else contents)
    remedy = "leave such items out with select_pairs."
    for item, reading in zip(ids, read, strict=False):
        for one in recordings:
            if reading.n_tokens < one.tokens.needs:
                raise InputError(
                    f"Item {item!r} has {reading.n_tokens} tokens on side {side!r} for {model.info.id}, too few for "
                    f"tokens={str(one)!r}: {remedy}"
                )
            n_tokens = one.tokens.n_tokens or len(one.tokens.places(reading))
            if one.tokens.n_tokens is None and n_tokens != len(one.tokens.places(read[0])):
                raise InputError(
                    f"tokens={str(one)!r} keeps as many tokens as an item has, and items have different numbers of "
                    "them: choose 'last T', or 'mean'."
                )
        if model.max_length is not None and reading.length > model.max_length:
            raise InputError(
                f"Item {item!r} has {reading.length} tokens on side {side!r}, more than the {model.max_length} that "
                f"{model.info.id} takes: {remedy}"
            )
    counts = np.array([reading.n_tokens for reading in read], np.uint32)
    return np.broadcast_to(counts, len(contents)) if model.modality == "image" else counts, read[0]


class _Run:
    """A model at work on the chunks that a store lacks."""

    def __init__(self, store: Store, model: Model, contents: Sequence[Any], batch_tokens: int) -> None:
        self._info, self._model, self._contents = store.info, model, contents
        self._ids, self._committed = store.ids, store.committed
        self._batch_tokens = batch_tokens
        self._writer = StoreWriter(store.storage, store.info)

    def complete(self, check: Callable[[], None], done: Callable[[int], None]) -> None:
        """Fill the store; `check` is called before each chunk is written, `done` after it with the number of its items.

        Chunks are written beside the model's work on those that follow.
        """
        info = self._info
        item_bytes = sum(kept.empty(1, layer).nbytes for kept in info.kept for layer in kept.n_bits)
        writing: Future[None] | None = None
        with ThreadPoolExecutor(1) as pool:
            for chunks in windows(info.n_chunks, info.chunk_items, item_bytes):
                missing = [chunk for chunk in chunks if not self._committed[chunk]]
                if not missing:
                    continue
                first = info.span(chunks[0])[0]
                data, near_zero = self._window(first, info.span(chunks[-1])[1])
                if writing is not None:
                    writing.result()

                def write(
                    data: dict[tuple[int, str], NDArray[Any]] = data,
                    near_zero: NDArray[np.uint64] = near_zero,
                    first: int = first,
                    missing: Sequence[int] = missing,
                ) -> None:
                    for chunk in missing:
                        check()
                        items = slice(*(place - first for place in info.span(chunk)))
                        self._writer.write_chunk(
                            chunk,
                            {key: values[items] for key, values in data.items()},
                            near_zero[items].sum(axis=0, dtype=np.uint64),
                        )
                        done(items.stop - items.start)

                writing = pool.submit(write)
            if writing is not None:
                writing.result()

    def _window(self, first: int, stop: int) -> tuple[dict[tuple[int, str], NDArray[Any]], NDArray[np.uint64]]:
        """What is kept of some items, and how many of their activations are near to 0 at each layer."""
        info = self._info
        data: dict[tuple[int, str], NDArray[Any]] = {}
        for number, kept in enumerate(info.kept):
            for layer in kept.n_bits:
                data[number, layer] = kept.empty(stop - first, layer)
        near_zero = np.zeros((stop - first, len(info.layers)), np.uint64)
        for batch, read in self._batches(first, stop):
            self._batch(read, batch, first, data, near_zero)
        return data, near_zero

    def _batches(self, first: int, stop: int) -> Iterator[tuple[list[int], list[Reading]]]:
        """Items that go through the model together, as places after the first, and as it reads them."""
        contents = self._contents[first:stop]
        if self._model.modality == "image":
            # As images are all as long, they are read a batch at a time: their pixels are large.
            length = self._model.read(contents[:1])[0].length
            for batch in batches([length] * len(contents), self._batch_tokens):
                yield batch, self._model.read([contents[item] for item in batch])
            return
        read = self._model.read(contents)
        for batch in batches([reading.length for reading in read], self._batch_tokens):
            yield batch, [read[item] for item in batch]

    def _batch(
        self,
        read: Sequence[Reading],
        places: Sequence[int],
        first: int,
        data: Mapping[tuple[int, str], NDArray[Any]],
        near_zero: NDArray[np.uint64],
    ) -> None:
        """Run one forward pass and put what is kept of each layer in its place."""
        info = self._info
        gathers = [Gather(kept.recording, read) for kept in info.kept]

        def visit(layer: str, hidden: Any) -> None:
            for number, (kept, gather) in enumerate(zip(info.kept, gathers, strict=True)):
                if layer not in kept.n_bits:
                    continue
                activations = gather(hidden)
                self._check_finite(activations, layer, [first + place for place in places])
                if number == 0:
                    near_zero[places, info.layers.index(layer)] = n_near_zero(activations, info.near_zero)
                data[number, layer][places] = kept_values(activations, kept, layer)

        self._model.hidden_states(read, visit)

    def _check_finite(self, activations: Any, layer: str, items: Sequence[int]) -> None:
        torch = require("torch", "hf")
        finite = torch.isfinite(activations).flatten(1).all(1)
        if not bool(finite.all()):
            item = self._ids[items[int((~finite).nonzero()[0, 0])]]
            raise InputError(
                f"{self._model.info.id} gives NaN or infinity at layer {layer} for item {item!r}: "
                "leave the item out, or run the model in float32."
            )


def binarize_waiting(store: Store, writer: StoreWriter, check: Callable[[], None]) -> None:
    """Make the bits that wait for all items; `check` is called before each layer is written."""
    for number in store.waiting:
        kept = store.info.kept[number]
        for layer in kept.n_bits:
            bits = packed_above(store.numbers(layer, number), kept.recording.binarize)
            check()
            writer.write_layer(number, layer, bits)
        writer.finish(number)
    writer.tidy()


def forget_damaged(store: Store, writer: StoreWriter) -> None:
    """Mark chunks with damage as missing, or none of them where that would not help."""
    faults = list(store.damaged())
    waiting = store.waiting
    for number, layer, _, why in faults:
        if store.info.kept[number].recording.needs_all_items and number not in waiting:
            raise StoreError(f"{store.name} is damaged: layer {layer} ({why}); {store.remedy(number)}")
    for chunk in dict.fromkeys(chunk for _, _, chunk, _ in faults):
        writer.forget(chunk)
