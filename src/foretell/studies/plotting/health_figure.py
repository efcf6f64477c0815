"""Health of stores: shares of positive bits, of identical items and of ties, along the depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foretell.exceptions import InputError
from foretell.studies.plotting.drawing.curves import labelled_artists
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    axes_at,
    axes_or_new,
    caption_height,
    legend_above,
    legend_height,
    sheet,
    shortened_apart,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import INK, RESULT_STYLES, paper_style

if TYPE_CHECKING:
    from foretell.representations.store.health import Health

__all__ = ["health_figure", "plot_health"]

_WHAT = {"positive": "positive bits", "duplicates": "identical items", "tied": "tied nearest"}


def health_figure(found: Mapping[str, Health]) -> Figure:
    """Three panels along the depth: positive bits, items with the bits of another, items with tied nearest ones.

    Parameters
    ----------
    found : mapping of names to Health
        What `foretell inspect` finds of each store.

    Returns
    -------
    matplotlib.figure.Figure
        One column wide.

    Raises
    ------
    InputError
        If there is none.
    """
    if not found:
        raise InputError("A figure of health needs a store: give one or more.")
    sizes = ", ".join(dict.fromkeys(str(one.n_items) for one in found.values()))
    caption = wrapped(
        f"N = {sizes} items. Of positive bits, half is healthy. Tied: nearest neighbours, among a sample.",
        ONE_COLUMN - 0.14,
    )
    names = shortened_apart(list(found), ONE_COLUMN - 0.8)
    below, panel, gap, left = caption_height(caption) + 0.36, 0.8, 0.12, 0.5
    with paper_style():
        figure = sheet(ONE_COLUMN, below + 3 * panel + 2 * gap + legend_height(names, 0))
        shown = dict(zip(names, found.values(), strict=True))
        for row, what in enumerate(_WHAT):
            ax = axes_at(figure, left, below + (2 - row) * (panel + gap), ONE_COLUMN - left - 0.08, panel)
            plot_health(shown, ax, what=what)
            if row < 2:
                ax.tick_params(labelbottom=False)
                ax.set_xlabel("")
        legend_above(figure, labelled_artists(*figure.axes), left=left - 0.07, inches=0)
        write_caption(figure, caption)
    return figure


def plot_health(found: Mapping[str, Health], ax: Axes | None = None, *, what: str = "positive") -> Axes:
    """Draw one share of every store along the depth.

    Parameters
    ----------
    found : mapping of names to Health
        Of stores, by their names (`foretell.representations.store.health`).
    ax : Axes, optional
        Where to draw; new ones by default.
    what : {"positive", "duplicates", "tied"}
        Which share.

    Returns
    -------
    Axes
        The same.
    """
    ax = axes_or_new(ax)
    for number, (name, health) in enumerate(found.items()):
        style = RESULT_STYLES[number % len(RESULT_STYLES)]
        # What comes after the last block has no depth of its own.
        layers = [one for one in health.layers if one.layer.isdecimal()]
        last = max(len(layers) - 1, 1)
        values = [
            {"positive": one.positive, "duplicates": one.n_duplicates / health.n_items, "tied": one.tied}[what]
            for one in layers
        ]
        ax.plot(
            [place / last for place in range(len(values))],
            values,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markerfacecolor=style.colour if style.filled else "white",
            markeredgewidth=0.7,
            label=name,
        )
    if what == "positive":
        ax.axhline(0.5, color=INK, linewidth=0.6, linestyle=":")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylabel(_WHAT[what])
    ax.set_xlabel("relative depth", labelpad=2)
    return ax
