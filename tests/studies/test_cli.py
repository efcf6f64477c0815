from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

import foretell
from foretell import cli
from foretell.exceptions import ForetellWarning
from tests.studies.conftest import World

RUNNER = CliRunner()


def _main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["foretell", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_version_and_help_import_nothing_heavy() -> None:
    heavy = "{'numpy', 'xarray', 'matplotlib', 'pydantic', 'torch', 'numba'} & set(sys.modules)"
    for flag in ("--version", "--help"):
        code = (
            "import sys; sys.argv = ['foretell', sys.argv[1]]\n"
            "from foretell.cli import main\n"
            "try: main()\n"
            f"except SystemExit: print(); print({heavy})"
        )
        ran = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=True)
        assert ran.stdout.splitlines()[-1] == "set()"
    assert foretell.__version__ in RUNNER.invoke(cli.app, ["--version"]).output


def test_python_m_foretell() -> None:
    ran = subprocess.run([sys.executable, "-m", "foretell", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"foretell {foretell.__version__}\n"


@pytest.mark.parametrize("command", [["demo"], ["run"], ["studies"], ["data"], ["data", "fetch"]])
def test_every_command_has_help(command: list[str]) -> None:
    shown = RUNNER.invoke(cli.app, [*command, "--help"])
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
        "model, tokens, measure",
    ]
    assert _main(monkeypatch, "run", "dept") == 1


@pytest.mark.parametrize(
    "words", [["demo", "--languages", "en"], ["demo", "--items", "x"], ["demo", "--items", "2"], ["nothing"], ["run"]]
)
def test_usage_errors_leave_with_2(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    assert _main(monkeypatch, *words) == 2


def test_studies_lists_names_and_questions() -> None:
    shown = " ".join(RUNNER.invoke(cli.app, ["studies"]).output.split())
    assert "depth At which depth does a model's representation" in shown


def test_the_demo_is_a_run_of_the_depth_preset(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shown = RUNNER.invoke(cli.app, ["demo", "--items", "70", "--languages", "en, de"], catch_exceptions=False)
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    assert "home-assistant" in text
    assert "70 items" in text
    assert "German" in text
    assert "Asymmetry" in text
    assert (tmp_path / "foretell-demo" / "summary.txt").is_file()
    assert len(shown.stdout.splitlines()) <= 45
    changed = foretell.load_result(tmp_path / "foretell-demo" / "result.nc")
    same = foretell.run(tmp_path / "foretell-demo" / "study.yaml", out=tmp_path / "other")
    assert changed.attrs["study"] == same.attrs["study"]


def test_run_takes_a_preset_and_a_folder(world: World, tmp_path: Path) -> None:
    shown = RUNNER.invoke(cli.app, ["run", "depth", "--out", str(tmp_path / "o")], catch_exceptions=False)
    assert shown.exit_code == 0
    assert (tmp_path / "o" / "depth.png").is_file()


def test_warnings_of_foretell_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with cli._readable_warnings():
        warnings.showwarning(ForetellWarning("layer 0 is constant"), ForetellWarning, "measure.py", 1)
        assert capsys.readouterr().err == "warning: layer 0 is constant\n"
    before = warnings.showwarning
    with cli._readable_warnings():
        assert warnings.showwarning is not before
    assert warnings.showwarning is before
