"""From a study's pairs and models to a store a side: what every study begins with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import StoreError, StudyError, one_line
from foretell.files import read_bounded
from foretell.measure.inference.standard_errors import FEWEST_GROUPS
from foretell.representations.data.filters import sampled
from foretell.representations.extraction.extract import extract, fingerprint
from foretell.representations.loading.load_model import LazyModel, LoadedModel
from foretell.representations.loading.load_pairs import load_pairs
from foretell.representations.models.base import ModelOptions
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store.recordings import Recording
from foretell.studies.config.comparisons import Comparison, file_name
from foretell.studies.preparation.compared import Compared, Side
from foretell.studies.preparation.notes import chosen_pairs, n_blocks_of
from foretell.studies.preparation.stores import Stores, in_stores, rows_in, stored_side

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.representations.models.base import Modality, Model
    from foretell.studies.config.sections import ModelOf
    from foretell.studies.config.study_file import StudyOfPairs

_LOG = logging.getLogger(__name__)

_MOST_BYTES = 2**24  # of a list of ids

_Key = tuple[str, "ModelOf"]
"""A side and the model that reads it."""


@dataclass(frozen=True, eq=False)
class Job:
    """One model on one side of the pairs, and the store for it.

    Parameters
    ----------
    side : str
    model : Model
    tokens : tuple of Recording
        What is kept.
    place : str or Path
        The store's folder, named by all that its bits depend on.
    """

    side: str
    model: Model
    tokens: tuple[Recording, ...]
    place: str | Path

    @property
    def opened(self) -> Store | None:
        """The store, where there is one."""
        try:
            return open_store(self.place)
        except StoreError:
            return None

    @property
    def n_missing(self) -> int | None:
        """Items that the store lacks; None where there is no store yet."""
        store = self.opened
        return None if store is None else store.n_missing

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        store = self.opened
        return store is not None and store.is_complete


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What a study is of, before anything is extracted: its items, its comparisons, a job a store.

    Parameters
    ----------
    pairs : Pairs
        The items chosen.
    comparisons : sequence of Comparison
    jobs : mapping of (side, ModelOf) to Job
        Those of models that are run here.
    stored : mapping of (side, ModelOf) to (Store, rows)
        Stores that were made elsewhere, and where in them the items are.
    slot : LoadedModel
        Where the models are held, one at a time.
    """

    pairs: Pairs
    comparisons: tuple[Comparison, ...]
    jobs: Mapping[_Key, Job]
    stored: Mapping[_Key, tuple[Store, NDArray[np.intp] | None]]
    slot: LoadedModel

    def extracted(self, *, progress: bool) -> list[Compared]:
        """Extract what is not extracted yet, and give every comparison with its sides."""
        stores = dict(self.stored)
        # The model that was asked about the items last is in memory still.
        for key, job in reversed(list(self.jobs.items())):
            if not job.is_done:
                _LOG.info("Reading %s with %s into %s", job.side, job.model.info.id, job.place)
            store = extract(
                self.pairs,
                model=job.model,
                side=job.side,
                out=job.place,
                tokens=job.tokens,
                progress=progress,
                replica=None if key[1].replica is None else key[1].replica.replica(),
            )
            stores[key] = (store, None)
        self.slot.let_go()  # the measure needs the model's memory
        found = []
        for one in self.comparisons:
            a, b = (
                Side(name, stores[name, model][0], tokens, stores[name, model][1])
                for name, model, tokens in zip(one.sides, one.models, one.tokens, strict=True)
            )
            found.append(Compared(one, self.pairs, a, b))
        return found


def arrange(
    study: StudyOfPairs,
    stores: Stores,
    *,
    halves: bool = False,
    more: Callable[[Model], Sequence[str]] = lambda model: (),
    extra: Sequence[Comparison] = (),
    paired: bool = False,
) -> Arrangement:
    """Load a study's pairs, find its models, and choose its items; nothing is extracted.

    Parameters
    ----------
    study : StudyOfPairs
    stores : Stores
        Where the stores of activations are. One that holds these items of this model is used again; one that was
        stopped half way is completed.
    halves : bool
        Whether each half of the items is to be measured by itself.
    more : callable
        Is given a model of the study file, and gives the recordings to keep of what it reads beside those compared.
    extra : sequence of Comparison
        Comparisons beside those of the study file.
    paired : bool
        Whether layer l of one side goes with layer l of the other, so that both must have as many.
    """
    # The pairs first: a wrong side is found out in a second, before a model is fetched.
    _LOG.info("Loading %s", study.pairs.data)
    pairs = load_pairs(study.pairs.data, study.pairs.names, **study.pairs.options)
    if study.pairs.only is not None:
        pairs = _only(pairs, Path(study.pairs.only))
    comparisons = (*study.comparisons, *extra)
    keys = list(dict.fromkeys(key for one in comparisons for key in zip(one.sides, one.models, strict=True)))
    stored = {key: stored_side(*key) for key in keys if key[1].stores is not None}
    pairs = in_stores(pairs, stored)
    slot = LoadedModel()
    models = _lazy_models(keys, pairs, slot)
    wanted: dict[_Key, dict[str, None]] = {key: {} for key in keys}
    for number, one in enumerate(comparisons):
        for side, of, rule in zip(one.sides, one.models, one.tokens, strict=True):
            wanted[side, of][rule] = None
            if of.stores is None and number < len(study.comparisons):
                wanted[side, of].update(dict.fromkeys(more(models[of, pairs.modality(side)])))
    pairs = _chosen(study, pairs, models, wanted, stores)
    _check_size(study, pairs, halves=halves)
    jobs = {}
    for (side, of), tokens in wanted.items():
        if of.stores is None:
            model = models[of, pairs.modality(side)]
            recordings = Recording.parse_all(tuple(tokens))
            name = fingerprint(pairs, model=model, side=side, tokens=recordings)
            jobs[side, of] = Job(side, model, recordings, stores.named(f"{file_name(side, most=60)}-{name[:12]}.zarr"))
    _check_different(comparisons, jobs)
    for one in comparisons if paired else ():
        a, b = zip(one.sides, one.models, strict=True)
        # One model is of one depth; that of a side's pictures may be another than that of the other's texts.
        if a not in jobs or b not in jobs or jobs[a].model is not jobs[b].model:
            _check_blocks(*(_blocks(jobs.get(key), stored.get(key), stores) for key in (a, b)))
    return Arrangement(
        pairs,
        comparisons,
        jobs,
        {key: (store, rows_in(store, pairs, key[0])) for key, store in stored.items()},
        slot,
    )


