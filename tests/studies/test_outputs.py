from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import foretell
from foretell.exceptions import StudyError
from foretell.measure.results.result_files import write_csv
from foretell.studies.outputs import _write_table, folder_of, make_folder
from foretell.studies.report.contents import contents_of
from tests.studies.conftest import World


def test_a_folder_that_cannot_be_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"file: cannot hold a run: .*Choose another"):
        make_folder(tmp_path / "file")
    with pytest.raises(StudyError, match="cannot hold a run"):
        make_folder(tmp_path / "file" / "below")
    assert make_folder(tmp_path / "new" / "run").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StudyError, match="Permission denied"):
        make_folder(tmp_path)


def test_what_an_earlier_run_left_under_other_names_is_taken_away(
    world: World, study: dict[str, Any], tmp_path: Path
) -> None:
    study["pairs"]["sides"] = [["en", "es"], ["en", "fr"]]
    study["measure"] = {"null": 0, "beside": ["cka"]}
    foretell.run(study, out=tmp_path)
    assert (tmp_path / "results" / "en-fr-beside.csv").is_file()
    (tmp_path / "results" / "notes.txt").write_text("mine")
    study["measure"] = {"null": 0}
    foretell.run(study, out=tmp_path)
    assert not list((tmp_path / "results").glob("*-beside.csv"))
    assert not list((tmp_path / "figures").glob("beside-*"))
    study["pairs"]["sides"] = ["en", "es"]
    foretell.run(study, out=tmp_path)
    left = {path.name for kind in ("results", "tables", "figures") for path in (tmp_path / kind).iterdir()}
    assert left == {
        *("en-es.nc", "en-es.csv", "notes.txt", "layers.csv", "asymmetries.csv", "items-en-es.csv"),
        *("depth.png", "depth.pdf", "plane.png", "plane.pdf"),
    }


def test_nothing_but_what_a_run_wrote_is_taken_away(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    """By what the earlier run lists; a list that names other places is not believed."""
    foretell.run(study, out=tmp_path)
    mine = [tmp_path / name for name in ("results/mine.nc", "figures/mine.pdf", "tables/mine.csv", "mine.png")]
    for path in mine:
        path.write_bytes(b"mine")
    said = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert "results/en-es.nc" in said["files"]
    assert all((tmp_path / name).is_file() for name in said["files"])
    lies = ["mine.png", "results/../mine.png", "stores/x/y", "../x", str(tmp_path / "mine.png"), "results/..", 3]
    said["files"] += ["figures/gone.png", *lies]
    (tmp_path / "summary.json").write_text(json.dumps(said), encoding="utf-8")
    foretell.run(study, out=tmp_path)
    assert [path.read_bytes() for path in mine] == [b"mine"] * len(mine)
    assert [one.name for one in contents_of([tmp_path]).results] == ["en-es"]  # what is none of its own is not shown


def test_names_are_no_formulas_in_tables(tmp_path: Path) -> None:
    """Names of layers and items come from anyone; numbers, and texts that are numbers, stay as they are."""
    names = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\ta", "\rb", "-1", "+2.5", "plain"]
    shown = ["'=1+1", "'+cmd|' /C calc'!A0", "'-2+3", "'@SUM(A1)", "'\ta", "'\rb", "-1", "+2.5", "plain"]
    rng = np.random.default_rng(0)
    layers = {name: rng.standard_normal((8, 16)) for name in names}
    result = foretell.imbalance_curve(layers, {name: -layer + 0.1 for name, layer in layers.items()}, errors=False)
    with write_csv(result, tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["layer"] for row in rows[: len(names)]] == shown
    assert [float(row["imbalance"]) for row in rows] == result["imbalance"].values.reshape(-1).tolist()
    with _write_table([{"=name": name, "value": -0.5} for name in [*names, "half \ud800"]], tmp_path / "b.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        assert list(csv.reader(file)) == [["'=name", "value"], *([name, "-0.5"] for name in [*shown, "half \\ud800"])]


def test_somebody_s_own_study_is_not_written_over(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    own = tmp_path / "study.yaml"
    text = f"# my notes\n{yaml.safe_dump(study)}"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=r"study\.yaml was not written by a run, .*choose another folder"):
        foretell.run(own, out=tmp_path)
    with pytest.raises(StudyError, match="not written by a run"):
        foretell.plan(own, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]
    assert own.read_text(encoding="utf-8") == text
    foretell.run(own, out=tmp_path / "run")
    foretell.run(tmp_path / "run" / "study.yaml", out=tmp_path / "run")  # that of a run is as it was


def test_a_store_is_no_folder_for_a_run(study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "zarr.json").write_text("{}")
    for function in (foretell.run, foretell.plan):
        with pytest.raises(StudyError, match="is a store of activations: choose another folder"):
            function(study, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["zarr.json"]


@pytest.mark.parametrize("kind", ["results", "tables", "figures", "neighbours", "stores"])
def test_a_run_does_not_write_through_links_of_its_folder(study: dict[str, Any], tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / kind).symlink_to(tmp_path / "elsewhere")
    for function in (foretell.run, foretell.plan):
        with pytest.raises(StudyError, match=rf"{kind} is a link out of the folder of the run: take the link away"):
            function(study, out=tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [kind]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_link_within_the_folder_of_a_run_is_followed(tmp_path: Path) -> None:
    (tmp_path / "run" / "more").mkdir(parents=True)
    (tmp_path / "run" / "figures").symlink_to("more")
    (tmp_path / "link").symlink_to("run")
    assert folder_of("x", tmp_path / "link") == tmp_path / "link"


def test_a_folder_that_was_no_run_s_keeps_what_is_there(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.png").write_bytes(b"mine")
    foretell.run(study, out=tmp_path)
    assert (tmp_path / "figures" / "mine.png").read_bytes() == b"mine"


def test_a_failure_while_writing_leaves_the_old_file(
    world: World, study: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foretell.run(study, out=tmp_path)
    before = (tmp_path / "figures" / "depth.png").read_bytes()

    def stop(figure: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("foretell.studies.outputs.save_figure", stop)
    with pytest.raises(KeyboardInterrupt):
        foretell.run(study, out=tmp_path)
    assert (tmp_path / "figures" / "depth.png").read_bytes() == before
    assert not list(tmp_path.rglob(".foretell-writing-*"))
