"""The tokens study: over how many tokens meaning is spread, and which of them predict."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from foretell.exceptions import StudyError
from foretell.measure.imbalance.by_token import token_curve
from foretell.measure.imbalance.greedy_tokens import greedy_tokens
from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.inference.standard_errors import critical
from foretell.representations.store.recordings import TokenRule
from foretell.studies.answer import Answer
from foretell.studies.plotting.curve_figures import depths_figure, token_curve_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.prepare import Arrangement, arrange, check_blocks
from foretell.studies.preparation.stores import Stores
from foretell.studies.tokens_summary import OfTokens, rows_of_greedy, rows_of_means, summarise_tokens

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import TokensStudy

__all__ = ["answer_tokens", "arrange_tokens", "measure_tokens"]

_LOG = logging.getLogger(__name__)


def arrange_tokens(study: TokensStudy, stores: Stores) -> Arrangement:
    """Choose the items of a tokens study: one set for all numbers of tokens, that of the most."""
    means = [_mean(study, count) for count in study.counts]
    return arrange(study, stores=stores, halves=study.greedy > 0, check=check_blocks, more=lambda model: means)


def measure_tokens(study: TokensStudy, one: Compared) -> OfTokens:
    """Measure one comparison of a tokens study."""
    _LOG.info("Measuring %s on %d items", one.comparison.name, len(one.pairs))
    concatenated = {count: _curve(study, one, _last(study, count)) for count in study.counts}
    averaged = {count: _curve(study, one, _mean(study, count)) for count in study.counts}
    several = [curves[count] for curves in (concatenated, averaged) for count in study.counts if count > 1]
    layer = _layer(study, several or list(concatenated.values()))
    spaces, groups, measure = (one.a.space(layer), one.b.space(layer)), one.pairs.groups, study.measure
    curve = token_curve(
        *spaces, k=measure.k, convention=measure.convention, null=measure.null, seed=measure.seed, groups=groups
    )
    greedy = None
    if study.greedy:
        greedy = greedy_tokens(*spaces, n_tokens=study.greedy, k=measure.k, groups=groups, seed=measure.seed)
        greedy = _labelled(greedy, study, one, study.tokens, layer=layer)
    return OfTokens(layer, concatenated, averaged, _labelled(curve, study, one, study.tokens, layer=layer), greedy)


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
    a, b, measure = one.a.of(rule), one.b.of(rule), study.measure
    curve = imbalance_curve(
        a.spaces(),
        b.spaces(),
        k=measure.k,
        convention=measure.convention,
        null=measure.null,
        seed=measure.seed,
        groups=one.pairs.groups,
    )
    return _labelled(curve, study, one, rule).assign_coords(relative_depth=("layer", a.depths))


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


def _labelled(result: xr.Dataset, study: TokensStudy, one: Compared, rule: str, **more: str) -> xr.Dataset:
    versions = str(result.attrs.get("versions", "{}"))
    return result.assign_attrs(one.attributes(study, versions) | {"tokens": rule} | more)


def _layer(study: TokensStudy, curves: Sequence[xr.Dataset]) -> str:
    """The layer asked for, or the one where both directions of all these curves together are least.

    A choice by one of them would make it read low beside the others.
    """
    layers = [str(layer) for layer in curves[0]["layer"].to_numpy()]
    if study.layer is not None:
        if str(study.layer) not in layers:
            raise StudyError(f"layer: there is no layer {study.layer}: choose {layers[0]} to {layers[-1]}.")
        return str(study.layer)
    together = np.mean([curve["imbalance"].mean("direction", skipna=False).to_numpy() for curve in curves], axis=0)
    if np.isnan(together).all():
        raise StudyError("No layer has a value both ways: all items look alike on one of the sides.")
    return layers[int(np.nanargmin(together))]


def _last(study: TokensStudy, count: int) -> str:
    return str(replace(TokenRule.parse(study.tokens), count=count))


def _mean(study: TokensStudy, count: int) -> str:
    return str(replace(TokenRule.parse(study.tokens), count=count, mean=True))
