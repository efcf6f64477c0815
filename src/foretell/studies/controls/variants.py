"""The variants of a controls study: each changes one thing about the study itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import StudyError
from foretell.measure.imbalance.information_imbalance import imbalance_curve, imbalance_matrix
from foretell.measure.inference.item_data import items_of
from foretell.measure.spaces.bits import BinarySpace, Rows
from foretell.measure.spaces.space import Space
from foretell.representations.store.recordings import Recording, TokenRule
from foretell.studies.controls.texts import lexical_distances, strata_of

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import ControlsStudy
    from foretell.studies.preparation.compared import Compared, Side

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


@dataclass(frozen=True, eq=False)
class ShuffledTokens:
    """A `foretell.Space` whose items have their tokens in a random order, each in one of its own.

    Give the layers of one side one seed, so that an item is in one order at all depths, and the two sides two:
    with the same, tokens that stood at one place in both would do so still.

    Parameters
    ----------
    space : Space
        Where the tokens come from.
    seed : int
        An item's order follows from it, from the item's place and from the number of tokens alone: whichever rows are
        read, and how often, they are the same bits.
    """

    space: Space
    seed: int

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return self.space.n_items

    @property
    def ids(self) -> tuple[str, ...] | None:
        """Names of the items in order."""
        return self.space.ids

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens of an item."""
        return self.space.n_tokens

    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        """Bits of the items at `rows`, shape (rows, T, bytes), their tokens in the items' orders."""
        whole = self.space.bits(rows)
        order = self._orders(np.arange(self.n_items)[rows])
        return BinarySpace(np.take_along_axis(whole.data, order[:, :, None], axis=1), whole.n_bits, whole.ids)

    def _orders(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Order of the tokens of the items at these places, shape (places, T)."""
        if not places.size:
            return np.empty((0, self.n_tokens), np.intp)
        first = int(places.min())
        stream = np.random.PCG64(self.seed)
        # Item i owns numbers i T to (i + 1) T - 1 of one stream, of which a double takes one each.
        stream.advance(first * self.n_tokens)
        drawn = np.random.Generator(stream).random((int(places.max()) + 1 - first, self.n_tokens))
        return np.argsort(drawn[places - first], axis=1)


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
    a, b, layers, usual = one.a, one.b, one.a.layers, one.options(study)

    def curve(of_a: Any, of_b: Any, **options: Any) -> xr.Dataset:
        return imbalance_curve(of_a, of_b, **{**usual, **options})

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
            found = imbalance_matrix({kind: distances[0]}, {kind: distances[1]}, metric="precomputed", **usual)
            # Arrays of distances carry no ids: the texts are those of the pairs, in their order.
            named = found.assign_attrs(items=replace(items_of(found), ids=one.pairs.ids))
            yield Variant("texts alone", kind, named, role="baseline")
    at = probes(a.store.info.n_blocks)
    rule = TokenRule.parse(study.tokens)
    full = [_points(side, f"{rule}, full", at) for side in (a, b)]
    yield Variant("bits", "full precision", curve(*full, metric="euclidean"))
    for name, kind in _KINDS.items():
        yield Variant("bits", name, curve(*(side.of(f"{rule}, {kind}").spaces(at) for side in (a, b))))
    for neighbours in (1, 3, 10):
        if neighbours != usual["k"]:
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
