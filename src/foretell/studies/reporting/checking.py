"""What a figure is drawn from: a result of another kind is named, with what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from foretell.exceptions import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_result", "check_results"]


def check_result(result: xr.Dataset, of: str, *needed: str) -> None:
    """Raise `InputError` unless a result has these variables, coordinates and dimensions."""
    lacking = [name for name in needed if name not in result.variables and name not in result.dims]
    if lacking:
        raise InputError(
            f"A figure of {of} needs a result with {' and '.join(map(repr, lacking))}, which this one lacks; it is "
            f"over {', '.join(map(str, result.dims))}. docs/report.md says which figure is of what."
        )


def check_results(results: Mapping[str, xr.Dataset], of: str, *needed: str) -> None:
    """The same of several results by their names, of which there must be one."""
    if hasattr(results, "data_vars"):  # a dataset is a mapping too, of its variables
        raise InputError(f'A figure of {of} takes results by name: give {{"name of the result": result}}.')
    if not results:
        raise InputError(f"A figure of {of} needs a result: give one or more.")
    for result in results.values():
        check_result(result, of, *needed)
