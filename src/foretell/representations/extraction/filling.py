"""What every way to fill a store has in common: what is there already, what waits, what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

from foretell.exceptions import StoreError, UnfinishedStoreError
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.binarize import NEAR_ZERO, packed_above
from foretell.representations.models.base import Reading
from foretell.representations.store.format import Kept, StoreInfo, fingerprint_of, sha256_of_texts
from foretell.representations.store.reader import Store, opened
from foretell.representations.store.recordings import Recording
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter

__all__ = ["binarize_waiting", "columns_of", "existing", "forget_damaged", "info_of", "made_of_items"]


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


def info_of(
    pairs: Pairs,
    recordings: Sequence[Recording],
    first: Reading,
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
    first : Reading
        Of the first item: where a rule keeps all tokens, all items have as many.
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
    """
    side, layers = str(made_of["side"]), tuple(n_dimensions)
    return StoreInfo(
        modality=pairs.modality(side),
        dtype=dtype,
        layers=layers,
        kept=tuple(
            Kept(
                one,
                one.tokens.n_tokens or len(one.tokens.places(first)),
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
