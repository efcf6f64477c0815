"""The token-pairs study: which token predicts which, within a text and across its translation."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.imbalance.by_token import token_map
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.answer import Answer
from foretell.studies.config.comparisons import file_name, unique
from foretell.studies.plotting.token_map_figure import token_map_figure
from foretell.studies.preparation.compared import Compared, Side
from foretell.studies.summaries.summary import Block, Summary, heading, note
from foretell.studies.summaries.verdicts import LEVEL, Verdict, corrected, findings, plus_minus, signed
from foretell.studies.words import direction_name, listed, side_name

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import TokenPairsStudy

_LOG = logging.getLogger(__name__)

FAR = 5
"""Tokens from which a distance is called long, where there are as many."""


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

    @property
    def directions(self) -> tuple[str, ...]:
        """Within a text both directions of the measure are the same map transposed, so that one is enough."""
        return DIRECTIONS if self.where == "across" else DIRECTIONS[:1]

    def cell(self, direction: str) -> dict[str, Any]:
        """What tells its rows in a table apart."""
        name = direction_name(self.result.attrs, direction)
        return {"comparison": self.comparison, "where": self.where, "direction": name, "layer": self.layer}

    @property
    def far(self) -> int:
        """Tokens from which a distance is called long here."""
        return min(FAR, self.result.sizes["a"] - 1)


def answer_token_pairs(study: TokenPairsStudy, compared: Sequence[Compared]) -> Answer:
    """Measure every comparison of a token-pairs study, and say what they show."""
    maps = [at_layer for each in compared for at_layer in _maps(study, each)]
    names = unique(f"{_place(one.comparison, one.where)}_layer-{one.layer}" for one in maps)
    results = {name: one.result for name, one in zip(names, maps, strict=True)}
    figures = {}
    places = list(dict.fromkeys((one.comparison, one.where) for one in maps))
    for (name, where), figure in zip(places, unique(_place(*place) for place in places), strict=True):
        here = {
            f"layer {one.layer} (depth {one.relative_depth:.2f})": one.result
            for one in maps
            if (one.comparison, one.where) == (name, where)
        }
        figures[figure] = token_map_figure(here)
    rows, apart = rows_of_reach(maps), rows_of_layers_apart(maps)
    tables = {"reach": rows, "reach-compared": apart}
    return Answer(results, summarise_token_pairs(maps, rows, apart), tables, figures)


def _place(comparison: str, where: str) -> str:
    """A comparison and where of it, as part of a file's name."""
    return f"{comparison}_{file_name(where.replace(' ', '-'), most=60)}"


def _maps(study: TokenPairsStudy, one: Compared) -> Iterator[TokenMap]:
    """Within each side and across them, at the layers nearest to the depths asked for."""
    _LOG.info("Measuring %s: %d tokens on %d items", one.comparison.name, study.n_tokens, len(one.pairs))
    # Depths may be nearer to each other than layers are.
    nearest = dict.fromkeys((_nearest(one.a, depth), _nearest(one.b, depth)) for depth in study.depths)
    for of_a, of_b in nearest:
        for where, (a, layer_a), (b, layer_b) in (
            (f"within {one.a.name}", (one.a, of_a), (one.a, of_a)),
            (f"within {one.b.name}", (one.b, of_b), (one.b, of_b)),
            ("across", (one.a, of_a), (one.b, of_b)),
        ):
            other = None if a is b else b.space(layer_b)
            found = token_map(a.space(layer_a), other, null=study.measure.null, **one.options(study))
            read_by: dict[str, str] = {}
            for end, side, layer in (("a", a, layer_a), ("b", b, layer_b)):
                read_by |= {
                    f"model_{end}": side.model_id,
                    f"revision_{end}": side.revision,
                    f"side_{end}": side.name,
                    f"layer_{end}": layer,
                }
            name = layer_a if layer_a == layer_b else f"{layer_a}-{layer_b}"
            depth_of_layer = dict(zip(a.layers, a.depths, strict=True))[layer_a]
            labelled = one.labelled(found, study, **read_by)
            yield TokenMap(one.comparison.name, where, name, depth_of_layer, labelled)


def _nearest(side: Side, depth: float) -> str:
    """The layer nearest to a relative depth, the first of two as near."""
    return min(zip(side.layers, side.depths, strict=True), key=lambda one: (abs(one[1] - depth), one[1]))[0]


def rows_of_reach(maps: Sequence[TokenMap]) -> list[dict[str, Any]]:
    """A row a map and direction: neighbouring tokens, tokens far from each other, forward minus backward."""
    rows: list[dict[str, Any]] = []
    for one in maps:
        for direction in one.directions:
            later = _later(one.result, direction)
            distance = np.abs(later)
            near = _mean(distance <= 1 if one.where == "across" else distance == 1)
            order = _mean(later > 0) - _mean(later < 0)
            row = one.cell(direction) | {"relative_depth": one.relative_depth}
            columns = {"near": near, "far": _mean(distance >= one.far), "forward_less_backward": order}
            for name, weights in columns.items():
                test = Verdict.contrast(one.result, _cells(one.result, direction, weights))
                row |= {name: test.value, f"{name}_stderr": test.stderr}
            # The last of them is forward minus backward, which is what is tested.
            rows.append(row | {"p_value": test.p_value, "n": int(one.result.attrs["n"])})
    return corrected(rows)


