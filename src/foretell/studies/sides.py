"""From a study's pairs and models to a store a side: what every study of layers begins with."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from foretell.exceptions import StudyError
from foretell.measure.inference import FEWEST_GROUPS
from foretell.representations.data import load_pairs
from foretell.representations.extraction import extract, fingerprint
from foretell.representations.models import load_model
from foretell.representations.selection import select_pairs

if TYPE_CHECKING:
    from foretell.measure.space import Space
    from foretell.representations.data import Pairs
    from foretell.representations.models import Model
    from foretell.representations.store import Store
    from foretell.studies.config import LayerStudy

__all__ = ["Side", "attributes", "prepare"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a study: the activations of its model on its items.

    Parameters
    ----------
    name : str
        Of the side of the pairs.
    model : Model
    store : Store
        Complete.
    tokens : str
        The token rule.
    """

    name: str
    model: Model
    store: Store
    tokens: str

    @property
    def layers(self) -> list[str]:
        """Names of the numbered layers: "final" is the last block's output once more, after a norm."""
        return [str(layer) for layer in range(self.model.n_blocks + 1)]

    @property
    def depths(self) -> list[float]:
        """Relative depth of each, 0 to 1."""
        return [layer / self.model.n_blocks for layer in range(self.model.n_blocks + 1)]

    def spaces(self) -> dict[str, Space]:
        """The numbered layers by name."""
        return {layer: self.store.space(layer, self.tokens) for layer in self.layers}


def prepare(
    study: LayerStudy,
    *,
    k: int,
    stores: Path,
    progress: bool,
    halves: bool = False,
    check: Callable[[Model, Model], None] = lambda a, b: None,
) -> tuple[Pairs, Side, Side]:
    """Load a study's pairs and models, choose its items, and extract what is not extracted yet.

    Parameters
    ----------
    study : LayerStudy
    k : int
        Neighbours, which there must be items for.
    stores : Path
        Folder of the stores of activations. One that holds these items of this model is used again; one
        that was stopped half way is completed.
    progress : bool
        Whether to show bars.
    halves : bool
        Whether each half of the items is to be measured by itself.
    check : callable
        Is given both models before anything is extracted, and may raise.
    """
    # The pairs first: a wrong side is found out in a second, before a model is fetched.
    _LOG.info("Loading %s", study.pairs.data)
    names = tuple(dict.fromkeys(study.pairs.sides))
    all_pairs = load_pairs(study.pairs.data, names, **study.pairs.options)
    models: list[Model] = []
    for of, side in zip(study.model, study.pairs.sides, strict=True):
        modality: Literal["text", "image"] = "image" if side in all_pairs.pictures else "text"
        if models and of == study.model[0] and models[0].modality == modality:
            models.append(models[0])
            continue
        _LOG.info("Loading %s", of.name)
        models.append(load_model(of.name, modality=modality, **of.options()))
    check(*models)
    pairs = select_pairs(
        all_pairs,
        models=list({id(model): model for model in models}.values()),
        tokens={side: _rules_of(study, side) for side in names},
        n_items=study.pairs.items,
        seed=study.pairs.seed,
    )
    sides = list(zip(study.pairs.sides, models, study.tokens, strict=True))
    n_fewest = len(pairs) // (2 if halves else 1)
    if k > n_fewest - 2:
        half = " on each half of which the best pair of layers is chosen" if halves else ""
        raise StudyError(
            f"measure.k: {k} neighbours are too many for the {len(pairs)} pairs that are left{half}: "
            f"give {max(n_fewest - 2, 1)} or fewer, or more pairs."
        )
    if halves and pairs.groups is not None and len(set(pairs.groups)) < 2 * FEWEST_GROUPS:
        raise StudyError(
            f"pairs: the {len(pairs)} pairs that are left are in {len(set(pairs.groups))} groups, too few for errors "
            f"on either half of them: take pairs of {2 * FEWEST_GROUPS} groups or more."
        )
    if len({fingerprint(pairs, model=model, side=side, tokens=tokens) for side, model, tokens in sides}) < 2:
        raise StudyError(
            f"model: both sides are {study.pairs.sides[0]!r}, read by one model in one way, so that they are the same: "
            "name two sides, two models, or two token rules."
        )
    a, b = (
        Side(side, model, _store(pairs, model, side, tokens, stores, progress=progress), tokens)
        for side, model, tokens in sides
    )
    return pairs, a, b


def _rules_of(study: LayerStudy, side: str) -> list[str]:
    """Token rules of a side, of both where two models read it."""
    return list(dict.fromkeys(rule for name, rule in zip(study.pairs.sides, study.tokens, strict=True) if name == side))


def attributes(study: LayerStudy, pairs: Pairs, a: Side, b: Side, versions: str) -> dict[str, object]:
    """What a result says of the study that it is of (``docs/result.md``)."""
    return {
        "model_a": a.model.info.id,
        "model_b": b.model.info.id,
        "revision_a": str(a.model.info.revision),
        "revision_b": str(b.model.info.revision),
        "side_a": a.name,
        "side_b": b.name,
        "tokens": " and ".join(dict.fromkeys(study.tokens)),
        "data": pairs.name,
        "data_source": pairs.source,
        "data_licence": pairs.licence,
        "drop_counts": json.dumps(dict(pairs.dropped)),
        "versions": json.dumps(json.loads(versions) | _versions()),
        "study": study.model_dump_json(),
    }


def _store(pairs: Pairs, model: Model, side: str, tokens: str, stores: Path, *, progress: bool) -> Store:
    """Extract one side into the store that its name determines, or find it done."""
    content = fingerprint(pairs, model=model, side=side, tokens=tokens)
    place = stores / f"{_file_name(side)}-{content[:12]}.zarr"
    _LOG.info("Reading %s with %s into %s", side, model.info.id, place)
    return extract(pairs, model=model, side=side, out=place, tokens=tokens, progress=progress)


def _file_name(side: str) -> str:
    """The side as part of a file name; what tells sides apart is the hash."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in side)[:40]


def _versions() -> dict[str, str]:
    """Versions of the libraries that the activations depend on, where installed."""
    found: dict[str, str] = {}
    for name in ("torch", "transformers", "gguf"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
