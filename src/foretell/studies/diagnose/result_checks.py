"""What a result says of itself, and whether it is what the stores give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.imbalance.information_imbalance import imbalance_matrix
from foretell.measure.inference.item_data import items_of
from foretell.measure.results.schema import DIRECTIONS, cell_of
from foretell.measure.spaces.space import select
from foretell.representations.store.reader import StoreSpace
from foretell.studies.diagnose.findings import Finding
from foretell.studies.diagnose.sides import Given
from foretell.studies.words import direction_sentence

if TYPE_CHECKING:
    import xarray as xr

_P = 0.05
_CELLS = 3
_EXACT = 1e-6


def find_in_result(result: xr.Dataset) -> Iterator[Finding]:
    """Read from a result alone whether it is flat at 1, or not below its null.

    Parameters
    ----------
    result : Dataset
        A curve or a matrix (`docs/result.md`).
    """
    values = result["imbalance"]
    least = {str(d): float(values.sel(direction=d).min()) for d in values["direction"].values}
    flat, evidence = True, {}
    for direction, value in least.items():
        evidence[f"least imbalance, {direction}"] = value
        if "p_value_minimum" in result:
            p = float(result["p_value_minimum"].sel(direction=direction))
            evidence[f"p of it against shuffled pairs, {direction}"] = p
            flat &= p > _P
        elif "low" in result:
            cell = result.sel(direction=direction)
            below = float((cell["high"] < 1).mean())
            evidence[f"share of cells whose interval is below 1, {direction}"] = below
            flat &= below <= _P
        else:
            flat &= value > 0.95
    if flat:
        yield Finding(
            "not_below_shuffled",
            "The result is flat at 1, both ways: no better than shuffled pairs.",
            evidence,
            "give the two stores as well: they tell whether pairs are shifted, scrambled or share nothing",
        )


def find_swapped(result: xr.Dataset, a: Given, b: Given) -> tuple[tuple[Finding, ...], str]:
    """Measure some cells of a result again, and tell whether its directions are those of its labels.

    Parameters
    ----------
    result : Dataset
        With the metric "hamming", of all items.
    a, b : Given
        The sides that it is said to be of.

    Returns
    -------
    findings : tuple of Finding
    looked_at : str
    """
    labels = _labels(result)
    if labels is not None and labels == (_label(b), _label(a)):
        a, b = b, a
    read = _cells(result, a, b)
    if isinstance(read, str):
        return (), f"result: directions not looked at, {read}"
    names, written, measured = read
    # A layer whose items are all alike has no value, here as there.
    straight, swapped = (_farthest(written, values) for values in (measured, measured[::-1]))
    told = f"result: {len(names)} cells measured again ({', '.join(names)})"
    evidence: dict[str, float | int | str] = {
        "cells measured again": ", ".join(names),
        "a_to_b in the result": _listed(written[0]),
        "b_to_a in the result": _listed(written[1]),
        f"measured: {a.name} foretells {b.name}": _listed(measured[0]),
        f"measured: {b.name} foretells {a.name}": _listed(measured[1]),
        "greatest difference as labelled": straight,
        "greatest difference swapped": swapped,
    }
    if straight <= _EXACT:
        return (), f"{told}: as labelled"
    fault, sentence, remedy = (
        "other_result",
        "The result is not what these sides give, in either direction.",
        "give the sides, tokens and metric that it was measured with, or measure it again",
    )
    if swapped <= _EXACT:
        called = f"what it calls a_to_b ({direction_sentence(result.attrs, 'a_to_b')})" if labels else "its a_to_b"
        fault, sentence, remedy = (
            "directions_swapped",
            f"Directions are swapped against the labels: {called} is what {b.name} says of {a.name}.",
            "change side_a and side_b of the result (and models), or read a_to_b as b_to_a; take the neighbours of A, "
            "ranks in B for a_to_b",
        )
    return (Finding(fault, sentence, evidence, remedy),), told


def _farthest(first: Any, second: Any) -> float:
    """The greatest difference; infinite where only one of the two has a value."""
    if (np.isnan(first) != np.isnan(second)).any():
        return float("inf")
    return float(np.nanmax(np.abs(first - second), initial=0.0))


def _cells(result: xr.Dataset, a: Given, b: Given) -> tuple[list[str], Any, Any] | str:
    """Names of some cells, their values in a result, and measured again; or why not. Values are of shape (2, cells)."""
    attrs = result.attrs
    if attrs.get("metric") != "hamming" or attrs.get("candidates") != "leave-one-out" or "k" in result.dims:
        return "it is not one of bits, of all candidates, at one k"
    if "n_queries" in attrs and attrs["n_queries"] != attrs["n_items"]:
        return "it is of some of the items as queries"
    items = items_of(result).ids
    rows = []
    for side in (a, b):
        if side.ids is None and len(items) != side.n_items:
            return f"{side.letter} has no ids, and other items"
        row = {name: number for number, name in enumerate(side.ids or items)}
        if not row.keys() >= set(items):
            return f"{side.letter} lacks some of its items"
        rows.append(np.array([row[item] for item in items]))
    curve = "layer" in result.dims
    of_a, of_b = (result["layer" if curve else dim].values.astype(str).tolist() for dim in "ab")
    both = zip(of_a, of_b, strict=False)
    there = [(x, y) for x, y in both if _space(a, x) is not None and _space(b, y) is not None]
    if not there:
        return "the sides have none of its layers"
    chosen = [there[round(number)] for number in np.linspace(0, len(there) - 1, min(_CELLS, len(there)))]
    written, measured = [], []
    for x, y in chosen:
        names = (x,) if curve else (x, y)
        written.append([float(cell_of(result, d, *names)["imbalance"]) for d in DIRECTIONS])
        again = imbalance_matrix(
            [select(_space(a, x), rows[0])],
            [select(_space(b, y), rows[1])],
            k=int(attrs["k"]),
            convention=str(attrs["convention"]),
            errors=False,
        )
        measured.append([float(again["imbalance"].sel(direction=d)[0, 0]) for d in DIRECTIONS])
    titles = [x if x == y else f"{x} | {y}" for x, y in chosen]
    return titles, np.array(written).T, np.array(measured).T


def _space(side: Given, layer: str) -> Any:
    """A layer of a side, of those looked at or any other of its store."""
    if layer in side.spaces:
        return side.spaces[layer]
    first = next(iter(side.spaces.values()))
    if isinstance(first, StoreSpace) and layer in first.store.info.kept[first.kept].n_bits:
        return StoreSpace(first.store, layer, first.kept, first.window)
    return None


def _labels(result: xr.Dataset) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Model and side of A and of B, as a result says."""
    attrs = result.attrs
    if "side_a" not in attrs or "side_b" not in attrs:
        return None
    of_a, of_b = ((str(attrs.get(f"model_{side}", "")), str(attrs[f"side_{side}"])) for side in "ab")
    return (of_a, of_b) if of_a != of_b else None


def _label(side: Given) -> tuple[str, str] | None:
    return None if side.store is None else (side.store.info.model_id, side.store.info.side)


def _listed(values: Any) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
