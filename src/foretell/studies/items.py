"""Which items fail: those whose nearest neighbour on one side is far from them on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.by_item import item_imbalance

if TYPE_CHECKING:
    from foretell.studies.compared import Compared

__all__ = ["rows_of_items"]

_LONGEST = 300  # letters of a text that go into a table


def rows_of_items(one: Compared, layer_a: str, layer_b: str, *, k: int, convention: str) -> list[dict[str, Any]]:
    """A row an item, those first that fail most: their mean over both directions is the imbalance's.

    Parameters
    ----------
    one : Compared
    layer_a, layer_b : str
        Layers of A and of B.
    k, convention
        As of the study.
    """
    found = item_imbalance(one.a.space(layer_a), one.b.space(layer_b), k=k, convention=convention)
    values = found["imbalance"].to_numpy()
    neighbours, ranks = found["neighbour"].to_numpy(), found["neighbour_rank"].to_numpy()
    shown = {end: _shown(one, side) for end, side in zip("ab", one.comparison.sides, strict=True)}
    ids = one.pairs.ids
    rows = []
    for place in np.argsort(-values.mean(axis=0), kind="stable"):
        row: dict[str, Any] = {"item": ids[place], "imbalance": float(values[:, place].mean())}
        row |= {end: texts[place] for end, texts in shown.items()}
        for number, direction in enumerate(map(str, found["direction"].to_numpy())):
            nearest = int(neighbours[number, place])
            row |= {
                direction: float(values[number, place]),
                f"{direction}_neighbour": ids[nearest],
                f"{direction}_rank": float(ranks[number, place]),
                **{f"{direction}_neighbour_{end}": texts[nearest] for end, texts in shown.items()},
            }
        rows.append(row | {"layer_a": layer_a, "layer_b": layer_b, "n": int(found.attrs["n"])})
    return rows


def _shown(one: Compared, side: str) -> list[str]:
    """Items of a side as texts: of images their names."""
    contents = one.pairs.contents(side)
    return [text[:_LONGEST] if isinstance(text, str) else text.name for text in contents]
