"""The folder of a run: what is written there, whole or not at all."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.exceptions import StudyError
from foretell.files import NOTE_BYTES, leads_inside, read_bounded, reading, replacing
from foretell.measure.results.result_files import as_cell, save_result, write_csv
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.summaries.items import similarities_of

if TYPE_CHECKING:
    from foretell.studies.answer import Answer, Table
    from foretell.studies.config.study_file import Study

_KINDS = ("results", "tables", "figures", "neighbours")


_BESIDE = "-beside"
"""End of the name of the table of the measures beside a result."""

_WRITTEN = "# Written by a run of Foretell: the study as it was run, defaults written out.\n"
"""Tells the `study.yaml` of a run from one that somebody wrote."""


def folder_of(name: str, out: str | Path | None) -> Path:
    """The folder of the run of a study: the one that was asked for, or one by its name.

    Raises
    ------
    StudyError
        If somebody's own study or a store is there: a run would write over it. If one of the folders in it is a link
        to elsewhere: who made it does not choose where else this machine is written to.
    InputError
        If it cannot be looked at.
    """
    folder = Path("foretell-runs") / name if out is None else Path(out)
    with reading(folder):
        if (folder / "zarr.json").exists():
            raise StudyError(f"{folder} is a store of activations: choose another folder for the run.")
        study = folder / "study.yaml"
        if study.is_file() and not _begins(study, _WRITTEN):
            raise StudyError(
                f"{study} was not written by a run, and a run would write over it: choose another folder (--out; "
                "out=), or give the file another name."
            )
        _check_links(folder)
    return folder


def _begins(file: Path, with_text: str) -> bool:
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(len(with_text)) == with_text


def _check_links(folder: Path) -> None:
    """Raise `StudyError` where what a run writes into its folder would come to lie elsewhere."""
    for part in (folder / kind for kind in (*_KINDS, "stores")):
        if part.is_symlink() and not leads_inside(part, [folder.resolve()]):
            raise StudyError(
                f"{part} is a link out of the folder of the run: take the link away (stores can be elsewhere with "
                "--stores; stores=)."
            )


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

    Each file is replaced in one step: at any moment it is the whole old one or the whole new one. What an earlier run
    wrote (`summary.json` lists it) and this one does not is taken away, and nothing else.
    """
    before = _listed(folder)
    _write(folder / "study.yaml", _WRITTEN + study.to_yaml())
    written = [path.relative_to(folder).as_posix() for path in _write_parts(answer, folder)]
    _write(folder / "summary.txt", answer.text())
    for gone in (folder / name for name in before - set(written)):
        if gone.is_file():
            gone.unlink()
    said = asdict(answer.summary) | {"results": list(answer.results), "failed": dict(answer.failed), "files": written}
    _write(folder / "summary.json", json.dumps(said, ensure_ascii=False, indent=1))


def _write(file: Path, text: str) -> None:
    with replacing(file) as path:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _write_parts(answer: Answer, folder: Path) -> Iterator[Path]:
    """Write the results, tables, figures and neighbours of an answer, and say where each is."""
    for name, result in answer.results.items():
        yield save_result(result, folder / "results" / f"{name}.nc")
        yield write_csv(result, folder / "results" / f"{name}.csv")
    for name, near in answer.neighbours.items():
        yield save_result(near, folder / "neighbours" / f"{name}.nc")
    for name, result in answer.results.items():
        beside = similarities_of(result)
        if beside is not None:
            yield write_csv(beside, folder / "results" / f"{name}{_BESIDE}.csv")
    for name, rows in answer.tables.items():
        yield _write_table(rows, folder / "tables" / f"{name}.csv")
    for name, figure in answer.figures.items():
        for suffix in (".png", ".pdf"):
            with replacing(folder / "figures" / f"{name}{suffix}") as path:
                save_figure(figure, path)
            yield folder / "figures" / f"{name}{suffix}"


def _listed(folder: Path) -> set[str]:
    """Files that an earlier run in this folder says it wrote; none outside of the folders that runs write."""
    try:
        said = json.loads(read_bounded(folder / "summary.json", NOTE_BYTES))
    except (OSError, ValueError, RecursionError):
        return set()
    names = said.get("files") if isinstance(said, dict) else None
    return {name for name in names if _is_of_a_run(name)} if isinstance(names, list) else set()


def _is_of_a_run(name: object) -> bool:
    parts = Path(name).parts if isinstance(name, str) else ()
    return len(parts) == 2 and parts[0] in _KINDS and parts[1] != ".."


def _write_table(rows: Table, path: Path) -> Path:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.writer(file)
        table.writerow(map(as_cell, rows[0] if rows else ()))
        table.writerows([as_cell(row.get(name, "")) for name in rows[0]] for row in rows)
    return path
