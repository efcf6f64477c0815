"""The imbalance against the number of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, ScalarFormatter

from foretell.studies.plotting.drawing.captions import conditions, direction_labels, letters_told, panel_titles
from foretell.studies.plotting.drawing.curves import curve_labels, labelled_artists, plot_directions
from foretell.studies.plotting.drawing.figure_checks import check_result, check_results
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    TWO_COLUMNS,
    axes_at,
    axes_or_new,
    caption_height,
    columns_of,
    legend_above,
    legend_height,
    sheet,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import paper_style

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["plot_token_curve", "token_curve_figure"]

_LOGARITHMIC = 8
"""From how many times as many tokens at the end as at the beginning on the axis is logarithmic."""


def token_curve_figure(results: Mapping[str, xr.Dataset]) -> Figure:
    """The imbalance against the number of tokens, both directions, a panel a result on the same axes.

    Parameters
    ----------
    results : mapping of names to Dataset
        As `foretell.token_curve` gives them, with the attributes of a study. Their names are the panels' titles where
        sides and models do not tell them apart: `layer 16`, `mean`.

    Returns
    -------
    matplotlib.figure.Figure
        One column wide for one result, else two.

    Raises
    ------
    InputError
        If there is no result, or one of another kind.
    """
    check_results(results, "token curves", {"tokens"})
    every = list(results.values())
    columns = columns_of(len(every))
    rows = -(-len(every) // columns)
    width = ONE_COLUMN if len(every) == 1 else TWO_COLUMNS
    left, gap = 0.47, 0.2
    wide = (width - left - 0.12 - (columns - 1) * gap) / columns
    curves = 1.75 if columns < 3 else 1.35
    titles = [wrapped(title, wide, 8) if title else [] for title in panel_titles(results)]
    title = 0.14 * max(map(len, titles)) + 0.1
    labels = direction_labels(every, 2.45)
    said = letters_told(every, *labels.values())
    bands = " Bands: 95 %." if any("low" in result for result in every) else ""
    caption = wrapped(conditions(*(one.attrs for one in every), tokens=False) + said + bands, width - 0.16)
    below = caption_height(caption) + 0.36
    room = width - left + 0.07 if columns > 1 else 0
    with paper_style():
        legend = legend_height(curve_labels(*every, labels=labels), room)
        figure = sheet(width, below + rows * (curves + title) + (rows - 1) * 0.1 + legend)
        panels = []
        for place, result in enumerate(every):
            row, column = divmod(place, columns)
            bottom = below + (rows - 1 - row) * (curves + title + 0.1)
            ax = axes_at(figure, left + column * (wide + gap), bottom, wide, curves)
            plot_token_curve(result, ax, labels=labels)
            ax.set_title("\n".join(titles[place]), fontsize=8, pad=4)
            if place + columns < len(every):
                ax.tick_params(labelbottom=False)
                ax.set_xlabel("")
            if column:
                ax.tick_params(labelleft=False)
                ax.set_ylabel("")
            panels.append(ax)
        top = max(ax.get_ylim()[1] for ax in panels)
        span = min(ax.get_xlim()[0] for ax in panels), max(ax.get_xlim()[1] for ax in panels)
        for ax in panels:
            ax.set_ylim(0, top)
            ax.set_xlim(span)
        legend_above(figure, labelled_artists(*panels), left=left - 0.07, inches=room)
        write_caption(figure, caption)
    return figure


def plot_token_curve(result: xr.Dataset, ax: Axes | None = None, *, labels: Mapping[str, str] | None = None) -> Axes:
    """Draw both directions of a token curve on given axes; where the tokens grow many their axis is logarithmic.

    Parameters
    ----------
    result : Dataset
        As `foretell.token_curve` gives it.
    ax : Axes, optional
        Where to draw; new ones by default.
    labels : mapping of direction to str, optional
        For the legend, in place of the sides' names.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "token curves", {"tokens"})
    ax = axes_or_new(ax)
    plot_directions(result, ax, "tokens", labels=labels)
    counts = [int(count) for count in result["tokens"].to_numpy()]
    first, last = min(counts), max(counts)
    if last >= _LOGARITHMIC * first:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator(_ticks(first, last)))
        ax.xaxis.set_minor_locator(NullLocator())
        plain = ScalarFormatter()
        plain.set_scientific(False)
        ax.xaxis.set_major_formatter(plain)
        ax.set_xlim(first / 1.1, last * 1.1)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        margin = max(0.04 * (last - first), 0.2)
        ax.set_xlim(first - margin, last + margin)
    ax.set_xlabel("number of tokens", labelpad=2)
    return ax


def _ticks(first: int, last: int) -> list[int]:
    """1, 2, 5, 10, 20 and so on within an axis."""
    return [
        step * 10**power for power in range(len(str(last))) for step in (1, 2, 5) if first <= step * 10**power <= last
    ]
