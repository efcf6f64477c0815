"""The tokens study: over how many tokens meaning is spread, and which of them predict."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import StudyError
from foretell.measure.imbalance.by_token import token_curve
from foretell.measure.imbalance.greedy_tokens import greedy_tokens
from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.inference.item_data import scores_of
from foretell.measure.inference.standard_errors import critical
from foretell.measure.results.schema import DIRECTIONS, cell_of
from foretell.representations.store.recordings import TokenRule
from foretell.studies.answer import Answer
from foretell.studies.plotting.curve_figures import depths_figure, token_curve_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.prepare import Arrangement, arrange
from foretell.studies.preparation.stores import Stores
from foretell.studies.summaries.best_layers import lowest_together
from foretell.studies.summaries.summary import Summary, direction_block, heading, note
from foretell.studies.summaries.verdicts import Verdict, corrected, family, findings, plus_minus
from foretell.studies.words import direction_name, direction_sentence, null_range

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import TokensStudy

_LOG = logging.getLogger(__name__)

TAU = 0.05
"""Share of the way from the value of all tokens to 1 within which fewer do nearly as well."""


@dataclass(frozen=True, eq=False)
class OfTokens:
    """What a tokens study measures of one comparison.

    Attributes
    ----------
    layer : str
        Where the number of tokens is varied.
    concatenated, averaged : mapping of int to Dataset
        Curves over layers, by the number of tokens: concatenated, and averaged before the sign.
    by_count : Dataset
        The curve over 1 to T tokens at that layer.
    greedy : Dataset or None
        What positions chosen one by one predict there (`foretell.greedy_tokens`).
    """

    layer: str
    concatenated: Mapping[int, xr.Dataset]
    averaged: Mapping[int, xr.Dataset]
    by_count: xr.Dataset
    greedy: xr.Dataset | None


def arrange_tokens(study: TokensStudy, stores: Stores) -> Arrangement:
    """Choose the items of a tokens study: one set for all numbers of tokens, that of the most."""
    means = [_rule(study, count, mean=True) for count in study.counts]
    return arrange(study, stores, halves=study.greedy > 0, paired=True, more=lambda model: means)


def measure_tokens(study: TokensStudy, one: Compared) -> OfTokens:
    """Measure one comparison of a tokens study."""
    _LOG.info("Measuring %s on %d items", one.comparison.name, len(one.pairs))
    concatenated = {count: _curve(study, one, _rule(study, count, mean=False)) for count in study.counts}
    averaged = {count: _curve(study, one, _rule(study, count, mean=True)) for count in study.counts}
    several = [curves[count] for curves in (concatenated, averaged) for count in study.counts if count > 1]
    layer = _layer(study, several or list(concatenated.values()))
    spaces, options = (one.a.space(layer), one.b.space(layer)), one.options(study)
    curve = token_curve(*spaces, null=study.measure.null, **options)
    greedy = None
    if study.greedy:
        k, groups, seed = study.measure.k, one.pairs.groups, study.measure.seed
        greedy = greedy_tokens(*spaces, n_tokens=study.greedy, k=k, groups=groups, seed=seed)
        greedy = one.labelled(greedy, study, tokens=study.tokens, layer=layer)
    by_count = one.labelled(curve, study, tokens=study.tokens, layer=layer)
    return OfTokens(layer, concatenated, averaged, by_count, greedy)


def answer_tokens(study: TokensStudy, compared: Sequence[Compared]) -> Answer:
    """Measure every comparison of a tokens study, and say what they show."""
    measured = {one.comparison.name: measure_tokens(study, one) for one in compared}
    results: dict[str, xr.Dataset] = {}
    figures = {}
    for name, tokens in measured.items():
        curves = {f"last {count}": curve for count, curve in tokens.concatenated.items()}
        # A single token is its own mean.
        curves |= {f"mean of the last {count}": curve for count, curve in tokens.averaged.items() if count > 1}
        results |= {f"{name}_{key.replace(' ', '-')}": curve for key, curve in curves.items()}
        results[f"{name}_tokens-at-{tokens.layer}"] = tokens.by_count
        semantic = {key: semantic_layers(curve) for key, curve in curves.items()}
        figures[f"depth-{name}"] = depths_figure(curves, semantic)
        figures[f"tokens-{name}"] = token_curve_figure({name: tokens.by_count})
        if tokens.greedy is not None:
            results[f"{name}_greedy-at-{tokens.layer}"] = tokens.greedy
            figures[f"greedy-{name}"] = token_curve_figure(_curves_of_choice(tokens.greedy))
    means = rows_of_means(measured)
    greedy = [row for name, tokens in measured.items() for row in rows_of_greedy(name, tokens)]
    tables = {"concatenated-and-averaged": means, **({"greedy": greedy} if greedy else {})}
    return Answer(results, summarise_tokens(measured, means), tables, figures)


def _curve(study: TokensStudy, one: Compared, rule: str) -> xr.Dataset:
    a, b = one.a.of(rule), one.b.of(rule)
    curve = imbalance_curve(a.spaces(), b.spaces(), null=study.measure.null, **one.options(study))
    return one.labelled(curve, study, tokens=rule)


def _curves_of_choice(greedy: xr.Dataset) -> dict[str, xr.Dataset]:
    """Positions chosen one by one and positions in order, as two curves over their number."""
    # Either half has half of the groups.
    margin = critical(int(greedy.attrs["n_groups"]) // 2)
    attrs = greedy.attrs | {"n": min(greedy.attrs["n"])}
    return {
        title: greedy[[name, error]]
        .rename({name: "imbalance", error: "stderr", "step": "tokens"})
        .assign(low=greedy[name] - margin * greedy[error], high=greedy[name] + margin * greedy[error])
        .assign_attrs(attrs)
        for title, name, error in (
            ("chosen one by one", "imbalance", "stderr"),
            ("in order from the last", "in_order", "in_order_stderr"),
        )
    }


def _layer(study: TokensStudy, curves: Sequence[xr.Dataset]) -> str:
    """The layer asked for, or the one where all these curves together are lowest."""
    layers = [str(layer) for layer in curves[0]["layer"].to_numpy()]
    if study.layer is None:
        return lowest_together(curves, layers)
    if str(study.layer) not in layers:
        raise StudyError(f"layer: there is no layer {study.layer}: choose {layers[0]} to {layers[-1]}.")
    return str(study.layer)


def _rule(study: TokensStudy, count: int, *, mean: bool) -> str:
    """So many of the study's tokens, concatenated or averaged."""
    return str(replace(TokenRule.parse(study.tokens), count=count, mean=mean))


