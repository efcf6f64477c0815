"""The command `foretell`: the commands in the order of its help, and how it starts and ends."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from foretell.cli.commands.compare import compare
from foretell.cli.commands.data import data_app
from foretell.cli.commands.diagnose import diagnose
from foretell.cli.commands.doctor import doctor
from foretell.cli.commands.extract import extract
from foretell.cli.commands.import_ import import_
from foretell.cli.commands.inspect import inspect
from foretell.cli.commands.plan import plan
from foretell.cli.commands.prompts import prompts
from foretell.cli.commands.report import report
from foretell.cli.commands.run import demo, run
from foretell.cli.commands.studies import studies
from foretell.cli.errors import run_to_end
from foretell.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure how well one neural representation foretells another, layer by layer.",
)
for command in (demo, run, plan, studies, extract, import_, prompts, inspect, compare, diagnose, report, doctor):
    app.command(command.__name__.rstrip("_"))(command)
app.add_typer(data_app, name="data")


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
