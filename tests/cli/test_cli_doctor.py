"""The doctor says what is there, and notices what is broken."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import foretell
from foretell.cli.app import app
from foretell.cli.commands.doctor import faults, missing, why_unusable
from foretell.measure.distances import cpu
from foretell.options import BACKENDS

RUNNER = CliRunner()


def doctor() -> tuple[str, int]:
    found = RUNNER.invoke(app, ["doctor"], catch_exceptions=False)
    return " ".join(found.stdout.split()), found.exit_code


def test_a_sound_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path))
    text, code = doctor()
    assert code == 0
    assert f"foretell {foretell.__version__}" in text
    assert f"numpy {np.__version__}" in text
    assert "numba (what auto takes)" in text or "torch (what auto takes)" in text
    assert "ok numba measures as numpy does" in text
    assert "FAILED" not in text
    assert "is empty: `foretell data fetch` fills it" in text


def test_every_usable_backend_is_tried() -> None:
    usable = [name for name in BACKENDS if name != "auto" and not why_unusable(name)]
    tried = faults(usable)
    assert {what.partition(" ")[0] for what in tried} == set(usable) - {"numpy"}
    assert not any(tried.values())


def test_wrong_distances_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = cpu.hamming

    def wrong(x: Any, q: Any, y: Any, c: Any, out: Any, **options: Any) -> None:
        right(x, q, y, c, out, **options)
        out[:, ::5] += 9

    monkeypatch.setattr(cpu, "hamming", wrong)
    text, code = doctor()
    assert code == 1
    assert "FAILED numba measures as numpy does: " in text
    assert "instead of" in text


def test_an_error_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_given: Any, **_options: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(cpu, "hamming", failing)
    text, code = doctor()
    assert code == 1
    assert "FAILED numba measures as numpy does: OSError: no space left" in text


def test_what_is_missing_is_said_by_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("torch", "gguf"):
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr("foretell.cli.commands.doctor.versions", dict)
    monkeypatch.setattr("foretell.cli.commands.doctor.importlib.metadata.version", version)
    monkeypatch.setattr("foretell.cli.commands.doctor.faults", lambda _usable: {})
    lacking = missing()
    assert set(lacking["hf"]) == {"torch", "gguf"}
    assert "dev" not in lacking
    text, code = doctor()
    assert code == 0
    assert "extra hf lacks gguf, torch: pip install 'foretell[hf]'" in text


def test_backends_that_are_not_there() -> None:
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'torch', 'numkong'}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name in ('torch', 'numkong') else find(name, *a)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "sys.argv = ['foretell', 'doctor']\n"
        "from foretell.cli.app import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text = " ".join(done.stdout.split())
    assert "backends numba (what auto takes), numpy This needs" in text
    assert "pip install 'foretell[hf]'" in text
    assert "devices cpu threads" in text
