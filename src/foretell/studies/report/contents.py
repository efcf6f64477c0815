"""What a page shows: results with what stands beside them in a run's folder."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError
from foretell.files import check_inside, reading
from foretell.measure.results.result_files import load_result
from foretell.studies.config.yaml_file import read_mapping
from foretell.studies.run_folder import read_json, result_files

if TYPE_CHECKING:
    import xarray as xr

# Results that are of no study do not say what was compared.
_UNNAMED = {
    "side_a": "A",
    "side_b": "B",
    "model_a": "models not named",
    "model_b": "models not named",
    "data": "data not named",
    "T": 1,
}


@dataclass(frozen=True)
class Said:
    """What a study says of itself.

    Parameters
    ----------
    title, question : str
    heading : tuple of str
        What was compared.
    paragraph : str
        The answer.
    """

    title: str
    question: str = ""
    heading: tuple[str, ...] = ()
    paragraph: str = ""


@dataclass(frozen=True, eq=False)
class Shown:
    """A result, and what is shown beside it.

    Parameters
    ----------
    name : str
        Of its files.
    result : Dataset
    neighbours : Dataset, optional
        `foretell.studies.summaries.items`.
    study : str
        The study file.
    run : str
        What tells its run from others on the page; empty where there is one only.
    """

    name: str
    result: xr.Dataset
    neighbours: xr.Dataset | None = None
    study: str = ""
    run: str = ""

    @property
    def n(self) -> int:
        """Candidates of a query; the most, where parts of the result have different numbers."""
        return int(np.max(self.result.attrs["n"]))


@dataclass(frozen=True, eq=False)
class Contents:
    """All that a page, or one place on the disk, shows."""

    said: tuple[Said, ...]
    results: tuple[Shown, ...]
    health: tuple[Mapping[str, Any], ...] = ()


def contents_of(places: Sequence[str | Path], *, different_n: bool = False) -> Contents:
    """Read what a page is to show.

    Parameters
    ----------
    places : sequence of str or Path
        Folders of runs, and files of single results.
    different_n : bool
        Whether results may have different n.

    Raises
    ------
    InputError
        If there is no result, one cannot be read, or their n differ.
    """
    if not places:
        raise InputError("A page needs a result: give the folder of a run, or the path of a result.nc.")
    runs = _runs_of(places)
    # Parts of one study may be of fewer items.
    sizes = {max(one.n for one in run.results) for run in runs}
    if len(sizes) > 1 and not different_n:
        raise InputError(
            f"The results have n of {', '.join(map(str, sorted(sizes)))}, and values at different n are not "
            "comparable: measure them on as many items, or allow it (--different-n; different_n=True)."
        )
    names = _apart([said.title for run in runs for said in run.said]) if len(runs) > 1 else [""]
    shown = [replace(one, run=name) for run, name in zip(runs, names, strict=True) for one in run.results]
    file_names = _apart([one.name for one in shown])
    return Contents(
        tuple(dict.fromkeys(said for run in runs for said in run.said)),
        tuple(replace(one, name=name) for one, name in zip(shown, file_names, strict=True)),
        tuple(_all_health(runs, names)),
    )


def _runs_of(places: Sequence[str | Path]) -> list[Contents]:
    """What the places hold, each file of a result once."""
    runs: list[Contents] = []
    read: set[Path] = set()
    for given in places:
        with reading(given):
            place = _found(Path(given)).resolve()
            folder = place if (place / "study.yaml").is_file() else _run_of(place)
            files = result_files(place) if place.is_dir() else [place]
            new = [file for file in files if file not in read]
            if files and not new:
                continue  # of a run that is there already
            read.update(new)
            results = tuple(_shown(new, folder))
            if not results:
                raise InputError(f"{place} holds no results: give the folder of a run, or the path of a result.nc.")
            runs.append(Contents((_said(folder, place),), results, tuple(_health(folder))))
    return runs


def _apart(names: Sequence[str]) -> list[str]:
    """Names, numbered where they are the same: each is there once."""
    taken: dict[str, None] = {}
    for name in names:
        candidates = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        taken[next(one for one in candidates if one not in taken and (one == name or one not in names))] = None
    return list(taken)


def _all_health(runs: Sequence[Contents], names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Health of all that is shown, once; what two runs call the same is told apart by the run."""
    every = [(one, name) for run, name in zip(runs, names, strict=True) for one in run.health]
    distinct: dict[str, tuple[Mapping[str, Any], str]] = {}
    for pair in every:
        distinct.setdefault(json.dumps(pair[0], sort_keys=True), pair)
    times = Counter(one["name"] for one, _ in distinct.values())
    for one, run in distinct.values():
        yield one if times[one["name"]] == 1 else {**one, "name": f"{one['name']} ({run})"}


