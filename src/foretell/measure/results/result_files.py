"""Results as files: netCDF4 with a checksum, read with care since they may come from anyone, and tidy tables.

``docs/result.md`` says what is in them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foretell.exceptions import ForetellError, InputError, one_line, require
from foretell.files import check_seal, check_unpacked, reading, replacing, seal_of
from foretell.measure.results.schema import SCHEMA, SCHEMA_VERSION, tidy

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["as_cell", "checked_as_result", "load_result", "save_result", "write_csv"]

_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?( [+-]?[0-9]+(\.[0-9]+)?)*")
"""One, or several such as the positions of tokens: a spreadsheet makes no more of them than another number."""
_OF_CONTRASTS = ("scores", "edge_direction", "edge_cell", "edge_query", "edge_candidate", "edge_score")


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

    packed = {
        name: {"zlib": True, "complevel": 4, "shuffle": True}
        for name, variable in result.data_vars.items()
        if variable.ndim and variable.dtype.kind in "fiu"
    }
    # HDF5 brings the process down where a disk is full: it writes to memory, and the file is written by ourselves.
    made = io.BytesIO()
    with h5netcdf.File(made, "w") as file:
        result.dump_to_store(H5NetCDFStore(file), encoding=packed)
    with replacing(Path(path)) as partial, partial.open("wb") as plain:
        plain.write(made.getbuffer())
        plain.write(seal_of(made.getbuffer()))
    return Path(path)


def load_result(path: str | Path, *, values_only: bool = False) -> xr.Dataset:
    """Read a result into memory.

    Parameters
    ----------
    path : str or Path
        Of a file that `save_result` or a study wrote.
    values_only : bool, default False
        Whether to leave out the scores of items and their edges, which only contrasts need and which can be large.

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
    left_out = _OF_CONTRASTS if values_only else ()
    with reading(path):
        if not path.is_file():
            raise InputError(f"There is no result at {path}: give the path of a result.nc.")
        check_seal(path)  # damage is told as such
    _check_hdf5(path)
    try:
        result = xr.load_dataset(path, engine="h5netcdf", drop_variables=left_out)
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


def _check_hdf5(path: Path) -> None:
    """Raise `InputError` for what no result has: links, variables that lie in other files, or that unpack to far more.

    Nothing is unpacked here.
    """
    h5py = require("h5py", "studies")
    n_bytes = 0
    try:
        with h5py.File(path, "r") as file:
            for name in file:
                if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"{name!r} is a link")
                variable = file[name]
                if not isinstance(variable, h5py.Dataset):
                    raise ValueError(f"{name!r} is no variable")
                if variable.is_virtual or variable.external:
                    raise ValueError(f"{name!r} lies in another file")
                n_bytes += variable.nbytes
    # Whatever h5py says of a damaged file.
    except Exception as error:
        raise InputError(f"{path} cannot be read as netCDF4 ({one_line(error)}): measure it again.") from error
    check_unpacked(path, n_bytes)


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
    """Write the values of a result as a tidy table (`tidy`), whole or not at all."""
    table = tidy(result)
    with (
        replacing(Path(path)) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(map(as_cell, [*table.over, *table.along, *table.columns, *table.settings]))
        for number, place in enumerate(np.ndindex(*(len(names) for names in table.over.values()))):
            cell = dict(zip(table.over, place, strict=True))
            rows.writerow(
                map(
                    as_cell,
                    (
                        *(names[cell[dim]] for dim, names in table.over.items()),
                        *(values[cell["layer"]] for values in table.along.values()),
                        *(values[number] for values in table.columns.values()),
                        *table.settings.values(),
                    ),
                )
            )
    return Path(path)
