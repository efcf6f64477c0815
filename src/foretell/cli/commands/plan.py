"""The command `plan`: what a run will take here."""

# What a command needs is imported when it runs, so that `--help` and `--version` answer at once.
from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.table import Table

from foretell.cli.arguments import Out, Quiet, StoresOption
from foretell.cli.output import console, progress


def plan(
    context: typer.Context,
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study file (YAML), or a preset's name.")],
    out: Out = None,
    stores: StoresOption = None,
    quiet: Quiet = False,
) -> None:
    """Say what a run will take here.

    That is time, memory and disk. Chooses the items, and keeps the choice for the run; times a batch of each model that
    must read, and counts the work of measuring.
    """
    from foretell.studies.config.study_file import load_study
    from foretell.studies.outputs import folder_of
    from foretell.studies.planning.plan import in_words, plan_checked
    from foretell.studies.preparation.stores import Stores

    name, checked = load_study(study)
    place = Stores.of(folder_of(name, out), stores)
    with progress(quiet):
        found = plan_checked(checked, place, starting=time.perf_counter() - context.obj)
    table = Table("", "time", "MiB on disk", box=None, pad_edge=False)
    for step in found.steps:
        table.add_row(step.name, in_words(step.seconds), f"{step.disk_bytes / 2**20:.0f}" if step.disk_bytes else "")
    screen = console()
    screen.print(table)
    screen.print(str(found), soft_wrap=True)
