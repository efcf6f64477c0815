"""What the page's script is given: results, neighbours and health as JSON, arrays as base64 of their bytes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.imbalance.semantic_layers import said_regions
from foretell.measure.results.result_files import checked_as_result
from foretell.measure.results.schema import DIRECTIONS, tidy
from foretell.studies.plotting.captions import conditions, panel_titles
from foretell.studies.plotting.token_map_figure import is_within
from foretell.studies.summaries.items import similarities_of
from foretell.studies.words import direction_name, direction_sentence, in_words, sides_of

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.report.contents import Contents, Shown

_UNITS = {"layer": "layer", "tokens": "tokens", "step": "tokens chosen", "a": "layer", "b": "layer"}


def payload(contents: Contents) -> dict[str, Any]:
    """What the script of the page reads (`assets/data.js`)."""
    items: dict[str, dict[str, Any]] = {}
    with checked_as_result("A result"):
        titles = panel_titles({one.name: one.result for one in contents.results})
    results = []
    for one, title in zip(contents.results, titles, strict=True):
        named = title or one.name
        with checked_as_result(f"The result {one.name!r}"):
            results.append(_of_result(one, f"{one.run}: {named}" if one.run else named, items))
    return {"results": results, "items": list(items.values()), "health": _finite(list(contents.health))}


def _of_result(one: Shown, title: str, items: dict[str, dict[str, Any]]) -> dict[str, Any]:
    result, attrs = one.result, one.result.attrs
    similar = similarities_of(result)
    kind = _kind(result)
    said = {
        "name": one.name,
        "title": title,
        "kind": kind,
        "facets": {"Run": one.run} | _facets(attrs),
        "names": {
            direction: {"codes": direction_name(attrs, direction), "words": direction_sentence(attrs, direction)}
            for direction in DIRECTIONS
        },
        "n": one.n,
        "within": is_within(result),
        "ofNull": bool(attrs.get("of_null", 0)),
        "conditions": conditions(attrs),
        "table": _table(result),
        "similar": None if similar is None else _table(similar),
        "regions": said_regions(result),
        "neighbours": None if one.neighbours is None else _neighbours(one.neighbours, items),
        "study": one.study,
        "made": _made(attrs),
    }
    return said | ({"best": _best(result)} if kind == "map" else {})


def _kind(result: xr.Dataset) -> str:
    """How a result can be drawn: as a curve, as a map, or not at all."""
    over = [str(dim) for dim in result["imbalance"].dims]
    sizes = [result.sizes[dim] for dim in over[1:]]
    if over[0] != "direction" or max(sizes) < 2:
        return "values"
    return {1: "curve", 2: "map"}.get(len(sizes), "values")


def _table(result: xr.Dataset) -> dict[str, Any]:
    """A result as the table that stands beside it as a CSV file."""
    table = tidy(result)
    return {
        "over": [_axis(result, dim, names) for dim, names in table.over.items()],
        "along": {name: _encoded(values, "f8") for name, values in table.along.items()},
        "columns": {name: _encoded(values, "f8") for name, values in table.columns.items()},
        # As the CSV file beside the result has them.
        "settings": {name: str(_plain(value)) for name, value in table.settings.items()},
    }


def _axis(result: xr.Dataset, dim: str, names: NDArray[Any]) -> dict[str, Any]:
    """A dimension: names of its places, where they lie, and what it is called."""
    depth = result.coords.get("relative_depth") if dim == "layer" else None
    unit = "depth" if depth is not None else _unit(result, dim)
    if depth is not None:
        positions = _finite(depth.to_numpy().tolist())
    else:
        positions = names.tolist() if names.dtype.kind in "iuf" else list(range(len(names)))
    return {
        "dim": dim,
        "names": [str(name) for name in names],
        "positions": positions,
        "unit": unit,
        "label": _axis_label(result, dim, unit),
    }


def _unit(result: xr.Dataset, dim: str) -> str:
    """What a place of a dimension is; of maps of tokens a position from the end."""
    return "position" if dim in ("a", "b") and "by_distance" in result else _UNITS.get(dim, dim)


def _axis_label(result: xr.Dataset, dim: str, unit: str) -> str:
    """What an axis says: of maps which side, and by which model where two read them."""
    if unit == "depth":
        return "relative depth"
    if dim not in ("a", "b"):
        return unit
    name = sides_of(result.attrs, "a_to_b")["ab".index(dim)]
    return f"{unit} of {in_words(name)}"


def _facets(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """What tells a result from others of the same study, each thing by itself."""
    models = dict.fromkeys(str(attrs.get(f"model_{end}", "")) for end in "ab")
    sides = dict.fromkeys(str(attrs.get(f"side_{end}", "")) for end in "ab")
    layers = dict.fromkeys(str(attrs.get(f"layer_{end}", attrs.get("layer", "all"))) for end in "ab")
    return {
        "Sides": " and ".join(in_words(side) for side in sides),
        "Models": " and ".join(models),
        "Tokens": str(attrs.get("tokens", "")),
        "Layers": " and ".join(layers),
        "Data": str(attrs.get("data", "")),
    }


def _best(result: xr.Dataset) -> dict[str, list[int]]:
    """Places of the least cell of each direction, and of both together."""
    values = result["imbalance"].to_numpy().copy()
    if is_within(result):  # a token foretells itself
        values[:, range(values.shape[1]), range(values.shape[1])] = np.nan
    found = {"together": values.sum(axis=0)} | dict(zip(DIRECTIONS, values, strict=True))
    return {
        name: [int(place) for place in np.unravel_index(np.nanargmin(of), of.shape)]
        if np.isfinite(of).any()
        else [0, 0]
        for name, of in found.items()
    }


def _neighbours(near: xr.Dataset, items: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Neighbours of the queries, and the items that are seen: queries and their neighbours."""
    neighbour = near["neighbour"].to_numpy()
    query = near["query_number"].to_numpy()
    seen = np.union1d(query, neighbour[neighbour >= 0])
    number = np.full(near.sizes["item"], -1, np.int32)
    number[seen] = np.arange(len(seen), dtype=np.int32)
    return {
        "k": near.sizes["place"],
        "n": int(near.attrs["n"]),
        "query": _encoded(number[query], "i4"),
        "neighbour": _encoded(np.where(neighbour >= 0, number[neighbour], -1), "i4"),
        "rank": _encoded(near["neighbour_rank"].to_numpy(), "f4"),
        **{end: _items(near, end, seen, items) for end in "ab"},
    }


