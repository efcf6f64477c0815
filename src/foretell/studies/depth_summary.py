"""What a depth study found, in words: only what its errors support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.inference.multiple_testing import holm
from foretell.studies.names import direction_name, direction_sentence, side_name
from foretell.studies.summaries.asymmetry import LEVEL, Asymmetry, asymmetry_of_all
from foretell.studies.summaries.best_layers import BestDifference, differences_sentences
from foretell.studies.summaries.summary import (
    Block,
    Difference,
    Summary,
    asymmetry_sentence,
    heading,
    how_many,
    listed,
    runs,
)

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers
    from foretell.measure.inference.minimum import Region

__all__ = ["rows_of_layers", "summarise_depth"]

_Semantic = Mapping[str, Mapping[str, "SemanticLayers"]]


def summarise_depth(
    results: Mapping[str, xr.Dataset],
    semantic: _Semantic,
    asymmetries: Sequence[Asymmetry],
    differences: Sequence[BestDifference] = (),
) -> Summary:
    """Say in words what a depth study found.

    Parameters
    ----------
    results : mapping of name to Dataset
        Curves with errors and scores (`docs/result.md`).
    semantic : mapping of name to mapping of direction to SemanticLayers
        Of these.
    asymmetries : sequence of Asymmetry
        Of these, those that have one, corrected for their number.
    differences : sequence of BestDifference
        Of the best layers of every two of them.

    Returns
    -------
    Summary
        A difference of less than 1.96 standard errors is called unresolved, never a difference, and a curve
        that is flat within its errors has no layer that stands out.
    """
    every = list(results.values())
    blocks = [
        Block(_title(results, (name, direction)), _facts(result, semantic[name][direction]))
        for name, result in results.items()
        for direction in _directions(result)
    ]
    if len(results) == 1:
        sentences = [*_of_one(every[0], next(iter(semantic.values()))), *_asymmetry_of_one(asymmetries)]
    else:
        sentences = [
            *_of_several(results, semantic),
            *_asymmetries(asymmetries, results),
            *differences_sentences(differences, _shorts(results)),
        ]
    tested = len(results) * 2
    return Summary(
        heading=heading(every),
        paragraph=" ".join(sentences),
        blocks=tuple(blocks),
        note="Information Imbalance: 0 foretells, 1 says nothing; it falls as items are added, so compare at "
        f"equal n (here {every[0].attrs['n']}). ± is one standard error (SE); intervals, and the set of layers that "
        "may be the least, are 95 %; p is that of the least over all layers"
        + (
            f", corrected for {tested} curves by Holm's method where a curve is called better than shuffled pairs"
            if len(results) > 1
            else ""
        )
        + ". A value chosen as the least reads a little low; chosen on one half of the items and valued on the other "
        "it does not, at the n given beside it.",
    )


def rows_of_layers(results: Mapping[str, xr.Dataset], semantic: _Semantic) -> list[dict[str, Any]]:
    """A row a comparison and direction: where its curve is least, and what may be said of it."""
    rows = []
    keys = [(name, direction) for name, result in results.items() for direction in _directions(result)]
    p_values = holm([_p_value(semantic[name][direction]) for name, direction in keys])
    for (name, direction), p in zip(keys, p_values, strict=True):
        result, found = results[name], semantic[name][direction]
        layers = _layers(result)
        of = result.sel(direction=direction)
        rows.append(
            {
                "comparison": name,
                "direction": direction_name(result.attrs, direction),
                "imbalance": found.imbalance,
                "stderr": found.stderr,
                "layer": found.layer,
                "relative_depth": found.relative_depth,
                "may_be_least": " ".join(layers[place] for place in found.confidence_set),
                "flat": found.flat,
                "regions": "; ".join(runs(layers, range(one.start, one.stop + 1)) for one in found.regions),
                "cross_fitted": float(of["best_value"]),
                "cross_fitted_stderr": float(of["best_stderr"]),
                "cross_fitted_n": int(of["best_n"]),
                "first_layer": float(of["imbalance"][0]),
                "last_layer": float(of["imbalance"][-1]),
                "p_value": math.nan if found.p_value is None else found.p_value,
                "p_adjusted": float(p),
                "n": int(result.attrs["n"]),
            }
        )
    return rows


def _of_one(result: xr.Dataset, semantic: Mapping[str, SemanticLayers]) -> list[str]:
    """A sentence or two a direction."""
    said = []
    directions = _directions(result)
    p_values = holm([_p_value(semantic[d]) for d in directions])
    for direction, p in zip(directions, p_values, strict=True):
        found, words = semantic[direction], direction_sentence(result.attrs, direction)
        value = f"{found.imbalance:.3f} ± {found.stderr:.3f}"
        if found.flat:
            said.append(f"{words} alike at all layers within the errors (at least {value}), so none stands out.")
        elif not found.regions or p > LEVEL:
            said.append(f"{words} no better than shuffled pairs do (at least {value}, p = {p:.2g}).")
        else:
            layers = _layers(result)
            region = listed(runs(layers, range(one.start, one.stop + 1)) for one in found.regions)
            are = f"layers {region} are" if " " in region else f"layer {region} is"
            said.append(
                f"{words} best at layer {found.layer} (depth {found.relative_depth:.2f}), the imbalance being {value}; "
                f"{are} semantic. {_ends(result, found)}"
            )
    return said


def _ends(result: xr.Dataset, found: SemanticLayers) -> str:
    """How both ends of a curve lie to its least."""
    parts = []
    for name, position in (("first", 0), ("last", result.sizes["layer"] - 1)):
        difference = _above(result, found, position)
        if position == found.minimum:
            parts.append(f"the best layer is the {name}")
        elif difference is None or math.isnan(difference.stderr):
            parts.append(f"the {name} layer cannot be compared")
        elif position in found.confidence_set or not difference.resolved:
            parts.append(f"the {name} layer is not told apart from it")
        else:
            parts.append(f"the {name} layer is {difference.value:.3f} higher ({difference.z:.1f} SE)")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _asymmetry_of_one(asymmetries: Sequence[Asymmetry]) -> list[str]:
    if not asymmetries:
        return ["Their asymmetry is undefined: no layer has both directions."]
    (one,) = asymmetries
    layers = f"layer {one.cells[0]}" if len(one.cells) == 1 else f"{len(one.cells)} layers around the joint least"
    return [asymmetry_sentence(one.attrs, f"Asymmetry over {layers}", one.difference)]


def _of_several(results: Mapping[str, xr.Dataset], semantic: _Semantic) -> list[str]:
    """How many curves have semantic layers, where, and how many of these lie inside."""
    keys = [(name, direction) for name, result in results.items() for direction in _directions(result)]
    p_values = dict(zip(keys, holm([_p_value(semantic[name][d]) for name, d in keys]), strict=True))
    meaningful = [
        key
        for key in keys
        if semantic[key[0]][key[1]].regions and not p_values[key] > LEVEL  # NaN: no null was drawn
    ]
    said = [
        f"Of {len(keys)} curves ({len(results)} comparisons, both ways) {how_many(len(meaningful), len(keys))} "
        f"{'has' if len(meaningful) == 1 else 'have'} semantic layers."
    ]
    if not meaningful:
        return said
    inner = [key for key in meaningful if _is_inner(results[key[0]], semantic[key[0]][key[1]], len(meaningful))]
    of = {key: semantic[key[0]][key[1]] for key in meaningful}
    depths = [one.relative_depth for one in of.values()]
    lowest, highest = (pick(meaningful, key=lambda key: of[key].imbalance) for pick in (min, max))
    first, last = f"{min(depths):.2f}", f"{max(depths):.2f}"
    where = f"depth {first} in all" if first == last else f"depths {first} to {last}"
    said.append(
        f"Their least imbalance lies at {where} and goes from "
        f"{of[lowest].imbalance:.3f} ± {of[lowest].stderr:.3f} ({_short(results, lowest)}) to "
        f"{of[highest].imbalance:.3f} ± {of[highest].stderr:.3f} ({_short(results, highest)})."
    )
    said.append(
        f"An inner layer is lower than both the first and the last in {how_many(len(inner), len(meaningful))} of "
        f"these, corrected for {2 * len(meaningful)} tests."
    )
    return said


def _is_inner(result: xr.Dataset, found: SemanticLayers, n_curves: int) -> bool:
    """Whether the least lies below both ends, even after Bonferroni's correction for all ends of all curves."""
    for position in (0, result.sizes["layer"] - 1):
        difference = _above(result, found, position)
        if position == found.minimum or position in found.confidence_set or difference is None:
            return False
        if not difference.p_value * 2 * n_curves <= LEVEL:
            return False
    return True


