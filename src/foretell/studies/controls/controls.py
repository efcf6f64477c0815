"""The controls study: whether a result stands when what should not matter is changed, and falls when what should is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import StudyError
from foretell.measure.imbalance.information_imbalance import imbalance_curve, imbalance_matrix
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.similarity.similarity_matrix import similarity_curve
from foretell.studies.answer import Answer
from foretell.studies.controls.controls_summary import (
    chart_rows,
    rows_of_controls,
    rows_of_subsamples,
    summarise_controls,
)
from foretell.studies.controls.subsamples import subsampled_regions
from foretell.studies.controls.variants import LAST_LEFT_OUT, Variant, probes, recordings_of, variants
from foretell.studies.plotting.controls_figure import controls_figure
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.item_cache import n_blocks_of
from foretell.studies.preparation.prepare import Arrangement, arrange, check_blocks
from foretell.studies.preparation.stores import Stores
from foretell.studies.summaries.other_measures import with_similarity

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.sections import ModelOf
    from foretell.studies.config.study_file import ControlsStudy

__all__ = ["answer_controls", "arrange_controls"]

_LOG = logging.getLogger(__name__)
_RANDOM = "random weights"


def arrange_controls(study: ControlsStudy, stores: Stores) -> Arrangement:
    """Choose the items of a controls study; they are kept in several ways, and of models with random weights too."""
    if len(study.comparisons) > 1:
        raise StudyError("study: controls are of one pair of sides and one pair of models: name one of each.")
    (one,) = study.comparisons
    if any(model.stores is not None for model in one.models):
        raise StudyError("study: controls runs its models itself: name models, not stores that were made elsewhere.")
    random = replace(one, name=_RANDOM, models=(_without_training(one.models[0]), _without_training(one.models[1])))
    return arrange(
        study,
        stores=stores,
        halves=True,
        check=check_blocks,
        more=lambda model: recordings_of(study, n_blocks_of(model, stores.notes)),
        extra=[random],
    )


def answer_controls(study: ControlsStudy, compared: Sequence[Compared]) -> Answer:
    """Measure the study itself and every variant of it, and say what they show."""
    one, random = compared
    _LOG.info("Measuring %s and its variants on %d items", one.comparison.name, len(one.pairs))
    reference = _labelled(_reference(study, one), study, one)
    found = list(variants(study, one, random))
    results = {"reference": reference}
    for variant in found:
        of = random if variant.control == "weights" else one
        name = f"{variant.control}_{variant.name}".replace(" = ", "-").replace(" ", "-")
        results[name] = _labelled(variant.result, study, of).assign_attrs(of_null=int(variant.of_null))
    layer = _probed(reference, found, probes(one.a.store.info.n_blocks))
    results["paper"] = _labelled(_as_in_the_paper(study, one, layer), study, one)
    rows = rows_of_controls(reference, found, layer)
    subsamples = None
    if study.subsamples:
        subsamples = subsampled_regions(
            one.a.spaces(),
            one.b.spaces(),
            count=study.subsamples,
            k=study.measure.k,
            convention=study.measure.convention,
            groups=one.pairs.groups,
            seed=study.measure.seed,
        )
    tables: dict[str, Any] = {"controls": rows}
    if subsamples is not None:
        tables["subsamples"] = rows_of_subsamples(subsamples)
    semantic = {"reference": semantic_layers(reference)}
    figures = {
        "controls": controls_figure(chart_rows(reference, rows, layer), of=[reference.attrs]),
        "reference": depths_figure({"reference": reference}, semantic),
        "beside": beside_figure(reference, semantic["reference"]),
    }
    summary = summarise_controls(reference, rows, layer, subsamples, results["paper"])
    return Answer(results, summary, tables, figures)


def _without_training(model: ModelOf) -> ModelOf:
    return model.model_copy(update={"random_weights": 0})


def _reference(study: ControlsStudy, one: Compared) -> xr.Dataset:
    """The study itself, and every other measure of the same layers."""
    spaces, groups, measure = (one.a.spaces(), one.b.spaces()), one.pairs.groups, study.measure
    curve = imbalance_curve(
        *spaces, k=measure.k, convention=measure.convention, null=measure.null, seed=measure.seed, groups=groups
    )
    similar = similarity_curve(*spaces, k=measure.beside_k, errors=True, groups=groups, seed=measure.seed)
    return with_similarity(curve, similar)


def _as_in_the_paper(study: ControlsStudy, one: Compared, layer: str) -> xr.Dataset:
    """The authors' recipe at one layer: the last tokens left out, halves against halves."""
    rules = [str(rule) for rule in recordings_of(study, one.a.store.info.n_blocks)[:1]]
    a, b = (side.of(rules[0]).space(layer) for side in (one.a, one.b))
    return imbalance_matrix({layer: a}, {layer: b}, preset="paper", seed=study.measure.seed).assign_attrs(
        tokens=rules[0], last_left_out=LAST_LEFT_OUT
    )


def _labelled(result: xr.Dataset, study: ControlsStudy, one: Compared) -> xr.Dataset:
    said = one.attributes(study, str(result.attrs.get("versions", "{}")))
    if "layer" in result.dims:
        depth = dict(zip(one.a.layers, one.a.depths, strict=True))
        result = result.assign_coords(
            relative_depth=("layer", [depth[str(layer)] for layer in result["layer"].to_numpy()])
        )
    return result.assign_attrs(said | ({"tokens": result.attrs["tokens"]} if "tokens" in result.attrs else {}))


def _probed(reference: xr.Dataset, found: Sequence[Variant], layers: Sequence[str]) -> str:
    """Of the layers that are kept in several ways, the one where the study and what should not matter are least.

    Both directions and all of these together: a choice by the study alone would make it read low beside them.
    """
    curves = [reference, *(one.result for one in found if one.role == "keeps" and "layer" in one.result.dims)]
    values = [curve["imbalance"].mean("direction", skipna=False).sel(layer=list(layers)).to_numpy() for curve in curves]
    together = np.mean(values, axis=0)
    if np.isnan(together).all():
        raise StudyError("No layer has a value both ways: all items look alike on one of the sides.")
    return layers[int(np.nanargmin(together))]
