"""The depth study: both sides through one model, and the imbalance of every layer both ways."""

from __future__ import annotations

import json
import logging
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.exceptions import StudyError
from foretell.measure.compare import imbalance_curve
from foretell.representations.data import load_pairs
from foretell.representations.extraction import extract, fingerprint
from foretell.representations.models import load_text_model
from foretell.representations.selection import select_pairs

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.space import Space
    from foretell.representations.data import Pairs
    from foretell.representations.models import TextModel
    from foretell.representations.store import Store
    from foretell.studies.config import DepthStudy

__all__ = ["measure_depth"]

_LOG = logging.getLogger(__name__)


def measure_depth(study: DepthStudy, *, stores: Path, progress: bool = False) -> xr.Dataset:
    """Carry out a depth study.

    Parameters
    ----------
    study : DepthStudy
    stores : Path
        Folder of the stores of activations. One that holds these items of this model is used again; one
        that was stopped half way is completed.
    progress : bool
        Whether to show bars.

    Returns
    -------
    Dataset
        The curve over the numbered layers, with the attributes of a study (`docs/result.md`).
    """
    # The pairs first: a wrong side is found out in a second, before a model is fetched.
    _LOG.info("Loading %s", study.pairs.data)
    all_pairs = load_pairs(study.pairs.data, study.pairs.sides)
    _LOG.info("Loading %s", study.model)
    model = load_text_model(study.model)
    pairs = select_pairs(
        all_pairs, models=[model], tokens=study.tokens, n_items=study.pairs.items, seed=study.pairs.seed
    )
    if study.measure.k > len(pairs) - 2:
        raise StudyError(
            f"measure.k: {study.measure.k} neighbours are too many for the {len(pairs)} pairs that are left: "
            f"give {max(len(pairs) - 2, 1)} or fewer, or more pairs."
        )
    layers = [str(layer) for layer in range(model.n_blocks + 1)]
    spaces_a, spaces_b = (
        _spaces(_store(study, pairs, model, side, stores, progress=progress), layers, study.tokens)
        for side in study.pairs.sides
    )
    _LOG.info("Measuring %d layers both ways on %d items", len(layers), len(pairs))
    curve = imbalance_curve(
        spaces_a,
        spaces_b,
        k=study.measure.k,
        convention=study.measure.convention,
        null=study.measure.null,
        seed=study.measure.seed,
        groups=pairs.groups,
    )
    depths = [layer / model.n_blocks for layer in range(model.n_blocks + 1)]
    labelled = curve.assign_coords(relative_depth=("layer", depths))
    return labelled.assign_attrs(_attributes(study, pairs, model, str(curve.attrs.get("versions", "{}"))))


def _store(study: DepthStudy, pairs: Pairs, model: TextModel, side: str, stores: Path, *, progress: bool) -> Store:
    """Extract one side into the store that its name determines, or find it done."""
    content = fingerprint(pairs, model=model, side=side, tokens=study.tokens)
    place = stores / f"{_file_name(side)}-{content[:12]}.zarr"
    _LOG.info("Reading %s with %s into %s", side, model.info.id, place)
    return extract(pairs, model=model, side=side, out=place, tokens=study.tokens, progress=progress)


def _spaces(store: Store, layers: list[str], tokens: str) -> dict[str, Space]:
    return {layer: store.space(layer, tokens=tokens) for layer in layers}


def _file_name(side: str) -> str:
    """The side as part of a file name; what tells sides apart is the hash."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in side)[:40]


def _attributes(study: DepthStudy, pairs: Pairs, model: TextModel, versions: str) -> dict[str, object]:
    a, b = study.pairs.sides
    return {
        "model_a": model.info.id,
        "model_b": model.info.id,
        "revision_a": str(model.info.revision),
        "revision_b": str(model.info.revision),
        "side_a": a,
        "side_b": b,
        "tokens": study.tokens,
        "data": study.pairs.data,
        "data_source": pairs.source,
        "data_licence": pairs.licence,
        "drop_counts": json.dumps(dict(pairs.dropped)),
        "versions": json.dumps(json.loads(versions) | _versions()),
        "study": study.model_dump_json(),
    }


def _versions() -> dict[str, str]:
    """Versions of the libraries that the activations depend on, where installed."""
    found: dict[str, str] = {}
    for name in ("torch", "transformers", "gguf"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
