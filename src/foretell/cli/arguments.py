"""Arguments that several commands have, and what they mean in Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from foretell.cluster.nodes import Replica
    from foretell.representations.data.pairs import Pairs

Data = Annotated[
    list[str],
    typer.Option("--data", metavar="DATA", help="The pairs: what load_pairs takes. Again for several files."),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="An option of load_pairs; the value is JSON, or else text. Repeatable."),
]
Side = Annotated[str, typer.Option(metavar="S", help="Side of the pairs, such as a language's code.")]
Sides = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="All sides of the pairs: items are those that all of them have. S by default."),
]
StoreOut = Annotated[str, typer.Option("--out", metavar="STORE", help="Folder or URL of the store.")]
Tokens = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="What to keep: 'last 20' by default, 'mean', 'last 20, median'. Repeatable."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="auto|ADDRESS",
        help="A Ray cluster that does the work: the one here or a local one (auto), or that at an address.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no plan and no progress: warnings and errors alone.")]
Repair = Annotated[bool, typer.Option("--repair", help="Read what is there, and make damaged chunks anew.")]

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


def pairs_of(data: Sequence[str], side: str, sides: str | None, options: Sequence[str] | None) -> Pairs:
    """Load the pairs that a command names."""
    from foretell.representations.loading.load_pairs import load_pairs

    given: dict[str, Any] = {}
    for option in options or ():
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{option!r} is not KEY=VALUE", param_hint="--data-option")
        try:
            given[name.replace("-", "_")] = json.loads(value)
        except RecursionError:
            raise typer.BadParameter(f"the value of {name} is nested too deeply", param_hint="--data-option") from None
        except ValueError:
            given[name.replace("-", "_")] = value
    wanted = [side] if sides is None else listed(sides)
    if side not in wanted:
        raise typer.BadParameter(f"{sides!r} lacks the side {side!r}", param_hint="--sides")
    source: Any = data[0] if len(data) == 1 else list(data)
    return load_pairs(source, wanted, **given)


def listed(text: str) -> list[str]:
    """The parts of "a,b"."""
    return [part.strip() for part in text.split(",") if part.strip()]


def replica_of(text: str) -> Replica:
    """What ``cpus=4,gpus=1,highmem=1`` says a worker of a cluster is given.

    Raises
    ------
    BadParameter
    """
    from foretell.cluster.nodes import Replica

    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, amount = part.partition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            raise typer.BadParameter(f"{part!r} is not NAME=N, as in gpus=1", param_hint="--replica") from None
    return Replica(found.pop("cpus", 1), found.pop("gpus", 0), found)
