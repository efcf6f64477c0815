"""Commands that look: at a store, at two of them, at the installation."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretell.commands.output import console, facts
from foretell.exceptions import install

if TYPE_CHECKING:
    from foretell.representations.comparing import Comparison, Side
    from foretell.representations.health import Health
    from foretell.representations.store import Store

__all__ = ["compare", "doctor", "inspect"]

_ARROWS = {"a_to_b": "A -> B", "b_to_a": "B -> A"}


def inspect(
    store: Annotated[str, typer.Argument(metavar="STORE", help="Folder or URL of a store.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every chunk, and list those that are damaged.")
    ] = False,
) -> None:
    """Show what a store holds.

    Says of every layer whether it can be measured. Leaves with 1 if --verify finds damage.
    """
    from foretell.representations.health import check_health, size_on_disk
    from foretell.representations.store import open_store

    found = open_store(store)
    _print_store(found, size_on_disk(found))
    if verify and _print_damage(found):
        raise typer.Exit(1)
    _print_health(check_health(found))


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A store, or a .npy, .npz or .safetensors file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, of the same items.")],
    layer_a: Annotated[
        list[str] | None, typer.Option(metavar="L", help="Layer of A, all by default. Repeatable.")
    ] = None,
    layer_b: Annotated[
        list[str] | None, typer.Option(metavar="L", help="Layer of B, all by default. Repeatable.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(metavar="RULE", help="Tokens of stores, such as 'last 5'.")] = None,
    k: Annotated[int, typer.Option(metavar="K", min=1, help="Neighbours.")] = 1,
    null: Annotated[int, typer.Option(metavar="N", min=0, max=10**6, help="Shuffles of the items, for p values.")] = 0,
    diagonal: Annotated[bool, typer.Option("--diagonal", help="Layer l of A against layer l of B alone.")] = False,
    common: Annotated[bool, typer.Option("--common", help="Measure the items that both have, by their ids.")] = False,
    seed: Annotated[int, typer.Option(metavar="SEED", min=0, max=2**63 - 1, help="Of the shuffles.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for result.nc and result.csv.")] = None,
) -> None:
    """Measure two stores, or two files of arrays.

    Says how well each foretells the other, and names the best pair of layers each way.
    """
    from foretell.representations.array_files import SUFFIXES
    from foretell.representations.comparing import compare_sides, load_side, write_comparison

    are_files = [Path(place).suffix in SUFFIXES for place in (a, b)]
    if tokens is not None and all(are_files):
        raise typer.BadParameter("A and B are files of arrays, which have no tokens", param_hint="--tokens")
    sides = [
        load_side(place, layers=layers, tokens=None if Path(place).suffix in SUFFIXES else tokens)
        for place, layers in ((a, layer_a), (b, layer_b))
    ]
    comparison = compare_sides(*sides, k=k, null=null, diagonal=diagonal, common=common, seed=seed)
    _print_comparison(comparison, sides)
    if out is not None:
        write_comparison(comparison, out)
        console().print(f"Written to {out}: result.nc, result.csv", soft_wrap=True)


def doctor() -> None:
    """Try out what this installation has.

    Leaves with 1 if something does not work.
    """
    from foretell.doctor import diagnose

    found = diagnose()
    facts(found.versions.items())
    print()
    backends = [
        f"{name}{' (what auto takes)' if name == found.auto else ''}" for name, why in found.backends.items() if not why
    ]
    facts(
        [
            ("backends", ", ".join(backends)),
            *(("", why) for why in found.backends.values() if why),
            ("devices", ", ".join(("cpu", *found.devices))),
            ("threads", str(found.threads)),
            ("cache", str(found.cache)),
            ("", f"has {', '.join(found.cached)}" if found.cached else "is empty: `foretell data fetch` fills it"),
            *(
                (f"extra {extra}", f"lacks {', '.join(names)}: {install(extra)}")
                for extra, names in found.missing.items()
            ),
        ]
    )
    print()
    facts(
        [
            ("ok" if not check.error else "FAILED", f"{check.name}{check.error and ': '}{check.error}")
            for check in found.checks
        ]
    )
    if not found.is_sound:
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


def _print_comparison(comparison: Comparison, sides: list[Side]) -> None:
    result, screen = comparison.result, console()
    for letter, side in zip("AB", sides, strict=True):
        tokens = f", {side.attributes['tokens']}" if "tokens" in side.attributes else ""
        layers = "layer" if len(side.spaces) == 1 else "layers"
        screen.print(f"{letter}: {side.name}, {len(side.spaces)} {layers}{tokens}", soft_wrap=True)
    size = f"{result.attrs['n_items']} items, n = {result.attrs['n']}, k = {result.attrs['k']}"
    if result.attrs["n_groups"] < result.attrs["n_items"]:
        size += f", {result.attrs['n_groups']} groups"
    screen.print(size)
    if any(comparison.n_left_out):
        screen.print(f"Left out, since the other lacks them: {' and '.join(map(str, comparison.n_left_out))} items")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for best in comparison.best:
        table.add_column(_ARROWS[best.direction], overflow="fold")
    rows = {
        "best pair": [f"{best.a} | {best.b}" for best in comparison.best],
        "imbalance": [f"{best.value:.3f} ({best.low:.3f} to {best.high:.3f})" for best in comparison.best],
        "p of the least": [f"{best.p_value:.3g}" for best in comparison.best if best.p_value is not None],
    }
    for name, said in rows.items():
        if said:
            table.add_row(name, *said)
    screen.print(table)
    n_pairs = result["imbalance"].isel(direction=0).size
    one = comparison.asymmetry
    if one is not None:
        where = f"Where both ways together are least, {one.a} | {one.b}: " if n_pairs > 1 else ""
        screen.print(
            f"{where}A -> B less B -> A is {one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f}); "
            "below 0: A predicts B better.",
            soft_wrap=True,
        )
    screen.print("0: the first predicts the second; 1: it says nothing. In brackets 95 % intervals.", soft_wrap=True)
    if n_pairs > 1:
        screen.print(
            f"The best of {n_pairs} pairs was chosen on these very items, and reads a little low.", soft_wrap=True
        )