def _asymmetries(asymmetries: Sequence[Asymmetry], results: Mapping[str, xr.Dataset]) -> list[str]:
    resolved = [one for one in asymmetries if one.resolved]
    said = [
        f"Of {len(asymmetries)} asymmetries {how_many(len(resolved), len(asymmetries))} "
        f"{'is' if len(resolved) == 1 else 'are'} resolved after correction for their number"
        + (f": {'; '.join(one.sentence for one in resolved)}." if resolved else ".")
    ]
    rest = [one for one in asymmetries if not one.resolved and np.isfinite(one.resolvable)]
    if rest:
        least, most = min(one.resolvable for one in rest), max(one.resolvable for one in rest)
        said.append(
            f"Tested alone, {'others' if resolved else 'asymmetries'} of "
            f"{least:.3f}{f' to {most:.3f}' if most > least else ''} or more would have been resolved."
        )
    together = asymmetry_of_all(asymmetries, results)
    if together is not None:
        side = side_name(str(asymmetries[0].attrs["side_a"]))
        claim = f"{side} foretells the others" if together.value < 0 else f"the others foretell {side}"
        said.append(
            f"On average, {claim} better than the reverse, by {abs(together.value):.3f} ± {together.stderr:.3f}."
            if together.resolved
            else f"{'Their average is not' if resolved else 'Nor is their average'}: "
            f"{together.value:+z.3f} ± {together.stderr:.3f}."
        )
    return said


