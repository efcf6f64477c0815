"""The depth study: the imbalance of layer l of one side against layer l of the other, both ways."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from foretell.measure.imbalance.cross_validation import CrossValidated, cross_validate
from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.imbalance.semantic_layers import SemanticLayers, semantic_layers, with_regions
from foretell.measure.results.schema import DIRECTIONS
from foretell.measure.similarity.similarity_matrix import similarity_curve
from foretell.studies.answer import Answer, measured_each
from foretell.studies.plotting.asymmetry_figure import asymmetry_figure
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.plane_figure import plane_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.summaries.asymmetry import Asymmetry, adjusted, asymmetry_of_curve, chart_rows, rows_of
from foretell.studies.summaries.best_layers import (
    BestDifferences,
    Minima,
    best_differences,
    best_facts,
    cross_fitted_columns,
    lowest_to_highest,
    lowest_together,
    minimum_sentence,
    rows_of_differences,
    summarise_best,
    with_best,
)
from foretell.studies.summaries.items import neighbours_of, rows_of_items, with_similarity
from foretell.studies.summaries.summary import Summary
from foretell.studies.summaries.verdicts import LEVEL, Verdict, family, plus_minus
from foretell.studies.words import direction_name, direction_sentence, from_to, how_many, listed, runs

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import DepthStudy

_LOG = logging.getLogger(__name__)

_Semantic = Mapping[str, Mapping[str, SemanticLayers]]
"""By comparison and direction."""


def measure_depth(study: DepthStudy, one: Compared) -> tuple[xr.Dataset, dict[str, CrossValidated]]:
    """Measure the curve of one comparison, and the best layer cross-fitted.

    Returns
    -------
    Dataset
        The curve over the numbered layers, with the attributes of a study (`docs/result.md`). Besides: `best_value`,
        `best_stderr` and `best_n` (direction) of the best layer; and the similarities that the study asks for.
    dict of str to CrossValidated
        By direction.
    """
    _LOG.info("Measuring %s: %d layers both ways on %d items", one.comparison.name, len(one.layers), len(one.pairs))
    measure, spaces, options = study.measure, one.curves, one.options(study)
    curve = imbalance_curve(*spaces, null=measure.null, **options)
    fitted = cross_validate(*spaces, curve=True, **options)
    lowest_together([curve], one.layers)  # there is one, or this comparison cannot be answered
    result = one.labelled(with_best(curve, fitted), study)
    if measure.beside:
        beside, groups, seed = measure.beside, one.pairs.groups, measure.seed
        similar = similarity_curve(*spaces, measures=beside, k=measure.beside_k, errors=True, groups=groups, seed=seed)
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
        layer = lowest_together([result], one.layers)
        neighbours[one.comparison.name] = neighbours_of(one, layer, layer)
        tables[f"items-{one.comparison.name}"] = rows_of_items(
            one, layer, layer, k=study.measure.k, convention=study.measure.convention
        )
        if study.measure.beside:
            figures[f"beside-{one.comparison.name}"] = beside_figure(result, semantic[one.comparison.name])
    summary = summarise_depth(results, semantic, asymmetries, differences)
    return Answer(results, summary, tables, figures, failed, neighbours)


def rows_of_layers(results: Mapping[str, xr.Dataset], semantic: _Semantic) -> list[dict[str, Any]]:
    """A row a comparison and direction: where its curve is lowest, and what may be said of it."""
    rows = []
    for (name, direction), minimum in _minima(results, semantic).items():
        result, curve = results[name], semantic[name][direction]
        layers, values = _layers(result), result["imbalance"].sel(direction=direction).to_numpy()
        rows.append(
            {
                "comparison": name,
                "direction": direction_name(result.attrs, direction),
                **minimum.columns("imbalance", "stderr"),
                "layer": curve.layer,
                "relative_depth": curve.relative_depth,
                "may_be_least": " ".join(layers[position] for position in curve.confidence_set),
                "flat": curve.flat,
                "regions": "; ".join(_region_names(layers, curve)),
                **cross_fitted_columns(result, direction),
                "first_layer": float(values[0]),
                "last_layer": float(values[-1]),
                "p_value": minimum.p_value,
                "p_adjusted": minimum.p_adjusted,
                "n": int(result.attrs["n"]),
            }
        )
    return rows


def summarise_depth(
    results: Mapping[str, xr.Dataset],
    semantic: _Semantic,
    asymmetries: Sequence[Asymmetry],
    differences: BestDifferences,
) -> Summary:
    """Say in words what a depth study found: only what its errors support.

    Parameters
    ----------
    results : mapping of name to Dataset
        Curves with errors and scores (`docs/result.md`).
    semantic : mapping of name to mapping of direction to SemanticLayers
        Of these.
    asymmetries : sequence of Asymmetry
        Of these, those that have one, corrected for their number.
    differences : mapping
        Of the best layers of every two of them (`best_differences`).
    """
    minima = _minima(results, semantic)
    cells = asymmetries[0].cells if asymmetries else ()
    where = f"over layer {cells[0]}" if len(cells) == 1 else f"over {len(cells)} layers around the joint minimum"
    return summarise_best(
        results,
        minima,
        asymmetries,
        differences,
        of_one=lambda name, way: _of_curve(results[name], semantic[name][way], minima[name, way]),
        of_several=lambda names: _of_several(results, semantic, minima, names),
        facts=lambda name, way: _facts(results[name], semantic[name][way]),
        where=where,
        over="layers",
    )


def _minima(results: Mapping[str, xr.Dataset], semantic: _Semantic) -> dict[tuple[str, str], Verdict]:
    """The minimum of every curve, tested against shuffled pairs."""
    tests = {}
    for name, direction in product(results, DIRECTIONS):
        curve = semantic[name][direction]
        p = math.nan if curve.p_value is None else curve.p_value
        tests[name, direction] = Verdict(curve.imbalance, curve.stderr, int(results[name].attrs["n_groups"]), p)
    return family(tests)


def _of_curve(result: xr.Dataset, curve: SemanticLayers, minimum: Verdict) -> str:
    """What one curve shows."""
    where = f"at layer {curve.layer} (depth {curve.relative_depth:.2f})"
    said = minimum_sentence(direction_sentence(result.attrs, curve.direction), minimum, where=where, flat=curve.flat)
    if curve.flat or minimum.insignificant:
        return said
    region = listed(_region_names(_layers(result), curve))
    first, last = (_end(result, curve, position) for position in (0, result.sizes["layer"] - 1))
    return (
        f"{said} {f'Layers {region} are' if ' ' in region else f'Layer {region} is'} semantic. At the first layer it "
        f"is {first}; at the last, {last}."
    )


def _of_several(
    results: Mapping[str, xr.Dataset], semantic: _Semantic, minima: Minima, names: Mapping[tuple[str, str], str]
) -> list[str]:
    """How many curves have semantic layers, where, and how many of these lie inside."""
    curves = {key: semantic[key[0]][key[1]] for key in minima}
    lower = {key: test for key, test in minima.items() if not curves[key].flat and not test.insignificant}
    said = [
        f"Of {len(minima)} curves ({len(results)} comparisons, both ways) "
        f"{how_many(len(lower), len(minima), ('has', 'have'))} semantic layers."
    ]
    if lower:
        depths = [curves[key].relative_depth for key in lower]
        where = from_to(f"{min(depths):.2f}", f"{max(depths):.2f}")
        inner = sum(_is_inner(results[key[0]], curves[key], len(lower)) for key in lower)
        said += [
            f"Their minima lie at depth {where} and go from {lowest_to_highest(lower, names)}.",
            f"An inner layer is lower than both the first and the last in {how_many(inner, len(lower))} of these, "
            f"corrected for {2 * len(lower)} tests.",
        ]
    return said


def _is_inner(result: xr.Dataset, curve: SemanticLayers, n_curves: int) -> bool:
    """Whether the minimum lies below both ends, even after Bonferroni's correction for all ends of all curves."""
    for position in (0, result.sizes["layer"] - 1):
        difference = _above(result, curve, position)
        if difference is None or position in curve.confidence_set:
            return False
        if not difference.p_value * 2 * n_curves <= LEVEL:
            return False
    return True


