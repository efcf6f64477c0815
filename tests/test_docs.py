"""What the pages show is what happens: their Python runs, their commands exist, their reference is complete.

The Python of a page runs from top to bottom in one namespace, in a folder of its own; a block ```` ```text ```` that
follows at once is what it prints. A block that cannot run here says what it needs in a comment before it,
``<!-- needs: a model -->``. It is read all the same: it must compile, and what it calls of Foretell must exist and take
those arguments.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from typer.testing import CliRunner

import foretell
from foretell import exceptions, figures
from foretell.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([ROOT / "README.md", *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").glob("*.md")])
}
NEEDS = {"a model", "a cluster", "vLLM", "files of yours"}
ELSEWHERE = {"README.md": "tests/test_readme.py", "docs/data.md": "tests/representations/data/test_pairs_docs.py"}
"""Pages whose Python is run by tests of their own, which make the files that it needs."""


@dataclass(frozen=True)
class Block:
    """A block of Python on a page: its first line there, what it needs, and what the page says that it prints."""

    line: int
    code: str
    needs: str | None
    shown: str | None


def _blocks(text: str) -> list[Block]:
    pattern = r"(?:<!-- needs: ([^\n]+) -->\n)?^```python\n(.*?)^```\n(?:\n```text\n(.*?)```)?"
    return [
        Block(text.count("\n", 0, found.start(2)) + 1, found[2], found[1], found[3])
        for found in re.finditer(pattern, text, re.DOTALL | re.MULTILINE)
    ]


BLOCKS = {page: found for page, text in PAGES.items() if (found := _blocks(text))}
RUN = [page for page, found in BLOCKS.items() if page not in ELSEWHERE and any(one.needs is None for one in found)]


@pytest.mark.parametrize("page", RUN)
def test_the_python_of_a_page_runs_and_prints_what_is_shown(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if page == "docs/store.md":
        _store(tmp_path / "en.zarr")
    names: dict[str, object] = {}
    for block in BLOCKS[page]:
        if block.needs is not None:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), names)
        if block.shown is not None:
            assert printed.getvalue() == block.shown, f"{page}, line {block.line}"


def _store(path: Path) -> None:
    """A small store, of activations made here."""
    activations = np.random.default_rng(0).standard_normal((4, 3, 10)).astype("float32")
    np.save(path.with_name("15.npy"), activations)
    pairs = foretell.Pairs(
        name="made", texts={"en": tuple("abcd")}, ids=tuple("abcd"), groups=None, licence="CC0-1.0", source="made here"
    )
    foretell.import_activations(
        {"15": path.with_name("15.npy")},
        pairs=pairs,
        side="en",
        out=path,
        model_id="made",
        ids=pairs.ids,
        tokens="last 2",
        n_blocks=15,
    )


@pytest.mark.parametrize("page", [page for page, found in BLOCKS.items() if any(one.needs for one in found)])
def test_python_that_cannot_run_here_calls_what_there_is(page: str) -> None:
    for block in BLOCKS[page]:
        if block.needs is None:
            continue
        assert block.needs in NEEDS, f"{page}, line {block.line}: needs {block.needs!r}"
        names: dict[str, Any] = {"foretell": foretell}
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("foretell"):
                names |= {one.name: getattr(import_module(str(node.module)), one.name) for one in node.names}
        for call in (node for node in ast.walk(ast.parse(block.code)) if isinstance(node, ast.Call)):
            target = ast.unparse(call.func)
            if target.partition(".")[0] in names:
                called = eval(target, {}, names)  # a name of Foretell, as the page has it
                options = {one.arg: None for one in call.keywords if one.arg is not None}
                inspect.signature(called).bind(*call.args, **options)


def test_pages_that_run_elsewhere_do() -> None:
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


def test_blocks_are_found() -> None:
    assert len(RUN) >= 6
    assert sum(len(found) for found in BLOCKS.values()) == sum(text.count("```python\n") for text in PAGES.values())


def _commands() -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        joined = text.replace("\\\n", " ")
        for line in re.findall(r"^\$ foretell ?(.*)$", joined, re.MULTILINE):
            yield page, line.partition("  #")[0]


def _command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and the words after it."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_commands_that_are_shown_exist_with_their_options() -> None:
    shown = list(_commands())
    assert len(shown) >= 30
    for page, line in shown:
        command, rest = _command(shlex.split(line, comments=True))
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        used = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert used <= options, f"{page}: foretell {line}"
        assert rest == [] or command.name != "foretell" or used, f"{page}: no command in: foretell {line}"


def test_every_command_is_on_the_page_of_commands() -> None:
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`{name}`" in PAGES["docs/command-line.md"], name


def test_the_reference_of_commands_is_current(tmp_path: Path) -> None:
    from typer.cli import app as typer_command

    arguments = ["foretell.cli.app", "utils", "docs", "--name", "foretell"]
    title = PAGES["docs/options.md"].splitlines()[0].removeprefix("# ")
    outcome = CliRunner().invoke(typer_command, [*arguments, "--title", title, "--output", str(tmp_path / "now.md")])
    assert outcome.exit_code == 0, outcome.output
    assert (tmp_path / "now.md").read_text(encoding="utf-8") == PAGES["docs/options.md"], "make options"


def test_every_public_name_is_in_the_reference_once() -> None:
    named = re.findall(r"^   (\w+)$", PAGES["docs/api.md"], re.MULTILINE)
    public = {*foretell.__all__, *figures.__all__, *exceptions.__all__} - {"__version__"}
    assert sorted(named) == sorted(public)


def test_links_within_the_repository_lead_somewhere() -> None:
    for page, text in PAGES.items():
        for link in re.findall(
            r"\]\(([^)#\s]+)[^)\s]*\)", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        ):
            if not link.startswith("http"):
                assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"
