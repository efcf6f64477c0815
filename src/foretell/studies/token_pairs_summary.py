"""What a token-pairs study found, in words: only what its errors support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.inference.contrasts import contrast
from foretell.measure.inference.multiple_testing import contrast_p_value, holm
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name, side_name
from foretell.studies.summaries.asymmetry import LEVEL
from foretell.studies.summaries.summary import Block, Summary, heading, listed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TokenMap", "rows_of_layers_apart", "rows_of_reach", "summarise_token_pairs"]


@dataclass(frozen=True, eq=False)
class TokenMap:
    """Every token of one text against every token of itself, or of the other side's.

    Attributes
    ----------
    comparison : str
    where : str
        "within SIDE", or "across".
    layer : str
    relative_depth : float
    result : Dataset
        As of `foretell.token_map`.
    """

    comparison: str
    where: str
    layer: str
    relative_depth: float
    result: xr.Dataset


FAR = 5
"""Tokens from which a distance is called long, where there are as many."""

_Cell = tuple[str, str, str, str]
"""Comparison, where, direction in words, layer: what a row is of."""


def rows_of_reach(maps: Sequence[TokenMap]) -> list[dict[str, Any]]:
    """A row a map and direction: neighbouring tokens, tokens far from each other, forward less backward.

    Within a text both directions of the measure are one map turned over, so that only `a_to_b` is there.
    """
    rows: list[dict[str, Any]] = []
    for one in maps:
        within = one.where != "across"
        for direction in DIRECTIONS[:1] if within else DIRECTIONS:
            later = _later(one.result, direction)
            near = np.abs(later) == 1 if within else np.abs(later) <= 1
            far = np.abs(later) >= _far(one)
            row: dict[str, Any] = {
                "comparison": one.comparison,
                "where": one.where,
                "direction": direction_name(one.result.attrs, direction),
                "layer": one.layer,
                "relative_depth": one.relative_depth,
            }
            for name, weights in {
                "near": _mean(near),
                "far": _mean(far),
                "forward_less_backward": _mean(later > 0) - _mean(later < 0),
            }.items():
                value, stderr = contrast(one.result, _cells(one.result, direction, weights))
                row |= {name: value, f"{name}_stderr": stderr}
            row["p_value"] = contrast_p_value(
                row["forward_less_backward"], row["forward_less_backward_stderr"], int(one.result.attrs["n_groups"])
            )
            rows.append(row | {"n": int(one.result.attrs["n"])})
    p_values = holm([row["p_value"] for row in rows])
    return [row | {"p_adjusted": float(p)} for row, p in zip(rows, p_values, strict=True)]


def summarise_token_pairs(
    maps: Sequence[TokenMap], rows: Sequence[dict[str, Any]], apart: Sequence[Mapping[str, Any]]
) -> Summary:
    """Say in words what a token-pairs study found.

    Parameters
    ----------
    maps : sequence of TokenMap
    rows, apart : sequences of mappings
        As `rows_of_reach` and `rows_of_layers_apart` give them.
    """
    p_values = {_pair_of(row, {**row, "layer": row["other_layer"]}): row["p_adjusted"] for row in apart}
    far, sentences = _far(maps[0]), []
    for comparison, where in dict.fromkeys((one.comparison, one.where) for one in maps):
        mine = [row for row in rows if (row["comparison"], row["where"]) == (comparison, where)]
        sentences += [_reach(mine, p_values, far), *_order(mine)]
    first = maps[0].result
    return Summary(
        heading=heading([one.result for one in maps]),
        paragraph=" ".join(sentences),
        blocks=tuple(
            Block(
                f"{row['comparison']}, {row['where']}, {row['direction']}, layer {row['layer']} "
                f"(depth {row['relative_depth']:.2f})",
                {
                    "Neighbouring tokens": f"{row['near']:.3f} ± {row['near_stderr']:.3f}",
                    f"{far} or more apart": f"{row['far']:.3f} ± {row['far_stderr']:.3f}",
                    "Forward less backward": f"{row['forward_less_backward']:+.3f} ± "
                    f"{row['forward_less_backward_stderr']:.3f} (p = {row['p_adjusted']:.2g}, corrected)",
                },
            )
            for row in rows
        ),
        note="Information Imbalance from one token to another, averaged over all pairs of tokens as far apart: 0 "
        f"foretells, 1 says nothing; it falls as items are added, so compare at equal n (here {first.attrs['n']}). "
        f"Forward: to a later token. ± is one standard error; p is corrected for {len(rows)} tests by Holm's method, "
        f"and where a layer is called the best, for {len(p_values)} differences of layers.",
    )


def _reach(rows: Sequence[dict[str, Any]], p_values: Mapping[tuple[_Cell, _Cell], float], far: int) -> str:
    """How far tokens foretell each other, and at which layer farthest, if its value is told from all others."""
    best = min(rows, key=lambda row: math.inf if math.isnan(row["far"]) else row["far"])
    alike = [row for row in rows if row["direction"] == best["direction"]]
    others = [row for row in alike if row is not best]
    told = others and all(p_values[_pair_of(best, row)] <= LEVEL for row in others)
    values = [f"{row['far']:.3f} ± {row['far_stderr']:.3f} at layer {row['layer']}" for row in alike]
    direction = f" ({best['direction']})" if best["where"] == "across" else ""
    text = f"{_where(best)}, tokens {far} or more apart foretell each other"
    if told:
        return (
            f"{text} best at layer {best['layer']} (depth {best['relative_depth']:.2f}){direction}: {listed(values)}; "
            f"neighbouring ones {best['near']:.3f} ± {best['near_stderr']:.3f} there."
        )
    unresolved = ", and no layer is told from all others" if others else ""
    return f"{text} with {listed(values)}{direction}{unresolved}."


def _order(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Whether earlier tokens foretell later ones better than the reverse."""
    said = []
    for row in rows:
        if row["p_adjusted"] <= LEVEL:
            better, worse = ("earlier", "later") if row["forward_less_backward"] < 0 else ("later", "earlier")
            said.append(
                f"at layer {row['layer']} {better} tokens foretell {worse} ones better than the reverse, by "
                f"{abs(row['forward_less_backward']):.3f} ± {row['forward_less_backward_stderr']:.3f}"
                + ("" if row["where"] != "across" else f" ({row['direction']})")
            )
    if not said:
        return ["There, no difference between forward and backward is resolved."]
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}."]


