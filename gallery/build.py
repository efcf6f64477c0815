"""Runs the built-in studies and writes docs/gallery.md: `make gallery`.

What is extracted already is used again, so that a second run takes minutes.
"""

from __future__ import annotations

import json
import re
import textwrap
import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from foretell.cli.output import progress
from foretell.files import replacing
from foretell.studies.answer import Answer
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.run import run_checked
from gallery.entries import Entry, entries

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "foretell-runs" / "gallery"
IMAGES = ROOT / "docs" / "images" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"

INTRODUCTION = """\
# Gallery: what the built-in studies show

Each study of the paper ([arXiv 2505.17101](https://arxiv.org/abs/2505.17101)) on models and data that install from
package indices: small ones, which need not agree with models a thousand times as large. What was found stands beside
what the paper states. Everything on this page, the words included, is written by `make gallery` from the numbers;
nothing is edited by hand.

A verdict is *agrees* or *disagrees* where an interval or a test says so after correction for the number of tests, *not
resolved* where the errors are too large to say, and *cannot be tested* where no such model can be had.
"""


def main() -> None:
    """Run every study, and write the page."""
    began = time.perf_counter()
    parts = [INTRODUCTION]
    rows: list[tuple[str, str, str]] = []
    with progress():
        for entry in entries():
            print(f"== {entry.name}", flush=True)
            answer = run_checked(entry.study, RUNS / entry.name, stores=RUNS / "stores")
            parts.append(_section(entry, answer, rows))
            print(f"   {time.perf_counter() - began:.0f} s", flush=True)
    parts.insert(1, _table(rows))
    with replacing(PAGE) as page:
        page.write_text("\n".join(parts), encoding="utf-8")
    print(f"{PAGE}: {time.perf_counter() - began:.0f} s")


def _section(entry: Entry, answer: Answer, rows: list[tuple[str, str, str]]) -> str:
    """One study: its question, its answer, its figures, the paper's statements."""
    attrs = next(iter(answer.results.values())).attrs
    lines = [
        f"## {entry.name}",
        f"*{entry.title}.* {entry.study.question}",
        f"```console\n$ {entry.command}\n```",
        _wrapped(answer.summary.paragraph),
    ]
    for name in entry.figures:
        path = IMAGES / f"{entry.name}-{name}.png"
        with replacing(path) as made:
            _draw(answer.figures[name], made)
        lines.append(f"![{_alt(entry, name)}](images/gallery/{path.name})")
    if entry.statements:
        lines.append("| the paper | here | |\n|---|---|---|")
        for statement in entry.statements:
            verdict = statement.judge(answer)
            lines[-1] += f"\n| {statement.text} | **{verdict.word}** | {_cell(verdict.why)} |"
            rows.append((f"[{entry.name}](#{entry.name})", statement.text, verdict.word))
    lines.append(_wrapped(_small_print(attrs, answer)))
    return "\n\n".join(lines) + "\n"


def _draw(figure: Figure, path: Path) -> None:
    """Draw a figure in full and halve it: drawn at half the dots, its text would be wider than reckoned, and cut."""
    save_figure(figure, path)
    with Image.open(path) as drawn:
        half = drawn.convert("RGB").resize((drawn.width // 2, drawn.height // 2), Image.Resampling.LANCZOS)
    half.save(path, format="PNG", dpi=(150, 150), optimize=True)


def _small_print(attrs: Any, answer: Answer) -> str:
    """Items, models with their revisions, seeds and versions."""
    models = {
        str(result.attrs[f"model_{end}"]): str(result.attrs[f"revision_{end}"])
        for result in answer.results.values()
        for end in "ab"
    }
    said = "; ".join(f"{name} ({_short(revision)})" for name, revision in models.items())
    versions = ", ".join(f"{name} {version}" for name, version in json.loads(attrs["versions"]).items())
    study = json.loads(attrs["study"])
    return (
        f"*{attrs['n_items']} items of {attrs['data']} ({attrs['data_licence']}), n = {attrs['n']}, "
        f"{attrs['n_groups']} groups. Models: {said}. Seeds: items {study['pairs']['seed']}, shuffles "
        f"{study['measure']['seed']}. {versions}.*"
    )


def _short(revision: str) -> str:
    """A revision with its hashes cut to twelve digits."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", revision)


def _table(rows: list[tuple[str, str, str]]) -> str:
    head = "| study | the paper | here |\n|---|---|---|"
    return head + "".join(f"\n| {study} | {text} | **{word}** |" for study, text, word in rows) + "\n"


def _alt(entry: Entry, name: str) -> str:
    return f"{entry.title}: {name.replace('-', ' ').replace('_', ' ')}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 150, break_on_hyphens=False)  # names have hyphens, and a new line would be a space


if __name__ == "__main__":
    main()
