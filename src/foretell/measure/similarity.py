"""The measures beside the imbalance, of many spaces in the same walk: CKA, common neighbours, RSA.

All of them are symmetric, and larger for spaces that are more alike (``docs/similarity.md``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, check_option
from foretell.measure.arrays import Floats
from foretell.measure.cells import check_spaces
from foretell.measure.halves import halves_stderr
from foretell.measure.inference import critical, group_codes
from foretell.measure.inputs import Input, Spaces, checked_neighbours, named
from foretell.measure.layout import Layout
from foretell.measure.measures import MEASURES, Measurement
from foretell.measure.request import Options
from foretell.measure.result import result_attributes
from foretell.tasks import checked_count

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["similarity_matrix"]

SPLITS = 40
_FEWEST = 4  # items that debiased CKA needs


def similarity_matrix(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    measures: Sequence[str] | None = None,
    k: int = 10,
    metric: str = "hamming",
    errors: bool = False,
    memory: str | None = None,
    threads: int | None = None,
    backend: str = "auto",
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how alike every space of A and every space of B are, by several measures in one walk over the items.

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
    memory, threads, backend
        As for `foretell.imbalance_matrix`; "rsa_spearman" of floats needs 8 N^2 bytes a space.
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
    >>> found = foretell.similarity_matrix({"x": x}, {"x": x, "turned": -x, "other": x[::-1]}, measures=["cka"])
    >>> (found.similarity.sel(measure="cka", a="x").values > 0.5).tolist()
    [True, True, False]
    """
    options = Options.checked(
        metric=metric, convention="adjusted", errors=errors, backend=backend, threads=threads, memory=memory
    )
    wanted = _checked_measures(measures, metric)
    sides = named(spaces_a, metric, "spaces_a"), named(spaces_b, metric, "spaces_b")
    size = check_spaces(*sides)
    if size < _FEWEST:
        raise InputError(f"{size} items are too few: a similarity needs at least {_FEWEST}.")
    seed = checked_count("seed", seed, least=0)
    n_groups = int(group_codes(groups, size).max()) + 1
    if any(MEASURES[name].of_neighbours for name in wanted):
        k = checked_neighbours(k, size - 1, size)

    every = [*sides[0].values(), *sides[1].values()]
    inputs = list({id(space): space for space in every}.values())
    place = {id(space): number for number, space in enumerate(inputs)}
    of_a, of_b = ([place[id(space)] for space in side.values()] for side in sides)
    cells = [(min(a, b), max(a, b)) for a in of_a for b in of_b]
    shape = (len(wanted), len(of_a), len(of_b))
    measurement = Measurement(inputs, list(dict.fromkeys(cells)), wanted, k, options)

    def values(layout: Layout, constant: set[int]) -> Floats:
        found = measurement.found(layout, constant)
        return np.array([[found[name].get(cell, np.nan) for cell in cells] for name in wanted]).reshape(shape)

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
    stderr = halves_stderr(of_half, size, splits=SPLITS, groups=groups, seed=seed) if errors else None
    attributes = {
        "n": size - 1,
        "n_items": size,
        "n_groups": n_groups,
        "T": [1 if isinstance(x, np.ndarray) else x.n_tokens for x in (every[0], every[len(of_a)])],
        "k": k,
        "metric": metric,
        "backend": options.backend,
        "seed": seed,
        "splits": SPLITS if errors else 0,
    }
    return _labelled(wanted, sides, similarity, stderr, n_groups, attributes)


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
        for name, place in zip(names, of_side, strict=True):
            if place in constant:
                warnings.warn(
                    f"All items of space {name} of {side} are alike: how alike it is to others is undefined (NaN).",
                    ConstantSpaceWarning,
                    stacklevel=3,
                )


def _labelled(
    wanted: Sequence[str],
    sides: Sequence[Mapping[str, Input]],
    similarity: Floats,
    stderr: Floats | None,
    n_groups: int,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    import xarray as xr

    over = ("measure", "a", "b")
    variables: dict[str, Any] = {"similarity": (over, similarity)}
    if stderr is not None:
        variables["stderr"] = (over, stderr)
        variables["low"] = (over, similarity - critical(n_groups) * stderr)
        variables["high"] = (over, similarity + critical(n_groups) * stderr)
    coords = {
        "measure": np.array(wanted, dtype=object),
        "a": np.array(list(sides[0]), dtype=object),
        "b": np.array(list(sides[1]), dtype=object),
        "symmetric": ("measure", [MEASURES[name].symmetric for name in wanted]),
        "larger_is_more_alike": ("measure", [MEASURES[name].larger_is_more_alike for name in wanted]),
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))
