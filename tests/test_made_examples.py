"""The examples on made data run by themselves and draw; the site runs them once more and shows what they draw."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

plt = pytest.importorskip("matplotlib.pyplot")

FOLDER = Path(__file__).parents[1] / "examples" / "made"


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_runs_and_draws(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown: list[int] = []

    def show() -> None:
        shown.extend(plt.get_fignums())
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    with plt.style.context("default"), plt.rc_context({"backend": "agg"}):
        runpy.run_path(str(script))
    assert shown
    assert plt.get_fignums() == []
    assert list(tmp_path.iterdir()) == []
