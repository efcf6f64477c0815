"""The map study: every layer of one side's model against every layer of the other's, both ways."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.imbalance.cross_validation import CrossValidated, cross_validate
from foretell.measure.imbalance.information_imbalance import imbalance_matrix
from foretell.measure.results.schema import DIRECTIONS, cell_of
from foretell.measure.similarity.similarity_matrix import similarity_matrix
from foretell.studies.answer import Answer, measured_each
from foretell.studies.plotting.asymmetry_figure import asymmetry_figure
from foretell.studies.plotting.map_figure import equal_depth_figure, map_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.summaries.asymmetry import Asymmetry, adjusted, asymmetry_of_map, chart_rows, rows_of
from foretell.studies.summaries.best_layers import (
    BestDifferences,
    Minima,
    best_differences,
    best_facts,
    cross_fitted_columns,
    lowest_to_highest,
    minimum_sentence,
    rows_of_differences,
    summarise_best,
    with_best,
)
from foretell.studies.summaries.items import neighbours_of, rows_of_items, with_similarity
from foretell.studies.summaries.summary import Summary
from foretell.studies.summaries.verdicts import Verdict, family
from foretell.studies.words import direction_name, direction_sentence, how_many, short_names

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import MapStudy

_LOG = logging.getLogger(__name__)


def measure_map(study: MapStudy, one: Compared) -> tuple[xr.Dataset, dict[str, CrossValidated]]:
    """Measure the matrix of one comparison, and the best pair of layers cross-fitted.

    Returns
    -------
    Dataset
        The matrix over the numbered layers of both models, with the attributes of a study (`docs/result.md`). Besides:
        `best` (direction, side), the best pair of layers in each direction; `best_value` and `best_stderr` (direction),
        its value cross-fitted: chosen on one half of the items, valued on the other, both ways, with `best_n`
        candidates; `together` (side), the pair where both directions together are lowest, and there `asymmetry` and
        `asymmetry_stderr`, of a to b minus b to a; and the similarities that the study asks for.
    dict of str to CrossValidated
        By direction.
    """
    import xarray as xr

    a, b, measure = one.a, one.b, study.measure
    _LOG.info(
        "Measuring %s: %d x %d layers on %d items", one.comparison.name, len(a.layers), len(b.layers), len(one.pairs)
    )
    spaces_a, spaces_b, options = a.spaces(), b.spaces(), one.options(study)
    found = imbalance_matrix(spaces_a, spaces_b, null=measure.null, **options)
    values = found["imbalance"].to_numpy()
    if not np.isfinite(values).any(axis=(1, 2)).all():
        raise InputError("No pair of layers has a value: all items look alike on one of the sides.")
    best = [np.unravel_index(np.nanargmin(of_direction), of_direction.shape) for of_direction in values]
    if np.isnan(values.sum(axis=0)).all():
        raise InputError("No pair of layers has a value both ways: all items look alike on one of the sides.")
    together = np.unravel_index(np.nanargmin(values.sum(axis=0)), values[0].shape)
    joint = (a.layers[together[0]], b.layers[together[1]])
    asymmetry = Verdict.contrast(found, {("a_to_b", *joint): 1, ("b_to_a", *joint): -1})
    fitted = cross_validate(spaces_a, spaces_b, curve=False, **options)
    more = xr.Dataset(
        {
            "best": (("direction", "side"), [[int(a.layers[s]), int(b.layers[t])] for s, t in best]),
            "together": ("side", [int(layer) for layer in joint]),
            "asymmetry": asymmetry.value,
            "asymmetry_stderr": asymmetry.stderr,
        },
        coords={"side": ["a", "b"]},
    )
    labelled = found.merge(more).assign_coords(relative_depth_a=("a", a.depths), relative_depth_b=("b", b.depths))
    result = one.labelled(with_best(labelled, fitted).assign_attrs(found.attrs), study)
    if measure.beside:
        similar = similarity_matrix(
            spaces_a, spaces_b, measures=measure.beside, k=measure.beside_k, groups=one.pairs.groups
        )
        result = with_similarity(result, similar)
    return result, fitted


def answer_map(study: MapStudy, compared: Sequence[Compared]) -> Answer:
    """Measure every comparison of a map study, and say what they show."""
    measured, failed = measured_each(compared, lambda one: measure_map(study, one))
    compared = [one for one in compared if one.comparison.name in measured]
    results = {name: result for name, (result, _) in measured.items()}
    asymmetries = adjusted([asymmetry_of_map(name, result) for name, result in results.items()])
    differences = best_differences({name: fitted for name, (_, fitted) in measured.items()}, results)
    tables = {"best-pairs": rows_of_best(results), "asymmetries": rows_of(asymmetries)}
    figures = {}
    if len(results) > 1:
        tables["best-pairs-compared"] = rows_of_differences(differences, results)
        attrs = [result.attrs for result in results.values()]
        figures["asymmetries"] = asymmetry_figure(chart_rows(asymmetries), of=attrs)
    neighbours = {}
    for one in compared:
        name, result = one.comparison.name, results[one.comparison.name]
        a, b = (str(layer) for layer in result["together"].to_numpy())
        neighbours[name] = neighbours_of(one, a, b)
        tables[f"items-{name}"] = rows_of_items(one, a, b, k=study.measure.k, convention=study.measure.convention)
        figures |= {f"map-{name}": map_figure(result), f"equal-depth-{name}": equal_depth_figure(result)}
        if study.measure.beside:
            figures[f"beside-{name}"] = beside_figure(result)
    return Answer(results, summarise_map(results, asymmetries, differences), tables, figures, failed, neighbours)


def rows_of_best(results: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """A row a comparison and direction: the best pair of layers."""
    rows: list[dict[str, Any]] = []
    for (name, direction), minimum in _minima(results).items():
        result = results[name]
        a, b = _best(result, direction)
        at = cell_of(result, direction, a, b)
        rows.append(
            {
                "comparison": name,
                "direction": direction_name(result.attrs, direction),
                "layer_a": a,
                "layer_b": b,
                "relative_depth_a": float(at["relative_depth_a"]),
                "relative_depth_b": float(at["relative_depth_b"]),
                "imbalance": minimum.value,
                "stderr": minimum.stderr,
                **cross_fitted_columns(result, direction),
                "p_value": minimum.p_value,
                "n": int(result.attrs["n"]),
                "p_adjusted": minimum.p_adjusted,
            }
        )
    return rows


def summarise_map(
    results: Mapping[str, xr.Dataset], asymmetries: Sequence[Asymmetry], differences: BestDifferences
) -> Summary:
    """Say in words what a map study found: only what its errors support.

    Parameters
    ----------
    results : mapping of name to Dataset
        As `measure_map` gives them.
    asymmetries : sequence of Asymmetry
        Of these, corrected for their number.
    differences : mapping
        Of the best pairs of every two of them (`best_differences`).
    """
    minima = _minima(results)
    pair = _pair(next(iter(results.values())), *asymmetries[0].cells)
    return summarise_best(
        results,
        minima,
        asymmetries,
        differences,
        of_one=lambda name, way: minimum_sentence(
            direction_sentence(results[name].attrs, way),
            minima[name, way],
            where=f"from {_pair(results[name], *_best(results[name], way))}",
        ),
        of_several=lambda names: _of_several(results, minima, names),
        facts=lambda name, way: _facts(results[name], way, minima[name, way]),
        where=f"at {pair}, where both directions together are lowest",
        over="pairs of layers",
    )


def _minima(results: Mapping[str, xr.Dataset]) -> dict[tuple[str, str], Verdict]:
    """The best pair of layers of every map, tested against shuffled pairs; by comparison and direction."""
    tests = {}
    for name, direction in product(results, DIRECTIONS):
        result = results[name]
        at = cell_of(result, direction, *_best(result, direction))
        p = float(at["p_value_minimum"]) if "p_value_minimum" in result else math.nan
        tests[name, direction] = Verdict(float(at["imbalance"]), float(at["stderr"]), int(result.attrs["n_groups"]), p)
    return family(tests)


def _of_several(results: Mapping[str, xr.Dataset], minima: Minima, names: Mapping[tuple[str, str], str]) -> list[str]:
    """In how many maps a pair of layers is better than shuffled pairs, and what the best pairs are worth."""
    better = {
        (name, direction): replace(
            minimum,
            value=float(results[name]["best_value"].sel(direction=direction)),
            stderr=float(results[name]["best_stderr"].sel(direction=direction)),
        )
        for (name, direction), minimum in minima.items()
        if not minimum.insignificant
    }
    count = how_many(len(better), len(minima), ("has", "have"))
    return [
        f"Of {len(minima)} maps ({len(results)} comparisons, both ways) {count} a pair of layers better than shuffled "
        "pairs.",
        *([f"Their best pairs, cross-validated, go from {lowest_to_highest(better, names)}."] if better else []),
    ]


def _facts(result: xr.Dataset, direction: str, minimum: Verdict) -> dict[str, str]:
    """The numbers of one map."""
    a, b = _best(result, direction)
    facts = {"Minimum": f"{minimum}, {_pair(result, a, b)}"}
    for name, layer in (("At both first layers", 0), ("At both last layers", -1)):
        corner = float(result["imbalance"].sel(direction=direction)[layer, layer])
        facts[name] = f"{corner:.3f}" if math.isfinite(corner) else "undefined: all items look alike there"
    return facts | best_facts(result, direction, a, b)


def _best(result: xr.Dataset, direction: str) -> tuple[str, str]:
    """The best pair of layers in a direction."""
    a, b = (str(layer) for layer in result["best"].sel(direction=direction).to_numpy())
    return a, b


def _pair(result: xr.Dataset, a: str, b: str) -> str:
    """A pair of layers with their depths, in the order of the sides."""
    at = cell_of(result, DIRECTIONS[0], a, b)
    depth_a, depth_b = (float(at[f"relative_depth_{side}"]) for side in "ab")
    first, second = short_names(result.attrs)
    return f"layer {a} of {first} (depth {depth_a:.2f}) and layer {b} of {second} (depth {depth_b:.2f})"
