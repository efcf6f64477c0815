"""Many similarities in one go: values, and errors from halves, put into a labelled dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, check_option, warn
from foretell.measure.arrays import Floats
from foretell.measure.cells import check_spaces
from foretell.measure.halves import halves_stderr
from foretell.measure.inference import critical, group_codes
from foretell.measure.inputs import Input, alike, checked_neighbours
from foretell.measure.layout import Layout
from foretell.measure.measures import MEASURES, Measurement
from foretell.measure.request import Options, Pair
from foretell.measure.result import result_attributes
from foretell.tasks import checked_count

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["similar_cells"]

SPLITS = 40
_FEWEST = 4  # items that debiased CKA needs


def similar_cells(
    spaces_a: Mapping[str, Input],
    spaces_b: Mapping[str, Input],
    cells: Sequence[Pair],
    *,
    curve: bool,
    measures: Sequence[str] | None,
    k: int,
    options: Options,
    groups: Sequence[str] | None,
    seed: int,
) -> xr.Dataset:
    """Measure how alike the spaces of cells (place in A, place in B) are.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces
    cells : sequence of (int, int)
        All of a map, row by row, or the diagonal of a curve.
    curve : bool
        Whether the cells are a diagonal.
    measures, k, groups, seed
        As for `foretell.similarity_matrix`.
    options : Options
    """
    wanted = _checked_measures(measures, options.metric)
    sides = spaces_a, spaces_b
    size = check_spaces(*sides)
    if size < _FEWEST:
        raise InputError(f"{size} items are too few: a similarity needs at least {_FEWEST}.")
    seed = checked_count("seed", seed, least=0)
    n_groups = int(group_codes(groups, size).max()) + 1
    if any(MEASURES[name].of_neighbours for name in wanted):
        k = checked_neighbours(k, size - 1, size)

    every = [*spaces_a.values(), *spaces_b.values()]
    inputs = list({id(space): space for space in every}.values())
    place = {id(space): number for number, space in enumerate(inputs)}
    of_a, of_b = ([place[id(space)] for space in side.values()] for side in sides)
    pairs = [(min(of_a[a], of_b[b]), max(of_a[a], of_b[b])) for a, b in cells]
    shape = (len(wanted), len(cells)) if curve else (len(wanted), len(of_a), len(of_b))
    measurement = Measurement(inputs, list(dict.fromkeys(pairs)), wanted, k, options)

    def values(layout: Layout, constant: set[int]) -> Floats:
        found = measurement.found(layout, constant)
        return np.array([[found[name].get(pair, np.nan) for pair in pairs] for name in wanted]).reshape(shape)

    def of_half(rows: Any) -> Floats:
        if len(rows) < max(_FEWEST, measurement.least_items):
            raise OptionError(
                f"errors=True measures halves of the items, one of {len(rows)}, too few for k={k}: give more items, "
                "fewer neighbours, or errors=False."
            )
        return values(Layout(rows, rows), measurement.constant(Layout(rows, rows)))

    everyone = Layout.everyone(size)
    constant = measurement.constant(everyone)
    _warn_constant(constant, sides, (of_a, of_b))
    similarity = values(everyone, constant)
    stderr = halves_stderr(of_half, size, splits=SPLITS, groups=groups, seed=seed) if options.errors else None
    attributes = {
        "n": size - 1,
        "n_items": size,
        "n_groups": n_groups,
        "T": [every[0].n_tokens, every[len(of_a)].n_tokens],
        "k": k,
        "metric": options.metric,
        "backend": options.backend,
        "seed": seed,
        "splits": SPLITS if options.errors else 0,
    }
    return _labelled(wanted, sides, similarity, stderr, n_groups, attributes, curve=curve)


def _checked_measures(measures: Sequence[str] | None, metric: str) -> list[str]:
    """Names of the measures asked for."""
    there = [name for name, of in MEASURES.items() if metric in of.metrics]
    if measures is None:
        return there
    wanted = [measures] if isinstance(measures, str) else list(measures)
    for name in wanted:
        check_option("measures", name, MEASURES)
        if name not in there:
            raise OptionError(
                f"measures={name!r} is not an option with metric={metric!r}: choose among {', '.join(there)}."
            )
    if not wanted or len(set(wanted)) < len(wanted):
        raise OptionError(f"measures={measures!r} is not an option: give different ones of {', '.join(there)}.")
    return wanted


def _warn_constant(
    constant: set[int], sides: Sequence[Mapping[str, Input]], places: tuple[Sequence[int], Sequence[int]]
) -> None:
    for side, names, of_side in zip("AB", sides, places, strict=True):
        for (name, space), place in zip(names.items(), of_side, strict=True):
            if place in constant:
                warn(
                    f"{alike(f'space {name} of {side}', space)} How alike it is to others is undefined (NaN).",
                    ConstantSpaceWarning,
                )


def _labelled(
    wanted: Sequence[str],
    sides: Sequence[Mapping[str, Input]],
    similarity: Floats,
    stderr: Floats | None,
    n_groups: int,
    attributes: Mapping[str, Any],
    *,
    curve: bool,
) -> xr.Dataset:
    import xarray as xr

    over = ("measure", "layer") if curve else ("measure", "a", "b")
    variables: dict[str, Any] = {"similarity": (over, similarity)}
    if stderr is not None:
        variables["stderr"] = (over, stderr)
        variables["low"] = (over, similarity - critical(n_groups) * stderr)
        variables["high"] = (over, similarity + critical(n_groups) * stderr)
    of_spaces = {"layer": sides[0]} if curve else {"a": sides[0], "b": sides[1]}
    coords = {
        "measure": np.array(wanted, dtype=object),
        **{name: np.array(list(side), dtype=object) for name, side in of_spaces.items()},
        "symmetric": ("measure", [MEASURES[name].symmetric for name in wanted]),
        "larger_is_more_alike": ("measure", [MEASURES[name].larger_is_more_alike for name in wanted]),
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))
