"""The folder of a run: what is written there, whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.exceptions import StudyError
from foretell.files import replacing
from foretell.measure.result import save_result, write_csv
from foretell.studies.map_summary import summarise_map
from foretell.studies.reporting.figures import depth_figure, save_figure
from foretell.studies.reporting.maps import map_figure
from foretell.studies.semantic import semantic_layers
from foretell.studies.summary import Summary, summarise

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config import Study

__all__ = ["make_folder", "write_outputs"]


def make_folder(path: Path) -> Path:
    """Make a folder for a run, before anything costly is done; raises `StudyError` if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise StudyError(f"{path}: cannot hold a run: {error.strerror or error}. Choose another.") from error
    return path


def write_outputs(result: xr.Dataset, study: Study, folder: Path) -> Summary:
    """Write a study's `result.nc`, `result.csv`, figure (`depth` or `map`, .png and .pdf), `summary.txt`, `study.yaml`.

    Each file is replaced in one step: at any moment it is the whole old one or the whole new one.
    """
    with replacing(folder / "study.yaml") as path:
        path.write_text(study.to_yaml(), encoding="utf-8")
    save_result(result, folder / "result.nc")
    write_csv(result, folder / "result.csv")
    if study.study == "map":
        figure, summary = map_figure(result), summarise_map(result)
    else:
        semantic = semantic_layers(result)
        figure, summary = depth_figure(result, semantic), summarise(result, semantic)
    for suffix in (".png", ".pdf"):
        with replacing(folder / f"{study.study}{suffix}") as path:
            save_figure(figure, path)
    with replacing(folder / "summary.txt") as path:
        path.write_text(summary.text(), encoding="utf-8")
    return summary