def _check_blocks(a: tuple[str, int], b: tuple[str, int]) -> None:
    """Refuse two models whose layers do not go in pairs, by their names and numbers of blocks."""
    if a[1] != b[1]:
        raise StudyError(
            f"model: {a[0]} has {a[1]} blocks and {b[0]} {b[1]}, so that their layers do not go in pairs: choose "
            "`study: map`, which takes every layer against every other."
        )


def _blocks(job: Job | None, stored: Store | None, stores: Stores) -> tuple[str, int]:
    """Name of a model and its number of blocks."""
    if stored is not None:
        return stored.info.model_id, stored.info.n_blocks
    assert job is not None  # noqa: S101 - what is not stored is a job
    return job.model.info.id, n_blocks_of(job.model, stores.notes)


def _lazy_models(keys: Sequence[_Key], pairs: Pairs, slot: LoadedModel) -> dict[tuple[ModelOf, Modality], LazyModel]:
    """The models that are run here, by what they read: one at a time is in memory."""
    models: dict[tuple[ModelOf, Modality], LazyModel] = {}
    for side, of in keys:
        modality = pairs.modality(side)
        if of.stores is None and (of, modality) not in models:
            models[of, modality] = LazyModel(of.name, modality, ModelOptions.of(of.options()), slot)
    return models


def _chosen(
    study: StudyOfPairs,
    pairs: Pairs,
    models: Mapping[tuple[ModelOf, Modality], Model],
    wanted: Mapping[_Key, Mapping[str, None]],
    stores: Stores,
) -> Pairs:
    """The study's items: those long enough for all that is kept of a side, or a seeded choice of them."""
    if not models:
        return sampled(pairs, study.pairs.items, seed=study.pairs.seed)
    rules = {
        side: list(dict.fromkeys(Recording.parse(rule) for key in wanted if key[0] == side for rule in wanted[key]))
        for side in study.pairs.names
    }
    return chosen_pairs(
        pairs,
        models=list(models.values()),
        tokens=rules,
        n_items=study.pairs.items,
        seed=study.pairs.seed,
        folder=stores.notes,
    )


def _only(pairs: Pairs, file: Path) -> Pairs:
    """The pairs whose ids a file names, one a line."""
    try:
        text = read_bounded(file.expanduser(), _MOST_BYTES, "list of ids").decode("utf-8")
    except (OSError, ValueError, RuntimeError) as error:  # the last: of a home that nobody has
        raise StudyError(f"pairs.only: {file} cannot be read as a list of ids: {one_line(error)}") from error
    wanted = {line.strip() for line in text.splitlines()}
    rows = [row for row, item in enumerate(pairs.ids) if item in wanted]
    if not rows:
        raise StudyError(f"pairs.only: {file} names no item of {pairs.name!r}: write their ids, one a line.")
    return pairs.take(rows, dropped={f"not named in {file.name}": len(pairs) - len(rows)})


def _check_size(study: StudyOfPairs, pairs: Pairs, *, halves: bool) -> None:
    k, n_fewest = study.measure.k, len(pairs) // (2 if halves else 1)
    if study.measure.beside and study.measure.beside_k > len(pairs) // 2 - 2:
        raise StudyError(
            f"measure.beside_k: {study.measure.beside_k} neighbours are too many for the {len(pairs)} pairs that are "
            f"left, on halves of which errors are made: give {max(len(pairs) // 2 - 2, 1)} or fewer, or more pairs."
        )
    if k > n_fewest - 2:
        fewest = (k + 2) * (2 if halves else 1)
        if k == 1:
            raise StudyError(f"pairs: {len(pairs)} pairs are left, which are too few: give {fewest} or more.")
        half = " on each half of which the best pair of layers is chosen" if halves else ""
        raise StudyError(
            f"measure.k: {k} neighbours are too many for the {len(pairs)} pairs that are left{half}: "
            f"give {max(n_fewest - 2, 1)} or fewer, or {fewest} pairs or more."
        )
    if halves and pairs.groups is not None and len(set(pairs.groups)) < 2 * FEWEST_GROUPS:
        raise StudyError(
            f"pairs: the {len(pairs)} pairs that are left are in {len(set(pairs.groups))} groups, too few for errors "
            f"on either half of them: take pairs of {2 * FEWEST_GROUPS} groups or more."
        )


def _check_different(comparisons: Sequence[Comparison], jobs: Mapping[_Key, Job]) -> None:
    for one in comparisons:
        a, b = (jobs.get((side, model)) for side, model in zip(one.sides, one.models, strict=True))
        if a is not None and b is not None and a.place == b.place and one.tokens[0] == one.tokens[1]:
            raise StudyError(
                f"model: both sides are {one.sides[0]!r}, read by one model in one way, so that they are the same: "
                "name two sides, two models, or two token rules."
            )
