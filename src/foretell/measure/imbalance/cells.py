"""Many cells in one go: values both ways, errors, scores and nulls, put into a labelled dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, checked_count, warn
from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation.measurement import measure
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, both_ways, lowest_cells
from foretell.measure.inference.item_data import Cell, ItemData
from foretell.measure.inference.p_values import group_permutations, p_value, permutations, stratum_permutations
from foretell.measure.inference.standard_errors import Scores, group_codes
from foretell.measure.pairwise.passes import Pair
from foretell.measure.results.schema import DIRECTIONS, QUANTILES, coordinate, result_attributes, with_intervals
from foretell.measure.spaces.inputs import Input, alike, check_same_names, check_sizes, checked_neighbours
from foretell.measure.spaces.libraries import as_labels
from foretell.measure.spaces.queries import Layout
from foretell.measure.spaces.space import check_same_items

if TYPE_CHECKING:
    import xarray as xr

PER_ITEM_BYTES = 2**28
"""The most that neighbours and ranks of all items may take in a result."""


@dataclass(frozen=True)
class Cells:
    """Which cells of two sides' spaces are measured: spaces of the same items, and for a curve of the same names.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces
    places : sequence of (int, int)
        Places in A and in B: all of a map, row by row, or the diagonal of a curve.
    kept : sequence of (int, int)
        Cells whose scores go into a result with errors.
    curve : bool
        Whether they are a diagonal.
    keep_best : bool
        Whether scores are also kept of the lowest cell of each direction, and of both together.
    """

    spaces_a: Mapping[str, Input]
    spaces_b: Mapping[str, Input]
    places: Sequence[Pair]
    kept: Sequence[Pair]
    curve: bool
    keep_best: bool = False

    def __post_init__(self) -> None:
        if self.curve:
            check_same_names(self.spaces_a, self.spaces_b)
        check_spaces(self.spaces_a, self.spaces_b)

    @classmethod
    def diagonal(cls, spaces_a: Mapping[str, Input], spaces_b: Mapping[str, Input]) -> Cells:
        """Layer l of A with layer l of B, for all l; the scores of all are kept."""
        places = [(layer, layer) for layer in range(len(spaces_a))]
        return cls(spaces_a, spaces_b, places, places, curve=True)

    @classmethod
    def every(
        cls, spaces_a: Mapping[str, Input], spaces_b: Mapping[str, Input], kept: Sequence[Pair] | None = None
    ) -> Cells:
        """Every space of A with every space of B; the scores of all are kept, or those of `kept` and of the best."""
        places = [(a, b) for a in range(len(spaces_a)) for b in range(len(spaces_b))]
        if kept is None:
            return cls(spaces_a, spaces_b, places, places, curve=False)
        return cls(spaces_a, spaces_b, places, kept, curve=False, keep_best=True)

    @property
    def over(self) -> tuple[str, ...]:
        """Dimensions of a result, of what stands for each cell."""
        return ("layer",) if self.curve else ("a", "b")

    @property
    def coords(self) -> dict[str, NDArray[Any]]:
        """Names of the spaces along these dimensions."""
        return {dim: coordinate(list(side)) for dim, side in zip(self.over, self._sides, strict=False)}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one number for each cell."""
        return (len(self.places),) if self.curve else (len(self.spaces_a), len(self.spaces_b))

    @property
    def n_items(self) -> int:
        """N, the items of every space."""
        return self.inputs[0].n_items

    @property
    def n_tokens(self) -> list[int]:
        """Tokens of the first space of A and of B."""
        return [next(iter(side.values())).n_tokens for side in self._sides]

    @cached_property
    def inputs(self) -> list[Input]:
        """All spaces: one that stands on both sides, or twice on one, is measured once."""
        return list({id(space): space for side in self._sides for space in side.values()}.values())

    def pairs(self, places: Sequence[Pair]) -> list[Pair]:
        """Some cells, as places of their spaces among all."""
        of_a, of_b = ([self._place[id(space)] for space in side.values()] for side in self._sides)
        return [(of_a[a], of_b[b]) for a, b in places]

    def named(self, places: Sequence[Pair]) -> tuple[Cell, ...]:
        """Names of some cells in either direction, as results have them."""
        a, b = (list(side) for side in self._sides)
        return tuple(
            (direction, a[row]) if self.curve else (direction, a[row], b[column])
            for direction in DIRECTIONS
            for row, column in places
        )

    def warn_constant(self, constant: Collection[int], what: str) -> None:
        """Warn of spaces, by their places among all, whose items are all alike; `what` says what that means."""
        for letter, side in zip("AB", self._sides, strict=True):
            for name, space in side.items():
                if self._place[id(space)] in constant:
                    warn(f"{alike(f'space {name} of {letter}', space)} {what}", ConstantSpaceWarning)

    @property
    def _sides(self) -> tuple[Mapping[str, Input], Mapping[str, Input]]:
        return self.spaces_a, self.spaces_b

    @cached_property
    def _place(self) -> dict[int, int]:
        return {id(space): number for number, space in enumerate(self.inputs)}


