"""Items for people to look at, their nearest neighbours, and other measures of the same spaces."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.imbalance.by_item import item_imbalance
from foretell.measure.imbalance.information_imbalance import imbalance_matrix
from foretell.measure.inference.item_data import items_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from foretell.measure.spaces.space import Space
    from foretell.studies.preparation.compared import Compared, Side


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


N_NEIGHBOURS = 5

MOST_QUERIES = 5000
"""Items whose neighbours are kept: of more, a choice."""


def neighbours_of(one: Compared, layer_a: str, layer_b: str) -> xr.Dataset:
    """The nearest items of each item on either side of a comparison, at one layer of each.

    Returns
    -------
    Dataset
        As `neighbours_of_spaces`, with the texts or pictures of the items.
    """
    found = neighbours_of_spaces(one.a.space(layer_a), one.b.space(layer_b))
    for end, side in zip("ab", (one.a, one.b), strict=True):
        contents = one.pairs.contents(side.name)
        texts = [text if isinstance(text, str) else text.name for text in contents]
        found = found.assign({f"text_{end}": ("item", np.array(texts, object))})
        pictures = _pictures(side)
        if pictures is not None:
            found = found.assign({f"picture_{end}": ("item", np.array(pictures, object))})
    names = {"layer_a": layer_a, "layer_b": layer_b, "side_a": one.a.name, "side_b": one.b.name}
    return found.assign_attrs(names | {"model_a": one.a.model_id, "model_b": one.b.model_id})


def neighbours_of_spaces(a: Space, b: Space) -> xr.Dataset:
    """The nearest items of each item in two spaces.

    Parameters
    ----------
    a, b : Space
        Of the same items.

    Returns
    -------
    Dataset
        `neighbour` (direction, query, place), places of the nearest items along `item`, nearest first, -1 where there
        is none; `neighbour_rank`, their ranks in the other space; `query_number` (query), places of the queries.

    Raises
    ------
    AlignmentError
        If the spaces are of different items.
    InputError
        If there are fewer than 3 items, or none has a neighbour.
    """
    k = min(N_NEIGHBOURS, a.n_items - 2)
    if k < 1:
        raise InputError(f"{a.n_items} items have no neighbours to look at: give 3 or more.")
    n_queries = MOST_QUERIES if a.n_items > MOST_QUERIES else None
    found = imbalance_matrix([a], [b], k=k, errors=False, per_item=True, queries=n_queries)
    ids = np.array(items_of(found).ids, dtype=object)
    place = {item: number for number, item in enumerate(ids)}
    numbers = np.array([place[item] for item in found["query"].to_numpy()], np.int32)
    kept = found[["neighbour", "neighbour_rank"]].isel(a=0, b=0, drop=True)
    attributes = {name: value for name, value in found.attrs.items() if name != "items"}  # they are a dimension here
    return kept.assign(query_number=("query", numbers)).assign_coords(item=ids).drop_attrs().assign_attrs(attributes)


def _pictures(side: Side) -> Sequence[str] | None:
    """Small PNG files of a side of pictures, in base64."""
    files = side.store.thumbnails
    if files is None:
        return None
    rows = range(len(files)) if side.rows is None else side.rows
    return [base64.b64encode(files[row]).decode("ascii") for row in rows]


def with_similarity(result: xr.Dataset, similar: xr.Dataset) -> xr.Dataset:
    """A result with the similarities of the same cells beside it.

    Parameters
    ----------
    result : Dataset
        A curve or a matrix.
    similar : Dataset
        As of `foretell.similarity_curve` or `foretell.similarity_matrix`, of the same spaces.

    Returns
    -------
    Dataset
        With `similarity`, and with errors `similarity_stderr`, `similarity_low`, `similarity_high` along `measure`.
        The attribute `beside_k` is the number of neighbours of those measures that have one.
    """
    named = {name: f"similarity_{name}" for name in ("stderr", "low", "high") if name in similar}
    return result.merge(similar.rename(named).drop_attrs()).assign_attrs(
        result.attrs | {"beside_k": similar.attrs["k"]}
    )


def similarities_of(result: xr.Dataset) -> xr.Dataset | None:
    """The similarities beside a result as a dataset of their own, or None where there are none."""
    if "similarity" not in result:
        return None
    names = [str(name) for name in result.data_vars if str(name).startswith("similarity")]
    similar = result[names].rename({name: name.removeprefix("similarity_") for name in names})
    kept = {name: value for name, value in result.attrs.items() if name != "convention"}
    return similar.assign_attrs(kept | {"k": result.attrs["beside_k"]})
