"""What a run left in its folder, read again: the answer, the stores, and which of them each result is of."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from foretell.exceptions import InputError, one_line
from foretell.files import NOTE_BYTES, check_inside, read_bounded, reading
from foretell.measure.results.result_files import checked_as_result, load_result
from foretell.representations.store.storage import is_url
from foretell.studies.answer import Answer
from foretell.studies.summaries.summary import Summary


@dataclass(frozen=True)
class OfStores:
    """A result of a run, and the stores that it is of.

    Parameters
    ----------
    result : Path
    a, b : str
        Paths or URLs.
    """

    result: Path
    a: str
    b: str


def is_run(place: str | Path) -> bool:
    """Whether a place is the folder of a run."""
    with reading(place):
        return not is_url(place) and (Path(place) / "study.yaml").is_file() and (Path(place) / "results").is_dir()


def load_run(folder: str | Path) -> Answer:
    """Read what a run wrote, as the answer that it gave.

    Parameters
    ----------
    folder : str or Path
        Of a run of `foretell.run` or ``foretell run``.

    Returns
    -------
    Answer
        With its results, summary, tables, neighbours, and what could not be measured. `figures` is empty: they are
        files in the folder ``figures``.

    Raises
    ------
    InputError
        If the folder is none of a run, or a file in it is missing or damaged.

    Examples
    --------
    ``foretell.load_run("foretell-runs/depth").results["en-es"]``
    """
    folder = _checked(folder)
    names = [file.stem for file in result_files(folder)]
    with reading(folder):
        near = {name: folder / "neighbours" / f"{name}.nc" for name in names}
        tables = sorted((folder / "tables").glob("*.csv"))
    with checked_as_result(f"{folder / 'summary.json'}"):
        written = read_json(folder, "summary.json")
        summary = TypeAdapter(Summary).validate_python(written)
        failed = {str(name): str(why) for name, why in written["failed"].items()}
    return Answer(
        results={file.stem: load_result(file) for file in result_files(folder)},
        summary=summary,
        tables={file.stem: _table(file, folder) for file in tables},
        failed=failed,
        neighbours={name: load_result(file) for name, file in near.items() if file.is_file()},
    )


def result_files(folder: Path) -> list[Path]:
    """Files of the results of a run, in the order of its study; all that are there, where it does not say."""
    files = sorted((folder / "results").glob("*.nc"), key=lambda file: file.stem)
    for file in files:
        check_inside(file, folder)
    written = read_json(folder, "summary.json")
    names = written.get("results") if isinstance(written, dict) else None
    if not isinstance(names, list):
        return files
    order = {name: place for place, name in enumerate(names) if isinstance(name, str)}
    return sorted((file for file in files if file.stem in order), key=lambda file: order[file.stem]) if order else files


def stores_of_run(folder: str | Path) -> dict[str, str]:
    """Paths or URLs of the stores that a run compared, by side and model."""
    folder = _checked(folder)
    health = read_json(folder, "health.json")
    with checked_as_result(f"{folder / 'health.json'}"):
        return {str(one["name"]): _place(str(one["store"]), folder) for one in health}


def compared_in_run(folder: str | Path) -> list[OfStores]:
    """Each two stores that a run compared, with the first result of theirs; variants of controls are left out."""
    stores = stores_of_run(folder)
    found: dict[tuple[str, str], Path] = {}
    for file in result_files(Path(folder)):
        attrs = load_result(file, values_only=True).attrs
        names = tuple(f"{attrs.get(f'side_{end}')} by {attrs.get(f'model_{end}')}" for end in "ab")
        if names[0] in stores and names[1] in stores and "of_null" not in attrs:
            found.setdefault((stores[names[0]], stores[names[1]]), file)
    return [OfStores(file, *pair) for pair, file in found.items()]


def _place(store: str, folder: Path) -> str:
    """Where a store is: what lies within the folder of the run is named from there."""
    if is_url(store) or Path(store).is_absolute():
        return store
    check_inside(folder / store, folder)
    return str(folder / store)


def _checked(folder: str | Path) -> Path:
    if not is_run(folder):
        raise InputError(f"{folder} is not the folder of a run: give one that holds study.yaml and results.")
    return Path(folder)


def read_json(folder: Path, name: str) -> Any:
    """What a file of a run says, or None where that cannot be read."""
    check_inside(folder / name, folder)
    try:
        return json.loads(read_bounded(folder / name, NOTE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def _table(file: Path, folder: Path) -> list[dict[str, Any]]:
    """Rows of a table, numbers as numbers."""
    check_inside(file, folder)
    try:
        with reading(file), file.open(newline="", encoding="utf-8") as opened:
            return [{name: _value(cell) for name, cell in row.items()} for row in csv.DictReader(opened)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as a table ({one_line(error)}): run the study again.") from error


def _value(cell: str | None) -> Any:
    """A number or a truth value where a cell was written as one, else its text: "007" is a text."""
    text = cell or ""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            if str(kind(text)) == text:
                return kind(text)
        except ValueError:
            continue
    return text.removeprefix("'")
