from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import foretell
from foretell.cli.app import app, main
from foretell.cli.errors import readable_warnings
from foretell.exceptions import ForetellWarning
from foretell.studies.config.presets import preset_names
from tests.studies.conftest import World

RUNNER = CliRunner()


def _main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["foretell", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_version_and_help_import_nothing_heavy() -> None:
    heavy = "{'numpy', 'xarray', 'matplotlib', 'pydantic', 'torch', 'numba'} & set(sys.modules)"
    for flag in ("--version", "--help"):
        code = (
            "import sys; sys.argv = ['foretell', sys.argv[1]]\n"
            "from foretell.cli.app import main\n"
            "try: main()\n"
            f"except SystemExit: print(); print({heavy})"
        )
        ran = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=True)
        assert ran.stdout.splitlines()[-1] == "set()"
    assert foretell.__version__ in RUNNER.invoke(app, ["--version"]).output


def test_python_m_foretell() -> None:
    ran = subprocess.run([sys.executable, "-m", "foretell", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"foretell {foretell.__version__}\n"


@pytest.mark.parametrize("command", [["demo"], ["run"], ["plan"], ["studies"], ["data"], ["data", "fetch"], ["report"]])
def test_every_command_has_help(command: list[str]) -> None:
    shown = RUNNER.invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert "Usage: " in shown.output


def test_errors_are_lines_and_leave_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("study: depth\nmodle: x\n")
    assert _main(monkeypatch, "run", str(bad)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"error: {bad}: pairs: missing: it has no default",
        f"error: {bad}: model: missing: it has no default",
        f"error: {bad}: modle: unknown key; did you mean 'model'? Valid keys: study, title, question, pairs, "
        "model, measure, tokens",
    ]
    assert _main(monkeypatch, "run", "dept") == 1


@pytest.mark.parametrize(
    "words",
    [["demo", "--languages", "en"], ["demo", "--items", "x"], ["demo", "--items", "2"], ["nothing"], ["run"], ["plan"]],
)
def test_usage_errors_leave_with_2(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    assert _main(monkeypatch, *words) == 2


def test_studies_lists_names_and_questions() -> None:
    shown = " ".join(RUNNER.invoke(app, ["studies"]).output.split())
    assert "depth At which depth does a model's representation" in shown
    for name in preset_names():
        assert f" {name} " in shown


def test_the_demo_is_a_run_of_its_preset(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shown = RUNNER.invoke(app, ["demo", "--items", "70", "--languages", "en, de"], catch_exceptions=False)
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    assert "home-assistant" in text
    assert "70 items" in text
    assert "German" in text
    assert "Asymmetry" in text
    assert (tmp_path / "foretell-demo" / "summary.txt").is_file()
    assert len(shown.stdout.splitlines()) <= 45
    # What it will take is said before anything is done.
    assert "Plan: 70 items; about 2 min" in shown.stderr
    for name in ("summary.txt", "figures/depth.png", "tables/layers.csv", "results/en-de.nc"):
        assert name in text
        assert (tmp_path / "foretell-demo" / name).is_file()
    changed = foretell.load_result(tmp_path / "foretell-demo" / "results" / "en-de.nc")
    same = foretell.run(tmp_path / "foretell-demo" / "study.yaml", out=tmp_path / "other")
    assert changed.attrs["study"] == same.result.attrs["study"]


def test_run_takes_a_study_and_folders(world: World, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "study: depth\nmodel: tiny\npairs: {data: made-up, sides: [[en, es], [en, fr]]}\nmeasure: {null: 80}\n"
    )
    words = ["run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "o"), "--stores", str(tmp_path / "s")]
    shown = RUNNER.invoke(app, words, catch_exceptions=False)
    assert shown.exit_code == 0
    text = " ".join(shown.stdout.split())
    # Of many curves the paragraph alone: the facts of each are in summary.txt.
    assert "Of 4 curves (2 comparisons, both ways)" in text
    assert "p of the minimum" not in text
    assert "p of the minimum" in (tmp_path / "o" / "summary.txt").read_text(encoding="utf-8")
    assert "results/en-es.nc, results/en-fr.nc" in text
    assert (tmp_path / "o" / "results" / "en-fr.nc").is_file()
    assert {path.parent for path in world.extracted} == {tmp_path / "s"}


def test_plan_says_what_a_run_will_take(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    words = ["plan", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "o")]
    shown = RUNNER.invoke(app, words, catch_exceptions=False)
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert any(line.startswith("start, choose items ") for line in lines)
    assert "read es with tiny 60 s 60" in lines
    assert "read en with tiny 60 s 60" in lines
    assert [line for line in lines if line.startswith("measure, draw and write ")]
    assert [line for line in lines if line.startswith("60 items; about 2 min ")]
    assert not world.extracted


def test_report_makes_a_page_and_refuses_different_n(
    world: World,
    study: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name, items in (("one", 60), ("other", 50)):
        foretell.run(study | {"pairs": study["pairs"] | {"items": items}}, out=tmp_path / name)
    page = tmp_path / "both.html"
    words = ["report", str(tmp_path / "one"), str(tmp_path / "other"), "--out", str(page)]
    assert _main(monkeypatch, *words) == 1
    assert "error: The results have n of 49, 59" in capsys.readouterr().err
    assert not page.exists()
    assert RUNNER.invoke(app, [*words, "--different-n"], catch_exceptions=False).exit_code == 0
    assert page.stat().st_size > 2**20


def test_a_run_ends_by_naming_its_page(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    shown = RUNNER.invoke(app, ["run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "o")])
    assert shown.stdout.splitlines()[-1] == f"To look at in a browser: {tmp_path / 'o' / 'report.html'}"
    assert (tmp_path / "o" / "report.html").is_file()


def test_warnings_of_foretell_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with readable_warnings():
        warnings.showwarning(ForetellWarning("layer 0 is constant"), ForetellWarning, "measure.py", 1)
        assert capsys.readouterr().err == "warning: layer 0 is constant\n"
    before = warnings.showwarning
    with readable_warnings():
        assert warnings.showwarning is not before
    assert warnings.showwarning is before
