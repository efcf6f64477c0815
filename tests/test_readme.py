"""The README's Python and what it says that it prints, and the examples in docstrings."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from foretell.representations.builtin.catalogue import parts_named
from foretell.representations.builtin.packages import cached

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_shows() -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "default_rng" in block)
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == shown.group(1)


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
