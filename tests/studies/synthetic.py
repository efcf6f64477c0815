"""Results of the schema with made-up numbers, for what reads results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import xarray as xr

from foretell.measure.imbalance.semantic_layers import SemanticLayers
from foretell.measure.inference.item_data import ItemData, items_of
from foretell.measure.inference.minimum import Region
from foretell.measure.inference.standard_errors import Scores
from foretell.measure.results.schema import coordinate
from foretell.studies.summaries.verdicts import Verdict

N = 300


def curve(
    *, least: float = 0.2, error: float = 0.015, difference: float = 0.0, n_layers: int = 31, seed: int = 0
) -> xr.Dataset:
    """A depth curve, lowest at .55, with errors, scores and a null.

    `least` is the value of the minimum (.95 or so: flat), `difference` is added to the second direction.
    """
    rng = np.random.default_rng(seed)
    depth = np.linspace(0, 1, n_layers)
    bowl = least + (0.95 - least) * 1.2 * np.abs(depth - 0.55) ** 1.7
    value = np.stack([bowl, bowl + difference])
    psi = rng.standard_normal((2, n_layers, N))
    psi -= psi.mean(axis=-1, keepdims=True)
    psi *= error * N / np.sqrt((psi**2).sum(axis=-1, keepdims=True))
    stderr = np.full(value.shape, error)
    null = np.array([0.94, 0.998, 1.05])[:, None, None] + 0.004 * rng.standard_normal((3, *value.shape))
    table = ("direction", "layer")
    return xr.Dataset(
        {
            "imbalance": (table, value),
            "stderr": (table, stderr),
            "low": (table, value - 1.96 * stderr),
            "high": (table, value + 1.96 * stderr),
            "null": (("quantile", *table), null),
            "p_value": (table, np.where(value < 0.94, 1 / 1001, 0.4)),
            "p_value_minimum": ("direction", np.where(value.min(axis=1) < 0.94, 1 / 1001, 0.4)),
        },
        coords={
            "direction": ["a_to_b", "b_to_a"],
            "layer": np.arange(n_layers),
            "relative_depth": ("layer", depth),
            "quantile": [0.025, 0.5, 0.975],
        },
        attrs={
            "items": items(value, psi, [(str(layer),) for layer in range(n_layers)]),
            "schema": "foretell-result",
            "schema_version": 1,
            "n": N - 1,
            "n_items": N,
            "n_groups": N,
            "T": [20, 20],
            "tokens": "last 20",
            "k": 1,
            "metric": "hamming",
            "convention": "adjusted",
            "candidates": "leave-one-out",
            "backend": "numba",
            "seed": 0,
            "null_permutations": 1000,
            "model_a": "smollm2-135m",
            "model_b": "smollm2-135m",
            "revision_a": "r",
            "revision_b": "r",
            "side_a": "en",
            "side_b": "es",
            "data": "home-assistant",
            "data_licence": "Apache-2.0",
            "drop_counts": '{"fewer than 20 tokens": 2653, "repeated": 12}',
            "versions": '{"foretell": "0.1.0"}',
        },
    )


def items(values: np.ndarray, psi: np.ndarray, cells: Sequence[tuple[str, ...]]) -> ItemData:
    """Items with these scores, of shape (2, cells, N), and no edges."""
    nothing = np.zeros(0, np.int64)
    scores = Scores(values.ravel(), psi.reshape(-1, N), nothing, nothing, nothing, np.zeros(0), np.arange(N))
    names = tuple((direction, *cell) for direction in ("a_to_b", "b_to_a") for cell in cells)
    return ItemData(tuple(f"item-{number}" for number in range(N)), cells=names, scores=scores)


def semantic(result: xr.Dataset, *, flat: bool = False) -> dict[str, SemanticLayers]:
    """What might be said of such a curve: a region of five layers round the minimum, two of them at the least."""
    found = {}
    for direction in ("a_to_b", "b_to_a"):
        value = result["imbalance"].sel(direction=direction).to_numpy()
        least = int(value.argmin())
        last = len(value) - 1
        start, stop = max(least - 2, 0), min(least + 2, last)
        region = Region(
            start=start,
            stop=stop,
            start_range=(max(start - 1, 0), start),
            stop_range=(stop, min(stop + 2, last)),
        )
        found[direction] = SemanticLayers(
            direction=direction,
            minimum=least,
            layer=str(least),
            relative_depth=least / last,
            imbalance=float(value[least]),
            stderr=float(result["stderr"].sel(direction=direction)[least]),
            p_value=_p_value(result, direction),
            confidence_set=tuple(range(len(value))) if flat else (least - 1, least),
            flat=flat,
            regions=() if flat else (region,),
            tau=0.05,
        )
    return found


def _p_value(result: xr.Dataset, direction: str) -> float | None:
    if "p_value_minimum" not in result:
        return None
    return float(result["p_value_minimum"].sel(direction=direction))


def scored(
    values: np.ndarray, cells: dict[str, list[str]], *, error: float, seed: int = 0, **attrs: object
) -> xr.Dataset:
    """Any result: `values` of shape (2, cells ...) with scores, so that each has this error and they are independent.

    `cells` names its dimensions and what lies along them: `layer` or `tokens`, or `a` and `b`.
    """
    base = curve(n_layers=1)
    names = list(cells.values())
    pairs = list(product(*names))
    psi = np.random.default_rng(seed).standard_normal((2, len(pairs), N))
    psi -= psi.mean(axis=-1, keepdims=True)
    psi *= error * N / np.sqrt((psi**2).sum(axis=-1, keepdims=True)) * np.sqrt((N - 1) / N)
    dims = ("direction", *cells)
    return xr.Dataset(
        {
            "imbalance": (dims, values),
            "stderr": (dims, np.full(values.shape, error)),
            "low": (dims, values - 1.96 * error),
            "high": (dims, values + 1.96 * error),
        },
        coords={
            "direction": ["a_to_b", "b_to_a"],
            **{name: coordinate(of) for name, of in cells.items()},
        },
        attrs=base.attrs | {"items": items(values.reshape(2, -1), psi, pairs), **attrs},
    )


def swapped(result: xr.Dataset, **also: str) -> xr.Dataset:
    """The same with its sides in the other order, and so its directions; `also` renames dimensions."""
    attrs = {
        f"{name}_{end}": result.attrs[f"{name}_{other}"] for name in ("side", "model") for end, other in ("ab", "ba")
    }
    turned = result.isel(direction=[1, 0]).assign_coords(direction=["a_to_b", "b_to_a"]).assign_attrs(attrs)
    turned = turned.assign_attrs(items=with_cells_turned(items_of(result)))
    return turned.rename(also) if also else turned


def with_cells_turned(data: ItemData) -> ItemData:
    """The same scores, of cells whose names are those of the other direction."""
    other = {"a_to_b": "b_to_a", "b_to_a": "a_to_b"}
    return replace(data, cells=tuple((other[direction], *names[::-1]) for direction, *names in data.cells))


def without_errors(result: xr.Dataset) -> xr.Dataset:
    """The same with scores that are undefined."""
    data = items_of(result)
    assert data.scores is not None
    nowhere = replace(data.scores, psi=np.full_like(data.scores.psi, np.nan))
    return result.assign_attrs(items=replace(data, scores=nowhere))


def differences(
    first: str, second: str, value: float, p_values: Sequence[float]
) -> dict[tuple[str, str, str], Verdict]:
    """At most four differences of best layers, with p values after correction."""
    keys = [(way, *pair) for way in ("a_to_b", "b_to_a") for pair in ((first, second), (second, first))]
    return {key: Verdict(value, 0.01, N, p, p) for key, p in zip(keys, p_values, strict=False)}


def one_way(text: str) -> str:
    """A text in which an asymmetry of the other direction is turned into that of en to es."""

    def turned(found: re.Match[str]) -> str:
        value, low, high = (
            f"{'-' if found[name][0] == '+' and float(found[name]) else '+'}{found[name][1:]}"
            for name in ("value", "high", "low")
        )
        return f"en → es minus es → en is {value} ± {found['stderr']}, not significant (95 % CI {low} to {high};"

    number = r"[+-]\d\.\d+"
    return re.sub(
        rf"es → en minus en → es is (?P<value>{number}) ± (?P<stderr>\d\.\d+), not significant "
        rf"\(95 % CI (?P<low>{number}) to (?P<high>{number});",
        turned,
        text,
    )
