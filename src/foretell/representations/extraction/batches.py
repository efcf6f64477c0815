"""Which items go through the model together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["batches", "full_chunks", "planned_batches", "windows"]

_CHUNK_ITEMS = 64

# A batch is closed when more than this share of it would be padding.
_MAX_PADDING = 0.2

# Bytes of what is kept of the items that are sorted by length together.
_WINDOW_BYTES = 64 * 2**20
_WINDOW_ITEMS = 512


def full_chunks(n_items: int) -> int:
    """Items of a chunk, about 64, so that the last one is full too: what it lacked would be stored as zeros."""
    return -(-n_items // -(-n_items // _CHUNK_ITEMS))


def windows(n_chunks: int, chunk_items: int, item_bytes: int) -> Iterator[range]:
    """Chunks whose items are sorted by length together.

    They are the same whatever is done already: so a run that was stopped makes the batches that it would have made, and
    the same bits.
    """
    n_items = max(1, min(_WINDOW_ITEMS, _WINDOW_BYTES // max(1, item_bytes)))
    step = max(1, n_items // chunk_items)
    for first in range(0, n_chunks, step):
        yield range(first, min(first + step, n_chunks))


def batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
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


def planned_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """The batches of a whole side, nearly: as if windows were of as many items as they can be at most."""
    for first in range(0, len(lengths), _WINDOW_ITEMS):
        for batch in batches(lengths[first : first + _WINDOW_ITEMS], batch_tokens):
            yield [first + item for item in batch]
