"""The map of the code: every room is on it, rooms stay small, and a name means one thing."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

import foretell

SOURCE = Path(foretell.__file__).parent
MODULES = [path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py"]
MOST_MODULES = 14  # "about a dozen"
COMMANDS = Path("cli", "commands")
BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))
MAP = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]


def on_the_map() -> set[str]:
    """Paths of the map's lines, put together by their indentation."""
    found, above = set(), list[str]()
    for line in MAP.splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()  # type: ignore[union-attr]
        above = [*above[: len(indent) // 4], name.rstrip("/")]
        found.add("/".join(above))
    return found


def test_the_map_shows_every_room_and_nothing_else() -> None:
    rooms = {path.parent.as_posix() for path in MODULES} | {"studies/config/presets"}
    at_the_top = {path.name for path in MODULES if path.parent == Path()} - {"__main__.py", "version.py"}
    assert on_the_map() == rooms - {"."} | at_the_top


def test_a_room_has_about_a_dozen_modules() -> None:
    sizes = Counter(path.parent.as_posix() for path in MODULES)
    assert {room: size for room, size in sizes.items() if size > MOST_MODULES} == {}


def test_no_two_modules_have_one_name() -> None:
    # A command is named like what it calls.
    names = Counter(path.name for path in MODULES if path.parent != COMMANDS)
    assert [name for name, times in names.items() if times > 1] == []


def test_every_room_says_what_it_is() -> None:
    for room in {path.parent for path in MODULES}:
        assert '"""' in (SOURCE / room / "__init__.py").read_text(encoding="utf-8"), room


@pytest.mark.parametrize(
    "script", sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py")), ids=lambda p: p.name
)
def test_a_benchmark_imports_what_there_is(script: Path) -> None:
    """No test runs them, and types are not checked there."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("foretell"):
            module = importlib.import_module(str(node.module))
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}"), name.name
