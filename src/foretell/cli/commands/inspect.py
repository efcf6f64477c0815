"""The command `inspect`: what a store holds, and whether it can be measured."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretell.cli.output import console, facts

if TYPE_CHECKING:
    from foretell.representations.store.health import Health
    from foretell.representations.store.reader import Store


def inspect(
    store: Annotated[
        str, typer.Argument(metavar="STORE|RUN", help="Folder or URL of a store, or the folder of a run.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every chunk, and list those that are damaged.")
    ] = False,
) -> None:
    """Show what a store, or each store of a run, holds.

    Says of every layer whether it can be measured. Leaves with 1 if --verify finds damage.
    """
    from foretell.representations.store.health import check_health, size_on_disk
    from foretell.representations.store.reader import open_store
    from foretell.studies.run_folder import is_run, stores_of_run

    is_damaged = False
    for place in stores_of_run(store).values() if is_run(store) else [store]:
        found = open_store(place)
        _print_store(found, size_on_disk(found))
        if verify and _print_damage(found):
            is_damaged = True
            continue
        _print_health(check_health(found))
    if is_damaged:
        raise typer.Exit(1)


def _print_store(store: Store, size: int | None) -> None:
    info = store.info
    layers = f"{len(store.layers)}: {', '.join(store.layers)}"
    groups = "each item stands alone" if store.groups is None else f"{len(set(store.groups))} of dependent items"
    facts(
        [
            ("model", f"{info.model_id}, {info.n_blocks} blocks, run in {info.dtype}"),
            ("revision", info.model_revision),
            ("licence", info.model_licence),
            ("items", f"{store.n_items} of {info.pairs_name}, side {info.side} ({info.modality})"),
            ("source", f"{info.source} ({info.licence})"),
            *(("left out", f"{number}, {reason}") for reason, number in info.dropped.items()),
            ("groups", groups),
            ("layers", layers),
            *(
                ("keeps", f"{one.recording}: {one.n_tokens} token{'s' if one.n_tokens > 1 else ''}")
                for one in info.kept
            ),
            ("chunks", f"{info.n_chunks} of {info.chunk_items} items"),
            *([] if size is None else [("on disk", f"{size / 2**20:.1f} MiB")]),
        ]
    )


def _print_damage(store: Store) -> bool:
    table = Table("recording", "layer", "items", "damage", box=SIMPLE_HEAD, pad_edge=False)
    remedies: dict[str, None] = {}
    for kept, layer, chunk, fault in store.damaged():
        first, stop = store.info.span(chunk)
        table.add_row(str(store.info.kept[kept].recording), layer, f"{first} to {stop - 1}", fault)
        remedies[store.remedy(kept)] = None
    if table.row_count:
        console().print(table)
        for remedy in remedies:
            print(f"Damaged: {remedy}")
    else:
        print("Every chunk is as it was written.")
    return table.row_count > 0


def _print_health(health: Health) -> None:
    if health.layers:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for heading in ("layer", "positive bits", "identical items", "tied", "near zero"):
            table.add_column(heading, justify="right")
        for one in health.layers:
            near_zero = "" if one.near_zero is None else f"{one.near_zero:.2%}"
            table.add_row(one.layer, f"{one.positive:.1%}", str(one.n_duplicates), f"{one.tied:.1%}", near_zero)
        console().print(table)
        print(f"Of {health.recording!r}; tied: nearest neighbours, among {health.n_sampled} items.")
    for problem in health.problems:
        console().print(f"! {problem}", soft_wrap=True)
    if health.layers and not health.problems:
        print("Nothing stands in the way of measuring it.")
