"""What the measure of many spaces gives back: a labelled dataset.

The dataset's schema is written in ``docs/result.md``; `SCHEMA_VERSION` is its version.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.array_types import Floats
from foretell.measure.inference.standard_errors import critical
from foretell.version import __version__

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SCHEMA = "foretell-result"
SCHEMA_VERSION = 1
DIRECTIONS = ("a_to_b", "b_to_a")
QUANTILES = (0.025, 0.5, 0.975)


def with_intervals(
    over: tuple[str, ...], values: Floats, stderr: Floats, n_groups: int, prefix: str = ""
) -> dict[str, tuple[tuple[str, ...], Floats]]:
    """Variables of a result: standard errors, and both ends of 95 % intervals; `prefix` begins their names."""
    margin = critical(n_groups) * stderr
    ends = {"stderr": stderr, "low": values - margin, "high": values + margin}
    return {prefix + name: (over, end) for name, end in ends.items()}


def coordinate(names: Sequence[str]) -> NDArray[Any]:
    """Names of spaces along a dimension: numbers where all of them are, as layers mostly are."""
    if all(name.removeprefix("-").isdecimal() and str(int(name)) == name for name in names):
        return np.array([int(name) for name in names])
    return np.array(names, dtype=object)


def result_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a result: these, and what every result carries."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        **attributes,
        "versions": json.dumps(_versions()),
    }


def cell_of(result: xr.Dataset, direction: str, *names: str) -> xr.Dataset:
    """A part of a result: one cell in one direction, by the names of its layers."""
    dims = [str(dim) for dim in result["imbalance"].dims if dim != "direction"]
    places = {
        dim: [str(other) for other in result[dim].values].index(name) for dim, name in zip(dims, names, strict=True)
    }
    return result.sel(direction=direction).isel(places)


def to_frame(result: xr.Dataset) -> pd.DataFrame:
    """The values of a result as a tidy table.

    Parameters
    ----------
    result : Dataset
        A curve, a map, or similarities (``docs/result.md``).

    Returns
    -------
    DataFrame
        A row a direction and cell, or a measure and cell: names of the cell and coordinates along its layers; then
        every variable with a value for each cell, and the quantiles of the null; then n, k and the convention.

    Raises
    ------
    InputError
        If the dataset is no result of these.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> x = np.random.default_rng(0).standard_normal((40, 16))
    >>> curve = foretell.imbalance_curve([x, x + 1], [x, x])
    >>> foretell.to_frame(curve)[["direction", "layer", "imbalance"]].shape
    (4, 3)
    """
    import pandas as pd

    table = tidy(result)
    frame = pd.MultiIndex.from_product(table.over.values(), names=list(table.over)).to_frame(index=False)
    places = dict(zip(table.over, np.indices([len(names) for names in table.over.values()]), strict=True))
    along = {name: values[places["layer"].ravel()] for name, values in table.along.items()}
    settings = {name: [value] * len(frame) for name, value in table.settings.items()}
    return frame.assign(**along, **table.columns, **settings)


@dataclass(frozen=True)
class Tidy:
    """The values of a result as a table: a row a cell and direction, or a cell and measure for similarities.

    Parameters
    ----------
    over : mapping of str to ndarray
        The dimensions whose product are the rows, the last changing fastest, with their coordinates.
    along : mapping of str to ndarray
        Further coordinates of "layer".
    columns : mapping of str to ndarray
        A value a row.
    settings : mapping of str to value
        The same in every row.
    """

    over: Mapping[str, NDArray[Any]]
    along: Mapping[str, NDArray[Any]]
    columns: Mapping[str, NDArray[Any]]
    settings: Mapping[str, Any]


def tidy(result: xr.Dataset) -> Tidy:
    """A result's values as a table; similarities have no convention and no null."""
    main = next((name for name in ("imbalance", "similarity") if name in result), None)
    if main is None:
        raise InputError("A table is made of a curve, a map or similarities: give a result of one of these.")
    over = [str(dim) for dim in result[main].dims]
    along = [str(name) for name in result.coords if result[name].dims == ("layer",) and name not in over]
    names = [str(name) for name, values in result.data_vars.items() if list(values.dims) == over]
    columns = {name: result[name].values.reshape(-1) for name in names}
    for quantile in result["quantile"].values if "null" in result else ():
        columns[f"null_{quantile:g}"] = result["null"].sel(quantile=quantile).transpose(*over).values.reshape(-1)
    return Tidy(
        {dim: result[dim].values for dim in over},
        {name: result[name].values for name in along},
        columns,
        {name: result.attrs[name] for name in ("n", "k", "convention") if name in result.attrs},
    )


def _versions() -> dict[str, str]:
    found = {"foretell": __version__, "python": platform.python_version()}
    for library in ("numpy", "numba", "xarray"):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
