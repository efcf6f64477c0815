"""What a map study found, in words: only what its errors support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foretell.measure.inference.multiple_testing import holm
from foretell.studies.names import direction_name, direction_sentence, short_names, side_name
from foretell.studies.summaries.asymmetry import LEVEL, Asymmetry
from foretell.studies.summaries.best_layers import BestDifference, differences_sentences
from foretell.studies.summaries.summary import Block, Summary, asymmetry_sentence, heading, how_many

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["rows_of_best", "summarise_map"]


def summarise_map(
    results: Mapping[str, xr.Dataset], asymmetries: Sequence[Asymmetry], differences: Sequence[BestDifference] = ()
) -> Summary:
    """Say in words what a map study found.

    Parameters
    ----------
    results : mapping of name to Dataset
        As `foretell.studies.map.measure_map` gives them.
    asymmetries : sequence of Asymmetry
        Of these, corrected for their number.
    differences : sequence of BestDifference
        Of the best pairs of every two of them.
    """
    every = list(results.values())
    blocks = [_block(result, direction) for result in every for direction in _directions(result)]
    if len(every) == 1:
        sentences = [*_of_one(every[0]), _asymmetry_of_one(every[0], asymmetries[0])]
    else:
        sentences = [*_of_several(results), *_signs(asymmetries)]
        sentences += differences_sentences(
            differences,
            {
                (name, d): direction_name(result.attrs, d)
                for name, result in results.items()
                for d in _directions(result)
            },
        )
    return Summary(
        heading=heading(every),
        paragraph=" ".join(sentences),
        blocks=tuple(blocks),
        note="Information Imbalance: 0 foretells, 1 says nothing; it falls as items are added, so compare at "
        f"equal n (here {every[0].attrs['n']}). ± is one standard error (SE); p is that of the least over all pairs of "
        "layers. The least reads a little low, since it was chosen as such; chosen on one half of the items and valued "
        "on the other it does not, at the n given beside it.",
    )


def rows_of_best(results: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """A row a comparison and direction: the best pair of layers."""
    rows: list[dict[str, Any]] = []
    for name, result in results.items():
        for direction in _directions(result):
            of = result.sel(direction=direction)
            a, b = (str(layer) for layer in of["best"].to_numpy())
            at = of.sel(a=a, b=b)
            rows.append(
                {
                    "comparison": name,
                    "direction": direction_name(result.attrs, direction),
                    "layer_a": a,
                    "layer_b": b,
                    "relative_depth_a": float(at["relative_depth_a"]),
                    "relative_depth_b": float(at["relative_depth_b"]),
                    "imbalance": float(at["imbalance"]),
                    "stderr": float(at["stderr"]),
                    "cross_fitted": float(of["best_value"]),
                    "cross_fitted_stderr": float(of["best_stderr"]),
                    "cross_fitted_n": int(of["best_n"]),
                    "p_value": float(of["p_value_minimum"]) if "p_value_minimum" in result else math.nan,
                    "n": int(result.attrs["n"]),
                }
            )
    p_values = holm([row["p_value"] for row in rows])
    return [row | {"p_adjusted": float(p)} for row, p in zip(rows, p_values, strict=True)]


def _of_one(result: xr.Dataset) -> list[str]:
    said = []
    p_values = holm(result["p_value_minimum"].to_numpy()) if "p_value_minimum" in result else [math.nan, math.nan]
    for direction, p in zip(_directions(result), p_values, strict=True):
        of = result.sel(direction=direction)
        a, b = (str(layer) for layer in of["best"].to_numpy())
        at = of.sel(a=a, b=b)
        words = direction_sentence(result.attrs, direction)
        value = f"{float(at['imbalance']):.3f} ± {float(at['stderr']):.3f}"
        if p > LEVEL:
            said.append(
                f"{words} no better than shuffled pairs do at any pair of layers (at least {value}, p = {p:.2g})."
            )
        else:
            said.append(f"{words} best from {_pair(result, a, b)}, with an imbalance of {value}.")
    return said


def _of_several(results: Mapping[str, xr.Dataset]) -> list[str]:
    rows = rows_of_best(results)
    better = [row for row in rows if not row["p_adjusted"] > LEVEL]  # NaN: no null was drawn
    said = [
        f"Of {len(rows)} maps ({len(results)} comparisons, both ways) {how_many(len(better), len(rows))} "
        f"{'has' if len(better) == 1 else 'have'} a pair of layers better than shuffled pairs."
    ]
    if better:
        lowest, highest = (pick(better, key=lambda row: row["cross_fitted"]) for pick in (min, max))
        said.append(
            "Their best pairs, chosen on one half of the items and valued on the other, go from "
            f"{lowest['cross_fitted']:.3f} ± {lowest['cross_fitted_stderr']:.3f} ({lowest['direction']}) to "
            f"{highest['cross_fitted']:.3f} ± {highest['cross_fitted_stderr']:.3f} ({highest['direction']})."
        )
    return said


def _signs(asymmetries: Sequence[Asymmetry]) -> list[str]:
    """Whether asymmetries go one way: systematic, or particular to a model."""
    resolved = [one for one in asymmetries if one.resolved]
    a_better = sum(one.difference.value < 0 for one in resolved)
    b_better = len(resolved) - a_better
    sides = {(str(one.attrs["side_a"]), str(one.attrs["side_b"])) for one in asymmetries}
    a, b = next(iter(sides)) if len(sides) == 1 else ("A", "B")
    a, b = (side_name(a), side_name(b)) if a != b else ("the first model", "the second")
    said = [
        f"Of {len(asymmetries)} asymmetries {how_many(len(resolved), len(asymmetries))} "
        f"{'is' if len(resolved) == 1 else 'are'} resolved after correction for their number"
        + (
            f": in {a_better} {a} foretells {b} better than the reverse, in {b_better} {b} foretells {a} better."
            if resolved
            else "."
        )
    ]
    if a_better and b_better:
        only_models = len(sides) == 1 and len({str(one.attrs["tokens"]) for one in asymmetries}) == 1
        said.append(
            "So the sign is particular to the models, not systematic."
            if only_models
            else "So the sign is not systematic."
        )
    elif resolved and len(resolved) == len(asymmetries):
        said.append("So the sign is the same in all of them.")
    elif resolved:
        said.append("No resolved sign contradicts another, but not all are resolved.")
    return said


def _asymmetry_of_one(result: xr.Dataset, one: Asymmetry) -> str:
    where = f"Asymmetry at {_pair(result, *one.cells)}, where both directions together are least"
    return asymmetry_sentence(result.attrs, where, one.difference)


def _directions(result: xr.Dataset) -> list[str]:
    return [str(direction) for direction in result["direction"].to_numpy()]


def _block(result: xr.Dataset, direction: str) -> Block:
    of = result.sel(direction=direction)
    a, b = (str(name) for name in of["best"].to_numpy())
    at = of.sel(a=a, b=b)
    value, error = float(at["imbalance"]), float(at["stderr"])
    facts = {
        "Least imbalance": f"{value:.3f} ± {error:.3f}, {_pair(result, a, b)}",
        "Chosen on one half, valued on the other": (
            f"{float(of['best_value']):.3f} ± {float(of['best_stderr']):.3f} (n = {int(of['best_n'])})"
        ),
    }
    for name, s, t in (("At both first layers", 0, 0), ("At both last layers", -1, -1)):
        corner = float(of["imbalance"][s, t])
        facts[name] = f"{corner:.3f}" if math.isfinite(corner) else "undefined: all items look alike there"
    if "null" in result:
        low, median, high = (float(at["null"].sel(quantile=level)) for level in (0.025, 0.5, 0.975))
        facts["Shuffled pairs"] = f"{median:.2f} ({low:.2f} to {high:.2f})"
        grouped = " of whole groups" if "null_of_groups" in result else ""
        p, count = float(of["p_value_minimum"]), result.attrs["null_permutations"]
        facts["p of the least"] = f"{p:.2g} ({count} permutations{grouped})"
    return Block(f"{direction_sentence(result.attrs, direction)} ({direction_name(result.attrs, direction)})", facts)


def _pair(result: xr.Dataset, a: str, b: str) -> str:
    """A pair of layers with their depths, in the order of the sides."""
    depth_a, depth_b = (
        float(result[f"relative_depth_{side}"].sel({side: layer})) for side, layer in (("a", a), ("b", b))
    )
    first, second = short_names(result.attrs)
    return f"layer {a} of {first} (depth {depth_a:.2f}) and layer {b} of {second} (depth {depth_b:.2f})"