def _found(place: Path) -> Path:
    """A run's folder or a result's file; of the folder that `foretell compare` wrote, its result."""
    return place / "result.nc" if (place / "result.nc").is_file() else place


def _summary(run: Path) -> Mapping[str, Any]:
    found = read_json(run, "summary.json")
    is_one = isinstance(found, dict) and all(_are_texts(found.get(name, [])) for name in ("heading", "results"))
    return found if is_one and _are_texts([found.get("paragraph", "")]) else {}


def _are_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def _run_of(file: Path) -> Path | None:
    """The folder of the run that a result's file is of, or None of a file by itself."""
    folder = file.parent.parent
    return folder if file.parent.name == "results" and (folder / "study.yaml").is_file() else None


def _shown(files: Sequence[Path], folder: Path | None) -> Iterator[Shown]:
    study = "" if folder is None else _study(folder)[0]
    for file in files:
        if folder is not None:
            check_inside(file, folder)
        result = load_result(file, values_only=True)
        if "imbalance" not in result:
            continue
        if np.asarray(result.attrs.get("n")).dtype.kind not in "iu" or not np.size(result.attrs["n"]):
            raise InputError(f"{file} is no curve or map of one n: draw it with its own `plot` (xarray).")
        near = None if folder is None else folder / "neighbours" / file.name
        if folder is not None and near is not None:
            check_inside(near, folder)
        yield Shown(
            file.stem,
            result.assign_attrs(_UNNAMED | result.attrs),
            None if near is None or not near.is_file() else load_result(near),
            study,
        )


def _said(folder: Path | None, place: Path) -> Said:
    """What is told of a run; of a result by itself its name."""
    if folder is None:
        return Said(place.stem)
    study = _study(folder)[1]
    title = str(study.get("title") or folder.name)
    summary = _summary(folder)
    heading = tuple(summary.get("heading", ()))
    return Said(title, str(study.get("question") or ""), heading, summary.get("paragraph", ""))


def _study(folder: Path) -> tuple[str, dict[str, Any]]:
    """The study file of a run, and what it says."""
    path = folder / "study.yaml"
    check_inside(path, folder)
    said = read_mapping(path)  # which looks at its size and its letters
    return path.read_text(encoding="utf-8-sig"), said


def _health(folder: Path | None) -> list[Mapping[str, Any]]:
    found = None if folder is None else read_json(folder, "health.json")
    return found if isinstance(found, list) and all(map(_is_health, found)) else []


def _is_health(one: Any) -> bool:
    """Whether this is what `foretell.studies.preparation.notes` says of a store."""
    return (
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and _are_texts(one.get("problems"))
        and isinstance(one.get("layers"), list)
        and all(map(_is_row, one["layers"]))
        and not any(isinstance(value, list | dict) for name, value in one.items() if name not in ("problems", "layers"))
    )


def _is_row(layer: Any) -> bool:
    """Whether this is what is said of a layer: single values, so that nothing in them is nested."""
    return (
        isinstance(layer, dict)
        and isinstance(layer.get("layer"), str)
        and not any(isinstance(value, list | dict) for value in layer.values())
    )
