"""Other measures of the same spaces, put beside the imbalance."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def with_similarity(result: xr.Dataset, similar: xr.Dataset) -> xr.Dataset:
    """A result with the similarities of the same cells beside it.

    Parameters
    ----------
    result : Dataset
        A curve or a matrix.
    similar : Dataset
        As of `foretell.similarity_curve` or `foretell.similarity_matrix`, of the same spaces.

    Returns
    -------
    Dataset
        With `similarity`, and with errors `similarity_stderr`, `similarity_low`, `similarity_high` along `measure`.
        The attribute `beside_k` is the number of neighbours of those measures that have one.
    """
    named = {name: f"similarity_{name}" for name in ("stderr", "low", "high") if name in similar}
    return result.merge(similar.rename(named).drop_attrs()).assign_attrs(
        result.attrs | {"beside_k": similar.attrs["k"]}
    )


def similarities_of(result: xr.Dataset) -> xr.Dataset | None:
    """The similarities beside a result as a dataset of their own, or None where there are none."""
    if "similarity" not in result:
        return None
    names = [str(name) for name in result.data_vars if str(name).startswith("similarity")]
    similar = result[names].rename({name: name.removeprefix("similarity_") for name in names})
    kept = {name: value for name, value in result.attrs.items() if name != "convention"}
    return similar.assign_attrs(kept | {"k": result.attrs["beside_k"]})
