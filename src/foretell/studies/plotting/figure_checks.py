"""What a figure is drawn from: a result of another kind is refused, and what it is over is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from foretell.exceptions import InputError

if TYPE_CHECKING:
    import xarray as xr


def check_result(result: Any, figure: str, *over: set[str], variable: str = "imbalance") -> None:
    """Raise `InputError` unless a result's values are over one of some sets of dimensions.

    Parameters
    ----------
    result : Dataset
    figure : str
        What it is a figure of, for the message.
    *over : set of str
        Dimensions of the values, the direction apart.
    variable : str
        What is drawn.
    """
    wanted = " or ".join(_listed(dims) for dims in over)
    if not hasattr(result, "data_vars"):
        raise InputError(f"A figure of {figure} needs a dataset over {wanted}: {type(result).__name__} is none.")
    if variable not in result:
        raise InputError(f"A figure of {figure} needs a result with {variable!r} over {wanted}: this one has none.")
    dims = {str(dim) for dim in result[variable].dims} - {"direction"}
    if dims not in over:
        remedy = "choose one k by result.sel(k=1)" if "k" in dims else "docs/report.md says which figure is of what"
        raise InputError(
            f"A figure of {figure} needs a result over {wanted}; this one is over {_listed(dims)}: {remedy}."
        )


def check_results(results: Mapping[str, xr.Dataset], figure: str, *over: set[str]) -> None:
    """Raise `InputError` unless there are results by their names, each as `check_result` wants it."""
    # A dataset is a mapping too, of its variables.
    if not isinstance(results, Mapping) or hasattr(results, "data_vars"):
        raise InputError(f'A figure of {figure} takes results by name: give {{"name of the result": result}}.')
    if not results:
        raise InputError(f"A figure of {figure} needs a result: give one or more.")
    for result in results.values():
        check_result(result, figure, *over)


def _listed(dims: set[str]) -> str:
    return " and ".join(sorted(dims)) or "one pair of spaces"
