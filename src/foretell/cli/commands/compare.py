"""The command `compare`: two stores, or two files of arrays, measured against each other."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretell.cli.output import console

if TYPE_CHECKING:
    from foretell.representations.store_comparison import Comparison, Side

_ARROWS = {"a_to_b": "A -> B", "b_to_a": "B -> A"}


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
    from foretell.representations.imported.array_files import SUFFIXES
    from foretell.representations.store_comparison import compare_sides, load_side, write_comparison

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


def _print_comparison(comparison: Comparison, sides: list[Side]) -> None:
    from foretell.representations.store_comparison import names_of

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
    for direction in comparison.best:
        table.add_column(_ARROWS[direction], overflow="fold")
    best = list(comparison.best.values())
    table.add_row("best pair", *(names_of(cell) for cell in best))
    table.add_row("imbalance", *(f"{cell['imbalance']:.3f} ({cell['low']:.3f} to {cell['high']:.3f})" for cell in best))
    if "p_value_minimum" in result:
        table.add_row("p of the minimum", *(f"{cell['p_value_minimum']:.3g}" for cell in best))
    screen.print(table)
    n_pairs = result["imbalance"].isel(direction=0).size
    if comparison.joint is not None and comparison.asymmetry is not None:
        one = comparison.asymmetry
        where = f"Where both ways together are lowest, {names_of(comparison.joint)}: " if n_pairs > 1 else ""
        screen.print(
            f"{where}A -> B minus B -> A is {one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f}); "
            "below 0: A predicts B better.",
            soft_wrap=True,
        )
    screen.print("0: the first predicts the second; 1: it says nothing. In brackets 95 % intervals.", soft_wrap=True)
    if n_pairs > 1:
        screen.print(
            f"The best of {n_pairs} pairs was chosen on these very items, and reads a little low.", soft_wrap=True
        )