@dataclass(frozen=True)
class Enough:
    """How many tokens do nearly as well as all.

    Attributes
    ----------
    count : int
        From here on the value is within `TAU` of the way from that of all tokens to 1.
    least, most : int
        Where that may be: no fewer tokens are surely too few, as many are surely enough (95 %).
    """

    count: int
    least: int
    most: int


def enough_tokens(curve: xr.Dataset, direction: str) -> Enough:
    """Find how many tokens do nearly as well as all of them, in one direction of a curve over tokens."""
    scores, places = scores_of(curve)
    counts = [int(count) for count in curve["tokens"].to_numpy()]
    rows = [places[direction, str(count)] for count in counts]
    weights = np.zeros((len(counts), len(scores.values)))
    weights[np.arange(len(counts)), rows] = 1
    weights[:, rows[-1]] -= 1 - TAU
    excess = scores.combine(weights)
    over = excess.values - TAU
    margin = scores.critical * excess.stderr()

    def first(good: Any) -> int:
        """Fewest tokens from which on all are good."""
        bad = np.flatnonzero(~good)
        return counts[bad[-1] + 1] if bad.size and bad[-1] + 1 < len(counts) else counts[-1 if bad.size else 0]

    return Enough(first(over <= 0), first(over - margin <= 0), first(over + margin < 0))


