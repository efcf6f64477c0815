"""What a depth study found: rows of its table, and words for what its errors support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name, direction_sentence
from foretell.studies.summaries.asymmetry import Asymmetry, asymmetry_sentences
from foretell.studies.summaries.best_layers import BestDifferences, differences_sentence
from foretell.studies.summaries.summary import (
    CROSS_VALIDATED,
    Summary,
    best_facts,
    curve_names,
    direction_block,
    from_to,
    heading,
    how_many,
    listed,
    lowest_to_highest,
    note,
    null_facts,
    runs,
)
from foretell.studies.summaries.verdicts import LEVEL, Verdict, family

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
        at, layers = result.sel(direction=direction), _layers(result)
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
                "cross_fitted": float(at["best_value"]),
                "cross_fitted_stderr": float(at["best_stderr"]),
                "cross_fitted_n": int(at["best_n"]),
                "first_layer": float(at["imbalance"][0]),
                "last_layer": float(at["imbalance"][-1]),
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
    minima, names = _minima(results, semantic), curve_names(results)
    first = next(iter(results.values()))
    if len(results) == 1:
        (curves,) = semantic.values()
        sentences = [_of_curve(first, curves[direction], test) for (_, direction), test in minima.items()]
    else:
        sentences = _of_several(results, semantic, minima, names)
    cells = asymmetries[0].cells if asymmetries else ()
    where = f"over layer {cells[0]}" if len(cells) == 1 else f"over {len(cells)} layers around the joint minimum"
    sentences += asymmetry_sentences(asymmetries, results, where=where)
    family_size = ""
    if len(results) > 1:
        sentences.append(differences_sentence(differences, names))
        family_size = f", corrected for {len(minima)} curves by Holm's method where a curve is called better than them"
    return Summary(
        heading=heading(list(results.values())),
        paragraph=" ".join(sentences),
        blocks=tuple(
            direction_block(
                results[name], direction, _facts(results[name], semantic[name][direction]), name=names[name, direction]
            )
            for name, direction in minima
        ),
        note=note(
            first,
            "Intervals, and the confidence set of the best layer, are 95 %.",
            f"p is that of the minimum over all layers against shuffled pairs{family_size}.",
            CROSS_VALIDATED,
        ),
    )


def _minima(results: Mapping[str, xr.Dataset], semantic: _Semantic) -> dict[tuple[str, str], Verdict]:
    """The minimum of every curve, tested against shuffled pairs; by comparison and direction."""
    tests = {}
    for name, direction in product(results, DIRECTIONS):
        curve = semantic[name][direction]
        p = math.nan if curve.p_value is None else curve.p_value
        tests[name, direction] = Verdict(curve.imbalance, curve.stderr, int(results[name].attrs["n_groups"]), p)
    return family(tests)


def _of_curve(result: xr.Dataset, curve: SemanticLayers, minimum: Verdict) -> str:
    """What one curve shows."""
    words, layers = direction_sentence(result.attrs, curve.direction), _layers(result)
    if curve.flat:
        return f"{words} alike at all layers within the errors (minimum {minimum}), so no layer stands out."
    if not curve.regions or minimum.insignificant:
        return f"{words} no better than shuffled pairs do (minimum {minimum}, p = {minimum.p_adjusted:.2g})."
    region = listed(_region_names(layers, curve))
    are = f"layers {region} are" if " " in region else f"layer {region} is"
    ends = []
    for name, position in (("first", 0), ("last", len(layers) - 1)):
        difference = _above(result, curve, position)
        if position == curve.minimum:
            ends.append(f"the best layer is the {name}")
        elif difference is None or math.isnan(difference.stderr):
            ends.append(f"the {name} layer cannot be compared")
        elif position in curve.confidence_set or not difference.significant:
            ends.append(f"the {name} layer does not differ significantly from it")
        else:
            ends.append(f"the {name} layer is {difference.value:.3f} higher ({difference.z:.1f} SE)")
    said = "; ".join(ends)
    return (
        f"{words} best at layer {curve.layer} (depth {curve.relative_depth:.2f}), with an imbalance of {minimum}; "
        f"{are} semantic. {said[0].upper()}{said[1:]}."
    )


def _of_several(
    results: Mapping[str, xr.Dataset],
    semantic: _Semantic,
    minima: Mapping[tuple[str, str], Verdict],
    names: Mapping[tuple[str, str], str],
) -> list[str]:
    """How many curves have semantic layers, where, and how many of these lie inside."""
    curves = {key: semantic[key[0]][key[1]] for key in minima}
    semantic_ones = {key: test for key, test in minima.items() if curves[key].regions and not test.insignificant}
    said = [
        f"Of {len(minima)} curves ({len(results)} comparisons, both ways) "
        f"{how_many(len(semantic_ones), len(minima), ('has', 'have'))} semantic layers."
    ]
    if semantic_ones:
        depths = [curves[key].relative_depth for key in semantic_ones]
        first, last = f"{min(depths):.2f}", f"{max(depths):.2f}"
        where = f"depth {first} in all" if first == last else f"depths {first} to {last}"
        inner = [key for key in semantic_ones if _is_inner(results[key[0]], curves[key], len(semantic_ones))]
        said += [
            f"Their minimum lies at {where} and goes from {lowest_to_highest(semantic_ones, names)}.",
            f"An inner layer is lower than both the first and the last in {how_many(len(inner), len(semantic_ones))} "
            f"of these, corrected for {2 * len(semantic_ones)} tests.",
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
    minimum = f"{curve.imbalance:.3f} ± {curve.stderr:.3f}"
    if curve.flat:
        facts = {
            "Minimum": minimum,
            "Semantic layers": "none: the curve is flat within its errors, so no layer stands out",
            "Best layer, 95 % confidence set": "any",
        }
    else:
        facts = {
            "Minimum": f"{minimum} at layer {curve.layer} (depth {curve.relative_depth:.2f})",
            "Semantic layers": _regions(result, curve) or "none: shuffled pairs are as low",
            "Best layer, 95 % confidence set": runs(layers, curve.confidence_set),
        }
    facts |= best_facts(result, curve.direction)
    for position in (0, len(layers) - 1):
        facts[f"At layer {layers[position]}"] = _end(result, curve, position)
    return facts | null_facts(result, curve.direction, layer=curve.layer)


def _regions(result: xr.Dataset, curve: SemanticLayers) -> str:
    """Semantic layers with their depths, and where their ends may lie."""
    layers, depths = _layers(result), [f"{depth:.2f}" for depth in result["relative_depth"].to_numpy()]

    def ends(names: Sequence[str], of_range: tuple[int, int]) -> str:
        return from_to(*(names[position] for position in of_range))

    return "; ".join(
        f"{ends(layers, (region.start, region.stop))}, depth {ends(depths, (region.start, region.stop))} "
        f"(begins {ends(layers, region.start_range)}, ends {ends(layers, region.stop_range)})"
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
