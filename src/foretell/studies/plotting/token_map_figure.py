"""Maps of token against token, and the imbalance by how far apart two tokens are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import LETTERS, conditions, shortened
from foretell.studies.plotting.figure_checks import check_result, check_results
from foretell.studies.plotting.map_figure import colour_bar, label_sides, plot_matrix
from foretell.studies.plotting.panel_grid import (
    ONE_COLUMN,
    TWO_COLUMNS,
    PanelGrid,
    axes_or_new,
    hide_labels,
    share_limits,
)
from foretell.studies.plotting.style import DIRECTION_STYLES, INK, LineStyle, paper_style
from foretell.studies.words import direction_name, sides_of

if TYPE_CHECKING:
    import xarray as xr

_MOST = 4
"""Results side by side."""

_WAYS = {"forward": ("to a later token", ">"), "backward": ("to an earlier token", "<")}


@paper_style()
def token_map_figure(results: Mapping[str, xr.Dataset]) -> Figure:
    """Token maps side by side on one scale of colours, and beneath each the imbalance by distance.

    Parameters
    ----------
    results : mapping of names to Dataset
        As `foretell.token_map` gives them, with the attributes of a study: one to four, titled by their
        names. Of a map within one text one direction is drawn, since the other is the same with its axes changed over;
        of one across two sides both are.

    Returns
    -------
    matplotlib.figure.Figure
        One column wide for one result, else two.

    Raises
    ------
    InputError
        If there is no result, or more than four.
    """
    check_results(results, "token maps", {"a", "b"})
    if len(results) > _MOST:
        raise InputError(f"A figure of token maps takes one to {_MOST} results: {len(results)} were given.")
    every = list(results.values())
    directions = ["a_to_b"] if all(map(is_within, every)) else list(LETTERS)
    values = np.concatenate([_shown(result, direction).ravel() for result in every for direction in LETTERS])
    low, high = float(np.nanmin(values)), max(1.0, float(np.nanmax(values)))
    alike = len({_sides(result) for result in every}) == 1
    width = ONE_COLUMN if len(every) == 1 else TWO_COLUMNS
    grid = PanelGrid(width, [*[None] * len(directions), 1.35], len(every))
    for column, (name, result) in enumerate(results.items()):
        for row, direction in enumerate(directions[:1] if is_within(result) else directions):
            ax = plot_token_map(result, grid.at(row, column), direction=direction, low=low, high=high)
            titles = [name] * (row == 0) + [ax.get_title()]
            ax.set_title("\n".join(filter(None, titles)))
            hide_labels(ax, y=alike and column > 0)
    colour_bar(*(ax for (row, _), ax in grid.panels.items() if not row), label="Information Imbalance")
    distances = [plot_by_distance(result, grid.at(len(directions), column)) for column, result in enumerate(every)]
    share_limits(distances)
    for ax in distances[1:]:
        hide_labels(ax, y=True)
    return grid.finish(
        conditions(*(result.attrs for result in every), tokens=False),
        "Tokens count from the end, −1 the last.",
        "Within a text a row's token predicts a column's; a token and itself are left out."
        if any(map(is_within, every))
        else "",
        "Bands: 95 %, of the mean over tokens as far apart."
        if any("by_distance_low" in result for result in every)
        else "",
        "Dotted: 1, nothing foretold.",
        legend_of=distances,
    )


def plot_token_map(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    direction: str,
    low: float = 0.0,
    high: float = 1.0,
) -> Axes:
    """Draw one direction of a token map on given axes, tokens as positions from the end.

    Parameters
    ----------
    result : Dataset
        As `foretell.token_map` gives it. Of one within a text the diagonal, a token and itself, is left out.
    ax : Axes, optional
        Where to draw; new ones by default.
    direction : {"a_to_b", "b_to_a"}
    low, high : float
        Values of the ends of the colours.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "token maps", {"a", "b"})
    rows, columns = ([int(name) for name in result[side].to_numpy()] for side in "ab")
    extent = (columns[0] - 0.5, columns[-1] + 0.5, rows[0] - 0.5, rows[-1] + 0.5)
    ax = plot_matrix(_shown(result, direction), axes_or_new(ax), low=low, high=high, extent=extent)
    if not is_within(result):
        ax.set_title(shortened(direction_name(result.attrs, direction), 2.5, 8), fontsize=8)
    label_sides(ax, _sides(result), inches=2.0, ticks=4)
    return ax


def plot_by_distance(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the imbalance by the distance of two tokens on given axes, a line a direction and way, with 95 % bands.

    Parameters
    ----------
    result : Dataset
        As `foretell.token_map` gives it. Of one within a text one direction is drawn: both are the same.
    ax : Axes, optional
        Where to draw; new ones by default.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "distances of tokens", {"way", "distance"}, variable="by_distance")
    ax = axes_or_new(ax)
    distance = result["distance"].to_numpy()
    ends = [1.0]
    for (direction, way), label in _labels(result).items():
        curve = result.sel(direction=direction, way=way)
        is_forward, marker = way == "forward", _WAYS[way][1]
        style = replace(DIRECTION_STYLES[direction], marker=marker, filled=is_forward)
        if is_within(result):  # one direction: its ways differ by the line
            style = LineStyle(INK, "-" if is_forward else "--", marker, is_forward)
        ax.plot(distance, curve["by_distance"], lw=0.9, markersize=2.6, label=label, zorder=3, **style.line_options)
        ends += [float(curve["by_distance"].min()), float(curve["by_distance"].max())]
        if "by_distance_low" in curve:
            low, high = curve["by_distance_low"], curve["by_distance_high"]
            ax.fill_between(distance, low, high, color=style.colour, alpha=0.15, linewidth=0, zorder=2)
            ends += [float(low.min()), float(high.max())]
    margin = 0.04 * (np.nanmax(ends) - np.nanmin(ends)) + 0.01
    # Not from 0: the lines are near to each other, and to 1.
    ax.set_ylim(np.nanmin(ends) - margin, np.nanmax(ends) + margin)
    ax.axhline(1, color=INK, linestyle=":", linewidth=0.8, zorder=1)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel("tokens apart")
    ax.set_ylabel("Information Imbalance")
    return ax


def is_within(result: xr.Dataset) -> bool:
    """Whether the map is of a text against itself: then no distance of 0 was taken."""
    return "by_distance" in result and int(result["distance"].min()) > 0


def _sides(result: xr.Dataset) -> tuple[str, str]:
    """What the rows and the columns of its maps are."""
    if is_within(result):
        return "foretelling token", "foretold token"
    first, second = sides_of(result.attrs, "a_to_b")
    return f"token of {first}", f"token of {second}"


def _shown(result: xr.Dataset, direction: str) -> NDArray[np.float64]:
    values = np.array(result["imbalance"].sel(direction=direction).to_numpy(), float)
    if is_within(result):
        np.fill_diagonal(values, np.nan)
    return values


def _labels(result: xr.Dataset) -> dict[tuple[str, str], str]:
    """What the legend calls each line of `plot_by_distance`."""
    if is_within(result):
        return {("a_to_b", way): f"within a text, {words} ({way})" for way, (words, _) in _WAYS.items()}
    return {
        (direction, way): f"{shortened(direction_name(result.attrs, direction), 1.2)}, {words} ({way})"
        for direction in map(str, result["direction"].to_numpy())
        for way, (words, _) in _WAYS.items()
    }