def _where(row: dict[str, Any]) -> str:
    if row["where"] == "across":
        return f"Across {row['comparison']}"
    return f"Within {side_name(row['where'].removeprefix('within '))}"


def _far(one: TokenMap) -> int:
    """Tokens from which a distance is called long here."""
    return min(FAR, one.result.sizes["a"] - 1)


def _cell(row: Mapping[str, Any]) -> _Cell:
    return row["comparison"], row["where"], row["direction"], row["layer"]


def _pair_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[_Cell, _Cell]:
    first, second = sorted((_cell(one), _cell(other)))
    return first, second


def rows_of_layers_apart(maps: Sequence[TokenMap]) -> list[dict[str, Any]]:
    """A row a map and two layers: by how much tokens far apart foretell each other less well at the first."""
    rows: list[dict[str, Any]] = []
    for one, other in combinations(maps, 2):
        if (one.comparison, one.where) != (other.comparison, other.where):
            continue
        for direction in DIRECTIONS[: 1 if one.where != "across" else 2]:
            weights: dict[Any, float] = {}
            for name, of, sign in (("one", one, 1), ("other", other, -1)):
                far = _mean(np.abs(_later(of.result, direction)) >= _far(of))
                weights |= {(name, *cell): sign * weight for cell, weight in _cells(of.result, direction, far).items()}
            value, stderr = contrast({"one": one.result, "other": other.result}, weights)
            rows.append(
                {
                    "comparison": one.comparison,
                    "where": one.where,
                    "direction": direction_name(one.result.attrs, direction),
                    "layer": one.layer,
                    "other_layer": other.layer,
                    "relative_depth": one.relative_depth,
                    "other_relative_depth": other.relative_depth,
                    "difference": value,
                    "stderr": stderr,
                    "p_value": contrast_p_value(value, stderr, int(one.result.attrs["n_groups"])),
                    "n": int(one.result.attrs["n"]),
                }
            )
    p_values = holm([row["p_value"] for row in rows])
    return [row | {"p_adjusted": float(p)} for row, p in zip(rows, p_values, strict=True)]


def _later(result: xr.Dataset, direction: str) -> Any:
    """By how many places the token that is foretold is later than the one that foretells; shape (a, b)."""
    a, b = (np.array([int(name) for name in result[end].to_numpy()]) for end in "ab")
    later = b[None, :] - a[:, None]
    return later if direction == "a_to_b" else -later


def _mean(chosen: Any) -> Any:
    return chosen / max(chosen.sum(), 1)


def _cells(result: xr.Dataset, direction: str, weights: Any) -> dict[tuple[str, str, str], float]:
    """Weights of a map as `foretell.contrast` takes them."""
    names = [[str(name) for name in result[end].to_numpy()] for end in "ab"]
    return {(direction, names[0][s], names[1][t]): float(weights[s, t]) for s, t in np.argwhere(weights != 0)}
