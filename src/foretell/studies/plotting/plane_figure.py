"""The plane of both directions: which side knows more, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from foretell.studies.names import sides_of
from foretell.studies.plotting.drawing.captions import (
    LETTERS,
    codes_told,
    conditions,
    panel_titles,
    short_direction,
    sides_in_words,
)
from foretell.studies.plotting.drawing.curves import labelled_artists
from foretell.studies.plotting.drawing.figure_checks import check_result, check_results
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    axes_at,
    axes_or_new,
    caption_height,
    legend_above,
    legend_height,
    sheet,
    shortened,
    shortened_apart,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import INK, PALE, RESULT_STYLES, LineStyle, paper_style

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["plane_figure", "plot_plane"]

_ROOM = 2.2
"""Inches of a direction's name along an axis, at most; of a result's in the legend a little more."""


def plane_figure(results: Mapping[str, xr.Dataset], *, errors: bool = False) -> Figure:
    """Curves in the plane of both directions, one column wide: A to B across, B to A up.

    Parameters
    ----------
    results : mapping of names to Dataset
        Curves (`docs/result.md`) with the attributes of a study, the layers in order of depth.
    errors : bool, default False
        Whether to draw the 95 % intervals, both ways: readable for few layers.

    Returns
    -------
    matplotlib.figure.Figure
        With a legend, and a caption that says what the numbers depend on.

    Raises
    ------
    InputError
        If there is no result, or one that is no curve.
    """
    check_results(results, "the imbalance plane", {"layer"}, {"tokens"})
    attrs = [result.attrs for result in results.values()]
    same = len({sides_in_words(of) for of in attrs}) == 1
    names = [short_direction(attrs[0], direction, _ROOM) if same else letters for direction, letters in LETTERS.items()]
    in_letters = names == list(LETTERS.values())
    titles = shortened_apart(panel_titles(results), _ROOM + 0.2)
    ends = ["first layer (open)", "last layer (filled)"]
    parts = [conditions(*attrs)]
    if same and in_letters:
        parts.append(codes_told(attrs[0]))
    parts.append(
        "Layers joined in order of depth, larger as they lie deeper; on the dashed line neither side knows more."
    )
    if errors:
        parts.append("Bars: 95 %.")
    caption = wrapped(" ".join(filter(None, parts)), ONE_COLUMN - 0.14)
    below = caption_height(caption) + 0.36
    left, wide = 0.47, ONE_COLUMN - 0.47 - 0.1
    shown = titles if len(results) > 1 else []
    with paper_style():
        figure = sheet(ONE_COLUMN, below + wide + legend_height([*shown, *ends], ONE_COLUMN - left + 0.07))
        ax = axes_at(figure, left, below, wide, wide)
        for title, style, result in zip(titles, cycle(RESULT_STYLES), results.values(), strict=False):
            plot_plane(result, ax, style=style, label=title if shown else "", errors=errors)
        knowing = ("A", "B") if in_letters else sides_of(attrs[0], "a_to_b")
        _annotate(ax, [shortened(name, 0.8) for name in knowing])
        ax.set_xlabel(f"Information Imbalance, {names[0]}", labelpad=2)
        ax.set_ylabel(f"Information Imbalance, {names[1]}")
        marks = {
            ends[0]: Line2D([], [], color=INK, marker="o", markersize=5, markerfacecolor="white", linestyle=""),
            ends[1]: Line2D([], [], color=INK, marker="o", markersize=6, linestyle=""),
        }
        legend_above(figure, labelled_artists(ax) | marks, left=left - 0.07, inches=ONE_COLUMN - left + 0.07)
        write_caption(figure, caption)
    return figure


def plot_plane(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    style: LineStyle = RESULT_STYLES[0],
    label: str = "",
    errors: bool = False,
) -> Axes:
    """Draw a curve in the plane on given axes: a point a layer, larger as it lies deeper, joined in order.

    Parameters
    ----------
    result : Dataset
        A curve; a layer without a value in one of the directions is left out.
    ax : Axes, optional
        Where to draw; new ones by default.
    style : LineStyle
        Colour, dashes and marker of the line.
    label : str
        For a legend; none by default.
    errors : bool
        Whether to draw the intervals, where the result has them.

    Returns
    -------
    Axes
        The same.

    Raises
    ------
    InputError
        If the result is no curve.
    """
    check_result(result, "the imbalance plane", {"layer"}, {"tokens"})
    ax = axes_or_new(ax)
    x, y = (result["imbalance"].sel(direction=direction).to_numpy() for direction in ("a_to_b", "b_to_a"))
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    ax.plot(
        x[known],
        y[known],
        color=style.colour,
        linestyle=style.line,
        linewidth=0.8,
        marker=style.marker,
        markersize=3,
        markerfacecolor=style.colour if style.filled else "white",
        markeredgewidth=0.6,
        label=label or "_plane",
        zorder=3,
    )
    # A line's markers are of one size, for the legend; these lie on them and grow.
    ax.scatter(
        x[known],
        y[known],
        s=4 + 22 * known / max(len(x) - 1, 1),
        marker=style.marker,
        facecolors=style.colour if style.filled else "white",
        edgecolors=style.colour,
        linewidths=0.6,
        zorder=3.1,
    )
    for place, fill in ((0, "white"), (-1, style.colour)):
        if len(known):
            at = known[[place]]
            ax.scatter(
                x[at], y[at], s=42, marker="o", facecolors=fill, edgecolors=style.colour, linewidths=1.2, zorder=4
            )
    if errors and "low" in result:
        over, up = (
            np.abs(
                np.stack(
                    [result[end].sel(direction=direction).to_numpy()[known] - of[known] for end in ("low", "high")]
                )
            )
            for direction, of in (("a_to_b", x), ("b_to_a", y))
        )
        ax.errorbar(x[known], y[known], xerr=over, yerr=up, fmt="none", ecolor=style.colour, elinewidth=0.5, zorder=2)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(0.2))
    reach = max([1.12, *ax.get_xlim(), *ax.get_ylim()])
    ax.set_xlim(0, reach)
    ax.set_ylim(0, reach)
    return ax


def _annotate(ax: Axes, knowing: list[str]) -> None:
    """The diagonal, and what it means to be in each corner."""
    ax.plot((0, 1), (0, 1), transform=ax.transAxes, color=PALE, linestyle="--", linewidth=0.8, zorder=1)
    corners = {
        (0.02, 0.015): ("each foretells the other", "left", "bottom"),
        (0.02, 0.985): (f"{knowing[0]} knows more", "left", "top"),
        (0.985, 0.015): (f"{knowing[1]} knows more", "right", "bottom"),
        (0.985, 0.985): ("nothing shared", "right", "top"),
    }
    for (x, y), (words, ha, va) in corners.items():
        ax.text(x, y, words, transform=ax.transAxes, ha=ha, va=va, style="italic", zorder=5)
