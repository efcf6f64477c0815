"""What a page shows: results with what stands beside them in a run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from foretell.exceptions import InputError
from foretell.measure.result import load_result
from foretell.studies.semantic import semantic_layers

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.semantic import SemanticLayers

__all__ = ["Contents", "Said", "Shown", "contents_of"]


# Results that are of no study do not say what was compared.
_UNNAMED = {"side_a": "A", "side_b": "B", "model_a": "models not named", "model_b": "models not named", "T": 1}


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
    semantic : mapping of direction to SemanticLayers
        Of a curve of layers with errors; else empty.
    neighbours : Dataset, optional
        `foretell.studies.neighbours`.
    study : str
        The study file.
    """

    name: str
    result: xr.Dataset
    semantic: Mapping[str, SemanticLayers] = field(default_factory=dict)
    neighbours: xr.Dataset | None = None
    study: str = ""


@dataclass(frozen=True, eq=False)
class Contents:
    """All that a page shows."""

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
    said: list[Said] = []
    results: list[Shown] = []
    health: list[Mapping[str, Any]] = []
    for place in map(Path, dict.fromkeys(str(place) for place in places)):
        folder = place if place.is_dir() else _run_of(place)
        files = sorted((place / "results").glob("*.nc")) if place.is_dir() else [place]
        if not files:
            raise InputError(f"{place} holds no results: give the folder of a run, or the path of a result.nc.")
        results += _shown(files, folder)
        said.append(_said(folder, place))
        health += [one for one in _health(folder) if one not in health]
    sizes = {int(one.result.attrs["n"]) for one in results}
    if len(sizes) > 1 and not different_n:
        raise InputError(
            f"The results have n of {', '.join(map(str, sorted(sizes)))}, and values at different n are not "
            "comparable: measure them on as many items, or allow it (--different-n; different_n=True)."
        )
    return Contents(tuple(dict.fromkeys(said)), tuple(_named_apart(results)), tuple(health))


def _run_of(file: Path) -> Path | None:
    """The folder of the run that a result's file is of, or None of a file by itself."""
    folder = file.parent.parent
    return folder if file.parent.name == "results" and (folder / "study.yaml").is_file() else None


def _shown(files: Sequence[Path], folder: Path | None) -> Iterator[Shown]:
    study = "" if folder is None else (folder / "study.yaml").read_text(encoding="utf-8")
    for file in files:
        result = load_result(file)
        if "imbalance" not in result:
            continue
        near = None if folder is None else folder / "neighbours" / file.name
        large = [name for name in result.data_vars if str(name).startswith(("edge_", "scores"))]
        yield Shown(
            file.stem,
            result.drop_vars(large).assign_attrs(_UNNAMED | result.attrs),
            _semantic(result),
            None if near is None or not near.is_file() else load_result(near),
            study,
        )


def _semantic(result: xr.Dataset) -> Mapping[str, SemanticLayers]:
    if "relative_depth" not in result.coords or "edge_score" not in result:
        return {}
    try:
        return semantic_layers(result)
    except InputError:  # a layer without a value
        return {}


def _said(folder: Path | None, place: Path) -> Said:
    """What is told of a run; of a result by itself its name."""
    if folder is None:
        return Said(place.stem)
    study = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8")) or {}
    title = str(study.get("title") or folder.name)
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        heading, paragraph = tuple(map(str, summary["heading"])), str(summary["paragraph"])
    except (OSError, ValueError, KeyError, TypeError):
        heading, paragraph = (), ""
    return Said(title, str(study.get("question") or ""), heading, paragraph)


def _health(folder: Path | None) -> list[Mapping[str, Any]]:
    if folder is None:
        return []
    try:
        found = json.loads((folder / "health.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(found)


def _named_apart(results: Sequence[Shown]) -> Iterator[Shown]:
    """Results of several runs, numbered where they are called the same."""
    seen: dict[str, int] = {}
    for one in results:
        seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if seen[one.name] == 1 else f"{one.name}-{seen[one.name]}"
        yield Shown(name, one.result, one.semantic, one.neighbours, one.study)
