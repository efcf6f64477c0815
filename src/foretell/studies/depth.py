"""The depth study: the imbalance of layer l of one side against layer l of the other, both ways."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.imbalance.cross_validation import CrossFit, cross_fit
from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.imbalance.semantic_layers import semantic_layers, with_regions
from foretell.measure.similarity.similarity_matrix import similarity_curve
from foretell.studies.answer import Answer, measured_each
from foretell.studies.depth_summary import rows_of_layers, summarise_depth
from foretell.studies.plotting.asymmetry_figure import asymmetry_figure
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.plane_figure import plane_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.prepare import Arrangement, arrange, check_blocks
from foretell.studies.preparation.stores import Stores
from foretell.studies.summaries.asymmetry import adjusted, asymmetry_of_curve, chart_rows, rows_of
from foretell.studies.summaries.best_layers import best_differences, rows_of_differences, with_best
from foretell.studies.summaries.items import neighbours_of, rows_of_items
from foretell.studies.summaries.other_measures import with_similarity

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import DepthStudy

__all__ = ["answer_depth", "arrange_depth", "measure_depth"]

_LOG = logging.getLogger(__name__)


def arrange_depth(study: DepthStudy, stores: Stores) -> Arrangement:
    """Choose the items of a depth study."""
    return arrange(study, stores=stores, halves=True, check=check_blocks)


def measure_depth(study: DepthStudy, one: Compared) -> tuple[xr.Dataset, dict[str, CrossFit]]:
    """Measure the curve of one comparison, and the best layer cross-fitted.

    Returns
    -------
    Dataset
        The curve over the numbered layers, with the attributes of a study (`docs/result.md`). Besides: `best_value`,
        `best_stderr` and `best_n` (direction) of the best layer; and the similarities that the study asks for.
    dict of str to CrossFit
        By direction.
    """
    _LOG.info("Measuring %s: %d layers both ways on %d items", one.comparison.name, len(one.layers), len(one.pairs))
    measure = study.measure
    spaces = one.curves
    groups = one.pairs.groups
    curve = imbalance_curve(
        *spaces, k=measure.k, convention=measure.convention, null=measure.null, seed=measure.seed, groups=groups
    )
    fitted = cross_fit(
        *spaces, curve=True, k=measure.k, convention=measure.convention, groups=groups, seed=measure.seed
    )
    attributes = one.attributes(study, str(curve.attrs.get("versions", "{}")))
    depths = [depth for layer, depth in zip(one.a.layers, one.a.depths, strict=True) if layer in one.layers]
    _best_together(curve)  # there is one, or this comparison cannot be answered
    result = with_best(curve, fitted).assign_coords(relative_depth=("layer", depths)).assign_attrs(attributes)
    if measure.beside:
        similar = similarity_curve(
            *spaces, measures=measure.beside, k=measure.beside_k, errors=True, groups=groups, seed=measure.seed
        )
        result = with_similarity(result, similar)
    return result, fitted


def answer_depth(study: DepthStudy, compared: Sequence[Compared]) -> Answer:
    """Measure every comparison of a depth study, and say what they show."""
    measured, failed = measured_each(compared, lambda one: measure_depth(study, one))
    compared = [one for one in compared if one.comparison.name in measured]
    results = {name: result for name, (result, _) in measured.items()}
    semantic = {name: semantic_layers(result) for name, result in results.items()}
    results = {name: with_regions(result, semantic[name]) for name, result in results.items()}
    asymmetries = adjusted(
        [one for one in (asymmetry_of_curve(name, result) for name, result in results.items()) if one is not None]
    )
    tables = {"layers": rows_of_layers(results, semantic), "asymmetries": rows_of(asymmetries)}
    figures = {"depth": depths_figure(results, semantic), "plane": plane_figure(results)}
    differences = best_differences({name: fitted for name, (_, fitted) in measured.items()}, results)
    if len(results) > 1:
        tables["best-layers-compared"] = rows_of_differences(differences, results)
        attrs = [result.attrs for result in results.values()]
        figures["asymmetries"] = asymmetry_figure(chart_rows(asymmetries), of=attrs)
    neighbours = {}
    for one in compared:
        result = results[one.comparison.name]
        layer = _best_together(result)
        neighbours[one.comparison.name] = neighbours_of(one, layer, layer)
        tables[f"items-{one.comparison.name}"] = rows_of_items(
            one, layer, layer, k=study.measure.k, convention=study.measure.convention
        )
        if study.measure.beside:
            figures[f"beside-{one.comparison.name}"] = beside_figure(result, semantic[one.comparison.name])
    summary = summarise_depth(results, semantic, asymmetries, differences)
    return Answer(results, summary, tables, figures, failed, neighbours)


def _best_together(result: xr.Dataset) -> str:
    """The layer where both directions together are lowest."""
    together = result["imbalance"].mean("direction", skipna=False).to_numpy()
    if np.isnan(together).all():
        raise InputError("No layer has a value both ways: all items look alike on one of the sides.")
    return str(result["layer"].to_numpy()[int(np.nanargmin(together))])
