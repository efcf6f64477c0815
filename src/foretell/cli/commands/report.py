"""The command `report`: results as one page for a browser."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.output import console


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Folders of runs, or files of results (result.nc).")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("report.html"),
    different_n: Annotated[
        bool, typer.Option("--different-n", help="Allow results of different n, whose values are not comparable.")
    ] = False,
) -> None:
    """Show results on one page for a browser.

    It is a single file that works offline. Every run leaves such a page of its own results, report.html.
    """
    from foretell.studies.report.page import write_report

    path = write_report(results, out, different_n=different_n)
    console().print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB", soft_wrap=True)