def _facts(result: xr.Dataset, curve: SemanticLayers) -> dict[str, str]:
    """The numbers of one curve."""
    layers = _layers(result)
    minimum, regions, best = plus_minus(curve.imbalance, curve.stderr), _regions(result, curve), "any"
    if curve.flat:
        regions = "none: the curve is flat within its errors, so no layer stands out"
    else:
        minimum += f" at layer {curve.layer} (depth {curve.relative_depth:.2f})"
        best = runs(layers, curve.confidence_set)
    return {
        "Minimum": minimum,
        "Semantic layers": regions or "none: shuffled pairs are as low",
        "Best layer, 95 % confidence set": best,
        **{f"At layer {layers[position]}": _end(result, curve, position) for position in (0, len(layers) - 1)},
        **best_facts(result, curve.direction, curve.layer),
    }


def _regions(result: xr.Dataset, curve: SemanticLayers) -> str:
    """Semantic layers with their depths, and where their ends may lie."""
    layers, depths = _layers(result), [f"{depth:.2f}" for depth in result["relative_depth"].to_numpy()]
    return "; ".join(
        f"{from_to(layers[region.start], layers[region.stop])}, "
        f"depth {from_to(depths[region.start], depths[region.stop])} "
        f"(begins {from_to(*(layers[position] for position in region.start_range))}, "
        f"ends {from_to(*(layers[position] for position in region.stop_range))})"
        for region in curve.regions
    )


def _end(result: xr.Dataset, curve: SemanticLayers, position: int) -> str:
    """The value of the first or the last layer, and how it compares with the minimum."""
    value = float(result["imbalance"].sel(direction=curve.direction)[position])
    if not math.isfinite(value):
        return "undefined: all items look alike there"
    if position == curve.minimum and not curve.flat:
        return f"{value:.3f}, the minimum"
    difference = None if curve.flat else _above(result, curve, position)
    if difference is None or math.isnan(difference.stderr):
        return f"{value:.3f}"
    # The minimum was picked among all layers, so 1.96 standard errors are too few: its set allows for the pick.
    if position in curve.confidence_set or not difference.significant:
        return f"{value:.3f}, no significant difference from the minimum ({difference.z:.1f} SE)"
    return f"{value:.3f}, {difference.value:.3f} above the minimum ({difference.z:.1f} SE)"


def _above(result: xr.Dataset, curve: SemanticLayers, position: int) -> Verdict | None:
    """By how much a layer lies above the minimum; None where it has no value or is the minimum."""
    value = float(result["imbalance"].sel(direction=curve.direction)[position])
    if position == curve.minimum or not math.isfinite(value):
        return None
    layer = _layers(result)[position]
    return Verdict.contrast(result, {(curve.direction, layer): 1, (curve.direction, curve.layer): -1})


def _region_names(layers: Sequence[str], curve: SemanticLayers) -> list[str]:
    return [runs(layers, range(region.start, region.stop + 1)) for region in curve.regions]


def _layers(result: xr.Dataset) -> list[str]:
    return [str(layer) for layer in result["layer"].to_numpy()]
