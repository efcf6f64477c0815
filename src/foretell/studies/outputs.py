"""The folder of a run: what is written there, whole or not at all."""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.exceptions import StudyError
from foretell.files import replacing
from foretell.measure.result_file import save_result, write_csv
from foretell.studies.reporting.layout import save_figure
from foretell.studies.similarity import similarities_of

if TYPE_CHECKING:
    from foretell.studies.answer import Answer, Table
    from foretell.studies.config import Study

_KINDS = ("results", "tables", "figures", "neighbours")

_BESIDE = "-beside"
"""End of the name of the table of the measures beside a result."""

__all__ = ["folder_of", "make_folder", "size_of_answer", "write_answer"]


def folder_of(name: str, out: str | Path | None) -> Path:
    """The folder of the run of a study: the one that was asked for, or one by its name."""
    return Path("foretell-runs") / name if out is None else Path(out)


def make_folder(path: Path) -> Path:
    """Make a folder for a run, before anything costly is done; raises `StudyError` if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise StudyError(f"{path}: cannot hold a run: {error.strerror or error}. Choose another.") from error
    return path


def write_answer(answer: Answer, study: Study, folder: Path) -> None:
    """Write `study.yaml`, `summary.txt` and `.json`, `results/`, `tables/`, `figures/` (.png and .pdf), `neighbours/`.

    Each file is replaced in one step: at any moment it is the whole old one or the whole new one. Results, tables and
    figures that an earlier run left under other names are taken away.
    """
    is_of_a_run = (folder / "study.yaml").exists()
    with replacing(folder / "study.yaml") as path:
        path.write_text(study.to_yaml(), encoding="utf-8")
    for name, result in answer.results.items():
        save_result(result, folder / "results" / f"{name}.nc")
        write_csv(result, folder / "results" / f"{name}.csv")
    for name, near in answer.neighbours.items():
        save_result(near, folder / "neighbours" / f"{name}.nc")
    similar = {f"{name}{_BESIDE}": similarities_of(result) for name, result in answer.results.items()}
    beside = {name: of for name, of in similar.items() if of is not None}
    for name, of in beside.items():
        write_csv(of, folder / "results" / f"{name}.csv")
    for name, rows in answer.tables.items():
        _write_table(rows, folder / "tables" / f"{name}.csv")
    for name, figure in answer.figures.items():
        for suffix in (".png", ".pdf"):
            with replacing(folder / "figures" / f"{name}{suffix}") as path:
                save_figure(figure, path)
    with replacing(folder / "summary.txt") as path:
        path.write_text(answer.text(), encoding="utf-8")
    with replacing(folder / "summary.json") as path:
        said = asdict(answer.summary) | {"results": list(answer.results)}
        path.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    if not is_of_a_run:
        return  # what else is there is not Foretell's
    for kind, names, suffixes in (
        ("results", {*answer.results, *beside}, (".nc", ".csv")),
        ("tables", answer.tables, (".csv",)),
        ("figures", answer.figures, (".png", ".pdf")),
        ("neighbours", answer.neighbours, (".nc",)),
    ):
        for path in (folder / kind).glob("*"):
            if path.suffix in suffixes and path.name.removesuffix(path.suffix) not in names:
                path.unlink()


def size_of_answer(folder: Path) -> int:
    """Bytes of what a run wrote, but for the activations."""
    files = [*folder.glob("*"), *(file for kind in _KINDS for file in (folder / kind).glob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())


def _write_table(rows: Table, path: Path) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]) if rows else [])
        table.writeheader()
        table.writerows(rows)
