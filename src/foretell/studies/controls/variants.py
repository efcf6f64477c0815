"""The variants of a controls study: each changes one thing about the study itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foretell.exceptions import StudyError
from foretell.measure.imbalance.information_imbalance import imbalance_curve, imbalance_matrix
from foretell.representations.store.recordings import Recording, TokenRule
from foretell.studies.controls.lexical import lexical_distances
from foretell.studies.controls.strata import strata_of
from foretell.studies.controls.token_order import ShuffledTokens

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import ControlsStudy
    from foretell.studies.preparation.compared import Compared, Side

__all__ = ["LAST_LEFT_OUT", "Variant", "probes", "recordings_of", "variants"]

LAST_LEFT_OUT = 2
"""Tokens that the variant without the last ones leaves out, as the paper does: a full stop and a quote."""

_N_PROBES = 5
_KINDS = {
    "signs about the median": "median",
    "signs about the mean": "mean",
    "random projection": "projection",
    "two bits": "2bit",
}


@dataclass(frozen=True, eq=False)
class Variant:
    """One thing changed.

    Attributes
    ----------
    control : str
        What is changed.
    name : str
        How.
    result : Dataset
        A curve over layers, or a matrix of one cell.
    role : {"breaks", "baseline", "keeps"}
        Whether it takes away what the imbalance should measure; says what there is without meaning; or should not
        matter.
    of_null : bool
        Whether it is the null of the result that is meant, not its values.
    """

    control: str
    name: str
    result: xr.Dataset
    role: Literal["breaks", "baseline", "keeps"] = "keeps"
    of_null: bool = False


def probes(n_blocks: int) -> list[str]:
    """Layers, evenly spread, at which activations are kept in more than one way."""
    return [
        str(layer) for layer in dict.fromkeys(round(n_blocks * step / (_N_PROBES - 1)) for step in range(_N_PROBES))
    ]


def recordings_of(study: ControlsStudy, n_blocks: int) -> list[str]:
    """What is kept of every side beside the signs of its last tokens."""
    rule, at = TokenRule.parse(study.tokens), " ".join(probes(n_blocks))
    ways = [f"{rule}, {kind} at {at}" for kind in (*_KINDS.values(), "full")]
    return [str(Recording.parse(way)) for way in (str(_without_last(rule)), *ways)]


def variants(study: ControlsStudy, one: Compared, random: Compared | None) -> Iterator[Variant]:
    """Measure every variant of one comparison.

    Parameters
    ----------
    study : ControlsStudy
    one : Compared
        The study itself.
    random : Compared, optional
        The same of models with random weights.
    """
    a, b, groups = one.a, one.b, one.pairs.groups
    how: dict[str, Any] = {"convention": study.measure.convention, "seed": study.measure.seed, "groups": groups}
    k, layers = study.measure.k, a.layers

    def curve(of_a: Any, of_b: Any, **options: Any) -> xr.Dataset:
        return imbalance_curve(of_a, of_b, **{"k": k, **how, **options})

    if study.measure.null:
        texts = one.pairs.texts.get(a.name)
        counts = a.store.token_counts if a.rows is None else a.store.token_counts[a.rows]
        free = curve(a.spaces(), b.spaces(), null=study.measure.null)
        yield Variant("pairs", "shuffled", free, role="breaks", of_null=True)
        if texts is not None:
            within = curve(a.spaces(), b.spaces(), null=study.measure.null, strata=strata_of(counts, texts))
            yield Variant("pairs", "shuffled within length and ending", within, role="breaks", of_null=True)
    shuffled = [
        {layer: ShuffledTokens(side.space(layer), seed=study.measure.seed + number) for layer in layers}
        for number, side in enumerate((a, b))
    ]
    yield Variant("tokens", "in random order", curve(*shuffled), role="breaks")
    if random is not None:
        yield Variant("weights", "random", curve(random.a.spaces(), random.b.spaces()), role="baseline")
    if all(name in one.pairs.texts for name in one.comparison.sides):
        for kind in ("character 3-grams", "words"):
            distances = [lexical_distances(one.pairs.texts[name], kind=kind) for name in one.comparison.sides]
            found = imbalance_matrix({kind: distances[0]}, {kind: distances[1]}, metric="precomputed", k=k, **how)
            # Arrays of distances carry no ids: the texts are those of the pairs, in their order.
            named = found.assign_coords(item=np.array(one.pairs.ids, dtype=object))
            yield Variant("texts alone", kind, named, role="baseline")
    at = probes(a.store.info.n_blocks)
    rule = TokenRule.parse(study.tokens)
    full = [_points(side, f"{rule}, full", at) for side in (a, b)]
    yield Variant("bits", "full precision", curve(*full, metric="euclidean"))
    for name, kind in _KINDS.items():
        yield Variant("bits", name, curve(*(side.of(f"{rule}, {kind}").spaces(at) for side in (a, b))))
    for neighbours in (1, 3, 10):
        if neighbours != k:
            yield Variant("neighbours", f"k = {neighbours}", curve(a.spaces(), b.spaces(), k=neighbours))
    without = str(_without_last(rule))
    yield Variant(
        "last tokens", f"last {LAST_LEFT_OUT} left out", curve(a.of(without).spaces(), b.of(without).spaces())
    )


def _without_last(rule: TokenRule) -> TokenRule:
    return replace(rule, skip=rule.skip + LAST_LEFT_OUT)


def _points(side: Side, tokens: str, layers: list[str]) -> dict[str, Any]:
    if side.rows is not None:
        raise StudyError("study: controls runs its models itself: name models, not stores that were made elsewhere.")
    return {layer: side.store.points(layer, Recording.parse(tokens).tokens) for layer in layers}
