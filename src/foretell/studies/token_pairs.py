"""The token-pairs study: which token foretells which, within a text and across its translation."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from foretell.measure.imbalance.by_token import token_map
from foretell.studies.answer import Answer
from foretell.studies.config.comparisons import file_name, unique
from foretell.studies.plotting.token_map_figure import token_map_figure
from foretell.studies.preparation.compared import Compared, Side
from foretell.studies.preparation.prepare import Arrangement, arrange
from foretell.studies.preparation.stores import Stores
from foretell.studies.token_pairs_summary import TokenMap, rows_of_layers_apart, rows_of_reach, summarise_token_pairs

if TYPE_CHECKING:
    from foretell.studies.config.study_file import TokenPairsStudy

__all__ = ["answer_token_pairs", "arrange_token_pairs"]

_LOG = logging.getLogger(__name__)


def arrange_token_pairs(study: TokenPairsStudy, stores: Stores) -> Arrangement:
    """Choose the items of a token-pairs study."""
    return arrange(study, stores=stores)


def answer_token_pairs(study: TokenPairsStudy, compared: Sequence[Compared]) -> Answer:
    """Measure every comparison of a token-pairs study, and say what they show."""
    maps = [one for of in compared for one in _maps(study, of)]
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
            measure = study.measure
            found = token_map(
                a.space(layer_a),
                None if a is b else b.space(layer_b),
                k=measure.k,
                convention=measure.convention,
                null=measure.null,
                seed=measure.seed,
                groups=one.pairs.groups,
            )
            attributes = one.attributes(study, str(found.attrs.get("versions", "{}")))
            for end, side, layer in (("a", a, layer_a), ("b", b, layer_b)):
                attributes |= {
                    f"model_{end}": side.model_id,
                    f"revision_{end}": side.revision,
                    f"side_{end}": side.name,
                    f"layer_{end}": layer,
                }
            name = layer_a if layer_a == layer_b else f"{layer_a}-{layer_b}"
            depth_of_layer = dict(zip(a.layers, a.depths, strict=True))[layer_a]
            yield TokenMap(one.comparison.name, where, name, depth_of_layer, found.assign_attrs(attributes))


def _nearest(side: Side, depth: float) -> str:
    """The layer nearest to a relative depth, the first of two as near."""
    return min(zip(side.layers, side.depths, strict=True), key=lambda one: (abs(one[1] - depth), one[1]))[0]