def rows_of_means(measured: Mapping[str, OfTokens]) -> list[dict[str, Any]]:
    """A row a comparison, number of tokens and direction: averaged tokens minus concatenated ones, at its layer."""
    rows = []
    for name, tokens in measured.items():
        for count, direction in product(tokens.concatenated, DIRECTIONS):
            curves = {"mean": tokens.averaged[count], "last": tokens.concatenated[count]}
            cells = {("mean", direction, tokens.layer): 1, ("last", direction, tokens.layer): -1}
            difference = Verdict.contrast(curves, cells)
            last, mean = (cell_of(curves[kind], direction, tokens.layer) for kind in ("last", "mean"))
            rows.append(
                {
                    "comparison": name,
                    "direction": direction_name(curves["last"].attrs, direction),
                    "layer": tokens.layer,
                    "tokens": count,
                    "concatenated": float(last["imbalance"]),
                    "averaged": float(mean["imbalance"]),
                    **difference.columns("averaged_less_concatenated", "stderr", "p_value"),
                    "n": int(curves["last"].attrs["n"]),
                }
            )
    # A single token is its own mean, so that there is nothing to test.
    return corrected(rows, tests=lambda row: row["tokens"] > 1)


def rows_of_greedy(name: str, tokens: OfTokens) -> list[dict[str, Any]]:
    """A row a step and direction: the positions chosen, and what they predict on the other half of the items."""
    if tokens.greedy is None:
        return []
    rows = []
    for direction, step in product(DIRECTIONS, tokens.greedy["step"].to_numpy()):
        at = tokens.greedy.sel(direction=direction, step=step)
        chosen = tokens.greedy["position"].sel(direction=direction).sel(step=slice(1, step)).to_numpy()
        values = ("imbalance", "stderr", "in_order", "in_order_stderr", "gain", "gain_stderr")
        rows.append(
            {
                "comparison": name,
                "direction": direction_name(tokens.greedy.attrs, direction),
                "layer": tokens.layer,
                "tokens": int(step),
                "chosen_on_first_half": " ".join(map(str, chosen[0])),
                "chosen_on_second_half": " ".join(map(str, chosen[1])),
                **{key: float(at[key]) for key in values},
                "n": int(min(tokens.greedy.attrs["n"])),
            }
        )
    return rows


def summarise_tokens(measured: Mapping[str, OfTokens], means: Sequence[Mapping[str, Any]]) -> Summary:
    """Say in words what a tokens study found: only what its errors support.

    Parameters
    ----------
    measured : mapping of name to OfTokens
        By comparison.
    means : sequence of mappings
        As `rows_of_means` gives them.
    """
    falls, gains = _falls(measured), _gains(measured)
    sentences, blocks = [], []
    for name, tokens in measured.items():
        for direction in DIRECTIONS:
            sentences.append(_over_tokens(tokens, direction, falls[name, direction]))
            blocks.append(direction_block(tokens.by_count, direction, _facts(tokens, direction)))
        sentences.append(
            findings(
                "differences of averaged minus concatenated tokens there",
                [row for row in means if row["comparison"] == name and row["tokens"] > 1],
                "averaged_less_concatenated",
                "stderr",
                lambda row: f"{row['tokens']} tokens, {row['direction']}",
            )
        )
        if tokens.greedy is not None:
            sentences += [_greedy(name, tokens.greedy, direction, gains) for direction in DIRECTIONS]
    curves = [tokens.by_count for tokens in measured.values()]
    families = [
        f"{len(falls)} between one token and all",
        f"{sum(row['tokens'] > 1 for row in means)} between averaged and concatenated ones",
        *([f"{len(gains)} gains of choice"] if gains else []),
    ]
    return Summary(
        heading=heading(curves),
        paragraph=" ".join(sentences),
        blocks=tuple(blocks),
        note=note(
            curves[0],
            "All numbers of tokens are measured on the same items, those that have the most.",
            f"Nearly as well: within {TAU} of the way from the value of all tokens to 1; in brackets where that number "
            "may lie (95 %).",
            "What is called a difference is significant after correction, by Holm's method, for all of its sort: "
            f"{', '.join(families)}.",
        ),
    )


def _falls(measured: Mapping[str, OfTokens]) -> dict[tuple[str, str], Verdict]:
    """One token minus all of them, by comparison and direction."""
    tests = {}
    for name, direction in product(measured, DIRECTIONS):
        curve = measured[name].by_count
        first, last = (str(count) for count in curve["tokens"].to_numpy()[[0, -1]])
        # Of a single token the difference is of nothing: 0, with an error of 0.
        cells = {(direction, first): 1, (direction, last): -1 if first != last else 0}
        tests[name, direction] = Verdict.contrast(curve, cells)
    return family(tests)


