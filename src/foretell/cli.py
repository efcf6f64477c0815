"""The command `foretell`: parses, calls, prints."""

# What a command needs is imported when it runs, so that `--help` and `--version` answer at once.
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretell import __version__
from foretell.commands import diagnosing, looking, making, reporting
from foretell.commands.ending import run_to_end
from foretell.commands.options import ClusterOption, Quiet
from foretell.commands.output import console as _console
from foretell.commands.output import progress as _progress

if TYPE_CHECKING:
    from foretell.studies.answer import Answer
    from foretell.studies.config import Study
    from foretell.studies.plan import Plan
    from foretell.studies.summary import Summary

__all__ = ["app", "main"]

_FEW = 2
"""Blocks of a summary that are printed with all their facts, side by side."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure how well one neural representation foretells another, layer by layer.",
)
data_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

StoresOption = Annotated[
    str | None,
    typer.Option(
        "--stores",
        metavar="DIR|URL",
        show_default=False,
        help="Folder of the activations, OUT/stores by default, or a URL, such as s3://bucket/stores.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False, help="Folder of the run. The same folder again resumes."),
]


def main() -> None:
    """Run the command line: what goes wrong is a line, not a traceback, unless it is a fault of Foretell's."""
    run_to_end(app)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"foretell {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and leave."),
    ] = False,
) -> None:
    context.obj = time.perf_counter()  # when the command began: what plans count from


@app.command()
def demo(
    context: typer.Context,
    out: Out = None,
    items: Annotated[int, typer.Option(metavar="N", min=3, help="Pairs to keep, after filters.")] = 900,
    languages: Annotated[str, typer.Option(metavar="A,B", help="Two languages of the data set, by code.")] = "en,es",
    quiet: Quiet = False,
) -> None:
    """Run the depth study on a small model.

    Asks on real translations at which depth a model's representation of a sentence foretells that of its
    translation. The first run fetches the model and the data. It is `foretell run demo` with these options, into
    foretell-demo.
    """
    from foretell.studies.config import study_from
    from foretell.studies.outputs import folder_of
    from foretell.studies.presets import preset_mapping

    sides = [language.strip() for language in languages.split(",")]
    if len(sides) != 2 or not all(sides):
        raise typer.BadParameter(f"{languages!r} is not two codes, as in en,es", param_hint="--languages")
    preset = preset_mapping("demo")
    preset["pairs"] |= {"items": items, "sides": sides}
    folder = folder_of("demo", Path("foretell-demo") if out is None else out)
    _run(study_from(preset, source="demo"), folder, began=context.obj, quiet=quiet)


@app.command()
def run(
    context: typer.Context,
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study file (YAML), or a preset's name.")],
    out: Out = None,
    stores: StoresOption = None,
    cluster: ClusterOption = None,
    quiet: Quiet = False,
) -> None:
    """Run a study from its file, or a preset.

    Says what it will take here, unless a cluster does the work, and writes results, tables, figures, summary.txt and
    study.yaml into --out (foretell-runs/NAME by default).
    """
    from foretell.studies.config import load_study
    from foretell.studies.outputs import folder_of

    name, checked = load_study(study)
    _run(checked, folder_of(name, out), stores, began=context.obj, cluster=cluster, quiet=quiet)


@app.command()
def plan(
    context: typer.Context,
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study file (YAML), or a preset's name.")],
    out: Out = None,
    stores: StoresOption = None,
    quiet: Quiet = False,
) -> None:
    """Say what a run will take here.

    That is time, memory and disk. Chooses the items, and keeps the choice for the run; tries each model and the
    measure out for some seconds.
    """
    from foretell.studies.config import load_study
    from foretell.studies.outputs import folder_of
    from foretell.studies.plan import in_words, plan_checked
    from foretell.studies.stores import Stores

    name, checked = load_study(study)
    place = Stores.of(folder_of(name, out), stores)
    with _progress(quiet):
        found = plan_checked(checked, place, starting=time.perf_counter() - context.obj)
    table = Table("", "time", "MiB on disk", box=None, pad_edge=False)
    for step in found.steps:
        table.add_row(step.name, in_words(step.seconds), f"{step.disk_bytes / 2**20:.0f}" if step.disk_bytes else "")
    console = _console()
    console.print(table)
    console.print(str(found), soft_wrap=True)


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
    """List built-in models and data, or fetch them."""
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
    quiet: Quiet = False,
) -> None:
    """Fetch built-in models and data.

    They are kept in the cache, where tests and studies find them.
    """
    from foretell.representations import packages
    from foretell.representations.parts import BUILT_IN, parts_named

    # All names first: a wrong one is told before anything is fetched.
    for part in dict.fromkeys(part for name in names or BUILT_IN for part in parts_named(name)):
        if not quiet and not packages.cached(part):
            print(f"Fetching {part.name}, {part.size_bytes / 1e6:.0f} MB", file=sys.stderr)
        print(f"{part.name}: {packages.fetch(part)}")


app.command()(making.extract)
app.command("import")(making.import_)
app.command()(making.prompts)
app.command()(looking.inspect)
app.command()(looking.compare)
app.command()(diagnosing.diagnose)
app.command()(reporting.report)
app.command()(looking.doctor)


def _run(
    study: Study, out: Path, stores: str | None = None, *, began: float, quiet: bool, cluster: str | None = None
) -> None:
    """Run a checked study with its plan and progress on stderr, then print what it found and where it is."""
    from foretell.studies.run import run_checked

    def tell(found: Plan) -> None:
        print(f"Plan: {found}", file=sys.stderr)

    with _progress(quiet) as bars:
        starting = time.perf_counter() - began
        answer = run_checked(
            study,
            out,
            stores=stores,
            progress=bars,
            planned=tell if cluster in (None, "local") and not quiet else None,
            starting=starting,
            cluster=cluster,
        )
    _print_summary(answer.summary)
    _console().print(f"Written to {out}: {', '.join(_written(answer))}", soft_wrap=True)
    _console().print(f"To look at in a browser: {out / 'report.html'}", soft_wrap=True)
    for name, why in answer.failed.items():
        print(f"error: {name} was not measured: {why}", file=sys.stderr)
    if answer.failed:
        raise typer.Exit(1)


def _print_summary(summary: Summary) -> None:
    console = _console()
    console.print(*summary.heading, sep="\n")
    console.print()
    console.print(summary.paragraph)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=len(summary.blocks) <= _FEW)
    if len(summary.blocks) <= _FEW:
        for one in summary.blocks:
            table.add_column(one.title)
        for name in dict.fromkeys(name for one in summary.blocks for name in one.facts):
            table.add_row(name, *(one.facts.get(name, "") for one in summary.blocks))
    else:
        name = next(iter(summary.blocks[0].facts))
        table.add_column(name)
        for one in summary.blocks:
            table.add_row(one.title, one.facts.get(name, ""))
    console.print(table)


def _written(answer: Answer) -> Iterator[str]:
    yield "summary.txt"
    yield from (f"figures/{name}.png" for name in answer.figures)
    yield from (f"tables/{name}.csv" for name in answer.tables)
    yield from (f"results/{name}.nc" for name in answer.results)
