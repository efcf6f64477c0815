"""The command `import`: a store from activations that something else made."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from typing import Annotated

import typer

from foretell.cli.arguments import Data, DataOption, Quiet, Repair, Side, Sides, StoreOut, Tokens, listed, pairs_of
from foretell.cli.output import print_made, progress


def import_(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A folder with a file a layer or a request, or a .npz or .safetensors."),
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="Name of the model that made the activations.")],
    data: Data,
    side: Side,
    out: StoreOut,
    sides: Sides = None,
    ids: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Which item is which: a list, of requests a JSON object, or 'file names'."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(metavar="L,L", help="Layers to keep; of requests, those that the server was asked for."),
    ] = None,
    blocks: Annotated[int | None, typer.Option(metavar="N", min=1, max=10**6, help="Blocks of the model.")] = None,
    tokens: Tokens = None,
    special_token_ids: Annotated[
        str | None, typer.Option(metavar="N,N", help="Tokens to leave out, padding included, by their numbers.")
    ] = None,
    drop_short: Annotated[
        bool, typer.Option("--drop-short", help="Leave out items with too few tokens, and count them.")
    ] = False,
    licence: Annotated[str, typer.Option(metavar="NAME", help="Licence of the model.")] = "not stated",
    data_option: DataOption = None,
    repair: Repair = False,
    quiet: Quiet = False,
) -> None:
    """Make a store of activations made elsewhere.

    They are arrays, or the files of a vLLM server: docs/large-models.md walks through it.
    """
    from foretell.representations.imported.import_activations import import_activations

    special = listed(special_token_ids or "")
    if not all(number.isdecimal() and len(number) <= 18 for number in special):
        raise typer.BadParameter(f"{special_token_ids!r} is not numbers, as in 0,1", param_hint="--special-token-ids")
    with progress(quiet) as bars:
        store = import_activations(
            source,
            pairs=pairs_of(data, side, sides, data_option),
            side=side,
            out=out,
            model_id=model,
            ids=ids,
            layers=None if layers is None else listed(layers),
            n_blocks=blocks,
            tokens=tokens or ["last 20"],
            special_token_ids=[int(number) for number in special],
            drop_short=drop_short,
            model_licence=licence,
            repair=repair,
            progress=bars,
        )
    print_made(store)
