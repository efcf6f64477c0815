"""Runs a study: from what it is called, or from its file, to a folder of results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.files import replacing
from foretell.studies.config.study_file import Study, load_study
from foretell.studies.outputs import folder_of, make_folder, write_answer
from foretell.studies.planning.plan import give_back, plan_arranged
from foretell.studies.preparation.notes import health_of
from foretell.studies.preparation.stores import Stores
from foretell.studies.registry import answer, arrange
from foretell.studies.report.page import write_report

if TYPE_CHECKING:
    from foretell.studies.answer import Answer
    from foretell.studies.planning.plan import Plan
    from foretell.studies.preparation.compared import Compared


def run(
    study: str | Path | Mapping[str, Any] | Study,
    *,
    out: str | Path | None = None,
    stores: str | Path | None = None,
    progress: bool = False,
) -> Answer:
    """Run a study and write its folder: results, tables, figures, summary, and the study itself.

    On a cluster (`set_options`) workers read with the models and measure; all of them must see the folder of the
    stores, or reach their URL. The results do not depend on it.

    Parameters
    ----------
    study : str, Path, mapping or a study
        The name of a preset (`foretell studies` lists them), the path of a study file, or what such a file
        says.
    out : str or Path, optional
        Folder of the run, made where there is none. By default `foretell-runs/NAME`, with the name of the
        preset or file.
    stores : str or Path, optional
        Folder of the stores of activations, by default `stores` in that of the run; or a URL, such as
        "s3://bucket/stores". Running the same study with the
        same stores uses them again, and completes one that was stopped half way; studies may share a folder.
    progress : bool
        Whether to show bars while the model reads.

    Returns
    -------
    Answer
        `results` by name as in the folder (`docs/result.md`), `summary`, `tables` and `figures`.

    Raises
    ------
    StudyError
        If the study is wrong, or the folder cannot be written.
    ForetellError
        If the data or the model cannot be had, or the items cannot be measured.

    Examples
    --------
    ``foretell.run("demo", out="my-run").result["imbalance"].sel(direction="a_to_b")``
    """
    name, checked = load_study(study)
    return run_checked(checked, folder_of(name, out), stores=stores, progress=progress)


def run_checked(
    study: Study,
    out: Path,
    *,
    stores: str | Path | None = None,
    progress: bool = False,
    planned: Callable[[Plan], None] | None = None,
    starting: float = 0.0,
) -> Answer:
    """Run a checked study into a folder (`run`).

    `planned` is given the plan before anything costly is done; the program took `starting` seconds to come here.
    """
    folder = make_folder(out)
    place = Stores.of(folder, stores)
    make_folder(place.notes)
    began = time.perf_counter()
    arrangement = arrange(study, place)
    if planned is not None:
        planned(plan_arranged(study, arrangement, place, starting=starting + time.perf_counter() - began))
    compared = arrangement.extracted(progress=progress)
    _write_health(compared, folder, place.notes)
    give_back()
    found = answer(study, compared)
    write_answer(found, study, folder)
    write_report(folder, folder / "report.html")
    return found


def _write_health(compared: Sequence[Compared], folder: Path, notes: Path) -> None:
    with replacing(folder / "health.json") as path:
        path.write_text(
            json.dumps(health_of(compared, notes, folder), ensure_ascii=False, indent=1),
            encoding="utf-8",
            errors="backslashreplace",
        )