def _facts(result: xr.Dataset, found: SemanticLayers) -> dict[str, str]:
    direction, layers = found.direction, _layers(result)
    of = result.sel(direction=direction)
    facts = {"Least imbalance": _least(found)}
    if found.flat:
        facts["Semantic layers"] = "none: the curve is flat within its errors, so no layer stands out"
        facts["May be the least"] = "any"
    else:
        regions = "; ".join(_region(result, region) for region in found.regions)
        facts["Semantic layers"] = regions or "none: shuffled pairs are as low"
        facts["May be the least"] = runs(layers, found.confidence_set)
    if "best_value" in result:
        facts["Chosen on one half, valued on the other"] = (
            f"{float(of['best_value']):.3f} ± {float(of['best_stderr']):.3f} (n = {int(of['best_n'])})"
        )
    for position in (0, result.sizes["layer"] - 1):
        facts[f"At layer {layers[position]}"] = _end(result, found, position)
    if "null" in result:
        facts["Shuffled pairs"] = _null(result["null"], found)
    if "null_of_groups" in result:
        facts["Shuffled groups"] = _null(result["null_of_groups"], found)
    if found.p_value is not None:
        grouped = " of whole groups" if "null_of_groups" in result else ""
        facts["p of the least"] = f"{found.p_value:.2g} ({result.attrs['null_permutations']} permutations{grouped})"
    return facts


def _least(found: SemanticLayers) -> str:
    value = f"{found.imbalance:.3f} ± {found.stderr:.3f}"
    return value if found.flat else f"{value} at layer {found.layer} (depth {found.relative_depth:.2f})"


def _region(result: xr.Dataset, region: Region) -> str:
    depth = [f"{value:.2f}" for value in result["relative_depth"].to_numpy()]
    name = _layers(result)
    start, stop = region.start_range, region.stop_range
    return (
        f"{_range(name[region.start], name[region.stop])}, depth {_range(depth[region.start], depth[region.stop])} "
        f"(begins {_range(name[start[0]], name[start[1]])}, ends {_range(name[stop[0]], name[stop[1]])})"
    )


def _end(result: xr.Dataset, found: SemanticLayers, position: int) -> str:
    value = float(result["imbalance"].sel(direction=found.direction)[position])
    if not math.isfinite(value):
        return "undefined: all items look alike there"
    if found.flat:
        return f"{value:.3f}"
    if position == found.minimum:
        return f"{value:.3f}, the least"
    difference = _above(result, found, position)
    if difference is None or math.isnan(difference.stderr):
        return f"{value:.3f}"
    # The least was picked among all layers, so 1.96 standard errors are too few: its set allows for the pick.
    if position in found.confidence_set or not difference.resolved:
        return f"{value:.3f}, not told apart from the least ({difference.z:.1f} SE)"
    return f"{value:.3f}, {difference.value:.3f} above the least ({difference.z:.1f} SE)"


def _above(result: xr.Dataset, found: SemanticLayers, position: int) -> Difference | None:
    """By how much a layer lies above the least; None where it has no value or is the least."""
    if position == found.minimum or not np.isfinite(
        float(result["imbalance"].sel(direction=found.direction)[position])
    ):
        return None
    layer = _layers(result)[position]
    return Difference.of(result, {(found.direction, layer): 1, (found.direction, found.layer): -1})


def _null(null: xr.DataArray, found: SemanticLayers) -> str:
    at = null.sel(direction=found.direction, layer=found.layer)
    low, median, high = (float(at.sel(quantile=level)) for level in (0.025, 0.5, 0.975))
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def _p_value(found: SemanticLayers) -> float:
    return math.nan if found.p_value is None else found.p_value


def _directions(result: xr.Dataset) -> list[str]:
    return [str(direction) for direction in result["direction"].to_numpy()]


def _layers(result: xr.Dataset) -> list[str]:
    return [str(layer) for layer in result["layer"].to_numpy()]


def _title(results: Mapping[str, xr.Dataset], key: tuple[str, str]) -> str:
    return f"{direction_sentence(results[key[0]].attrs, key[1])} ({_short(results, key)})"


def _short(results: Mapping[str, xr.Dataset], key: tuple[str, str]) -> str:
    """A curve by its direction, and by its model and tokens where the comparisons have several."""
    attrs = results[key[0]].attrs
    words = [direction_name(attrs, key[1])]
    if attrs["model_a"] == attrs["model_b"] and len({one.attrs["model_a"] for one in results.values()}) > 1:
        words.append(str(attrs["model_a"]))
    if len({one.attrs["tokens"] for one in results.values()}) > 1:
        words.append(str(attrs["tokens"]))
    return ", ".join(words)


def _shorts(results: Mapping[str, xr.Dataset]) -> dict[tuple[str, str], str]:
    return {(name, d): _short(results, (name, d)) for name, result in results.items() for d in _directions(result)}


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"
