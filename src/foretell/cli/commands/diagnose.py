"""The command `diagnose`: names what is wrong."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass


def diagnose(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|RESULT|STORES",
            help="The folder of a run; a result.nc; one or two stores, or .npy, .npz or .safetensors files; or a "
            "result and its two stores.",
        ),
    ],
    layer_a: Annotated[
        list[str] | None, typer.Option(metavar="L", help="Layer of the first, a few by default. Repeatable.")
    ] = None,
    layer_b: Annotated[
        list[str] | None, typer.Option(metavar="L", help="Layer of the second, a few by default. Repeatable.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(metavar="RULE", help="Tokens of stores, such as 'last 5'.")] = None,
    items: Annotated[int, typer.Option(metavar="N", min=20, help="Items that are looked at, the first ones.")] = 3000,
) -> None:
    """Say what is wrong with two sides or a result.

    Names it from evidence, and says what to do. Looks for pairs that are shifted, partly out of order or have
    nothing in common; collapsed bits, dead dimensions and items that are alike; a result whose directions are
    swapped. Leaves with 1 if something is wrong.
    """
    from foretell.studies.diagnose.diagnose import diagnose as name_faults

    results = [place for place in given if Path(place).suffix == ".nc"]
    sides = [place for place in given if Path(place).suffix != ".nc"]
    if len(results) > 1 or len(sides) > 2 or (results and len(sides) == 1):
        raise typer.BadParameter("give a result, one or two sides, or a result and its two sides")
    found = name_faults(
        *sides,
        result=results[0] if results else None,
        layers_a=layer_a,
        layers_b=layer_b,
        tokens=tokens,
        items=items,
    )
    print(found.text())
    if not found.is_healthy:
        raise typer.Exit(1)
