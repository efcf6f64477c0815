"""Whether what a store holds can be measured: collapsed layers, identical items, ties, what is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foretell.measure.distances.backends import distances
from foretell.measure.spaces.bits import BinarySpace
from foretell.representations.store.reader import Store, runs

COLLAPSED = 0.05
"""A layer whose share of positive bits is nearer than this to 0 or 1 tells items apart by few bits."""

MANY_TIES = 0.25
"""Share of items whose nearest neighbour is tied from which that is worth a word."""

_PANEL_BYTES = 16 * 2**20


@dataclass(frozen=True)
class LayerHealth:
    """What is found of one layer.

    Parameters
    ----------
    layer : str
    positive : float
        Share of positive bits: .5 is healthy.
    n_duplicates : int
        Items whose bits are those of an item before them.
    tied : float
        Of a sample, the share of items with two or more nearest neighbours.
    near_zero : float, optional
        Share of activations so near to 0 that their sign may depend on what else was in their batch; None where the
        store does not say.
    """

    layer: str
    positive: float
    n_duplicates: int
    tied: float
    near_zero: float | None

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        wrong = {
            "nearly all bits are alike (collapsed)": not COLLAPSED <= self.positive <= 1 - COLLAPSED,
            "items have the bits of another": bool(self.n_duplicates),
            "many items have several nearest neighbours": self.tied > MANY_TIES,
        }
        return tuple(problem for problem, found in wrong.items() if found)


@dataclass(frozen=True)
class Health:
    """What is found of a store.

    Parameters
    ----------
    recording : str
        Which of the things that it keeps was looked at: the first that is bits. "" where there is none.
    layers : tuple of LayerHealth
    n_items, n_missing : int
        All items, and those that have nothing yet.
    n_sampled : int
        Items whose nearest neighbours were looked at, among one another.
    waiting : tuple of str
        Recordings whose bits wait until all items are there, and for the same call to make them.
    """

    recording: str
    layers: tuple[LayerHealth, ...]
    n_items: int
    n_missing: int
    n_sampled: int
    waiting: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words, layers of one problem together."""
        places: dict[str, list[int]] = {}
        for place, one in enumerate(self.layers):
            for problem in one.problems:
                places.setdefault(problem, []).append(place)
        found = [f"{problem}: layer{'s' if len(of) > 1 else ''} {self._named(of)}" for problem, of in places.items()]
        found += [f"bits of {recording!r} are not made yet: run the same extract again" for recording in self.waiting]
        if self.n_missing:
            found.insert(0, f"{self.n_missing} of {self.n_items} items are missing: run the same extract again")
        return tuple(found)

    def _named(self, places: Sequence[int]) -> str:
        """Layers at some places, those that follow one another joined: `0, 4 to 9, final`."""
        named = []
        for first, last in runs(np.array(places)):
            between = " to " if last - first > 1 else ", "
            named.append(between.join(dict.fromkeys((self.layers[first].layer, self.layers[last].layer))))
        return ", ".join(named)


def check_health(store: Store, *, sample: int = 500, seed: int = 0) -> Health:
    """Read a store's bits once and find what would spoil a measurement.

    Parameters
    ----------
    store : Store
        It may be incomplete: what is there is looked at.
    sample : int
        Items whose nearest neighbours are looked at, or all, if they are fewer. With more there are more ties.
    seed : int
        Of the choice of these.

    Raises
    ------
    StoreError
        If a chunk is damaged.
    """
    info = store.info
    waiting = store.waiting
    names = tuple(str(info.kept[n].recording) for n in waiting)
    number = next((n for n, one in enumerate(info.kept) if not one.is_full and n not in waiting), None)
    there = np.flatnonzero(np.repeat(store.committed, info.chunk_items)[: info.n_items])
    if number is None or not there.size:
        return Health("", (), info.n_items, store.n_missing, 0, names)
    kept = info.kept[number]
    chosen = np.sort(np.random.default_rng(seed).permutation(there)[:sample])
    near_zero = dict(zip(info.layers, _near_zero(store), strict=True))
    layers = []
    for layer, n_bits in kept.n_bits.items():
        n_positive, seen = 0, Counter[bytes]()
        for chunk in np.flatnonzero(store.committed).tolist():
            data = store.read(layer, slice(*info.span(chunk)), kept=number)
            n_positive += int(np.bitwise_count(data).sum(dtype=np.int64))
            seen.update(hashlib.blake2b(item.tobytes(), digest_size=16).digest() for item in data)
        layers.append(
            LayerHealth(
                layer=layer,
                positive=n_positive / (there.size * kept.n_tokens * n_bits),
                n_duplicates=there.size - len(seen),
                tied=_tied(store.bits(layer, chosen, kept=number)),
                near_zero=near_zero[layer],
            )
        )
    return Health(str(kept.recording), tuple(layers), info.n_items, store.n_missing, chosen.size, names)


def size_on_disk(store: Store) -> int | None:
    """Bytes of a store's files, or None of one behind a URL."""
    folder = store.storage.folder
    return None if folder is None else sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _near_zero(store: Store) -> list[float | None]:
    """For each layer, the share of activations of the first recording that are near to 0."""
    info = store.info
    first = info.kept[0]
    n_items = info.n_items - store.n_missing
    shares: list[float | None] = []
    for layer, count in zip(info.layers, store.near_zero.tolist(), strict=True):
        # A projection's bits do not tell how many activations there were.
        known = info.near_zero and layer in first.n_bits and n_items and not first.recording.dimensions
        per_activation = 2 if first.recording.binarize == "2bit" else 1
        n_each = first.n_tokens * first.n_bits.get(layer, 0) // per_activation
        shares.append(count / (n_items * n_each) if known else None)
    return shares


def _tied(bits: BinarySpace) -> float:
    """Share of items with two or more nearest neighbours."""
    items = np.arange(bits.n_items)
    if items.size < 3:
        return 0.0
    apart = np.zeros((items.size, items.size), np.uint32)
    distances(bits, "hamming", "numba").fill(apart, items, items, triangle=False, threads=1, panel_bytes=_PANEL_BYTES)
    np.fill_diagonal(apart, np.iinfo(np.uint32).max)
    return float(((apart == apart.min(axis=1, keepdims=True)).sum(axis=1) > 1).mean())
