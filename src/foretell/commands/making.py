"""Commands that make stores, and what a server reads in place of a model that is run here."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretell.commands.options import (
    ClusterOption,
    Data,
    DataOption,
    Quiet,
    Repair,
    Side,
    Sides,
    StoreOut,
    Tokens,
    listed,
    pairs_of,
    replica_of,
)
from foretell.commands.output import progress

if TYPE_CHECKING:
    from foretell.representations.store import Store

__all__ = ["extract", "import_", "prompts"]


def extract(
    model: Annotated[str, typer.Option(metavar="M", help="A built-in name, a folder, a GGUF file or a hub id.")],
    data: Data,
    side: Side,
    out: StoreOut,
    sides: Sides = None,
    tokens: Tokens = None,
    items: Annotated[int | None, typer.Option(metavar="N", min=1, help="Items to keep, all by default.")] = None,
    seed: Annotated[int, typer.Option(metavar="SEED", min=0, max=2**63 - 1, help="Of the choice of items.")] = 0,
    dtype: Annotated[
        str | None, typer.Option(metavar="TYPE", help="float32, bfloat16 or float16: what the model is run in.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where the model is run, such as cuda or cpu.")
    ] = None,
    device_map: Annotated[
        str | None, typer.Option(metavar="MAP", help="How it is spread over devices, such as auto.")
    ] = None,
    batch_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Most tokens in a forward pass.")] = 512,
    revision: Annotated[str | None, typer.Option(metavar="REV", help="Commit, tag or branch of a hub's model.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")
    ] = False,
    random_weights: Annotated[
        int | None, typer.Option(metavar="SEED", min=0, max=2**63 - 1, help="Draw the model's weights anew: a control.")
    ] = None,
    data_option: DataOption = None,
    repair: Repair = False,
    cluster: ClusterOption = None,
    replica: Annotated[
        str | None,
        typer.Option(metavar="NAME=N,...", help="What a worker of the cluster is given: cpus=4,gpus=1, or resources."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run a model over one side of the pairs.

    The sign bits of every layer are kept in a store. Items with too few tokens on any side are left out, and
    counted. The same call completes a store that was stopped.
    """
    from foretell.representations.extraction import extract as run
    from foretell.representations.models.lazy import LazyModel
    from foretell.representations.models.options import ModelOptions
    from foretell.representations.selection import select_pairs

    pairs = pairs_of(data, side, sides, data_option)
    rules = tokens or ["last 20"]
    given = {
        "dtype": dtype,
        "device": device,
        "device_map": device_map,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "random_weights": random_weights,
    }
    options = ModelOptions.of({name: value for name, value in given.items() if value is not None})
    with progress(quiet) as bars:
        lazy = LazyModel(model, pairs.modality(side), options)
        chosen = select_pairs(pairs, models=[lazy], tokens=rules, n_items=items, seed=seed)
        store = run(
            chosen,
            model=lazy,
            side=side,
            out=out,
            tokens=rules,
            batch_tokens=batch_tokens,
            repair=repair,
            progress=bars,
            cluster=cluster,
            replica=None if replica is None else replica_of(replica),
        )
    _print_made(store)


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
    from foretell.representations.imported import import_activations

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
    _print_made(store)


def prompts(
    data: Data,
    side: Side,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .jsonl file.")],
    sides: Sides = None,
    data_option: DataOption = None,
) -> None:
    """Write the texts of one side with their ids.

    They are for a server that is to read them (docs/large-models.md).
    """
    from foretell.representations.prompts import write_prompts

    pairs = pairs_of(data, side, sides, data_option)
    write_prompts(pairs, side, out)
    print(f'Written to {out}: {len(pairs)} prompts, {{"id", "prompt"}} a line')


def _print_made(store: Store) -> None:
    left_out = "".join(f"\nLeft out: {number}, {reason}" for reason, number in store.info.dropped.items())
    print(f"{store.name}: {store.n_items} items, {len(store.layers)} layers, {store.info.tokens}{left_out}")
