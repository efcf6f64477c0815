from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import foretell
from foretell.exceptions import StudyError
from foretell.studies.outputs import make_folder, size_of_answer
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


def test_the_size_of_an_answer_is_that_of_its_files(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    foretell.run(study, out=tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "stores"]
    assert len(files) > 8
    assert size_of_answer(tmp_path) == sum(path.stat().st_size for path in files)
