"""Whether one side can be measured at all: its metric, missing items, collapsed bits, dead dimensions, copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.array_types import Items
from foretell.measure.spaces.bits import BinarySpace
from foretell.measure.spaces.inputs import GivenDistances
from foretell.measure.spaces.libraries import as_array
from foretell.measure.spaces.space import PointSpace, Space
from foretell.representations.store.health import COLLAPSED
from foretell.studies.diagnose.findings import Finding, first_few
from foretell.studies.diagnose.sides import Given

SIMILARITIES = 0.9
"""Share of rows whose diagonal is above the middle of the others from which a matrix is of similarities."""

NORMS = 0.5
"""Share of the mean squared Euclidean distance that differences of length make, from which that is said."""

DEAD = 0.5
"""Share of dimensions that are alike in all items from which that is said: of sound models up to a fifth."""

DUPLICATES = 0.02
"""Share of items with the content of another, at every layer looked at, from which that is said."""

_MARKED = 10.0
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Contents:
    """What is found of one side.

    Parameters
    ----------
    findings : tuple of Finding
    unfit : collection of str
        Layers that say nothing of pairs: collapsed, missing, or with a metric that does not fit.
    alike : ndarray of bool, shape (rows,)
        Items that are alike with another, so that nothing tells which of them goes with what.
    """

    findings: tuple[Finding, ...]
    unfit: tuple[str, ...]
    alike: NDArray[np.bool_]


def find_contents(side: Given, rows: Items, metric: str) -> Contents:
    """Look at one side alone.

    Parameters
    ----------
    side : Given
    rows : ndarray of int64
        Items.
    metric : str
    """
    nobody = np.zeros(len(rows), bool)
    causes = [*_incomplete(side), *_one_sided(side, rows, metric), *_similarities(side), *_norms(side, rows, metric)]
    if causes:  # of whatever else there is
        return Contents(tuple(causes), tuple(side.spaces), nobody)
    if metric == "precomputed":  # distances are not items
        return Contents((), (), nobody)
    bits = {name: space.bits(rows) for name, space in side.spaces.items() if isinstance(space, Space)}
    shares = {name: _positive(layer) for name, layer in bits.items()}
    collapsed = {name: share for name, share in shares.items() if _is_collapsed(share)}
    sound = {name: layer for name, layer in bits.items() if name not in collapsed}
    points = {name: space.points(rows) for name, space in side.spaces.items() if isinstance(space, PointSpace)}
    copies, alike = _duplicates(side, rows, {name: layer.packed_rows() for name, layer in sound.items()} | points)
    # Dimensions that never change follow from collapsed bits, and from items that are all alike.
    dead = [] if copies else _dead(side, sound)
    return Contents((*_collapsed(side, collapsed), *dead, *copies), tuple(collapsed), alike)


def _incomplete(side: Given) -> Iterator[Finding]:
    store = side.store
    if store is None or store.is_complete:
        return
    evidence: dict[str, float | int | str] = {"items": store.info.n_items, "missing": store.n_missing}
    if store.waiting:
        evidence["bits not made yet"] = ", ".join(str(store.info.kept[number].recording) for number in store.waiting)
    remedy = "run the same extract again, which completes it"
    yield Finding("items_missing", f"{side.letter} is incomplete.", evidence, remedy)


def _one_sided(side: Given, rows: Items, metric: str) -> Iterator[Finding]:
    """Signs of floats that are nearly all above 0, or below, though they differ."""
    for name, given in side.raw.items() if metric == "hamming" else ():
        try:
            x = as_array(given)
        except InputError:
            continue
        if x.dtype.kind != "f" or x.ndim < 2:
            continue
        x = x[rows].reshape(len(rows), -1).astype(np.float64)
        share = _positive(BinarySpace.from_activations(x))
        centred = _positive(BinarySpace.from_activations(x - np.median(x, axis=0)))
        if _is_collapsed(share) and not _is_collapsed(centred):
            yield Finding(
                "wrong_metric",
                f"Signs are taken of numbers of {side.letter} ({name}) that are nearly all on one side of 0.",
                {
                    "share of positive numbers": f"{share:.1%}",
                    "share above their dimension's median": f"{centred:.1%}",
                    "mean, standard deviation over items": f"{x.mean():.3g}, {x.std(axis=0).mean():.3g}",
                },
                "subtract each dimension's median or mean over the items first, or choose metric='euclidean'",
            )


def _similarities(side: Given) -> Iterator[Finding]:
    """An item is no farther from itself than from others, and no less similar."""
    for name, space in side.spaces.items():
        if not isinstance(space, GivenDistances):
            continue
        d = space.data
        own = np.diag(d).astype(np.float64)
        others = d[~np.eye(len(d), dtype=bool)].reshape(len(d), -1).astype(np.float64)
        least, middle, top = others.min(axis=1), np.median(others, axis=1), others.max(axis=1)
        # A diagonal far beyond all else was put there so that nothing is its own neighbour: that proves nothing.
        marked = ~np.isfinite(own) | (own - top > _MARKED * (top - least))
        farther = float(((own > middle) & ~marked).mean())
        if farther >= SIMILARITIES:
            yield Finding(
                "wrong_metric",
                f"{side.letter} ({name}) holds similarities, not distances: items are farther from themselves than "
                "from others.",
                {
                    "rows whose diagonal is above the middle of the others": f"{farther:.1%}",
                    "rows whose diagonal is above all others": f"{(own > top).mean():.1%}",
                    "mean of the diagonal, of the rest": f"{own.mean():.3g}, {others.mean():.3g}",
                },
                "give distances: the greatest similarity less each, such as 1 - cosine",
            )


def _norms(side: Given, rows: Items, metric: str) -> Iterator[Finding]:
    """Euclidean distances of which most is a difference in length: neighbours are then items as long, not alike."""
    for name, space in side.spaces.items():
        if metric != "euclidean" or not isinstance(space, PointSpace):
            continue
        x = space.points(rows).astype(np.float64)
        lengths = np.linalg.norm(x, axis=1)
        spread = float(x.var(axis=0).sum())
        share = float(lengths.var()) / spread if spread else 0.0
        if share > NORMS:
            low, high = np.quantile(lengths, (0.05, 0.95))
            yield Finding(
                "wrong_metric",
                f"Euclidean distances in {side.letter} ({name}) are mostly differences in length of the vectors.",
                {
                    "share of the mean squared distance": f"{share:.1%}",
                    "lengths, 5 % and 95 % quantile": f"{low:.3g}, {high:.3g}",
                },
                "choose metric='cosine', or scale every item to length 1",
            )


def _collapsed(side: Given, shares: Mapping[str, float]) -> Iterator[Finding]:
    if shares:
        worst = min(shares, key=lambda name: min(shares[name], 1 - shares[name]))
        yield Finding(
            "collapsed_bits",
            f"Nearly all bits of {side.letter} are alike at {_listed(list(shares))}.",
            {"share of positive bits": f"{shares[worst]:.1%} ({worst})", "layers": len(shares)},
            "take signs of numbers less each dimension's median (extract with tokens 'RULE, median'; subtract it "
            "yourself from arrays), or compare numbers with metric='euclidean'",
        )


def _dead(side: Given, layers: Mapping[str, BinarySpace]) -> Iterator[Finding]:
    """Dimensions that are alike in all items."""
    shares = {}
    for name, bits in layers.items():
        ever, always = np.bitwise_or.reduce(bits.data, axis=0), np.bitwise_and.reduce(bits.data, axis=0)
        dead = 1 - int(np.bitwise_count(ever ^ always).sum()) / (bits.n_tokens * bits.n_bits)
        if dead > DEAD:
            shares[name] = dead
    if shares:
        worst = max(shares, key=lambda name: shares[name])
        yield Finding(
            "dead_dimensions",
            f"Most dimensions of {side.letter} have the same bit in all items at {_listed(list(shares))}.",
            {"share of dead dimensions": f"{shares[worst]:.1%} ({worst})"},
            "check that these dimensions and tokens were filled, or leave them out: only the others tell items apart",
        )


def _duplicates(
    side: Given, rows: Items, layers: Mapping[str, NDArray[Any]]
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Items that are alike at all of some layers: what is said of them, and which they are, shape (rows,)."""
    if not layers:
        return [], np.zeros(len(rows), bool)
    content = np.hstack([np.ascontiguousarray(data).reshape(len(rows), -1).view(np.uint8) for data in layers.values()])
    items = content.view(np.dtype((np.void, content.shape[1]))).ravel()  # compared whole, which is fast
    _, code, count = np.unique(items, return_inverse=True, return_counts=True)
    alike = count[code] > 1
    copies = int((count - 1).sum())
    if copies < DUPLICATES * len(rows):
        return [], alike
    evidence: dict[str, float | int | str] = {
        "items with the content of one before them": f"{copies} of {len(rows)} ({copies / len(rows):.1%})",
    }
    largest = [group for group in np.argsort(-count, kind="stable")[:2] if count[group] > 1]
    for called, group in zip(("most alike", "next"), largest, strict=False):
        shown = [side.item(int(row)) for row in rows[code == group][:_SHOWN]]
        evidence[called] = f"{count[group]} items: {', '.join(shown)}{', ...' if count[group] > _SHOWN else ''}"
    blank = sum(not item.any() for item in content)
    if blank > 1:
        evidence["blank items (all 0, or no number above 0)"] = blank
    finding = Finding(
        "duplicate_items",
        f"Items of {side.letter} have the content of another at every layer looked at.",
        evidence,
        "leave copies out on both sides; blank items were never filled: extract or import them again",
    )
    return [finding], alike


def _positive(bits: BinarySpace) -> float:
    """Share of positive bits."""
    total = np.bitwise_count(bits.data).sum(dtype=np.int64)
    return float(total / (bits.n_items * bits.n_tokens * bits.n_bits))


def _is_collapsed(share: float) -> bool:
    """Whether so many bits are alike that few tell items apart."""
    return not COLLAPSED <= share <= 1 - COLLAPSED


def _listed(names: Sequence[str]) -> str:
    return "the space" if list(names) == ["the space"] else f"layer{'s' if len(names) > 1 else ''} {first_few(names)}"
