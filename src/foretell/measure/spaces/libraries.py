"""Arrays as other libraries have them, made into numpy's, and the names of items that they carry."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError

_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__", "__buffer__")
"""What numpy itself reads, better than DLPack: with names of dtypes, and read-only arrays."""


def as_array(x: Any) -> NDArray[Any]:
    """`x` as an array of numpy, without a copy where its library shares its memory.

    A tensor of torch is detached, and copied only from another device, or out of bfloat16, which numpy does not have.
    Columns of pandas that may lack values become floats with NaN.

    Raises
    ------
    InputError
        For a sparse matrix, a masked array that hides numbers, a table with columns of something else, a dataset of
        several arrays, or no array at all.
    """
    _refuse(x)
    _check_dimensions(x)
    try:
        if _is(x, "torch", "Tensor"):
            array = _of_torch(x)
        elif isinstance(x, list | tuple) and x and all(_is(one, "torch", "Tensor") for one in x):
            array = _of_torch(sys.modules["torch"].stack(list(x)))
        elif _is(x, "pandas", "DataFrame", "Series", "Index"):
            array = _of_pandas(x)
        elif hasattr(x, "__dlpack__") and not any(hasattr(x, name) for name in _PROTOCOLS):
            array = np.from_dlpack(x)
        else:
            array = np.asarray(x)
    except InputError:
        raise
    except (ValueError, TypeError, RuntimeError, AttributeError, BufferError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"This is no array of numbers ({reason}): give one of floats or bools.") from error
    if array.ndim == 0:
        raise InputError(f"A {type(x).__name__} is no array of numbers: give one of floats or bools.")
    return array


def names_of_items(x: Any) -> tuple[str, ...] | None:
    """The index of a table of pandas, or the coordinate of an xarray array's first dimension, as texts; or None."""
    if _is(x, "pandas", "DataFrame", "Series"):
        if any(map(_is_missing, x.index)):
            raise InputError("The index of the table, which names the items, has gaps: fill them, or reset_index.")
        return tuple(str(name) for name in x.index)
    if _is(x, "xarray", "DataArray") and x.ndim:
        return _coordinate(x, 0)
    return None


def labels_of(x: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Names of the rows and of the columns of a table."""
    if _is(x, "pandas", "DataFrame"):
        return names_of_items(x), tuple(str(name) for name in x.columns)
    if _is(x, "xarray", "DataArray") and x.ndim == 2:
        return _coordinate(x, 0), _coordinate(x, 1)
    return names_of_items(x), None


def as_labels(labels: Any, what: str = "groups") -> list[str]:
    """Labels of items in order, from a sequence, an array or a column of a table (whose index is not looked at).

    Raises
    ------
    InputError
        If an item has none (None or NaN), or all are one text; `what` is what errors call them.
    """
    if isinstance(labels, str | bytes):
        raise InputError(f"The {what} are one text, {labels[:20]!r}, and not a label an item: give a list of them.")
    found = list(labels) if isinstance(labels, Sequence | Iterator) else as_array(labels).tolist()
    for item, label in enumerate(found):
        if _is_missing(label):
            raise InputError(f"Item {item} has no label among the {what} ({label}): give every item one.")
    return [str(label) for label in found]


def _is_missing(label: Any) -> bool:
    """Whether this stands for no label, in pandas or numpy."""
    is_nan = isinstance(label, float | np.floating) and bool(np.isnan(label))
    return label is None or is_nan or type(label).__name__ in ("NAType", "NaTType")


def _is(x: Any, library: str, *names: str) -> bool:
    """Whether `x` is of a class of a library, which is imported then; a class derived from it is too."""
    module = sys.modules.get(library)
    return module is not None and isinstance(x, tuple(getattr(module, name) for name in names if hasattr(module, name)))


def _refuse(x: Any) -> None:
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise InputError(
            f"A masked array that hides {int(np.ma.getmaskarray(x).sum())} numbers: drop their items from both sides, "
            "or say what stands in their place by x.filled(value)."
        )
    if hasattr(x, "toarray") or (_is(x, "torch", "Tensor") and x.layout != sys.modules["torch"].strided):
        raise InputError(
            "A sparse matrix is not measured as such: make it dense by its toarray(), of torch to_dense(), where that "
            "fits into memory."
        )
    if _is(x, "xarray", "Dataset"):
        raise InputError(f"A dataset holds several arrays: give one of them ({', '.join(map(str, x.data_vars))}).")


def _check_dimensions(x: Any) -> None:
    """Refuse an array of xarray that says itself that its items are elsewhere than in rows."""
    if _is(x, "xarray", "DataArray") and "item" in x.dims[1:]:
        raise InputError(
            f"The dimensions are {', '.join(map(str, x.dims))}, and items are rows: give x.transpose('item', ...)."
        )


def _of_torch(x: Any) -> NDArray[Any]:
    """A tensor's own memory, where it is that of the processor."""
    x = x.detach().cpu().resolve_conj().resolve_neg()
    return np.from_dlpack(x.float() if x.dtype == sys.modules["torch"].bfloat16 else x)


def _of_pandas(x: Any) -> NDArray[Any]:
    """Numbers of a table or a column; those of columns that may lack values, which pandas gives as objects, as well."""
    array: NDArray[Any] = x.to_numpy()
    if array.dtype != object:
        return array
    columns = dict(x.dtypes.items()) if x.ndim == 2 else {x.name: x.dtype}
    kinds = {dtype.kind for dtype in columns.values()}
    if kinds == {"f"}:
        array = x.to_numpy(np.float64, na_value=np.nan)
    elif kinds == {"b"}:
        if x.isna().to_numpy().any():
            raise InputError("Some bools are missing: drop such items from both sides, or say what they are by fillna.")
        array = x.to_numpy(bool)
    elif x.ndim == 2 and not kinds <= set("fbiu"):
        other = next(name for name, dtype in columns.items() if dtype.kind not in "fbiu")
        raise InputError(
            f"Column {other!r} of the table is of {columns[other]}, not of numbers: leave it out, or, if it names the "
            "items, make it the index (set_index)."
        )
    return array


def _coordinate(x: Any, axis: int) -> tuple[str, ...] | None:
    name = x.dims[axis]
    return tuple(str(one) for one in x.coords[name].values) if name in x.coords else None
