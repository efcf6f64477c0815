"""The measures beside the imbalance, of many spaces in the same pass: CKA, common neighbours, RSA.

All of them are symmetric, and larger for spaces that are more alike (``docs/similarity.md``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, check_option, checked_count, warn
from foretell.measure.array_types import Floats
from foretell.measure.imbalance.cells import check_spaces
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.inference.halves import halves_stderr
from foretell.measure.inference.standard_errors import critical, group_codes
from foretell.measure.pairwise.passes import Pair
from foretell.measure.results.schema import coordinate, result_attributes
from foretell.measure.similarity.measures import MEASURES, Measurement
from foretell.measure.spaces.inputs import Input, Spaces, alike, check_same_names, checked_neighbours, named_sides
from foretell.measure.spaces.queries import Layout

if TYPE_CHECKING:
    import xarray as xr


def similarity_matrix(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    measures: Sequence[str] | None = None,
    k: int = 10,
    metric: str = "hamming",
    errors: bool = False,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how alike every space of A and every space of B are, by several measures in one pass over the items.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        As for `foretell.imbalance_matrix`: over the same N items, 4 or more. An object on both sides is measured once.
    measures : sequence of {"cka", "mutual_knn", "overlap", "cknna", "rsa_pearson", "rsa_spearman"}, optional
        All that the metric allows, by default: "cka" is not of "precomputed" distances, "cknna" of bits and cosines.
    k : int, default 10
        Neighbours of "mutual_knn", "overlap" and "cknna", 1 <= k <= N - 2; with errors, up to N / 2 - 2.
    metric : {"hamming", "euclidean", "cosine", "precomputed"}
    errors : bool, default False
        Whether to compute standard errors from 40 splits into complementary halves: some 20 times the work.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent: no half splits one.
    seed : int, default 0
        Of the halves.

    Returns
    -------
    xarray.Dataset
        With dimensions measure, a, b (``docs/result.md``): ``similarity``, and with errors ``stderr``, ``low`` and
        ``high``.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all alike: its similarities are NaN.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> x = np.random.default_rng(0).standard_normal((100, 32))
    >>> others = {"x": x, "turned": -x, "other": x[::-1]}
    >>> found = foretell.similarity_matrix({"x": x}, others, measures=["cka"])
    >>> (found.similarity.sel(measure="cka", a="x").values > 0.5).tolist()
    [True, True, False]
    """
    options = Options.checked(metric=metric, convention="adjusted", errors=errors)
    side_a, side_b = named_sides(spaces_a, spaces_b, metric)
    cells = [(a, b) for a in range(len(side_a)) for b in range(len(side_b))]
    return similar_cells(
        side_a, side_b, cells, curve=False, measures=measures, k=k, options=options, groups=groups, seed=seed
    )


def similarity_curve(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    measures: Sequence[str] | None = None,
    k: int = 10,
    metric: str = "hamming",
    errors: bool = False,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how alike layer l of A and layer l of B are, for all l: the diagonal of `similarity_matrix`.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        Equally many, with the same names, over the same N items, 4 or more.
    measures, k, metric, errors, groups, seed
        As for `similarity_matrix`, whose numbers these are, to the last bit; no other pair of layers is measured.

    Returns
    -------
    xarray.Dataset
        With dimensions measure, layer (``docs/result.md``): ``similarity``, and with errors ``stderr``, ``low`` and
        ``high``.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all alike: its similarities are NaN.
    """
    options = Options.checked(metric=metric, convention="adjusted", errors=errors)
    side_a, side_b = named_sides(spaces_a, spaces_b, metric)
    check_same_names(side_a, side_b)
    cells = [(layer, layer) for layer in range(len(side_a))]
    return similar_cells(
        side_a, side_b, cells, curve=True, measures=measures, k=k, options=options, groups=groups, seed=seed
    )


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
        **{name: coordinate(list(side)) for name, side in of_spaces.items()},
        "symmetric": ("measure", [MEASURES[name].symmetric for name in wanted]),
        "larger_is_more_alike": ("measure", [MEASURES[name].larger_is_more_alike for name in wanted]),
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))