def rows_of_layers_apart(maps: Sequence[TokenMap]) -> list[dict[str, Any]]:
    """A row a map and two layers: by how much tokens far apart predict each other less well at the first."""
    rows: list[dict[str, Any]] = []
    for one, other in combinations(maps, 2):
        if (one.comparison, one.where) != (other.comparison, other.where):
            continue
        for direction in one.directions:
            weights: dict[Any, float] = {}
            for name, at_layer, sign in (("one", one, 1), ("other", other, -1)):
                far = _mean(np.abs(_later(at_layer.result, direction)) >= at_layer.far)
                cells = _cells(at_layer.result, direction, far)
                weights |= {(name, *cell): sign * weight for cell, weight in cells.items()}
            test = Verdict.contrast({"one": one.result, "other": other.result}, weights)
            rows.append(
                one.cell(direction)
                | {
                    "other_layer": other.layer,
                    "relative_depth": one.relative_depth,
                    "other_relative_depth": other.relative_depth,
                    **test.columns("difference", "stderr", "p_value"),
                    "n": int(one.result.attrs["n"]),
                }
            )
    return corrected(rows)


def summarise_token_pairs(
    maps: Sequence[TokenMap], rows: Sequence[Mapping[str, Any]], apart: Sequence[Mapping[str, Any]]
) -> Summary:
    """Say in words what a token-pairs study found: only what its errors support.

    Parameters
    ----------
    maps : sequence of TokenMap
    rows, apart : sequences of mappings
        As `rows_of_reach` and `rows_of_layers_apart` give them.
    """
    sentences = []
    for comparison, where in dict.fromkeys((one.comparison, one.where) for one in maps):
        here, here_apart = (
            [row for row in table if (row["comparison"], row["where"]) == (comparison, where)]
            for table in (rows, apart)
        )
        sentences.append(_reach(here, here_apart, maps[0].far))
        sentences.append(
            findings(
                "differences of forward minus backward there",
                here,
                "forward_less_backward",
                "forward_less_backward_stderr",
                lambda row: f"layer {row['layer']}{', ' + row['direction'] if row['where'] == 'across' else ''}",
            )
        )
    return Summary(
        heading=heading([one.result for one in maps]),
        paragraph=" ".join(sentences),
        blocks=tuple(
            Block(
                f"{row['comparison']}, {row['where']}, {row['direction']}, layer {row['layer']} "
                f"(depth {row['relative_depth']:.2f})",
                {
                    "Neighbouring tokens": plus_minus(row["near"], row["near_stderr"]),
                    f"{maps[0].far} or more apart": plus_minus(row["far"], row["far_stderr"]),
                    "Forward minus backward": (
                        f"{signed(row['forward_less_backward'], row['forward_less_backward_stderr'])} "
                        f"(p = {row['p_adjusted']:.2g}, corrected)"
                    ),
                },
            )
            for row in rows
        ),
        note=note(
            maps[0].result,
            "Forward: to a later token; below 0, earlier tokens predict later ones better than the reverse.",
            f"p is corrected for {len(rows)} tests by Holm's method, and where a layer is called the best, for "
            f"{len(apart)} differences of layers.",
            measure="Information Imbalance from one token to another, averaged over all pairs of tokens as far apart",
        ),
    )


def _reach(rows: Sequence[Mapping[str, Any]], apart: Sequence[Mapping[str, Any]], far: int) -> str:
    """How far tokens predict each other, and at which layer farthest, if its value differs from all others."""
    best = min(rows, key=lambda row: math.inf if math.isnan(row["far"]) else row["far"])
    alike = [row for row in rows if row["direction"] == best["direction"]]
    against = [
        row
        for row in apart
        if row["direction"] == best["direction"] and best["layer"] in (row["layer"], row["other_layer"])
    ]
    across = best["where"] == "across"
    direction = f" ({best['direction']})" if across else ""
    values = listed(f"{plus_minus(row['far'], row['far_stderr'])} at layer {row['layer']}" for row in alike)
    where = f"Across {best['comparison']}" if across else f"Within {side_name(best['where'].removeprefix('within '))}"
    text = f"{where}, tokens {far} or more apart predict each other"
    if against and all(row["p_adjusted"] <= LEVEL for row in against):
        return (
            f"{text} best at layer {best['layer']} (depth {best['relative_depth']:.2f}){direction}: {values}; "
            f"neighbouring ones {plus_minus(best['near'], best['near_stderr'])} there."
        )
    none_stands_out = ", and no layer differs significantly from all others" if against else ""
    return f"{text} with {values}{direction}{none_stands_out}."


def _later(result: xr.Dataset, direction: str) -> Any:
    """By how many places the predicted token is later than the one that predicts it; shape (a, b)."""
    a, b = (np.array([int(name) for name in result[end].to_numpy()]) for end in "ab")
    later = b[None, :] - a[:, None]
    return later if direction == "a_to_b" else -later


def _mean(chosen: Any) -> Any:
    """Weights whose sum is the mean over the chosen cells."""
    return chosen / max(chosen.sum(), 1)


def _cells(result: xr.Dataset, direction: str, weights: Any) -> dict[tuple[str, str, str], float]:
    """Weights of a map as `foretell.contrast` takes them."""
    names = [[str(name) for name in result[end].to_numpy()] for end in "ab"]
    return {(direction, names[0][s], names[1][t]): float(weights[s, t]) for s, t in np.argwhere(weights != 0)}
