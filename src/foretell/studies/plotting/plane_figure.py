"""The plane of both directions: which side knows more, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from foretell.studies.plotting.captions import (
    LETTERS,
    conditions,
    letters_told,
    panel_titles,
    short_directions,
    shortened,
    shortened_apart,
)
from foretell.studies.plotting.figure_checks import check_result, check_results
from foretell.studies.plotting.panel_grid import ONE_COLUMN, PanelGrid, axes_or_new
from foretell.studies.plotting.style import INK, PALE, RESULT_STYLES, LineStyle, paper_style
from foretell.studies.words import sides_of

if TYPE_CHECKING:
    import xarray as xr


@paper_style()
def plane_figure(results: Mapping[str, xr.Dataset]) -> Figure:
    """Curves in the plane of both directions, one column wide: A to B across, B to A up.

    Parameters
    ----------
    results : mapping of names to Dataset
        Curves (`docs/result.md`) with the attributes of a study, the layers in order of depth.

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
    names = short_directions(attrs, 2.0)
    grid = PanelGrid(ONE_COLUMN, [None])
    ax = grid.at(0)
    titles = shortened_apart(panel_titles(results), 2.4)
    for title, style, result in zip(titles, cycle(RESULT_STYLES), results.values(), strict=False):
        plot_plane(result, ax, style=style, label=title)
    _annotate(ax, ("A", "B") if names == LETTERS else sides_of(attrs[0], "a_to_b"))
    ax.set_xlabel(f"Information Imbalance, {names['a_to_b']}")
    ax.set_ylabel(f"Information Imbalance, {names['b_to_a']}")
    ax.plot([], [], color=INK, ls="", marker="o", markersize=5, markerfacecolor="white", label="first layer (open)")
    ax.plot([], [], color=INK, ls="", marker="o", markersize=6, label="last layer (filled)")
    return grid.finish(
        conditions(*attrs),
        letters_told(attrs, *names.values()),
        "Layers joined in order of depth, larger as they lie deeper; on the dashed line neither side knows more.",
        legend_of=[ax],
    )


def plot_plane(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    style: LineStyle = RESULT_STYLES[0],
    label: str = "",
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
    x, y = (result["imbalance"].sel(direction=direction).to_numpy() for direction in LETTERS)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    line = {**style.line_options, "markeredgewidth": 0.6, "markersize": 3, "linewidth": 0.8}
    ax.plot(x[known], y[known], label=label or "_plane", zorder=3, **line)
    # A line's markers are of one size, for the legend; these lie on them and grow.
    points: dict[str, Any] = {"edgecolors": style.colour, "zorder": 4}
    sizes = 4 + 22 * known / max(len(x) - 1, 1)
    ax.scatter(x[known], y[known], s=sizes, marker=style.marker, facecolors=style.fill, linewidths=0.6, **points)
    for end, fill in ((known[:1], "white"), (known[-1:], style.colour)):
        ax.scatter(x[end], y[end], s=42, marker="o", facecolors=fill, linewidths=1.2, **points)
    reach = max([1.12, *ax.get_xlim(), *ax.get_ylim()])
    ax.set(xlim=(0, reach), ylim=(0, reach), box_aspect=1)
    ax.set(xlabel="Information Imbalance, A → B", ylabel="Information Imbalance, B → A")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(0.2))
    return ax


def _annotate(ax: Axes, sides: tuple[str, str]) -> None:
    """The diagonal, and what it means to be in each corner."""
    ax.plot((0, 1), (0, 1), transform=ax.transAxes, color=PALE, linestyle="--", linewidth=0.8, zorder=1)
    a, b = (shortened(f"{side} knows more", 1.3) for side in sides)
    corners = {
        (0.02, 0.015): ("each predicts the other", "left", "bottom"),
        (0.02, 0.985): (a, "left", "top"),
        (0.985, 0.015): (b, "right", "bottom"),
        (0.985, 0.985): ("nothing shared", "right", "top"),
    }
    for (x, y), (words, ha, va) in corners.items():
        ax.text(x, y, words, transform=ax.transAxes, ha=ha, va=va, style="italic", zorder=5)
