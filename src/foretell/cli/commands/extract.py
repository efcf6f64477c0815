"""The command `extract`: a model is run over the pairs, and its bits are kept in a store."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from typing import Annotated

import typer

from foretell.cli.arguments import (
    ClusterOption,
    Data,
    DataOption,
    Quiet,
    Repair,
    Side,
    Sides,
    StoreOut,
    Tokens,
    pairs_of,
    replica_of,
)
from foretell.cli.output import print_made, progress
from foretell.options import set_options


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
    from foretell.representations.extraction.extract import extract as run
    from foretell.representations.extraction.selection import select_pairs
    from foretell.representations.loading.load_model import LazyModel
    from foretell.representations.models.base import ModelOptions

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
    with progress(quiet) as bars, set_options(cluster=cluster):
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
            replica=None if replica is None else replica_of(replica),
        )
    print_made(store)
