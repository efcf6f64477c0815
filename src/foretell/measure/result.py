"""What the measure gives back: a small frozen object for two arrays, a labelled dataset for many spaces.

The dataset's schema is written in ``docs/result.md``; `SCHEMA_VERSION` is its version.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import foretell
from foretell.exceptions import ForetellError, InputError, one_line, require
from foretell.files import check_seal, check_unpacked, replacing, seal_of
from foretell.measure.arrays import Floats
from foretell.measure.inference import Scores, critical
from foretell.measure.rehearsal import fault_of_file, is_known, now_known

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DIRECTIONS", "SCHEMA_VERSION", "Imbalance", "Tidy", "load_result", "save_result", "tidy", "write_csv"]

SCHEMA = "foretell-result"
SCHEMA_VERSION = 1
DIRECTIONS = ("a_to_b", "b_to_a")
_OF_CONTRASTS = ("scores", "edge_direction", "edge_cell", "edge_query", "edge_candidate", "edge_score")
QUANTILES = (0.025, 0.5, 0.975)


@dataclass(frozen=True)
class Imbalance:
    """Information Imbalance between two spaces, both ways.

    Attributes
    ----------
    a_to_b, b_to_a : float
        0: the neighbours in the first space are those in the second, it foretells it; 1: it says nothing.
    asymmetry : float
        ``a_to_b - b_to_a``; negative: A predicts B better than B predicts A.
    stderr_a_to_b, stderr_b_to_a, stderr_asymmetry : float
        Dyadic-robust standard errors (`foretell.measure.inference`).
    n : int
        Candidates that a query has. The imbalance falls with n: compare equal n only.
    n_items, k : int
    metric, convention : str
    """

    a_to_b: float
    b_to_a: float
    asymmetry: float
    stderr_a_to_b: float
    stderr_b_to_a: float
    stderr_asymmetry: float
    n: int
    n_items: int
    k: int
    metric: str
    convention: str

    @property
    def _verdict(self) -> str:
        if self.asymmetry == 0:
            return "neither way is better"
        if np.isnan(self.stderr_asymmetry):
            return "too few items for an error"
        first, second = ("A", "B") if self.asymmetry < 0 else ("B", "A")
        resolved = abs(self.asymmetry) > critical(self.n_items) * self.stderr_asymmetry
        return f"{first} predicts {second} better" + ("" if resolved else ", within the error")

    def _repr_html_(self) -> str:
        """What notebooks show: both values on a bar from 0 to 1, with their 95 % intervals."""
        rows = [
            _bar("A → B", self.a_to_b, critical(self.n_items) * self.stderr_a_to_b, "#0072B2"),
            _bar("B → A", self.b_to_a, critical(self.n_items) * self.stderr_b_to_a, "#D55E00"),
        ]
        return (
            f"<table>{''.join(rows)}</table><p>Asymmetry {self.asymmetry:+.4f} ± {self.stderr_asymmetry:.4f}: "
            f"{self._verdict}. 0: the first foretells the second; 1: it says nothing. n = {self.n}, k = {self.k}, "
            f"{self.metric}, {self.convention}; bars: 95 %.</p>"
        )

    def __repr__(self) -> str:
        return (
            f"Imbalance(n={self.n}, n_items={self.n_items}, k={self.k}, metric={self.metric!r}, "
            f"convention={self.convention!r})\n"
            f"  A -> B     {self.a_to_b:.4f} +- {self.stderr_a_to_b:.4f}   "
            "neighbours in A, ranks in B: 0 A predicts B, 1 it says nothing\n"
            f"  B -> A     {self.b_to_a:.4f} +- {self.stderr_b_to_a:.4f}   neighbours in B, ranks in A\n"
            f"  asymmetry {self.asymmetry:+.4f} +- {self.stderr_asymmetry:.4f}   {self._verdict}"
        )


def _bar(name: str, value: float, margin: float, colour: str) -> str:
    """A row: a name, a value with its error, and where it lies from 0 to 1."""
    width = 200
    low, high = (float(np.clip(np.nan_to_num(value + sign * margin, nan=value), 0, 1)) for sign in (-1, 1))
    at = float(np.clip(value, 0, 1))
    return (
        f'<tr><td>{name}</td><td>{value:.4f}</td><td><svg width="{width}" height="14" role="img" '
        f'aria-label="{name}: {value:.4f}"><line x1="0" y1="7" x2="{width}" y2="7" stroke="#999"/>'
        f'<line x1="{low * width:.1f}" y1="7" x2="{high * width:.1f}" y2="7" stroke="{colour}" stroke-width="5" '
        f'opacity=".5"/><circle cx="{at * width:.1f}" cy="7" r="4" fill="{colour}"/></svg></td></tr>'
    )


@dataclass(frozen=True)
class NullSummary:
    """What permutations say of the values.

    Parameters
    ----------
    quantiles : ndarray, shape (3, 2, ...)
        Of the values under free permutations, or those within strata where there are any.
    quantiles_of_groups : ndarray, shape (3, 2, ...), or None
        Of those under permutations that keep groups together, where there are groups and no strata.
    p_value : ndarray, shape (2, ...)
    p_value_minimum : ndarray, shape (2,)
        Both against permutations within strata, or that keep groups together, where there are any.
    """

    quantiles: Floats
    quantiles_of_groups: Floats | None
    p_value: Floats
    p_value_minimum: Floats


@dataclass(frozen=True)
class PerItem:
    """Neighbours of every query.

    Parameters
    ----------
    neighbour : ndarray of int32, shape (pairs, Q, k)
        Places of the nearest items, nearest first; -1 where there is none.
    rank : ndarray of float32, shape (pairs, Q, k)
        Their ranks in the other space.
    query : ndarray of int, shape (Q,)
        Places of the queries among the items.
    """

    neighbour: NDArray[np.int32]
    rank: NDArray[np.float32]
    query: NDArray[np.int64]


def labelled(
    names: tuple[Sequence[str], Sequence[str]],
    *,
    curve: bool,
    imbalance: Floats,
    stderr: Floats | None,
    scores: tuple[Scores, Sequence[tuple[int, int]]] | None,
    null: NullSummary | None,
    per_item: PerItem | None = None,
    items: Sequence[str],
    groups: Sequence[str] | None,
    strata: Sequence[str] | None,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Put numbers into the dataset of ``docs/result.md``.

    Parameters
    ----------
    names : pair of sequences of str
        Of the spaces of A and of B.
    curve : bool
        Whether cells are layer l against layer l (arrays of shape (2, L)) or all pairs ((2, L_A, L_B)).
    imbalance, stderr : ndarray, shape (2, ...)
        Directions first. `stderr` is None without errors.
    scores : Scores and cells, optional
        Scores of the cells (places along a and b), all of the first direction and then of the second.
    null : NullSummary, optional
    per_item : PerItem, optional
    items, groups, strata : sequences of str
    attributes : mapping
    """
    import xarray as xr

    over = ("direction", "layer") if curve else ("direction", "a", "b")
    variables: dict[str, Any] = {"imbalance": (over, imbalance)}
    coords: dict[str, Any] = {"direction": list(DIRECTIONS), "item": _text(items)}
    coords |= {"layer": _text(names[0])} if curve else {"a": _text(names[0]), "b": _text(names[1])}
    if groups is not None:
        coords["group"] = ("item", _text(groups))
    if strata is not None:
        coords["stratum"] = ("item", _text(strata))
    if stderr is not None:
        variables["stderr"] = (over, stderr)
        margin = critical(attributes["n_groups"]) * stderr
        variables["low"], variables["high"] = (over, imbalance - margin), (over, imbalance + margin)
    if scores is not None:
        values, cells = scores
        variables["scores"] = (("direction", "cell", "item"), values.psi.reshape(2, len(cells), -1))
        variables["edge_direction"] = ("edge", (values.cell // len(cells)).astype(np.int8))
        variables["edge_cell"] = ("edge", (values.cell % len(cells)).astype(np.int32))
        variables["edge_query"] = ("edge", values.query.astype(np.int32))
        variables["edge_candidate"] = ("edge", values.candidate.astype(np.int32))
        variables["edge_score"] = ("edge", values.edge)
        coords["cell_number"] = ("cell", np.arange(len(cells)))
        coords["item_number"] = ("item", np.arange(len(items)))
        attributes = {**attributes, "n_cells": len(cells)}
        coords["cell_a"] = ("cell", _text([names[0][a] for a, _ in cells]))
        coords["cell_b"] = ("cell", _text([names[1][b] for _, b in cells]))
    if null is not None:
        coords["quantile"] = list(QUANTILES)
        variables["null"] = (("quantile", *over), null.quantiles)
        if null.quantiles_of_groups is not None:
            variables["null_of_groups"] = (("quantile", *over), null.quantiles_of_groups)
        variables["p_value"] = (over, null.p_value)
        variables["p_value_minimum"] = ("direction", null.p_value_minimum)
    if per_item is not None:
        shape = (*imbalance.shape, *per_item.neighbour.shape[1:])
        variables["neighbour"] = ((*over, "query", "place"), per_item.neighbour.reshape(shape))
        variables["neighbour_rank"] = ((*over, "query", "place"), per_item.rank.reshape(shape))
        coords["query"] = _text([items[place] for place in per_item.query])
    return xr.Dataset(variables, coords, result_attributes(attributes))


def result_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a result: these, and what every result carries."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        **attributes,
        "versions": json.dumps(_versions()),
    }


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
    now_known(Path(path))
    return Path(path)


def load_result(path: str | Path, *, values_only: bool = False) -> xr.Dataset:
    """Read a result into memory.

    A file that this process did not write is read in a process of its own first, which costs some tenths of a second:
    the library of HDF5 neither ends nor lives with every file that is damaged, or made to harm.

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
    if not path.is_file():
        raise InputError(f"There is no result at {path}: give the path of a result.nc.")
    check_seal(path)  # damage is told as such
    left_out = _OF_CONTRASTS if values_only else ()
    _check_file(path, left_out)
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


def _check_file(path: Path, left_out: Sequence[str]) -> None:
    """Raise `InputError` unless a file can be read without harm."""
    if is_known(path, left_out):
        return
    fault, n_bytes = fault_of_file(path, left_out)
    if fault:
        raise InputError(f"{path} cannot be read as netCDF4 ({fault}): measure it again.")
    check_unpacked(path, n_bytes)
    now_known(path, left_out)


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
    over = [str(dim) for dim in result["imbalance" if "imbalance" in result else "similarity"].dims]
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


def write_csv(result: xr.Dataset, path: str | Path) -> Path:
    """Write the values of a result as a tidy table (`tidy`), whole or not at all."""
    table = tidy(result)
    with replacing(Path(path)) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*table.over, *table.along, *table.columns, *table.settings])
        for number, place in enumerate(np.ndindex(*(len(names) for names in table.over.values()))):
            cell = dict(zip(table.over, place, strict=True))
            rows.writerow(
                [
                    *(names[cell[dim]] for dim, names in table.over.items()),
                    *(values[cell["layer"]] for values in table.along.values()),
                    *(values[number] for values in table.columns.values()),
                    *table.settings.values(),
                ]
            )
    return Path(path)


def _text(names: Sequence[str]) -> NDArray[np.object_]:
    return np.array([str(name) for name in names], dtype=object)


def _versions() -> dict[str, str]:
    found = {"foretell": foretell.__version__, "python": platform.python_version()}
    for library in ("numpy", "numba", "xarray"):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
