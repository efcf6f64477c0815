"""The README's Python and what it says that it prints, and the examples in docstrings."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

import foretell
import foretell.measure.compare
from foretell.representations.packages import cached
from foretell.representations.parts import parts_named

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_shows() -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "default_rng" in block)
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == shown.group(1)


def test_the_examples_of_the_measure_run() -> None:
    text = (Path(__file__).parents[1] / "docs" / "measure.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(compile(block, "docs/measure.md", "exec"), names)


def test_the_examples_of_figures_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "docs" / "report.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/report.md", "exec"), {})
    assert (tmp_path / "by-n.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.slow
def test_the_example_of_pictures_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("emoji-captions", "minilm-l6", "efficientnet-lite0"):
        if any(cached(part) is None for part in parts_named(name)):
            pytest.skip(f"{name} is not in the cache: `foretell data fetch {name}` brings it")
    pytest.importorskip("torch")
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "emoji-captions" in block)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert "n=299" in printed.getvalue()
    assert "asymmetry" in printed.getvalue()


def test_what_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) >= 5
    assert [link for link in links if not (Path(__file__).parents[1] / link).is_file()] == []


def test_the_examples_in_docstrings_hold() -> None:
    for module in (foretell, foretell.measure.compare):
        outcome = doctest.testmod(module)
        assert outcome.attempted >= 4
        assert outcome.failed == 0