def _gains(measured: Mapping[str, OfTokens]) -> dict[tuple[str, str, int], Verdict]:
    """What the choice of positions gains at every step, by comparison, direction and number of tokens."""
    tests = {}
    for (name, tokens), direction in product(measured.items(), DIRECTIONS):
        if tokens.greedy is not None:
            n_groups = max(int(tokens.greedy.attrs["n_groups"]) // 2, 1)  # either half has half of the groups
            for step in tokens.greedy["step"].to_numpy():
                at = tokens.greedy.sel(direction=direction, step=step)
                gain = Verdict.difference(float(at["gain"]), float(at["gain_stderr"]), n_groups)
                tests[name, direction, int(step)] = gain
    return family(tests)


def _over_tokens(tokens: OfTokens, direction: str, fall: Verdict) -> str:
    """Over how many tokens the meaning is spread."""
    curve = tokens.by_count.sel(direction=direction)
    at = f"At layer {tokens.layer} {direction_sentence(curve.attrs, direction)}"
    values, errors = curve["imbalance"].to_numpy(), curve["stderr"].to_numpy()
    if not np.isfinite(values[[0, -1]]).all():
        return f"{at} to a degree that is undefined: all items look alike there."
    n_tokens, every = int(curve["tokens"][-1]), plus_minus(values[-1], errors[-1])
    at += f" with {plus_minus(values[0], errors[0])} from the last token alone"
    if not fall.significant:
        return f"{at} and {every} from the last {n_tokens}: no significant difference."
    if fall.value < 0:
        return f"{at} and worse, {every}, from the last {n_tokens}."
    enough = enough_tokens(tokens.by_count, direction)
    return (
        f"{at} and {every} from the last {n_tokens}; {enough.count} do nearly as well as all ({enough.least} to "
        f"{enough.most})."
    )


def _greedy(name: str, greedy: xr.Dataset, direction: str, gains: Mapping[tuple[str, str, int], Verdict]) -> str:
    """What the choice of positions gains, on items that it was not made on."""
    words = direction_sentence(greedy.attrs, direction)
    gained = {
        step: gains[name, direction, step].value
        for step in greedy["step"].to_numpy().tolist()
        if gains[name, direction, step].significant and gains[name, direction, step].value > 0
    }
    if not gained:
        return f"{words} no better, on held-out items, from positions chosen one by one than from as many in order."
    best = max(gained, key=lambda step: gained[step])
    at = greedy.sel(direction=direction, step=best)
    return (
        f"{words}, on held-out items, with {plus_minus(at['imbalance'], at['stderr'])} from {best} "
        f"position{'s' * (best > 1)} chosen one by one, where the last {best} in order give "
        f"{plus_minus(at['in_order'], at['in_order_stderr'])}."
    )


def _facts(tokens: OfTokens, direction: str) -> dict[str, str]:
    """The numbers of one direction."""
    facts = {}
    for count, concatenated in tokens.concatenated.items():
        curves = {"last": concatenated, "mean of the last": tokens.averaged[count]}
        for kind in curves if count > 1 else ["last"]:  # a single token is its own mean
            curve = curves[kind].sel(direction=direction)
            at, lowest = (
                cell_of(curves[kind], direction, tokens.layer),
                int(np.nanargmin(curve["imbalance"].to_numpy())),
            )
            facts[f"{kind} {count}"] = (
                f"{plus_minus(at['imbalance'], at['stderr'])} at layer {tokens.layer}; minimum "
                f"{float(curve['imbalance'][lowest]):.3f} at layer {curve['layer'].to_numpy()[lowest]}"
            )
    enough = enough_tokens(tokens.by_count, direction)
    facts["Nearly as well as all"] = f"{enough.count} tokens ({enough.least} to {enough.most})"
    if "null" in tokens.by_count:
        facts["Shuffled pairs"] = null_range(tokens.by_count["null"].sel(direction=direction)[..., -1])
    return facts
