"""Pairs x model -> store: run a model over one side of the pairs and keep the signs of every layer."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError, StoreError, check_option, require
from foretell.representations.data.pairs import Pairs
from foretell.representations.models import ModelInfo, TextModel, Tokens, describe_model, load_text_model
from foretell.representations.progress import progress_bar
from foretell.representations.store import Store, StoreInfo, StoreWriter, create_store, open_store
from foretell.representations.store.layout import fingerprint_of, sha256_of_texts
from foretell.representations.tokens import TokenRule

__all__ = ["extract", "fingerprint"]

_CHUNK_ITEMS = 64

# A batch is closed when more than this share of it would be padding.
_MAX_PADDING = 0.2


def extract(
    pairs: Pairs,
    *,
    model: str | TextModel,
    side: str,
    out: str | Path,
    tokens: str | TokenRule = "last 20",
    batch_tokens: int = 1024,
    chunk_items: int = _CHUNK_ITEMS,
    progress: bool = False,
) -> Store:
    """Run a model over one side of the pairs and keep the sign bits of every layer.

    Items are worked on chunk by chunk. A run that was stopped is completed by the same call: chunks that
    are there are not computed again, and for a complete store the model is not even loaded.

    Parameters
    ----------
    pairs : Pairs
        Each with real tokens enough for the rule (see `select_pairs`).
    model : str or TextModel
        What `load_text_model` takes, or gives.
    side : str
        Side of the pairs.
    out : str or Path
        Folder of the store.
    tokens : str or TokenRule
        Which tokens of each item are kept, such as ``"last 20"``.
    batch_tokens : int
        Most tokens in a forward pass, padding included; a single longer text makes a pass of its own.
        The bits do not depend on it, but for activations as near to 0 as rounding.
    chunk_items : int
        Items of a chunk: the unit of work, of reading, and of what a stopped run loses.
    progress : bool
        Whether to draw a progress bar on standard error.

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
        If something else is at `out`.
    FetchError
        If a built-in model is not in the cache and cannot be fetched.
    """
    rule = TokenRule.parse(tokens)
    check_option("side", side, pairs.sides)
    for name, number in (("batch_tokens", batch_tokens), ("chunk_items", chunk_items)):
        if number < 1:
            raise OptionError(f"{name}={number} must be at least 1.")
    out = Path(out)
    known, dtype = (model.info, model.dtype) if isinstance(model, TextModel) else (describe_model(model), "float32")
    made_of = _made_of(pairs, side=side, model=known, dtype=dtype, rule=rule, chunk_items=chunk_items)
    store = _existing(out, made_of)
    if store is not None and store.is_complete:
        return store
    if not isinstance(model, TextModel):
        model = load_text_model(model, dtype=dtype)
    if store is None:
        store = _create(out, pairs, side=side, model=model, rule=rule, made_of=made_of)
    missing = np.flatnonzero(~store.committed).tolist()
    writer = StoreWriter(store.path, store.info)
    with progress_bar(store, enabled=progress) as advance:
        for chunk in missing:
            items = slice(chunk * chunk_items, (chunk + 1) * chunk_items)
            bits = _chunk_bits(model, pairs.texts[side][items], pairs.ids[items], rule=rule, batch_tokens=batch_tokens)
            writer.write_chunk(chunk, bits)
            advance(bits.shape[1])
    return open_store(out)


def fingerprint(pairs: Pairs, *, model: TextModel, side: str, tokens: str | TokenRule = "last 20") -> str:
    """Hash of all that decides what `extract` would keep, chunks as by default: a name for its store."""
    rule = TokenRule.parse(tokens)
    check_option("side", side, pairs.sides)
    made_of = _made_of(pairs, side=side, model=model.info, dtype=model.dtype, rule=rule, chunk_items=_CHUNK_ITEMS)
    return fingerprint_of(made_of)


def _made_of(
    pairs: Pairs, *, side: str, model: ModelInfo, dtype: str, rule: TokenRule, chunk_items: int
) -> dict[str, str | int]:
    """Everything that the bits and their places depend on, by names that an error can show."""
    return {
        "model revision": model.revision,
        "tokenizer": model.tokenizer,
        "dtype": dtype,
        "tokens": str(rule),
        "side": side,
        "chunk_items": chunk_items,
        "ids": sha256_of_texts(pairs.ids),
        "texts": sha256_of_texts(pairs.texts[side]),
        "groups": "none" if pairs.groups is None else sha256_of_texts(pairs.groups),
    }


def _existing(out: Path, made_of: dict[str, str | int]) -> Store | None:
    """The store at `out`, None where there is nothing, or an error where it is of something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    store = open_store(out)
    if store.info.fingerprint == fingerprint_of(made_of):
        return store
    there = store.info.made_of
    differing = [name for name, value in made_of.items() if there.get(name) != value]
    raise StoreError(
        f"{out} holds other activations (different {', '.join(differing) or 'fingerprint'}): "
        "give another path, or delete it to extract anew."
    )


