"""Runs a study: from what it is called, or from its file, to a folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.studies.config import MapStudy, Study, load_study
from foretell.studies.depth import measure_depth
from foretell.studies.map import measure_map
from foretell.studies.outputs import make_folder, write_outputs

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.summary import Summary

__all__ = ["run", "run_checked"]


def run(
    study: str | Path | Mapping[str, Any] | Study,
    *,
    out: str | Path | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Run a study and write its folder: result, table, figure, summary, and the study itself.

    Parameters
    ----------
    study : str, Path, mapping or a study
        The name of a preset (`foretell studies` lists them), the path of a study file, or what such a file
        says.
    out : str or Path, optional
        Folder of the run, made where there is none. By default `foretell-runs/NAME`, with the name of the
        preset or file. Stores of activations stay in its `stores`: running the same study into the same
        folder uses them again, and completes one that was stopped half way.
    progress : bool
        Whether to show bars while the model reads.

    Returns
    -------
    Dataset
        What `result.nc` holds (`docs/result.md`).

    Raises
    ------
    StudyError
        If the study is wrong, or the folder cannot be written.
    ForetellError
        If the data or the model cannot be had, or the items cannot be measured.

    Examples
    --------
    ``foretell.run("depth", out="my-run")["imbalance"].sel(direction="a_to_b")``
    """
    name, checked = load_study(study)
    return run_checked(checked, Path("foretell-runs") / name if out is None else Path(out), progress=progress)[0]


def run_checked(study: Study, out: Path, *, progress: bool = False) -> tuple[xr.Dataset, Summary]:
    """Run a checked study into a folder; gives its result, and what that says in words."""
    folder = make_folder(out)
    stores = folder / "stores"
    if isinstance(study, MapStudy):
        result = measure_map(study, stores=stores, progress=progress)
    else:
        result = measure_depth(study, stores=stores, progress=progress)
    return result, write_outputs(result, study, folder)
