"""Many cells in one go: values both ways, errors, scores and nulls, put into a labelled dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, checked_count, warn
from foretell.measure.array_types import Floats
from foretell.measure.imbalance.estimation.measurement import measure
from foretell.measure.imbalance.estimation.request import Measured, Options, Request, both_ways
from foretell.measure.inference.item_data import Cell, ItemData
from foretell.measure.inference.p_values import group_permutations, p_value, permutations, stratum_permutations
from foretell.measure.inference.standard_errors import Scores, group_codes
from foretell.measure.pairwise.passes import Pair
from foretell.measure.results.schema import DIRECTIONS, QUANTILES, NullSummary, PerItem, labelled
from foretell.measure.spaces.inputs import Input, alike, check_sizes, checked_neighbours
from foretell.measure.spaces.libraries import as_labels
from foretell.measure.spaces.queries import Layout
from foretell.measure.spaces.space import check_same_items

if TYPE_CHECKING:
    import xarray as xr

PER_ITEM_BYTES = 2**28
"""The most that neighbours and ranks of all items may take in a result."""


@dataclass(frozen=True)
class Cells:
    """Which cells of two sides' spaces are measured.

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
    def names(self) -> tuple[list[str], list[str]]:
        """Of the spaces of A and of B."""
        return list(self.spaces_a), list(self.spaces_b)

    def named(self, places: Sequence[Pair]) -> tuple[Cell, ...]:
        """Names of some cells in either direction, as results have them."""
        a, b = self.names
        return tuple(
            (direction, a[row]) if self.curve else (direction, a[row], b[column])
            for direction in DIRECTIONS
            for row, column in places
        )

    @property
    def spaces(self) -> list[Input]:
        """Those of A, then those of B."""
        return [*self.spaces_a.values(), *self.spaces_b.values()]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values both ways."""
        return (2, len(self.places)) if self.curve else (2, len(self.spaces_a), len(self.spaces_b))


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
    spaces, size = cells.spaces, cells.spaces[0].n_items
    several = not isinstance(k, int | np.integer | str) and np.ndim(k) == 1
    ks = [checked_neighbours(one, layout.n_others, size) for one in (k if several else [k])]
    if not ks or len(set(ks)) < len(ks):
        raise OptionError(f"k={k!r} is not an option: give one number of neighbours, or several different ones.")
    _check_null(n_permutations, strata, layout)
    if per_item:
        _check_per_item(cells, ks, layout, several=several)
    kept = cells.kept if options.errors and not several else []
    groups = None if groups is None else as_labels(groups)
    strata = None if strata is None else as_labels(strata, "strata")
    codes = group_codes(groups, size)[layout.items]
    codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    shuffles = _permutations(codes, _codes_of_strata(strata, size, layout), n_permutations, seed)

    # A space that stands on both sides, or twice on one, is measured once.
    if steps:
        inputs = [
            space for both in zip(cells.spaces_a.values(), cells.spaces_b.values(), strict=True) for space in both
        ]
    else:
        inputs = list({id(space): space for space in spaces}.values())
    place = {id(space): number for number, space in enumerate(inputs)}
    of_a, of_b = ([place[id(space)] for space in side.values()] for side in (cells.spaces_a, cells.spaces_b))
    forward = [(of_a[a], of_b[b]) for a, b in cells.places]
    keep = {(of_a[a], of_b[b]) for a, b in (cells.places if per_item else kept)}
    request = Request(
        inputs,
        layout,
        ks,
        codes,
        keep=lambda pair: pair in keep or pair[::-1] in keep,
        permutations=shuffles,
        steps=steps,
    )
    found = measure(request, list(dict.fromkeys(forward)), options)
    _warn_constant(found[ks[0]], (cells.spaces_a, cells.spaces_b), of_a, of_b)

    pairs = both_ways(forward)
    if cells.keep_best and options.errors and not several:
        kept = list(dict.fromkeys([*kept, *_best_cells(cells, found[ks[0]], pairs)]))
        missing = [pair for pair in ((of_a[a], of_b[b]) for a, b in kept) if pair not in keep]
        _add_scores(found[ks[0]], missing, request, options)
    kept_pairs = both_ways([(of_a[a], of_b[b]) for a, b in kept])
    results = []
    for one in ks:
        of_k = found[one]
        values = np.array([of_k[pair].estimate.value for pair in pairs])
        result = labelled(
            cells.names,
            curve=cells.curve,
            imbalance=values.reshape(cells.shape),
            stderr=np.array([of_k[pair].stderr for pair in pairs]).reshape(cells.shape) if options.errors else None,
            null=_null_summary(values, of_k, pairs, cells.shape) if shuffles else None,
            per_item=_nearest(of_k, pairs, layout, one) if per_item else None,
            items=ItemData(
                _names_of_items(spaces, layout),
                groups=None if groups is None else tuple(groups[item] for item in layout.items),
                strata=None if strata is None else tuple(strata[item] for item in layout.items),
                cells=cells.named(kept),
                scores=Scores.of([of_k[pair].estimate for pair in kept_pairs], codes) if kept else None,
            ),
            attributes={
                "n": layout.n_others,
                "n_items": layout.n_items,
                "n_queries": len(layout.queries),
                "n_groups": int(codes.max()) + 1,
                "T": [next(iter(side.values())).n_tokens for side in (cells.spaces_a, cells.spaces_b)],
                "k": one,
                "metric": options.metric,
                "convention": options.convention.name,
                "candidates": "leave-one-out" if layout.own[0] >= 0 else "split",
                "backend": options.backend,
                "seed": seed,
                "null_permutations": n_permutations,
                # The kind that p values are against is drawn last.
                **({"null": list(shuffles)[-1]} if shuffles else {}),
            },
        )
        results.append(result)
    if not several:
        return results[0]
    joined = xr.concat(results, xr.DataArray(ks, dims="k", name="k"), combine_attrs="drop_conflicts")
    return joined.assign_attrs(results[0].attrs | {"k": ks})


def _best_cells(cells: Cells, found: Mapping[Pair, Measured], pairs: Sequence[Pair]) -> list[Pair]:
    """Places of the lowest cell of each direction, and of both together."""
    values = np.array([found[pair].estimate.value for pair in pairs]).reshape(2, -1)
    every = [*values, values.sum(axis=0)]
    return [cells.places[int(np.nanargmin(of_all))] for of_all in every if not np.isnan(of_all).all()]


def _add_scores(found: dict[Pair, Measured], some: Sequence[Pair], request: Request, options: Options) -> None:
    """Measure some pairs again, whose scores were not kept."""
    if some:
        again = measure(replace(request, keep=lambda _: True, permutations={}), some, options)[request.ks[0]]
        for pair in both_ways(some):
            found[pair] = replace(found[pair], estimate=again[pair].estimate)


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


def _null_summary(
    values: Floats, found: Mapping[Pair, Measured], pairs: Sequence[Pair], shape: tuple[int, ...]
) -> NullSummary:
    """Quantiles and p values from the draws of every kind; the p values are against the last kind."""
    draws = {kind: np.stack([found[pair].null[kind] for pair in pairs], axis=1) for kind in found[pairs[0]].null}

    def quantiles(of_kind: Floats) -> Floats:
        return np.quantile(of_kind, QUANTILES, axis=0).reshape(len(QUANTILES), *shape)

    kinds = list(draws.values())
    first, last = kinds[0], kinds[-1]
    least, least_draws = (
        np.where(np.isnan(x), np.inf, x).reshape(*x.shape[:-1], 2, -1).min(axis=-1) for x in (values, last)
    )
    return NullSummary(
        quantiles=quantiles(first),
        quantiles_of_groups=quantiles(draws["groups"]) if "groups" in draws else None,
        p_value=np.where(np.isnan(values), np.nan, p_value(values, last)).reshape(shape),
        p_value_minimum=np.where(np.isinf(least), np.nan, p_value(least, least_draws)),
    )


def _nearest(found: Mapping[Pair, Measured], pairs: Sequence[Pair], layout: Layout, k: int) -> PerItem:
    """The k nearest of each query and their ranks; of tied ones, those first in item order."""
    n_queries = len(layout.queries)
    neighbour = np.full((len(pairs), n_queries, k), -1, np.int32)
    rank = np.full((len(pairs), n_queries, k), np.nan, np.float32)
    for number, pair in enumerate(pairs):
        of, of_rank = found[pair].neighbours, found[pair].rank
        query = of.query
        place = np.arange(len(query)) - of.start[query]
        first = place < k
        neighbour[number, query[first], place[first]] = layout.candidate_item[of.candidate[first]]
        rank[number, query[first], place[first]] = of_rank[first]
    return PerItem(neighbour, rank, layout.query_item)


def _warn_constant(
    found: Mapping[Pair, Measured], sides: Sequence[Mapping[str, Input]], of_a: Sequence[int], of_b: Sequence[int]
) -> None:
    unforetold = {b for (_, b), one in found.items() if np.isnan(one.estimate.value)}
    for side, spaces, places in zip("AB", sides, (of_a, of_b), strict=True):
        for (name, space), place in zip(spaces.items(), places, strict=True):
            if place in unforetold:
                warn(
                    f"{alike(f'space {name} of {side}', space)} Predicting from it is 1, predicting it is undefined "
                    "(NaN).",
                    ConstantSpaceWarning,
                )


def _names_of_items(spaces: Sequence[Input], layout: Layout) -> tuple[str, ...]:
    names = next((space.ids for space in spaces if space.ids is not None), None)
    return tuple(str(item) if names is None else names[item] for item in layout.items)
