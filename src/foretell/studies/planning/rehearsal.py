"""How long measuring, drawing and writing take here: the study itself, on random bits and few layers."""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.spaces.bits import Bits
from foretell.measure.spaces.floats import Points
from foretell.representations.store.recordings import Recording, TokenRule
from foretell.studies.config.study_file import TokensStudy
from foretell.studies.outputs import write_answer
from foretell.studies.preparation.compared import Compared, Side
from foretell.studies.preparation.prepare import Arrangement
from foretell.studies.report.page import write_report

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.studies.answer import Answer
    from foretell.studies.config.study_file import Study

__all__ = ["Cost", "Shape", "rehearse", "shape_of", "shapes_of"]

_MOST_ITEMS = 2000
"""Items of a rehearsal at most: more are scaled up as their square."""


@dataclass(frozen=True)
class Shape:
    """What decides the cost of one side of a comparison.

    Parameters
    ----------
    n_layers : int
        Numbered layers.
    n_tokens : int
        Tokens that are compared.
    n_bits : int
        Of a token, on average over the layers.
    """

    n_layers: int
    n_tokens: int
    n_bits: int


@dataclass(frozen=True)
class Cost:
    """What measuring, drawing and writing take.

    Parameters
    ----------
    seconds : float
    disk_bytes : int
    memory_bytes : int
        Most that was held beside what was held before; 0 where that is not known.
    """

    seconds: float
    disk_bytes: int
    memory_bytes: int = 0


def shape_of(key: Any, tokens: str, arrangement: Arrangement) -> Shape:
    """Shape of one side of a comparison, from its store where there is one, else from its model."""
    rule = TokenRule.parse(Recording.parse(tokens).tokens)
    store, job = arrangement.stored.get(key, (None, None))[0], arrangement.jobs.get(key)
    if job is not None and job.is_done:
        store = job.opened
    if store is not None:
        widths = [store.info.kept[0].n_bits[layer] for layer in store.layers if layer in store.info.kept[0].n_bits]
        n_tokens = rule.n_tokens or store.info.kept[0].n_tokens
        return Shape(sum(layer.isdecimal() for layer in store.layers), n_tokens, round(float(np.mean(widths))))
    assert job is not None  # noqa: S101 - a side has a job or a store
    widths = list(job.model.n_dimensions.values())
    n_tokens = rule.n_tokens or len(rule.places(job.model.read(arrangement.pairs.contents(job.side)[:1])[0]))
    return Shape(job.model.n_blocks + 1, n_tokens, round(float(np.mean(widths))))


def shapes_of(arrangement: Arrangement) -> list[tuple[Shape, ...]]:
    """Shapes of both sides of every comparison."""
    return [
        tuple(
            shape_of((side, model), tokens, arrangement)
            for side, model, tokens in zip(one.sides, one.models, one.tokens, strict=True)
        )
        for one in arrangement.comparisons
    ]


def rehearse(
    study: Study,
    arrangement: Arrangement,
    shapes: Sequence[tuple[Shape, ...]],
    answer: Callable[[Any, Sequence[Compared]], Answer],
) -> Cost:
    """Time the study on few layers of random bits, and scale it up to all of them.

    The cost is taken to be that of two rehearsals, extrapolated along the number of layers (of pairs of layers, in a
    map), once for each shape of the study's comparisons.
    """
    pairs = arrangement.pairs
    rows = range(min(len(pairs), _MOST_ITEMS))
    few = pairs.take(rows) if len(rows) < len(pairs) else pairs
    scale = (len(pairs) / len(few)) ** 2

    def tried(shape: Sequence[Shape], n_layers: int) -> tuple[float, Cost]:
        sides = [replace(of, n_layers=min(n_layers, of.n_layers)) for of in shape]
        return _work(study, sides), _cost(study, arrangement, few, sides, answer)

    counts = Counter(shapes[: len(study.comparisons)])
    # What is done once, such as reading in libraries, the first trial does.
    _, first = tried(shapes[0], _SIZES[0])
    found = {shape: [tried(shape, n_layers) for n_layers in _SIZES] for shape in counts}
    once = max(first.seconds - found[shapes[0]][0][1].seconds, 0.0)
    totals = {shape: _extrapolated(costs, _work(study, shape)) for shape, costs in found.items()}
    seconds = sum(count * totals[shape].seconds for shape, count in counts.items())
    return Cost(seconds * scale + once, sum(count * totals[shape].disk_bytes for shape, count in counts.items()))


