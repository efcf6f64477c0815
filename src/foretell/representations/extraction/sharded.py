"""Extraction on a cluster: workers that each hold the model take shards of the items, and write to the shared store.

A shard is a window of a store's chunks: it is known by what the store is made of and by its items, and doing it again
writes what is missing of it only. Which worker does it changes nothing, since windows are batched alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from foretell.cluster.cluster import Cluster
from foretell.cluster.nodes import Replica
from foretell.cluster.workers import Crew
from foretell.exceptions import OptionError, StoreError
from foretell.representations.extraction.model_run import ModelRun, windows_of
from foretell.representations.loading.load_model import LazyModel, LoadedModel
from foretell.representations.models.base import Model
from foretell.representations.store.reader import Store, opened
from foretell.representations.store.storage import Storage


@dataclass(frozen=True, eq=False)
class _Shard:
    """Some chunks, the items in them, and how many of these were missing when it was given out."""

    chunks: range
    first: int
    contents: Sequence[Any]
    n_missing: int


@dataclass(frozen=True)
class _Place:
    """Where a worker writes, and with what."""

    store: str
    fingerprint: str
    model: LazyModel
    batch_tokens: int


def spec_of(model: Model) -> LazyModel:
    """What workers are to load in place of a model.

    Raises
    ------
    OptionError
        For a model that is loaded here already.
    """
    if isinstance(model, LazyModel):
        return replace(model, slot=LoadedModel())
    raise OptionError(
        f"{model.info.id} is loaded in this process, and the workers of a cluster load their own: give its name."
    )


def complete_on(
    cluster: Cluster,
    store: Store,
    model: LazyModel,
    contents: Sequence[Any],
    *,
    batch_tokens: int,
    replica: Replica,
    check: Callable[[], None],
    done: Callable[[int, Crew], None],
) -> None:
    """Fill a store by the workers of a cluster.

    Parameters
    ----------
    cluster : Cluster
    store : Store
        Created; in a folder or behind a URL that all nodes see.
    model : LazyModel
        Not loaded here: each worker loads its own.
    contents : sequence
        Texts or images of all items.
    batch_tokens : int
    replica : Replica
        What a worker is given of a node.
    check : callable
        Called after each shard: raises where another process took the store over.
    done : callable
        Called after each shard with the number of items that it added, and the crew.

    Raises
    ------
    ClusterError, StoreError, InputError
    """
    info = store.info
    shards = {}
    for chunks in windows_of(store):
        first, stop = info.span(chunks[0])[0], info.span(chunks[-1])[1]
        name = f"items {first} to {stop - 1} of {info.side} by {info.model_id} ({info.fingerprint[:12]})"
        n_missing = sum(last - begin for begin, last in map(info.span, store.missing_of(chunks)))
        shards[name] = _Shard(chunks, first, contents[first:stop], n_missing)
    place = str(store.storage.folder or store.storage.name)

    def taken(n_items: int, crew: Crew) -> None:
        check()
        done(n_items, crew)

    common = _Place(place, info.fingerprint, model, batch_tokens)
    cluster.each(_reader, common, shards, replica=replica, done=taken)


def _reader(place: _Place) -> Callable[[_Shard], int]:
    """Load the model, once a worker; what is given takes shards, and gives the number of items that are new."""
    model = place.model.loaded

    def fill(shard: _Shard) -> int:
        store = opened(Storage(place.store, read_only=False))
        if store.info.fingerprint != place.fingerprint:
            raise StoreError(f"{place.store} became another store: run the same extract again.")

        def contents(first: int, stop: int) -> Sequence[Any]:
            return shard.contents[first - shard.first : stop - shard.first]

        # What a worker had written before it died is not written again.
        ModelRun(store, model, contents, place.batch_tokens).complete([shard.chunks], lambda: None)
        return shard.n_missing

    return fill
