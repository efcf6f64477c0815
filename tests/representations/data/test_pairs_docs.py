"""What docs/data.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from foretell.representations.data.table_rows import Choice
from foretell.representations.loading.load_pairs import BUILT_IN

TEXT = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
IMAGES = [f"photos/{n}.png" for n in (1, 2)] + [f"sketches/{n}.jpg" for n in (1, 2)]
CLASSES = [f"animals/cat/{n}.png" for n in range(5)] + [f"animals/dog/{n}.png" for n in range(3)]


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IMAGES + CLASSES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    files = re.findall(r"```\w+ (\S+)\n(.*?)```", TEXT, re.DOTALL)
    assert len(files) >= 6
    for name, content in files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    code = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert sum("assert" in block for block in code) >= 6
    for block in code:
        exec(compile(block, "docs/data.md", "exec"), names)


def test_every_set_and_option_is_described() -> None:
    for name in (*BUILT_IN, *Choice.__dataclass_fields__):
        assert f"`{name}`" in TEXT or f", `{name}`" in TEXT
