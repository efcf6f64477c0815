"""The controls study: whether a result stands when what should not matter is changed, and falls when what should is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
from foretell.studies.controls.variants import LAST_LEFT_OUT, probes, recordings_of, variants
from foretell.studies.plotting.controls_figure import controls_figure
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.item_cache import n_blocks_of
from foretell.studies.preparation.prepare import Arrangement, arrange, check_blocks
from foretell.studies.preparation.stores import Stores
from foretell.studies.summaries.best_layers import lowest_together
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
    reference = one.labelled(_reference(study, one), study)
    found = list(variants(study, one, random))
    results = {"reference": reference}
    for variant in found:
        of = random if variant.control == "weights" else one
        name = f"{variant.control}_{variant.name}".replace(" = ", "-").replace(" ", "-")
        results[name] = of.labelled(variant.result, study).assign_attrs(of_null=int(variant.of_null))
    # Of the layers that are kept in several ways, the one where the study and what should not matter are lowest.
    alike = [variant.result for variant in found if variant.role == "keeps" and "layer" in variant.result.dims]
    layer = lowest_together([reference, *alike], probes(one.a.store.info.n_blocks))
    results["paper"] = _as_in_the_paper(study, one, layer)
    rows = rows_of_controls(reference, found, layer)
    subsamples = None
    if study.subsamples:
        spaces = one.a.spaces(), one.b.spaces()
        subsamples = subsampled_regions(*spaces, count=study.subsamples, **one.options(study))
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
    spaces, options, measure = (one.a.spaces(), one.b.spaces()), one.options(study), study.measure
    curve = imbalance_curve(*spaces, null=measure.null, **options)
    similar = similarity_curve(*spaces, k=measure.beside_k, errors=True, groups=options["groups"], seed=measure.seed)
    return with_similarity(curve, similar)


def _as_in_the_paper(study: ControlsStudy, one: Compared, layer: str) -> xr.Dataset:
    """The authors' recipe at one layer: the last tokens left out, halves against halves."""
    without, *_ = recordings_of(study, one.a.store.info.n_blocks)
    a, b = (side.of(without).space(layer) for side in (one.a, one.b))
    found = imbalance_matrix({layer: a}, {layer: b}, preset="paper", seed=study.measure.seed)
    found = found.assign_attrs(tokens=without, last_left_out=LAST_LEFT_OUT)
    return one.labelled(found, study, tokens=without)
