"""What a depth study found: rows of its table, and words for what its errors support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name, direction_sentence
from foretell.studies.summaries.asymmetry import Asymmetry
from foretell.studies.summaries.best_layers import (
    BestDifferences,
    Minima,
    best_facts,
    cross_fitted_columns,
    lowest_to_highest,
    minimum_sentence,
    summarise_best,
)
from foretell.studies.summaries.summary import Summary
from foretell.studies.summaries.verdicts import LEVEL, Verdict, family, plus_minus
from foretell.studies.summaries.words import from_to, how_many, listed, runs

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers

__all__ = ["rows_of_layers", "summarise_depth"]

_Semantic = Mapping[str, Mapping[str, "SemanticLayers"]]
"""By comparison and direction."""


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
                "imbalance": minimum.value,
                "stderr": minimum.stderr,
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
        **best_facts(result, curve.direction, layer=curve.layer),
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