_N_WORDS, _ZIPF = 1000, 1.2
"""Words of layer 0, the first of them the most frequent."""

_SIZES = (5, 15)
"""Layers of rehearsals: 5 at least are what a controls study looks at in several ways."""


def _work(study: Study, sides: Sequence[Shape]) -> float:
    """What the cost grows with: layers, of maps their pairs."""
    a, b = (side.n_layers for side in sides)
    return float(a * b) if study.study == "map" else float(a)


def _extrapolated(found: Sequence[tuple[float, Cost]], work: float) -> Cost:
    (small, first), (large, second) = found
    if large <= small:
        return second
    share = (work - small) / (large - small)
    return Cost(
        first.seconds + share * max(second.seconds - first.seconds, 0.0),
        round(first.disk_bytes + share * max(second.disk_bytes - first.disk_bytes, 0)),
    )


def _cost(
    study: Study,
    arrangement: Arrangement,
    pairs: Pairs,
    shapes: Sequence[Shape],
    answer: Callable[[Any, Sequence[Compared]], Answer],
) -> Cost:
    """Carry out one comparison of the study on random bits."""
    n_study = len(study.comparisons)
    if isinstance(study, TokensStudy):
        study = study.model_copy(update={"layer": None})  # few layers need not have that one
    some = (arrangement.comparisons[0], *arrangement.comparisons[n_study:])
    compared = []
    for number, one in enumerate(some):
        a, b = (
            Side(name, _RandomStore(pairs, name, shape, seed=2 * number + end + 1), tokens)  # type: ignore[arg-type]
            for end, (name, tokens, shape) in enumerate(zip(one.sides, one.tokens, shapes, strict=True))
        )
        compared.append(Compared(one, pairs, a, b))
    logger = logging.getLogger("foretell")
    level = logger.level
    logger.setLevel(logging.ERROR)  # a rehearsal says nothing
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            began = time.perf_counter()
            write_answer(answer(study, compared), study, Path(folder))
            write_report(folder, Path(folder) / "report.html")
            seconds = time.perf_counter() - began
            written = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    finally:
        logger.setLevel(level)
    return Cost(seconds, written)


@dataclass(frozen=True)
class _Info:
    """What a study asks of a store's attributes."""

    n_blocks: int
    model_id: str = "rehearsal"
    model_revision: str = "rehearsal"


class _RandomStore:
    """Random bits in the shape of a store, which stores of the same items share in part."""

    def __init__(self, pairs: Pairs, side: str, shape: Shape, *, seed: int) -> None:
        self._is_text = side in pairs.texts
        self.info = _Info(n_blocks=shape.n_layers - 1)
        self.layers = tuple(str(layer) for layer in range(shape.n_layers))
        self.ids, self.n_items = pairs.ids, len(pairs)
        self.thumbnails = None
        self.token_counts = np.full(len(pairs), shape.n_tokens, np.uint32)
        self._shape, self._seed = shape, seed

    def space(self, layer: str, tokens: TokenRule, *, binarize: str = "sign") -> Bits:
        n_bits = self._shape.n_bits * (2 if binarize == "2bit" else 1)
        shape = (self.n_items, self._n_tokens(tokens), -(-n_bits // 8))
        shared = self._random(0, layer).integers(0, 256, (*shape[:1], 1, *shape[2:]), np.uint8)
        random = self._random(self._seed, layer)
        one, other = random.integers(0, 256, (2, *shape), np.uint8)
        data = shared ^ (one & other)  # a quarter of the bits of its own
        if self._is_text and layer == "0":  # one row a word: items of the same words are tied
            words = random.zipf(_ZIPF, shape[:2])
            data = random.integers(0, 256, (_N_WORDS, shape[2]), np.uint8)[words % _N_WORDS]
        return Bits(data, shape[2] * 8, self.ids)

    def points(self, layer: str, tokens: TokenRule) -> Points:
        shape = (self.n_items, self._n_tokens(tokens) * self._shape.n_bits)
        shared, own = (self._random(seed, layer).standard_normal(shape, np.float32) for seed in (0, self._seed))
        return Points(shared + own, self.ids)

    def _n_tokens(self, tokens: TokenRule) -> int:
        return tokens.n_tokens or self._shape.n_tokens

    def _random(self, seed: int, layer: str) -> np.random.Generator:
        return np.random.default_rng([seed, int(layer)])