def _create(
    out: Path,
    pairs: Pairs,
    *,
    side: str,
    model: TextModel,
    rule: TokenRule,
    made_of: dict[str, str | int],
) -> Store:
    texts = pairs.texts[side]
    read = model.tokenize(texts)
    for item, item_tokens in zip(pairs.ids, read, strict=True):
        _check_length(item, item_tokens, side=side, model=model, rule=rule)
    info = StoreInfo(
        model_id=model.id,
        model_revision=model.revision,
        model_licence=model.licence,
        tokenizer=model.tokenizer,
        dtype=model.dtype,
        tokens=str(rule),
        n_tokens=rule.last,
        n_blocks=model.n_blocks,
        hidden_size=model.hidden_size,
        layers=model.layers,
        n_items=len(pairs),
        chunk_items=int(made_of["chunk_items"]),
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
    counts = np.array([item_tokens.n_real for item_tokens in read], np.uint32)
    create_store(out, info, ids=pairs.ids, texts=texts, groups=pairs.groups, token_counts=counts)
    return open_store(out)


def _check_length(item: str, read: Tokens, *, side: str, model: TextModel, rule: TokenRule) -> None:
    remedy = "leave such items out with select_pairs."
    if read.n_real < rule.last:
        raise InputError(
            f"Item {item!r} has {read.n_real} tokens on side {side!r} for {model.id}, too few for "
            f"tokens={str(rule)!r}: {remedy}"
        )
    if model.max_length is not None and len(read) > model.max_length:
        raise InputError(
            f"Item {item!r} has {len(read)} tokens on side {side!r}, more than the {model.max_length} that "
            f"{model.id} takes: {remedy}"
        )


def _chunk_bits(
    model: TextModel, texts: Sequence[str], ids: Sequence[str], *, rule: TokenRule, batch_tokens: int
) -> NDArray[np.uint8]:
    """Packed signs of a chunk of items, shape (layers, items, T, ceil(H / 8))."""
    read = model.tokenize(texts)
    # The bits wanted, not the hidden states, are all that outlives a layer.
    bits = np.empty((len(model.layers), len(texts), rule.last, -(-model.hidden_size // 8)), np.uint8)
    for batch in _batches([len(item) for item in read], batch_tokens):
        _batch_bits(model, [read[item] for item in batch], [ids[item] for item in batch], bits, batch)
    return bits


def _batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Items in order of length, cut where a batch would pass its budget or hold much padding."""
    batch: list[int] = []
    n_tokens = 0
    for item in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[item] * (len(batch) + 1)
        n_padding = padded - n_tokens - lengths[item]
        if batch and (padded > batch_tokens or n_padding > _MAX_PADDING * padded):
            yield batch
            batch, n_tokens = [], 0
        batch.append(item)
        n_tokens += lengths[item]
    if batch:
        yield batch


def _batch_bits(
    model: TextModel,
    read: Sequence[Tokens],
    ids: Sequence[str],
    bits: NDArray[np.uint8],
    places: Sequence[int],
) -> None:
    """Run one forward pass and write each layer's packed signs into `bits` at `places`."""
    torch = require("torch", "hf")
    n_tokens = bits.shape[2]
    kept = torch.from_numpy(np.stack([np.flatnonzero(item.real)[-n_tokens:] for item in read]))
    rows = torch.arange(len(read))[:, None]

    def visit(layer: str, hidden: Any) -> None:
        activations = hidden[rows.to(hidden.device), kept.to(hidden.device)]
        finite = torch.isfinite(activations).flatten(1).all(1)
        if not bool(finite.all()):
            item = ids[int((~finite).nonzero()[0, 0])]
            raise InputError(
                f"{model.id} gives NaN or infinity at layer {layer} for item {item!r}: "
                "leave the item out, or run the model in float32."
            )
        signs = (activations > 0).cpu().numpy()
        bits[model.layers.index(layer), places] = np.packbits(signs, axis=-1)

    model.hidden_states(read, visit)
