"""Results as files: netCDF4 with a checksum, read with care since they may come from anyone, and tidy tables.

``docs/result.md`` says what is in them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ForetellError, InputError, one_line, require
from foretell.files import check_seal, check_unpacked, reading, replacing, seal_of
from foretell.measure.inference.item_data import ItemData
from foretell.measure.results.schema import SCHEMA, SCHEMA_VERSION, to_frame

if TYPE_CHECKING:
    import xarray as xr

_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?( [+-]?[0-9]+(\.[0-9]+)?)*")
"""One, or several such as the positions of tokens: a spreadsheet makes no more of them than another number."""
_ITEMS = "items"
"""The group of a file that holds what a result knows of single items."""


def save_result(result: xr.Dataset, path: str | Path) -> Path:
    """Write a result to a netCDF4 file, whole or not at all, with its sha256 behind its end.

    Parameters
    ----------
    result : Dataset
        Of Foretell's measures.
    path : str or Path
        Where the file goes; one that is there is replaced.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    MissingDependencyError
        Without h5netcdf, which the extra `studies` brings.
    WriteError
        If the file cannot be written.
    """
    h5netcdf = require("h5netcdf", "studies")
    from xarray.backends import H5NetCDFStore

    items = result.attrs.get("items")
    values = result.assign_attrs(items=repr(items)) if isinstance(items, ItemData) else result
    # HDF5 brings the process down where a disk is full: it writes to memory, and the file is written by ourselves.
    made = io.BytesIO()
    with h5netcdf.File(made, "w") as file:
        values.dump_to_store(H5NetCDFStore(file), encoding=_packed(values))
        if isinstance(items, ItemData):
            of_items = items.to_dataset()
            of_items.dump_to_store(H5NetCDFStore(file.create_group(_ITEMS)), encoding=_packed(of_items))
    with replacing(Path(path)) as partial, partial.open("wb") as plain:
        plain.write(made.getbuffer())
        plain.write(seal_of(made.getbuffer()))
    return Path(path)


def _packed(result: xr.Dataset) -> dict[Hashable, dict[str, Any]]:
    """How variables are compressed."""
    return {
        name: {"zlib": True, "complevel": 4, "shuffle": True}
        for name, variable in result.data_vars.items()
        if variable.ndim and variable.dtype.kind in "fiu"
    }


def load_result(path: str | Path, *, values_only: bool = False) -> xr.Dataset:
    """Read a result into memory.

    Parameters
    ----------
    path : str or Path
        Of a file that `save_result` or a study wrote.
    values_only : bool, default False
        Whether to leave out the items with their scores, which only contrasts need and which can be large.

    Returns
    -------
    xarray.Dataset
        As it was saved (``docs/result.md``).

    Raises
    ------
    InputError
        If there is no such file, it is damaged, no result of Foretell's, or of a newer schema; if it links to other
        files, or unpacks to far more than its size.
    """
    import xarray as xr

    require("h5netcdf", "studies")
    path = Path(path)
    with reading(path):
        if not path.is_file():
            raise InputError(f"There is no result at {path}: give the path of a result.nc.")
        check_seal(path)  # damage is told as such
    has_items = _check_hdf5(path)
    try:
        result = xr.load_dataset(path, engine="h5netcdf")
        if has_items and not values_only:
            of_items = xr.load_dataset(path, group=_ITEMS, engine="h5netcdf")
            result = result.assign_attrs(items=ItemData.from_dataset(of_items))
    # Xarray decodes what the file says of its variables, and fails in as many ways.
    except Exception as error:
        raise InputError(f"{path} cannot be read as netCDF4 ({one_line(error)}): measure it again.") from error
    if result.attrs.get("schema") != SCHEMA:
        raise InputError(f"{path} is not a result of Foretell's: give the path of a result.nc.")
    schema_version = result.attrs.get("schema_version")
    if not isinstance(schema_version, int | np.integer) or schema_version > SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {schema_version}, this Foretell reads up to {SCHEMA_VERSION}: upgrade Foretell."
        )
    return result


def _check_hdf5(path: Path) -> bool:
    """Raise `InputError` for what no result has: links, variables that lie in other files, or that unpack to far more.

    Nothing is unpacked here. Gives whether there is a group of items.
    """
    h5py = require("h5py", "studies")
    try:
        with h5py.File(path, "r") as file:
            has_items = isinstance(file.get(_ITEMS), h5py.Group)
            n_bytes = _unpacked_bytes(file) + (_unpacked_bytes(file[_ITEMS]) if has_items else 0)
    # Whatever h5py says of a damaged file.
    except Exception as error:
        raise InputError(f"{path} cannot be read as netCDF4 ({one_line(error)}): measure it again.") from error
    check_unpacked(path, n_bytes)
    return has_items


def _unpacked_bytes(group: Any) -> int:
    """Bytes of all variables of a group; raises `ValueError` for anything else in it."""
    h5py = require("h5py", "studies")
    n_bytes = 0
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name!r} is a link")
        variable = group[name]
        if name == _ITEMS and isinstance(variable, h5py.Group):
            continue
        if not isinstance(variable, h5py.Dataset):
            raise ValueError(f"{name!r} is no variable")
        if variable.is_virtual or variable.external:
            raise ValueError(f"{name!r} lies in another file")
        n_bytes += variable.nbytes
    return n_bytes


@contextmanager
def checked_as_result(name: str) -> Iterator[None]:
    """Make an `InputError` of what a result brings about that lacks something, or holds it in another form.

    Its file may come from anyone, and `load_result` only looks at what it calls itself.
    """
    try:
        yield
    except ForetellError:
        raise
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        said = f"{type(error).__name__}: {one_line(error)}"
        raise InputError(f"{name} does not hold what docs/result.md says ({said}): measure it again.") from error


def as_cell(value: object) -> object:
    """A value for a table: spreadsheets take some texts for formulas, and names of layers come from anyone."""
    is_formula = isinstance(value, str) and value.startswith(_OF_FORMULAS) and not _NUMBERS.fullmatch(value)
    return f"'{value}" if is_formula else value


def write_csv(result: xr.Dataset, path: str | Path) -> Path:
    """Write the values of a result as a tidy table (`to_frame`), whole or not at all."""
    table = to_frame(result)
    with (
        replacing(Path(path)) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(map(as_cell, table.columns))
        rows.writerows(map(as_cell, row) for row in table.itertuples(index=False, name=None))
    return Path(path)
