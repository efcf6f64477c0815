"""The command `studies`: the studies that come with Foretell."""

# What a command needs is imported when it runs, so that `--help` and `--version` answer at once.
from __future__ import annotations

from rich.table import Table

from foretell.cli.output import console


def studies() -> None:
    """List the studies that come with Foretell."""
    from foretell.studies.config.presets import preset_names
    from foretell.studies.config.study_file import load_study

    table = Table("name", "question", box=None, pad_edge=False)
    for name in preset_names():
        table.add_row(name, load_study(name)[1].question)
    console().print(table)
