"""A model at work: items in, what is kept of every layer out, window by window, in batches of alike length."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, require
from foretell.representations.extraction.binarize import Gather, kept_values, n_near_zero
from foretell.representations.models.base import Model, Reading
from foretell.representations.store.reader import Store
from foretell.representations.store.writer import StoreWriter

# A batch is closed when more than this share of it would be padding.
_MAX_PADDING = 0.2

# Bytes of what is kept of the items that are sorted by length together.
_WINDOW_BYTES = 64 * 2**20
_WINDOW_ITEMS = 512


def windows_of(store: Store) -> Iterator[range]:
    """Chunks of a store that are made together, those left out of which none is missing."""
    info, committed = store.info, store.committed
    item_bytes = sum(kept.empty(1, layer).nbytes for kept in info.kept for layer in kept.n_bits)
    for chunks in windows(info.n_chunks, info.chunk_items, item_bytes):
        if not all(committed[chunk] for chunk in chunks):
            yield chunks


class ModelRun:
    """A model at work on the chunks that a store lacks.

    Parameters
    ----------
    store : Store
    model : Model
    contents : callable
        From the places of a first item and of the one after a last to texts or images.
    batch_tokens : int
        Most tokens in a forward pass.
    """

    def __init__(
        self, store: Store, model: Model, contents: Callable[[int, int], Sequence[Any]], batch_tokens: int
    ) -> None:
        self._info, self._model, self._contents = store.info, model, contents
        self._store = store
        self._batch_tokens = batch_tokens
        self._writer = StoreWriter(store.storage, store.info)

    def complete(
        self, some: Iterable[range], check: Callable[[], None], done: Callable[[int], None] = lambda _n_items: None
    ) -> None:
        """Fill windows of the store (`windows_of`).

        `check` is called before each chunk is written, `done` after it with the number of its items. Chunks are written
        beside the model's work on those that follow.
        """
        info = self._info
        writing: Future[None] | None = None
        with ThreadPoolExecutor(1) as pool:
            for chunks in some:
                missing = self._store.missing_of(chunks)
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
        before: tuple[list[int], Crossing] | None = None
        for batch, read in self._batches(first, stop):
            # What the batch before gave comes from the device while this one is under way.
            under_way = batch, self._sent(read)
            if before is not None:
                self._put(*before, first, data, near_zero)
            before = under_way
        if before is not None:
            self._put(*before, first, data, near_zero)
        return data, near_zero

    def _batches(self, first: int, stop: int) -> Iterator[tuple[list[int], list[Reading]]]:
        """Items that go through the model together, as places after the first, and as it reads them."""
        contents = self._contents(first, stop)
        if self._model.modality == "image":
            # As images are all as long, they are read a batch at a time: their pixels are large.
            length = self._model.read(contents[:1])[0].length
            for batch in batches([length] * len(contents), self._batch_tokens):
                yield batch, self._model.read([contents[item] for item in batch])
            return
        read = self._model.read(contents)
        for batch in batches([reading.length for reading in read], self._batch_tokens):
            yield batch, [read[item] for item in batch]

    def _sent(self, read: Sequence[Reading]) -> Crossing:
        """Run one forward pass; what is kept of each layer is on its way here."""
        torch = require("torch", "hf")
        info = self._info
        gathers = [Gather(kept.recording, read) for kept in info.kept]
        crossing = Crossing()

        def visit(layer: str, hidden: Any) -> None:
            for number, (kept, gather) in enumerate(zip(info.kept, gathers, strict=True)):
                if layer not in kept.n_bits:
                    continue
                activations = gather(hidden)
                crossing.send(("kept", number, layer), kept_values(activations, kept, layer))
                crossing.send(("finite", number, layer), torch.isfinite(activations).flatten(1).all(1))
                if number == 0:
                    crossing.send(("near zero", number, layer), n_near_zero(activations, info.near_zero))

        self._model.hidden_states(read, visit)
        return crossing

    def _put(
        self,
        places: Sequence[int],
        crossing: Crossing,
        first: int,
        data: Mapping[tuple[int, str], NDArray[Any]],
        near_zero: NDArray[np.uint64],
    ) -> None:
        """Put what is kept of a batch in its place."""
        for (what, number, layer), values in crossing.arrived().items():
            if what == "kept":
                data[number, layer][places] = values
            elif what == "near zero":
                near_zero[places, self._info.layers.index(layer)] = values
            else:
                self._check_finite(values, layer, [first + place for place in places])

    def _check_finite(self, finite: NDArray[np.bool_], layer: str, items: Sequence[int]) -> None:
        if not finite.all():
            item = self._store.ids[items[int(np.argmin(finite))]]
            raise InputError(
                f"{self._model.info.id} gives NaN or infinity at layer {layer} for item {item!r}: "
                "leave the item out, or run the model in float32."
            )


class Crossing:
    """Tensors on their way to the host.

    From a GPU they go into pages that do not move, so that this process goes on while they do; they are waited for when
    they are asked for, which is best after the next batch is under way.
    """

    def __init__(self) -> None:
        self._here: dict[Any, Any] = {}
        self._sent: dict[Any, Any] = {}  # by device, what tells when all is here

    def send(self, name: Hashable, tensor: Any) -> None:
        """Send a tensor off under a name."""
        if tensor.device.type == "cuda":
            torch = require("torch", "hf")
            here = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            here.copy_(tensor, non_blocking=True)
            self._sent.setdefault(tensor.device, torch.cuda.Event()).record(torch.cuda.current_stream(tensor.device))
            tensor = here
        self._here[name] = tensor.cpu()

    def arrived(self) -> dict[Any, NDArray[Any]]:
        """Wait for all, and give them by name."""
        for event in self._sent.values():
            event.synchronize()
        return {name: tensor.numpy() for name, tensor in self._here.items()}


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
