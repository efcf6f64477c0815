"""Which items fail: those whose nearest neighbour on one side is far from them on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foretell.measure.items import item_imbalance

if TYPE_CHECKING:
    from foretell.studies.sides import Compared

__all__ = ["rows_of_items"]

_LONGEST = 300  # letters of a text that go into a table


def rows_of_items(one: Compared, layer_a: str, layer_b: str, *, k: int) -> list[dict[str, Any]]:
    """A row an item, those first that fail most: their mean over both directions is the imbalance's.

    Parameters
    ----------
    one : Compared
    layer_a, layer_b : str
        Layers of A and of B.
    k : int
        Neighbours.
    """
    found = item_imbalance(one.a.space(layer_a), one.b.space(layer_b), k=k)
    values = found["imbalance"].mean("direction").to_numpy()
    shown = {end: _shown(one, side) for end, side in zip("ab", one.comparison.sides, strict=True)}
    rows = []
    for place in values.argsort()[::-1]:
        row: dict[str, Any] = {"item": one.pairs.ids[place], "imbalance": float(values[place])}
        for direction, (source, target) in {"a_to_b": "ab", "b_to_a": "ba"}.items():
            of = found.sel(direction=direction).isel(item=place)
            nearest = int(of["neighbour"])
            row |= {
                f"{direction}": float(of["imbalance"]),
                f"{direction}_neighbour": one.pairs.ids[nearest],
                f"{direction}_rank": float(of["neighbour_rank"]),
                source: shown[source][place],
                f"{direction}_neighbour_{source}": shown[source][nearest],
                f"{direction}_neighbour_{target}": shown[target][nearest],
            }
        rows.append(row | {"layer_a": layer_a, "layer_b": layer_b, "n": int(found.attrs["n"])})
    return rows


def _shown(one: Compared, side: str) -> list[str]:
    """Items of a side as texts: of images their names."""
    contents = one.pairs.contents(side)
    return [text[:_LONGEST] if isinstance(text, str) else text.name for text in contents]