def measure_cells(
    cells: Cells,
    *,
    k: Any,
    layout: Layout,
    options: Options,
    n_permutations: int = 0,
    seed: int,
    groups: Sequence[str] | None,
    strata: Sequence[str] | None = None,
    per_item: bool = False,
    steps: Sequence[tuple[Input, Input]] = (),
) -> xr.Dataset:
    """Measure cells both ways.

    Parameters
    ----------
    cells : Cells
    k : int or sequence of int
        For several, the result has a dimension of them, and no scores.
    layout : Layout
    options : Options
    n_permutations, seed : int
        Of the null; none for 0.
    groups : sequence of str, optional
        Of the items.
    strata : sequence of str, optional
        Of the items: the null's permutations are within them.
    per_item : bool
        Whether each query's neighbours and their ranks go into the result.
    steps : sequence of (Input, Input)
        For a curve whose every point adds tokens to the one before: what it adds
        (`foretell.measure.imbalance.estimation.measurement`).
    """
    import xarray as xr

    n_permutations = checked_count("null", n_permutations, least=0)
    size = cells.n_items
    several = not isinstance(k, int | np.integer | str) and np.ndim(k) == 1
    ks = [checked_neighbours(one, layout.n_others, size) for one in (k if several else [k])]
    if not ks or len(set(ks)) < len(ks):
        raise OptionError(f"k={k!r} is not an option: give one number of neighbours, or several different ones.")
    _check_null(n_permutations, strata, layout)
    if per_item:
        _check_per_item(cells, ks, layout, several=several)
    kept = cells.kept if options.errors and not several else []
    keep_best = cells.keep_best and options.errors and not several
    groups = None if groups is None else as_labels(groups)
    strata = None if strata is None else as_labels(strata, "strata")
    codes = group_codes(groups, size)[layout.items]
    codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    shuffles = _permutations(codes, _codes_of_strata(strata, size, layout), n_permutations, seed)

    forward = cells.pairs(cells.places)
    keep = set(forward if per_item else cells.pairs(kept))
    request = Request(
        cells.inputs,
        layout,
        ks,
        codes,
        keep=lambda pair: pair in keep or pair[::-1] in keep,
        keep_lowest=keep_best,
        permutations=shuffles,
        steps=steps,
    )
    found = measure(request, list(dict.fromkeys(forward)), options)
    unforetold = {b for (_, b), one in found[ks[0]].items() if np.isnan(one.estimate.value)}
    cells.warn_constant(unforetold, "Predicting from it is 1, predicting it is undefined (NaN).")

    pairs = both_ways(forward)
    if keep_best:
        values = np.array([found[ks[0]][pair].estimate.value for pair in pairs]).reshape(2, -1)
        kept = list(dict.fromkeys([*kept, *(cells.places[place] for place in lowest_cells(values))]))
    ids = item_names(cells.inputs, layout)
    n_groups = int(codes.max()) + 1
    over, shape = ("direction", *cells.over), (2, *cells.shape)
    coords: dict[str, Any] = {"direction": list(DIRECTIONS), **cells.coords}
    coords |= {"quantile": list(QUANTILES)} if shuffles else {}
    coords |= {"query": np.array([ids[place] for place in layout.query_item], dtype=object)} if per_item else {}
    results = []
    for one in ks:
        of_k = found[one]
        values = np.array([of_k[pair].estimate.value for pair in pairs]).reshape(shape)
        variables: dict[str, Any] = {"imbalance": (over, values)}
        if options.errors:
            stderr = np.array([of_k[pair].stderr for pair in pairs]).reshape(shape)
            variables |= with_intervals(over, values, stderr, n_groups)
        if shuffles:
            variables |= _null_variables(over, values, [of_k[pair].null for pair in pairs])
        if per_item:
            variables |= _nearest(over, shape, [of_k[pair] for pair in pairs], layout, one)
        attributes = {
            "n": layout.n_others,
            "n_items": layout.n_items,
            "n_queries": len(layout.queries),
            "n_groups": n_groups,
            "T": cells.n_tokens,
            "k": one,
            "metric": options.metric,
            "convention": options.convention.name,
            "candidates": "leave-one-out" if layout.own[0] >= 0 else "split",
            "backend": options.backend,
            "seed": seed,
            "null_permutations": n_permutations,
            # The kind that p values are against is drawn last.
            **({"null": list(shuffles)[-1]} if shuffles else {}),
        }
        items = ItemData(
            ids,
            groups=None if groups is None else tuple(groups[item] for item in layout.items),
            strata=None if strata is None else tuple(strata[item] for item in layout.items),
            cells=cells.named(kept),
            scores=Scores.of([of_k[pair].estimate for pair in both_ways(cells.pairs(kept))], codes) if kept else None,
        )
        results.append(xr.Dataset(variables, coords, result_attributes(attributes) | {"items": items}))
    if not several:
        return results[0]
    joined = xr.concat(results, xr.DataArray(ks, dims="k", name="k"), combine_attrs="drop_conflicts")
    return joined.assign_attrs(results[0].attrs | {"k": ks})


