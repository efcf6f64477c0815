"""The commands `run` and `demo`: a study, from its file to a folder of results."""

# What a command needs is imported when it runs, so that `--help` and `--version` answer at once.
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretell.cli.arguments import ClusterOption, Out, Quiet, StoresOption
from foretell.cli.output import console, progress
from foretell.options import set_options

if TYPE_CHECKING:
    from foretell.studies.answer import Answer
    from foretell.studies.config.study_file import Study
    from foretell.studies.planning.plan import Plan

_FEW = 2
"""Blocks of a summary that are shown with their facts."""


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
    from foretell.studies.config.presets import preset_mapping
    from foretell.studies.config.study_file import study_from
    from foretell.studies.outputs import folder_of

    sides = [language.strip() for language in languages.split(",")]
    if len(sides) != 2 or not all(sides):
        raise typer.BadParameter(f"{languages!r} is not two codes, as in en,es", param_hint="--languages")
    preset = preset_mapping("demo")
    preset["pairs"] |= {"items": items, "sides": sides}
    folder = folder_of("demo", Path("foretell-demo") if out is None else out)
    _run(study_from(preset, source="demo"), folder, began=context.obj, quiet=quiet)


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
    from foretell.studies.config.study_file import load_study
    from foretell.studies.outputs import folder_of

    name, checked = load_study(study)
    _run(checked, folder_of(name, out), stores, began=context.obj, cluster=cluster, quiet=quiet)


def _run(
    study: Study, out: Path, stores: str | None = None, *, began: float, quiet: bool, cluster: str | None = None
) -> None:
    """Run a checked study with its plan and progress on stderr, then print what it found and where it is."""
    from foretell.studies.run import run_checked

    def tell(found: Plan) -> None:
        print(f"Plan: {found}", file=sys.stderr)

    with progress(quiet) as bars, set_options(cluster=cluster):
        starting = time.perf_counter() - began
        answer = run_checked(
            study,
            out,
            stores=stores,
            progress=bars,
            planned=tell if cluster in (None, "local") and not quiet else None,
            starting=starting,
        )
    summary = answer.summary
    print((summary if len(summary.blocks) <= _FEW else replace(summary, blocks=())).text())  # summary.txt has them all
    console().print(f"Written to {out}: {', '.join(_written(answer))}", soft_wrap=True)
    console().print(f"To look at in a browser: {out / 'report.html'}", soft_wrap=True)
    for name, why in answer.failed.items():
        print(f"error: {name} was not measured: {why}", file=sys.stderr)
    if answer.failed:
        raise typer.Exit(1)


def _written(answer: Answer) -> Iterator[str]:
    yield "summary.txt"
    yield from (f"figures/{name}.png" for name in answer.figures)
    yield from (f"tables/{name}.csv" for name in answer.tables)
    yield from (f"results/{name}.nc" for name in answer.results)
