"""Pairs x model -> store: run a model over one side of the pairs and keep the signs of every layer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.cluster.connection import current_cluster
from foretell.cluster.nodes import Replica
from foretell.exceptions import InputError, OptionError, check_option
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.filling import Advance, filled_store, full_chunks, info_of, made_of_items
from foretell.representations.extraction.model_run import ModelRun, windows_of
from foretell.representations.extraction.sharded import complete_on, spec_of
from foretell.representations.loading.load_model import LazyModel
from foretell.representations.models.base import Modality, Model, ModelOptions
from foretell.representations.store.format import StoreInfo, fingerprint_of
from foretell.representations.store.reader import Store
from foretell.representations.store.recordings import Recording, Tokens

BATCH_TOKENS = 512
"""Tokens of a forward pass by default."""


def extract(
    pairs: Pairs,
    *,
    model: str | os.PathLike[str] | Model,
    side: str,
    out: str | Path,
    tokens: Tokens = "last 20",
    batch_tokens: int = BATCH_TOKENS,
    chunk_items: int | None = None,
    repair: bool = False,
    progress: bool = False,
    replica: Replica | None = None,
    **options: Any,
) -> Store:
    """Run a model over one side of the pairs and keep the sign bits of every layer.

    A run that was stopped is completed by the same call: what is there is not computed again, and for a complete store
    the model is not even loaded. One process may write a store at a time.

    On a cluster (`set_options`) workers load the model, which is then to be given by its name, take shards of the
    items, and write to `out`, which all of them must see. The bits are the same.

    Parameters
    ----------
    pairs : Pairs
        Each with tokens enough for the rule (see `select_pairs`).
    model : str, path or Model
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
        The bits do not depend on it, but where rounding decides: signs of activations near to 0, which
        `Store.near_zero` counts of the first of `tokens`, and numbers as near to another threshold.
    chunk_items : int, optional
        Items of a chunk, which is what is read at a time: about 64 by default, as many in each.
    repair : bool
        Whether to read what is there, and make damaged chunks anew.
    progress : bool
        Whether to draw a progress bar on standard error.
    replica : Replica, optional
        What each worker of a cluster is given of a node: one processor by default.
    **options
        Of `load_model`, such as ``dtype="bfloat16"``, ``device="cuda"`` or ``revision="main"``.

    Returns
    -------
    Store
        Complete.

    Raises
    ------
    OptionError
        For an unknown side, model, option or token rule, or a number below 1.
    InputError
        If an item has too few tokens, or more than the model takes, or a hidden state is not finite.
    StoreError
        If something else is at `out`, another process writes it, or the disk is full or read-only.
    FetchError
        If a built-in model is not in the cache and cannot be fetched.
    ClusterError
        If there is no such cluster, no room for the model, or a shard's workers died again and again.
    """
    recordings = Recording.parse_all(tokens)
    check_option("side", side, pairs.sides)
    chunk_items = full_chunks(len(pairs)) if chunk_items is None else chunk_items
    for name, number in (("batch_tokens", batch_tokens), ("chunk_items", chunk_items)):
        if number < 1:
            raise OptionError(f"{name}={number} must be at least 1.")
    modality = pairs.modality(side)
    reader = _reader_of(model, modality, options)
    if reader.modality != modality:
        raise OptionError(
            f"{reader.info.id} reads {reader.modality}s and side {side!r} is of {modality}s: load its part for them "
            f"with load_model(..., modality={modality!r})."
        )
    made_of = _made_of(pairs, side, reader, recordings, chunk_items)
    contents = pairs.contents(side)
    cluster = current_cluster()

    def describe() -> tuple[StoreInfo, NDArray[np.uint32]]:
        if cluster is not None:
            spec_of(reader)  # refuses a loaded one before anything is made
        counts = _counted(reader, contents, pairs.ids, side=side, recordings=recordings)
        info = info_of(
            pairs,
            recordings,
            counts,
            reader.n_dimensions,
            made_of,
            dtype=reader.dtype,
            libraries=("foretell", "numpy", "torch", "transformers"),
            model_id=reader.info.id,
            model_revision=reader.info.revision,
            model_licence=reader.info.licence,
            preprocessing=reader.info.tokenizer,
            n_blocks=reader.n_blocks,
        )
        return info, counts

    def fill(store: Store, check: Callable[[], None], done: Advance) -> None:
        if cluster is None:
            run = ModelRun(store, reader, lambda first, stop: contents[first:stop], batch_tokens)
            run.complete(windows_of(store), check, done)
            return
        spec = spec_of(reader)
        if isinstance(reader, LazyModel):
            reader.slot.let_go()  # workers on this machine need its memory
        complete_on(
            cluster,
            store,
            spec,
            contents,
            batch_tokens=batch_tokens,
            replica=replica or Replica(),
            check=check,
            done=done,
        )

    return filled_store(
        pairs, side=side, out=out, made_of=made_of, describe=describe, fill=fill, repair=repair, progress=progress
    )


def _reader_of(model: str | os.PathLike[str] | Model, modality: Modality, options: Mapping[str, Any]) -> Model:
    """A model that is loaded when it must be, or one that is loaded."""
    if isinstance(model, str | os.PathLike):
        return LazyModel(os.fspath(model), modality, ModelOptions.of(options))
    if options:
        raise OptionError(
            f"{', '.join(options)}: options of loading a model, and this one is loaded: give its name, or leave them "
            "out."
        )
    return model


def fingerprint(pairs: Pairs, *, model: Model, side: str, tokens: Tokens = "last 20") -> str:
    """Hash of all that decides what `extract` would keep, chunks as by default: a name for its store."""
    check_option("side", side, pairs.sides)
    recordings = Recording.parse_all(tokens)
    return fingerprint_of(_made_of(pairs, side, model, recordings, full_chunks(len(pairs))))


def _made_of(
    pairs: Pairs, side: str, model: Model, recordings: Sequence[Recording], chunk_items: int
) -> dict[str, str | int]:
    """Everything that the bits and their places depend on, by names that an error can show."""
    return {
        "model revision": model.info.revision,
        "preprocessing": model.info.tokenizer,
        "dtype": model.dtype,
        "tokens": json.dumps([str(one) for one in recordings]),
        "side": side,
        "chunk_items": chunk_items,
        **made_of_items(pairs, side),
    }


def _counted(
    model: Model, contents: Sequence[Any], ids: Sequence[str], *, side: str, recordings: Sequence[Recording]
) -> NDArray[np.uint32]:
    """Tokens of each item, checked for what is to be kept of them."""
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
        if model.max_length is not None and reading.length > model.max_length:
            raise InputError(
                f"Item {item!r} has {reading.length} tokens on side {side!r}, more than the {model.max_length} that "
                f"{model.info.id} takes: {remedy}"
            )
    counts = np.array([reading.n_tokens for reading in read], np.uint32)
    return np.broadcast_to(counts, len(contents)) if model.modality == "image" else counts