def check_spaces(spaces_a: Mapping[str, Input], spaces_b: Mapping[str, Input]) -> int:
    """Refuse no spaces, and spaces that do not hold the same items in the same order; give N.

    Raises
    ------
    InputError, AlignmentError
    """
    if not spaces_a or not spaces_b:
        raise InputError("There are no spaces to measure: give at least one on either side.")
    spaces = [*spaces_a.values(), *spaces_b.values()]
    check_same_items(spaces)
    check_sizes(spaces)
    return spaces[0].n_items


def _check_null(n_permutations: int, strata: Sequence[str] | None, layout: Layout) -> None:
    if n_permutations and not layout.is_everyone:
        raise OptionError(
            f"null={n_permutations} needs every item as a query and a candidate: leave out queries and candidates, "
            "or the null."
        )
    if strata is not None and not n_permutations:
        raise OptionError("strata serve the null: give null= a number of permutations, or leave them out.")


def _check_per_item(cells: Cells, ks: Sequence[int], layout: Layout, *, several: bool) -> None:
    if several:
        raise OptionError("per_item=True is of one k: measure each by itself, or leave the neighbours out.")
    size = 2 * len(cells.places) * len(layout.queries) * sum(ks) * 8
    if size > PER_ITEM_BYTES:
        raise OptionError(
            f"per_item=True would take {size / 2**20:.0f} MiB of neighbours and ranks, and the most is "
            f"{PER_ITEM_BYTES / 2**20:.0f}: give fewer spaces, queries or neighbours."
        )


def _codes_of_strata(strata: Sequence[str] | None, size: int, layout: Layout) -> NDArray[np.int64] | None:
    """Numbers of the strata of the items that take part."""
    if strata is None:
        return None
    codes = np.unique(group_codes(strata, size, "strata")[layout.items], return_inverse=True)[1].astype(np.int64)
    if codes.max() + 1 == len(codes):
        raise InputError("Every item is a stratum of its own, so that no two can change places: give wider strata.")
    return codes


def _permutations(
    groups: NDArray[np.int64], strata: NDArray[np.int64] | None, count: int, seed: int
) -> dict[str, NDArray[np.int32]]:
    """Kinds of null: within strata where there are any; else free, and where there are groups also of whole groups."""
    if not count:
        return {}
    if strata is not None:
        return {"strata": stratum_permutations(strata, count, seed)}
    kinds = {"free": permutations(len(groups), count, seed)}
    if groups.max() + 1 < len(groups):
        kinds["groups"] = group_permutations(groups, count, seed)
    return kinds


def _null_variables(
    over: tuple[str, ...], values: Floats, nulls: Sequence[Mapping[str, Floats]]
) -> dict[str, tuple[Any, Floats]]:
    """Quantiles and p values from the draws of every kind of every pair; the p values are against the last kind."""
    draws = {kind: np.stack([null[kind] for null in nulls], axis=1) for kind in nulls[0]}

    def quantiles(of_kind: Floats) -> tuple[Any, Floats]:
        found = np.quantile(of_kind, QUANTILES, axis=0)
        return ("quantile", *over), found.reshape(len(QUANTILES), *values.shape)

    first, last = (list(draws.values())[place] for place in (0, -1))
    flat = values.reshape(-1)
    least, least_draws = (
        np.where(np.isnan(x), np.inf, x).reshape(*x.shape[:-1], 2, -1).min(axis=-1) for x in (flat, last)
    )
    return {
        "null": quantiles(first),
        **({"null_of_groups": quantiles(draws["groups"])} if "groups" in draws else {}),
        "p_value": (over, np.where(np.isnan(flat), np.nan, p_value(flat, last)).reshape(values.shape)),
        "p_value_minimum": ("direction", np.where(np.isinf(least), np.nan, p_value(least, least_draws))),
    }


def _nearest(
    over: tuple[str, ...], shape: tuple[int, ...], found: Sequence[Measured], layout: Layout, k: int
) -> dict[str, tuple[Any, NDArray[Any]]]:
    """Places of the k nearest of each query, -1 for none, and their ranks; of tied ones, those first in item order."""
    n_queries = len(layout.queries)
    neighbour = np.full((len(found), n_queries, k), -1, np.int32)
    rank = np.full((len(found), n_queries, k), np.nan, np.float32)
    for number, one in enumerate(found):
        query = one.neighbours.query
        place = np.arange(len(query)) - one.neighbours.start[query]
        first = place < k
        neighbour[number, query[first], place[first]] = layout.candidate_item[one.neighbours.candidate[first]]
        rank[number, query[first], place[first]] = one.rank[first]
    dims = (*over, "query", "place")
    return {
        "neighbour": (dims, neighbour.reshape(*shape, n_queries, k)),
        "neighbour_rank": (dims, rank.reshape(*shape, n_queries, k)),
    }


def item_names(spaces: Sequence[Input], layout: Layout) -> tuple[str, ...]:
    """Ids of the items of a layout, or their places as texts where no space has ids."""
    names = next((space.ids for space in spaces if space.ids is not None), None)
    return tuple(str(item) if names is None else names[item] for item in layout.items)
