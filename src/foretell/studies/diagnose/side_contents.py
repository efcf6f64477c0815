"""Whether what one side holds can be measured at all: collapsed bits, dead dimensions, items that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.array_types import Items
from foretell.measure.spaces.bits import Bits
from foretell.measure.spaces.floats import PointSpace
from foretell.measure.spaces.given_distances import GivenDistances
from foretell.measure.spaces.inputs import Input
from foretell.measure.spaces.space import Space
from foretell.representations.store.health import COLLAPSED, Health, check_health
from foretell.studies.diagnose.findings import Finding
from foretell.studies.diagnose.sides import Given

__all__ = ["Contents", "find_contents", "is_collapsed", "positive"]

DEAD = 0.5
"""Share of dimensions that are alike in all items from which that is said: of sound models up to a fifth."""

DUPLICATES = 0.02
"""Share of items with the bits of another, at every layer looked at, from which that is said."""

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Contents:
    """What is found of one side.

    Parameters
    ----------
    findings : tuple of Finding
    unfit : tuple of str
        Layers that say nothing of pairs: collapsed, or missing.
    alike : ndarray of bool, shape (rows,)
        Items that are alike with another, so that nothing tells which of them goes with what.
    """

    findings: tuple[Finding, ...]
    unfit: tuple[str, ...]
    alike: NDArray[np.bool_]


def find_contents(side: Given, rows: Items, *, of_signs: bool) -> Contents:
    """Look at one side alone.

    Parameters
    ----------
    side : Given
    rows : ndarray of int64
        Items.
    of_signs : bool
        Whether the side is of bits, so that their balance is of interest; else only identical items are.
    """
    if not of_signs:
        found, copies = _duplicates(side, rows, list(side.spaces), of_signs=False)
        return Contents(found, (), copies)
    if side.store is not None:
        health = check_health(side.store)
        if health.n_missing or health.waiting:
            return Contents((_incomplete(side, health),), tuple(side.spaces), np.zeros(len(rows), bool))
        shares = {one.layer: one.positive for one in health.layers}
    else:
        shares = {name: positive(_bits(space, rows)) for name, space in side.spaces.items()}
    collapsed = {name: share for name, share in shares.items() if is_collapsed(share)}
    others = [name for name in side.spaces if name not in collapsed]
    alike, copies = _duplicates(side, rows, others, of_signs=True)
    of_layers = [_collapsed(side, collapsed)] if collapsed else []
    # Dimensions that never change follow from collapsed bits, and from items that are all alike.
    dead = [] if alike else _dead(side, rows, others)
    return Contents((*of_layers, *dead, *alike), tuple(collapsed), copies)


def positive(bits: Bits) -> float:
    """Share of positive bits."""
    total = np.bitwise_count(bits.data).sum(dtype=np.int64)
    return float(total / (bits.n_items * bits.n_tokens * bits.n_bits))


def is_collapsed(share: float) -> bool:
    """Whether so many bits are alike that few tell items apart."""
    return not COLLAPSED <= share <= 1 - COLLAPSED


def _collapsed(side: Given, shares: dict[str, float]) -> Finding:
    names = list(shares)
    worst = min(names, key=lambda name: min(shares[name], 1 - shares[name]))
    return Finding(
        "collapsed_bits",
        f"Nearly all bits of {side.letter} are alike at {_listed(names)}.",
        {"share of positive bits": f"{shares[worst]:.1%} ({worst})", "layers": len(names)},
        "take signs of numbers less each dimension's median (extract with tokens 'RULE, median'; subtract it yourself "
        "from arrays), or compare numbers with metric='euclidean'",
    )


def _dead(side: Given, rows: Items, names: Sequence[str]) -> list[Finding]:
    """Dimensions that are alike in all items."""
    shares = {}
    for name in names:
        bits = _bits(side.spaces[name], rows)
        ever, always = np.bitwise_or.reduce(bits.data, axis=0), np.bitwise_and.reduce(bits.data, axis=0)
        dead = 1 - int(np.bitwise_count(ever ^ always).sum()) / (bits.n_tokens * bits.n_bits)
        if dead > DEAD:
            shares[name] = dead
    if not shares:
        return []
    worst = max(shares, key=lambda name: shares[name])
    return [
        Finding(
            "dead_dimensions",
            f"Most dimensions of {side.letter} have the same bit in all items at {_listed(list(shares))}.",
            {"share of dead dimensions": f"{shares[worst]:.1%} ({worst})"},
            "check that these dimensions and tokens were filled, or leave them out: only the others tell items apart",
        )
    ]


def _duplicates(
    side: Given, rows: Items, names: Sequence[str], *, of_signs: bool
) -> tuple[tuple[Finding, ...], NDArray[np.bool_]]:
    """Items that are alike at all of some layers: what is said of them, and which they are, shape (rows,)."""
    codes, blank = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
    for name in names:
        space = side.spaces[name]
        if isinstance(space, GivenDistances):  # distances are not items
            return (), np.zeros(len(rows), bool)
        data = _bits(space, rows).packed_rows() if of_signs else np.ascontiguousarray(_points(space, rows))
        content = np.unique(data.view(np.uint8).reshape(len(rows), -1), axis=0, return_inverse=True)[1]
        codes = np.unique(np.stack([codes, content.reshape(-1)]), axis=1, return_inverse=True)[1].reshape(-1)
        blank &= (data == 0).all(axis=1)
    several = [np.flatnonzero(codes == code) for code in np.flatnonzero(np.bincount(codes) > 1)] if names else []
    alike = np.zeros(len(rows), bool)
    alike[[place for places in several for place in places]] = True
    copies = sum(len(places) - 1 for places in several)
    if copies < DUPLICATES * len(rows):
        return (), alike
    evidence: dict[str, float | int | str] = {
        "items with the content of one before them": f"{copies} of {len(rows)} ({copies / len(rows):.1%})",
    }
    for called, places in zip(("most alike", "next"), sorted(several, key=len, reverse=True), strict=False):
        shown = ", ".join(side.item(int(rows[place])) for place in places[:_SHOWN])
        evidence[called] = f"{len(places)} items: {shown}{', ...' if len(places) > _SHOWN else ''}"
    if blank.sum() > 1:
        evidence["blank items (no number above 0)" if of_signs else "blank items (all 0)"] = int(blank.sum())
    finding = Finding(
        "duplicate_items",
        f"Items of {side.letter} have the content of another at every layer looked at.",
        evidence,
        "leave copies out on both sides; blank items were never filled: extract or import them again",
    )
    return (finding,), alike


def _incomplete(side: Given, health: Health) -> Finding:
    evidence: dict[str, float | int | str] = {"items": health.n_items, "missing": health.n_missing}
    if health.waiting:
        evidence["bits not made yet"] = ", ".join(health.waiting)
    remedy = "run the same extract again, which completes it"
    return Finding("items_missing", f"{side.letter} is incomplete.", evidence, remedy)


def _bits(space: Input, rows: Items) -> Bits:
    if not isinstance(space, Space):
        raise TypeError("bits of a space of floats")
    return space.bits(rows)


def _points(space: Input, rows: Items) -> NDArray[Any]:
    if not isinstance(space, PointSpace):
        raise TypeError("numbers of a space of bits")
    return space.points(rows)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return shown if names == ["the space"] else f"layer{'s' if len(names) > 1 else ''} {shown}"
