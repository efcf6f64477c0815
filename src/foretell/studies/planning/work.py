"""The work of measuring a study, counted: how many bits are compared, rankings made, figures drawn.

`Work` is a count by name of what takes time, such as ``{"bits": 4e9, "figures": 2}``; `foretell.studies.planning.rates`
says how many seconds one of each takes on this machine. A function here for each kind of study follows what that kind
measures (`foretell.studies.depth`, ...), call by call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foretell.measure.similarity.measures import MEASURES
from foretell.measure.similarity.similarity_matrix import SPLITS
from foretell.studies.controls.variants import probes

if TYPE_CHECKING:
    from foretell.studies.config.study_file import (
        ControlsStudy,
        DepthStudy,
        MapStudy,
        Study,
        TokenPairsStudy,
        TokensStudy,
    )

Work = Counter[str]
"""Counts by name; they add up."""


@dataclass(frozen=True)
class Shape:
    """What decides the cost of one side of a comparison.

    Parameters
    ----------
    n_items : int
    n_layers : int
        Numbered layers.
    n_tokens : int
        Tokens that are compared.
    token_bits : int
        Bits of one token, on average over the layers.
    item_bytes : int
        Bytes of an item's text or small picture, as the page shows it.
    is_grouped : bool
        Whether items come in groups.
    """

    n_items: int
    n_layers: int
    n_tokens: int
    token_bits: int
    item_bytes: int = 0
    is_grouped: bool = False

    @property
    def bits(self) -> int:
        """Bits of all layers of an item."""
        return self.n_layers * self.n_tokens * self.token_bits

    @property
    def n_bytes(self) -> int:
        """Bytes of the bits of all items."""
        return self.n_items * self.bits // 8


def curve(
    n_items: int,
    *,
    cells: float,
    bits: int,
    spaces: int | None = None,
    kept: int | None = None,
    permutations: int = 0,
    is_grouped: bool = False,
    coordinates: int = 0,
) -> Work:
    """One call of the measure, each cell both ways.

    Parameters
    ----------
    n_items : int
    cells : float
        Pairs of spaces.
    bits : int
        Of an item, in all spaces together.
    spaces : int, optional
        Those that are also ranked against themselves: two for each cell by default.
    kept : int, optional
        Cells whose scores a result holds; all by default.
    permutations : int, default 0
        Of the null.
    is_grouped : bool, default False
        Whether items come in groups: then there are free permutations and as many of whole groups.
    coordinates : int, default 0
        Floats of an item in all spaces, where it is measured in floats.
    """
    pairs = n_items**2
    of_themselves = 2 * cells if spaces is None else spaces
    return Work(
        {
            "calls": 1,
            "cells": cells,
            "bits": pairs * bits,
            "floats": pairs * coordinates,
            "rankings": pairs * (2 * cells + of_themselves),
            "permuted ranks": 2 * cells * n_items * permutations * (2 if is_grouped else 1),
            "items in groups drawn": n_items * permutations if is_grouped else 0,
            "scores": 2 * (cells if kept is None else kept) * n_items,
        }
    )


def similarities(n_items: int, measures: Sequence[str], *, cells: int, bits: int, errors: bool) -> Work:
    """Other measures of some cells, on all items and, for errors, on both halves of many splits."""
    halves = 2 * SPLITS if errors else 0
    pairs = n_items**2 + halves * (n_items // 2) ** 2
    work = Work({f"{name} of pairs": pairs * cells for name in measures})
    return work + Work({"similarities": (1 + halves) * cells * len(measures), "bits": pairs * bits})


def greedy(n_items: int, *, tokens: int, taken: int, bits: int) -> Work:
    """Tokens chosen one by one, in each direction on each half; then as many in order; both valued at every step.

    Parameters
    ----------
    n_items : int
    tokens : int
        To choose from.
    taken : int
        How many are chosen.
    bits : int
        Of an item, on both sides together.
    """
    pairs = 4 * (n_items // 2) ** 2
    tried = sum(tokens - step for step in range(taken))
    return Work(
        {"tokens tried": pairs * tried, "rankings": pairs * 4 * taken, "bits": pairs * 2 * bits, "cells": 8 * taken}
    )


def token_pairs(n_items: int, n_tokens: int, token_bits: int, *, errors: bool = True, **null: Any) -> Work:
    """Every token against every other of the same side, and means over those as far apart.

    Both ways are the same T x T pairs, each token with itself among them.
    """
    n_cells = n_tokens**2
    kept = n_cells if errors else 0
    work = curve(n_items, cells=n_cells / 2, bits=n_tokens * token_bits, spaces=0, kept=kept, **null)
    return work + Work({"scores of distances": 2 * kept * n_items})


def work_of(study: Study, comparisons: Sequence[tuple[Shape, Shape]]) -> Work:
    """All that a study measures, draws and writes, given the shapes of both sides of its comparisons."""
    return _KINDS[study.study](study, comparisons) + Work(pages=1)


def _depth(study: DepthStudy, comparisons: Sequence[tuple[Shape, Shape]]) -> Work:
    several = len(comparisons) > 1
    work = _files(figures=2 + several, panels=2 * len(comparisons) + several, results=2 * len(comparisons))
    for a, b in comparisons:
        n, measure = a.n_items, study.measure
        both: dict[str, Any] = {"cells": a.n_layers, "bits": a.bits + b.bits}
        work += curve(n, permutations=measure.null, is_grouped=a.is_grouped, **both)
        work += _cross_fit(n, **both) + _read(a, b)
        if measure.beside:
            work += similarities(n, measure.beside, errors=True, **both) + _files(figures=1, panels=1)
        work += _items(a, b)
    return work


def _map(study: MapStudy, comparisons: Sequence[tuple[Shape, Shape]]) -> Work:
    several = len(comparisons) > 1
    work = _files(figures=several, panels=several, results=2 * len(comparisons))
    for a, b in comparisons:
        n, measure = a.n_items, study.measure
        both: dict[str, Any] = {"cells": a.n_layers * b.n_layers, "bits": a.bits + b.bits}
        spaces = a.n_layers + b.n_layers
        null: dict[str, Any] = {"permutations": measure.null, "is_grouped": a.is_grouped}
        work += curve(n, spaces=spaces, kept=spaces, **null, **both)  # about: at equal depths, and the best
        work += _cross_fit(n, spaces=spaces, **both) + _files(figures=2, panels=3) + _read(a, b)
        if measure.beside:
            work += similarities(n, measure.beside, errors=False, **both) + _files(figures=1, panels=2)
        work += _items(a, b)
    return work


def _tokens(study: TokensStudy, comparisons: Sequence[tuple[Shape, Shape]]) -> Work:
    curves = 2 * len(study.counts) - (1 in study.counts)  # a single token is its own mean
    work = _files(figures=2 * len(comparisons), panels=(curves + 1) * len(comparisons), results=curves + 1)
    for a, b in comparisons:
        n, tokens = a.n_items, a.n_tokens
        null: dict[str, Any] = {"permutations": study.measure.null, "is_grouped": a.is_grouped}
        of_a_token = a.n_layers * a.token_bits + b.n_layers * b.token_bits
        for count in (*study.counts, *(1 for _ in study.counts)):  # concatenated, averaged
            work += curve(n, cells=a.n_layers, bits=count * of_a_token, **null) + _read(a, b)
        layer = tokens * (a.token_bits + b.token_bits)
        passes = 2 if study.measure.null else 1  # sums over tokens are not kept for the pass of the null
        work += curve(n, cells=tokens, bits=passes * layer, **null)
        if study.greedy:
            work += greedy(n, tokens=tokens, taken=study.greedy, bits=layer)
            work += _files(figures=1, panels=1, results=1)
    return work


def _token_pairs(study: TokenPairsStudy, comparisons: Sequence[tuple[Shape, Shape]]) -> Work:
    maps = 3 * len(comparisons) * len(study.depths)
    work = _files(figures=3 * len(comparisons), panels=2 * maps, results=maps)
    for a, b in comparisons:
        null: dict[str, Any] = {"permutations": study.measure.null, "is_grouped": a.is_grouped}
        for one in (a, b):
            within = token_pairs(one.n_items, one.n_tokens, one.token_bits, **null)
            within["scores of distances"] += (
                3 * one.n_tokens**2 * one.n_items
            )  # contrasts of near and far, and of layers
            work += _times(len(study.depths), within)
        cells, bits = a.n_tokens * b.n_tokens, a.n_tokens * a.token_bits + b.n_tokens * b.token_bits
        across = curve(a.n_items, cells=cells, bits=bits, spaces=a.n_tokens + b.n_tokens, **null)
        across["scores of distances"] = 8 * cells * a.n_items
        work += _times(len(study.depths), across)
    return work


def _controls(study: ControlsStudy, comparisons: Sequence[tuple[Shape, Shape]]) -> Work:
    a, b = comparisons[0]
    n, measure = a.n_items, study.measure
    both: dict[str, Any] = {"cells": a.n_layers, "bits": a.bits + b.bits}
    few = len(probes(a.n_layers - 1))
    at_few = both["bits"] * few // a.n_layers
    null: dict[str, Any] = {"permutations": measure.null}
    work = curve(n, is_grouped=a.is_grouped, **null, **both) + similarities(n, list(MEASURES), errors=True, **both)
    if measure.null:
        work += curve(n, is_grouped=a.is_grouped, **null, **both) + curve(n, **null, **both)
    # Tokens in random order, random weights, the last tokens left out, and k = 1, 3, 10.
    work += _times(3 + sum(k != measure.k for k in (1, 3, 10)), curve(n, **both))
    work += _times(2, curve(n, cells=1, bits=0))  # texts alone
    work += curve(n, cells=few, bits=0, coordinates=at_few)
    work += _times(3, curve(n, cells=few, bits=at_few)) + curve(n, cells=few, bits=2 * at_few)  # two bits
    work += _times(study.subsamples, curve(n // 2, **both)) + _times(8, _read(a, b))
    texts = 2 * (len(comparisons) > 1)
    return work + _files(figures=3, panels=3, results=12 + 2 * bool(measure.null) + texts)


_KINDS: Mapping[str, Callable[[Any, Sequence[tuple[Shape, Shape]]], Work]] = {
    "depth": _depth,
    "map": _map,
    "tokens": _tokens,
    "token-pairs": _token_pairs,
    "controls": _controls,
}


def _files(*, figures: int, panels: int, results: int = 0) -> Work:
    """What is drawn and written."""
    return Work({"figures": figures, "panels": panels, "results": results})


def _read(a: Shape, b: Shape) -> Work:
    """Every layer of both sides read from its store."""
    return Work({"layers read": a.n_layers + b.n_layers})


def _cross_fit(n_items: int, **call: Any) -> Work:
    """The same cells on both halves of the items."""
    return _times(2, curve(n_items // 2, kept=0, **call))


def _items(a: Shape, b: Shape) -> Work:
    """Which items fail, and the neighbours of every item at one layer, both ways: texts or pictures on disk."""
    layer = (a.bits + b.bits) // a.n_layers
    work = _times(2, curve(a.n_items, cells=1, bits=layer))
    return work + Work({"bytes of items": a.n_items * (a.item_bytes + b.item_bytes)})


def _times(count: int, work: Work) -> Work:
    return Work({name: count * number for name, number in work.items()})
