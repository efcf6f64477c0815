"""The measures beside the imbalance, of many spaces in the same pass: CKA, common neighbours, RSA.

All of them are symmetric, and larger for spaces that are more alike (``docs/similarity.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError, OptionError, check_option, checked_count
from foretell.measure.array_types import Floats
from foretell.measure.imbalance.cells import Cells
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.inference.halves import halves_stderr
from foretell.measure.inference.standard_errors import group_codes
from foretell.measure.results.schema import result_attributes, with_intervals
from foretell.measure.similarity.measures import MEASURES, Measurement
from foretell.measure.spaces.inputs import Spaces, checked_neighbours, named_sides
from foretell.measure.spaces.queries import Layout
from foretell.options import BACKENDS

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
    cells = Cells.every(*named_sides(spaces_a, spaces_b, metric))
    return _similar_cells(cells, measures=measures, k=k, options=options, groups=groups, seed=seed)


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
    cells = Cells.diagonal(*named_sides(spaces_a, spaces_b, metric))
    return _similar_cells(cells, measures=measures, k=k, options=options, groups=groups, seed=seed)


SPLITS = 40
_FEWEST = 4  # items that debiased CKA needs


def _similar_cells(
    cells: Cells,
    *,
    measures: Sequence[str] | None,
    k: int,
    options: Options,
    groups: Sequence[str] | None,
    seed: int,
) -> xr.Dataset:
    """Measure how alike the spaces of cells are, as `similarity_matrix` says."""
    import xarray as xr

    check_option("backend", options.backend, [name for name in BACKENDS if name not in ("auto", "numpy")])
    wanted = _checked_measures(measures, options.metric)
    size = cells.n_items
    if size < _FEWEST:
        raise InputError(f"{size} items are too few: a similarity needs at least {_FEWEST}.")
    seed = checked_count("seed", seed, least=0)
    n_groups = int(group_codes(groups, size).max()) + 1
    if any(MEASURES[name].of_neighbours for name in wanted):
        k = checked_neighbours(k, size - 1, size)

    pairs = [(min(pair), max(pair)) for pair in cells.pairs(cells.places)]
    shape = (len(wanted), *cells.shape)
    measurement = Measurement(cells.inputs, list(dict.fromkeys(pairs)), wanted, k, options)

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
    cells.warn_constant(constant, "How alike it is to others is undefined (NaN).")
    similarity = values(everyone, constant)
    over = ("measure", *cells.over)
    variables = {"similarity": (over, similarity)}
    if options.errors:
        stderr = halves_stderr(of_half, size, splits=SPLITS, groups=groups, seed=seed)
        variables |= with_intervals(over, similarity, stderr, n_groups)
    coords = {
        "measure": np.array(wanted, dtype=object),
        **cells.coords,
        "symmetric": ("measure", [True] * len(wanted)),
        "larger_is_more_alike": ("measure", [True] * len(wanted)),
    }
    attributes = {
        "n": size - 1,
        "n_items": size,
        "n_groups": n_groups,
        "T": cells.n_tokens,
        "k": k,
        "metric": options.metric,
        "backend": options.backend,
        "seed": seed,
        "splits": SPLITS if options.errors else 0,
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))


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
