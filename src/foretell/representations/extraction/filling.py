"""What every way to fill a store has in common: what is there already, what is damaged, what waits, how far it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.cluster.workers import Crew
from foretell.exceptions import InputError, StoreError, UnfinishedStoreError, require
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.binarize import NEAR_ZERO, packed_above
from foretell.representations.store.format import Kept, StoreInfo, fingerprint_of, sha256_of_texts
from foretell.representations.store.lock import locked
from foretell.representations.store.reader import Store, opened
from foretell.representations.store.recordings import Recording
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter, create_store

_CHUNK_ITEMS = 64


class Advance(Protocol):
    """Called when items are done."""

    def __call__(self, n_items: int, crew: Crew | None = None) -> None:
        """Take the number of items, and the crew on a cluster."""
        ...


def filled_store(
    pairs: Pairs,
    *,
    side: str,
    out: str | Path,
    made_of: Mapping[str, str | int],
    describe: Callable[[], tuple[StoreInfo, NDArray[np.uint32]]],
    fill: Callable[[Store, Callable[[], None], Advance], None],
    repair: bool,
    progress: bool,
) -> Store:
    """The complete store at a place: what is there is not made again.

    Parameters
    ----------
    pairs : Pairs
    side : str
    out : str or Path
    made_of : mapping
        What decides the bits: a store that is there must be made of the same.
    describe : callable
        Gives the attributes of a new store, and the tokens of each item.
    fill : callable
        Writes the chunks that a store lacks. It is given the store, what to call before it writes, and what to call
        with the number of items done.
    repair : bool
        Whether to read what is there, and make damaged chunks anew.
    progress : bool
        Whether to draw a progress bar on standard error.
    """
    storage = Storage(out, read_only=False)
    store = _existing(storage, made_of)
    if store is not None and store.is_complete and store.is_tidy and not repair:
        return store
    with locked(storage) as check:
        store = _existing(storage, made_of)  # another process may have been at work until now
        check()
        if store is None:
            info, token_counts = describe()
            create_store(storage, info, columns=_columns_of(pairs, side), token_counts=token_counts)
            store = opened(storage)
        elif repair:
            _forget_damaged(store)
        if not store.committed.all():
            with _progress_bar(store, enabled=progress) as advance:
                fill(store, check, advance)
        _binarize_waiting(opened(storage), check)
    return opened(Storage(out, read_only=True))


def full_chunks(n_items: int) -> int:
    """Items of a chunk, about 64, so that the last one is full too: what it lacked would be stored as zeros."""
    return -(-n_items // -(-n_items // _CHUNK_ITEMS))


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


def _existing(storage: Storage, made_of: Mapping[str, str | int]) -> Store | None:
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


def info_of(
    pairs: Pairs,
    recordings: Sequence[Recording],
    counts: NDArray[np.uint32],
    n_dimensions: Mapping[str, int],
    made_of: Mapping[str, str | int],
    *,
    model_id: str,
    model_revision: str,
    model_licence: str,
    preprocessing: str,
    n_blocks: int,
    dtype: str,
    libraries: Sequence[str],
) -> StoreInfo:
    """Attributes of a store.

    Parameters
    ----------
    pairs : Pairs
    recordings : sequence of Recording
    counts : ndarray of uint32, shape (N,)
        Tokens of each item.
    n_dimensions : mapping of str to int
        By layer.
    made_of : mapping
        What decides the bits, the ``side`` and the ``chunk_items`` among it.
    model_id, model_revision, model_licence, preprocessing, n_blocks
        As `StoreInfo` has them.
    dtype : str
        Of the activations.
    libraries : sequence of str
        Whose versions are noted.

    Returns
    -------
    StoreInfo

    Raises
    ------
    InputError
        Where a rule keeps all tokens and items have different numbers of them.
    """
    for one in recordings:
        if one.tokens.n_tokens is None and (counts != counts[0]).any():
            raise InputError(
                f"tokens={str(one)!r} keeps as many tokens as an item has, and items have different numbers of "
                "them: choose 'last T', or 'mean'."
            )
    side, layers = str(made_of["side"]), tuple(n_dimensions)
    return StoreInfo(
        modality=pairs.modality(side),
        dtype=dtype,
        layers=layers,
        kept=tuple(
            Kept(
                one,
                one.tokens.n_tokens or int(counts[0]),
                {layer: one.n_bits(n_dimensions[layer]) for layer in one.of_layers(layers)},
            )
            for one in recordings
        ),
        n_items=len(pairs),
        chunk_items=int(made_of["chunk_items"]),
        near_zero=NEAR_ZERO[dtype],
        pairs_name=pairs.name,
        side=side,
        source=pairs.source,
        licence=pairs.licence,
        dropped=dict(pairs.dropped),
        versions={library: metadata.version(library) for library in libraries},
        made_of=made_of,
        fingerprint=fingerprint_of(made_of),
        model_id=model_id,
        model_revision=model_revision,
        model_licence=model_licence,
        preprocessing=preprocessing,
        n_blocks=n_blocks,
    )


def _columns_of(pairs: Pairs, side: str) -> dict[str, Any]:
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


def _binarize_waiting(store: Store, check: Callable[[], None]) -> None:
    """Make the bits that wait for all items; `check` is called before each layer is written."""
    writer = StoreWriter(store.storage, store.info)
    for number in store.waiting:
        kept = store.info.kept[number]
        for layer in kept.n_bits:
            bits = packed_above(store.numbers(layer, number), kept.recording.binarize)
            check()
            writer.write_layer(number, layer, bits)
        writer.finish(number)
    writer.tidy()


def _forget_damaged(store: Store) -> None:
    """Mark chunks with damage as missing, or none of them where that would not help."""
    faults = list(store.damaged())
    waiting = store.waiting
    for number, layer, _, why in faults:
        if store.info.kept[number].recording.needs_all_items and number not in waiting:
            raise StoreError(f"{store.name} is damaged: layer {layer} ({why}); {store.remedy(number)}")
    for chunk in dict.fromkeys(chunk for _, _, chunk, _ in faults):
        StoreWriter(store.storage, store.info).forget(chunk)


@contextlib.contextmanager
def _progress_bar(store: Store, *, enabled: bool) -> Iterator[Advance]:
    """A function to call with the number of items done, and the crew on a cluster; it draws a bar where wanted."""
    if not enabled:
        yield lambda _n_items, _crew=None: None
        return
    console = require("rich.console", "studies").Console(stderr=True)
    rich = require("rich.progress", "studies")
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[crew]}"),
    )
    started, n_done = time.monotonic(), 0
    # Chunks may take a minute each, which is longer than rich looks back by default.
    with rich.Progress(*columns, console=console, speed_estimate_period=3600) as bar:
        task = bar.add_task(
            f"{store.info.model_id} {store.info.side}",
            total=store.n_items,
            completed=store.n_items - store.n_missing,
            rate="",
            crew="",
        )

        def advance(n_items: int, crew: Crew | None = None) -> None:
            nonlocal n_done
            n_done += n_items
            rate = n_done / (time.monotonic() - started)
            bar.update(task, advance=n_items, rate=f"{rate:.1f} items/s", crew=str(crew or ""))

        yield advance