def _items(near: xr.Dataset, end: str, seen: NDArray[Any], items: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A side's items, kept once for all results that have the same."""
    ids = [str(item) for item in near["item"].to_numpy()[seen]]
    texts = [str(text) for text in near[f"text_{end}"].to_numpy()[seen]] if f"text_{end}" in near else ids
    pictures = None
    if f"picture_{end}" in near:
        pictures = [f"data:image/png;base64,{data}" for data in near[f"picture_{end}"].to_numpy()[seen]]
    made = {"ids": ids, "texts": texts, "pictures": pictures}
    key = hashlib.sha256(json.dumps(made).encode()).hexdigest()
    items.setdefault(key, made)
    name = sides_of(near.attrs, "a_to_b")["ab".index(end)]
    return {"items": list(items).index(key), "label": f"{in_words(name)}, layer {near.attrs[f'layer_{end}']}"}


def _made(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """How a result was made: models with their revisions, data, seeds, versions."""
    versions = json.loads(str(attrs.get("versions", "{}")))
    study = json.loads(str(attrs.get("study", "{}")))
    dropped = {reason: count for reason, count in json.loads(str(attrs.get("drop_counts", "{}"))).items() if count}
    said = {
        "Models": "; ".join(
            dict.fromkeys(
                f"{attrs[f'model_{end}']} ({attrs[f'revision_{end}']})" for end in "ab" if f"revision_{end}" in attrs
            )
        ),
        "Data": f"{attrs['data']} ({attrs['data_licence']}) {attrs['data_source']}" if "data_source" in attrs else "",
        "Left out": "; ".join(f"{count} {reason}" for reason, count in dropped.items()),
        "Seeds": "; ".join(
            f"{what} {study[section]['seed']}"
            for section, what in (("pairs", "items"), ("measure", "shuffles"))
            if "seed" in study.get(section, {})
        )
        or str(attrs.get("seed", "")),
        "Measure": f"k = {_plain(attrs['k'])}, {attrs['convention']}, {attrs['metric']}, backend {attrs['backend']}",
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return {name: value for name, value in said.items() if value}


def _finite(value: Any) -> Any:
    """The same without NaN and infinities, which JSON has not: None stands for them."""
    if isinstance(value, Mapping):
        return {name: _finite(of) for name, of in value.items()}
    if isinstance(value, list):
        return [_finite(of) for of in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _encoded(values: NDArray[Any], kind: str) -> dict[str, str]:
    data = np.ascontiguousarray(values, f"<{kind}")
    return {"kind": kind, "base64": base64.b64encode(data.tobytes()).decode("ascii")}


def _plain(value: Any) -> Any:
    """A value of an attribute as JSON has it."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
