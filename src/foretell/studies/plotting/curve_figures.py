"""The imbalance along an axis: layers, tokens, numbers of candidates. Both directions, their intervals and the null."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, MultipleLocator, NullLocator, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from foretell.studies.plotting.captions import (
    conditions,
    direction_labels,
    letters_told,
    panel_titles,
    short_directions,
)
from foretell.studies.plotting.figure_checks import check_result, check_results
from foretell.studies.plotting.panel_grid import (
    ONE_COLUMN,
    TWO_COLUMNS,
    PanelGrid,
    axes_or_new,
    columns_of,
    hide_labels,
    name_rows,
    share_limits,
)
from foretell.studies.plotting.style import DIRECTION_STYLES, INK, PALE, paper_style

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers

_STRIP = "Bars: semantic regions, pale where an end may lie. Ticks: layers that may be the least (95 %)."

_LOGARITHMIC = 8
"""From how many times as many tokens at the end as at the beginning on the axis is logarithmic."""


@paper_style()
def depths_figure(
    results: Mapping[str, xr.Dataset],
    semantic: Mapping[str, Mapping[str, SemanticLayers]] | None = None,
) -> Figure:
    """Depth curves, a panel a result on the same axes, two columns wide; one result is one column wide.

    Parameters
    ----------
    results : mapping of names to Dataset
        Curves (`docs/result.md`). Layers stand at their `relative_depth`, or evenly from 0 to 1 where nothing says
        what it is.
    semantic : mapping of the same names to mappings of direction to SemanticLayers, optional
        Adds a strip beneath each panel, and shades the regions.

    Returns
    -------
    matplotlib.figure.Figure
        With one legend, and a caption that says what the numbers depend on.

    Raises
    ------
    InputError
        If there is no result, or one that is no curve.
    """
    check_results(results, "depth curves", {"layer"})
    return curves_figure(results, plot_depth, semantic=semantic)


@paper_style()
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
    return curves_figure(results, plot_token_curve, tokens=False)


def curves_figure(
    results: Mapping[str, xr.Dataset],
    plot: Callable[..., Axes],
    *,
    note: str = "",
    tokens: bool = True,
    semantic: Mapping[str, Mapping[str, SemanticLayers]] | None = None,
) -> Figure:
    """Curves, a panel a result on the same axes: one column wide for one result, else two.

    Parameters
    ----------
    results : mapping of names to Dataset
    plot : function of a result, axes and labels
        Draws its panel.
    note : str
        For the caption.
    tokens : bool, default True
        Whether the caption gives T.
    semantic : mapping of names to mappings of direction to SemanticLayers, optional
        Adds a strip beneath each panel, and shades the regions.

    Returns
    -------
    Figure
        With one legend, and a caption that says what the numbers depend on.
    """
    attrs = [result.attrs for result in results.values()]
    layers = {name: found for name, found in (semantic or {}).items() if found}
    labels = direction_labels(attrs)
    strip_names = short_directions(attrs, 1.05) if layers else {}
    count, columns = len(results), columns_of(len(results))
    heights = [{1: 1.75, 2: 1.6}.get(columns, 1.3), *([0.3] if layers else [])]
    grid = PanelGrid(TWO_COLUMNS if count > 1 else ONE_COLUMN, heights * -(-count // columns), columns)
    panels = []
    for place, ((name, result), title) in enumerate(zip(results.items(), panel_titles(results), strict=True)):
        row, column = divmod(place, columns)
        ax = lowest = grid.at(row * len(heights), column)
        plot(result, ax, labels=labels).set_title(title)
        if name in layers:
            shade_regions(result, layers[name], ax)
            strip = grid.at(row * len(heights) + 1, column, sharex=ax)
            lowest = plot_semantic_layers(result, layers[name], strip, labels=strip_names)
            lowest.set_xlabel(ax.get_xlabel())
            hide_labels(ax, x=True)
        hide_labels(lowest, x=place + columns < count, y=column > 0)
        hide_labels(ax, y=column > 0)
        panels.append(ax)
    share_limits(panels)
    return grid.finish(
        conditions(*attrs, tokens=tokens),
        letters_told(attrs, *labels.values(), *strip_names.values()),
        "Bands: 95 %." if any("low" in result for result in results.values()) else "",
        _STRIP if layers else note,
        legend_of=panels,
    )


def plot_depth(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    semantic: Mapping[str, SemanticLayers] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw both directions of a curve with their 95 % bands, and the null.

    Parameters
    ----------
    result : Dataset
        A curve. Bands and the null are drawn where the result has them. Layers stand at their `relative_depth`, or
        evenly from 0 to 1 where nothing says what it is.
    ax : Axes, optional
        Where to draw; new ones by default.
    semantic : mapping of direction to SemanticLayers, optional
        Shades the regions in the direction's colour.
    labels : mapping of direction to str, optional
        For the legend, in place of the sides' names.

    Returns
    -------
    Axes
        The same, its artists labelled for a legend.

    Raises
    ------
    InputError
        If the result is no curve.
    """
    check_result(result, "depth curves", {"layer"})
    ax = _plot_directions(result, axes_or_new(ax), depths_of(result), labels=labels)
    shade_regions(result, semantic or {}, ax)
    set_depth_axis(result, ax)
    return ax


def plot_token_curve(result: xr.Dataset, ax: Axes | None = None, *, labels: Mapping[str, str] | None = None) -> Axes:
    """Draw both directions of a token curve; where the tokens grow many their axis is logarithmic.

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
    counts = [int(count) for count in result["tokens"].to_numpy()]
    ax = _plot_directions(result, axes_or_new(ax), counts, labels=labels)
    first, last = min(counts), max(counts)
    if last >= _LOGARITHMIC * first:
        ax.set_xscale("log")
        ticks = [step * 10**power for power in range(len(str(last))) for step in (1, 2, 5)]
        ax.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if first <= tick <= last]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        ax.set_xlim(first / 1.1, last * 1.1)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        margin = max(0.04 * (last - first), 0.2)
        ax.set_xlim(first - margin, last + margin)
    ax.set_xlabel("number of tokens")
    return ax


def _plot_directions(result: xr.Dataset, ax: Axes, x: ArrayLike, *, labels: Mapping[str, str] | None = None) -> Axes:
    """Draw both directions with their 95 % bands, and the null, on given axes.

    Parameters
    ----------
    result : Dataset
        A curve. Bands and the null are drawn where it has them; a layer without a value is a gap.
    ax : Axes
        Where to draw.
    x : array of shape (values of the curve,)
        Where its values stand along the axis.
    labels : mapping of direction to str, optional
        For the legend, in place of the sides' names.

    Returns
    -------
    Axes
        The same, its artists labelled for a legend.
    """
    labels = labels or direction_labels([result.attrs])
    tops = [result["imbalance"].max()]
    for direction in map(str, result["direction"].to_numpy()):
        style, curve = DIRECTION_STYLES[direction], result.sel(direction=direction)
        ax.plot(x, curve["imbalance"], label=labels[direction], zorder=3, **style.line_options)
        if "low" in curve:
            ax.fill_between(x, curve["low"], curve["high"], color=style.colour, alpha=0.2, linewidth=0, zorder=2)
            tops.append(curve["high"].max())
    if "null" in result:
        # The two directions' nulls differ by less than the line is wide: one band holds both.
        low = result["null"].sel(quantile=0.025).min("direction")
        high = result["null"].sel(quantile=0.975).max("direction")
        median = result["null"].sel(quantile=0.5).mean("direction")
        ax.fill_between(x, low, high, color=PALE, linewidth=0, zorder=1)
        ax.plot(x, median, color=INK, ls=":", lw=1, label="shuffled pairs, median and 95 %", zorder=1.5)
        tops.append(high.max())
    if "null_of_groups" in result:
        median = result["null_of_groups"].sel(quantile=0.5).mean("direction")
        dashes = (0, (6, 1.5, 1, 1.5))
        ax.plot(x, median, color=INK, ls=dashes, lw=0.7, label="whole groups shuffled, median", zorder=1.5)
    ax.set_ylim(0, 1.04 * float(np.nanmax([1.0, *map(float, tops)])))
    ax.yaxis.set_major_locator(MultipleLocator(0.2))
    ax.set_ylabel("Information Imbalance")
    return ax


def plot_semantic_layers(
    result: xr.Dataset,
    semantic: Mapping[str, SemanticLayers],
    ax: Axes | None = None,
    *,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw a line a direction: its semantic regions as bars, the confidence set of its minimum as ticks.

    A bar is pale where an end of the region may lie, and full between. A layer is as wide as its share of
    the axis, so that a region of one layer can be seen.

    Parameters
    ----------
    result : Dataset
        The curve.
    semantic : mapping of direction to SemanticLayers
        As `foretell.semantic_layers` gives them of it.
    ax : Axes, optional
        Where to draw; new ones by default.
    labels : mapping of direction to str, optional
        In place of the sides' codes.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "semantic layers", {"layer"})
    ax = axes_or_new(ax)
    depth = depths_of(result)
    edges = _edges(depth)
    directions = [str(direction) for direction in result["direction"].to_numpy()]
    names = labels or short_directions([result.attrs], 1.05)
    for row, direction in enumerate(directions):
        style, layers = DIRECTION_STYLES[direction], semantic[direction]
        for region in layers.regions:
            within = region.start_range[1], region.stop_range[0]
            for first, last in ((region.start_range[0], region.stop_range[1]), within):
                width = max(edges[last + 1] - edges[first], 0)
                ax.barh(row, width, left=edges[first], height=0.6, color=style.colour, alpha=0.3, linewidth=0)
        likely = depth[list(layers.confidence_set)]
        ax.plot(likely, np.full(len(likely), row), color=INK, ls="", marker="|", markersize=5, markeredgewidth=0.8)
    name_rows(ax, range(len(directions)), [names[direction] for direction in directions])
    ax.set_ylim(len(directions) - 0.4, -0.6)
    set_depth_axis(result, ax)
    return ax


def shade_regions(result: xr.Dataset, semantic: Mapping[str, SemanticLayers], ax: Axes) -> None:
    """Shade each direction's semantic regions in its colour."""
    edges = _edges(depths_of(result))
    for direction, layers in semantic.items():
        for region in layers.regions:
            span = edges[region.start], edges[region.stop + 1]
            ax.axvspan(*span, color=DIRECTION_STYLES[direction].colour, alpha=0.06, linewidth=0)


def depths_of(result: xr.Dataset) -> NDArray[np.float64]:
    """Relative depths of a curve's layers; where nothing says what they are, they stand evenly from 0 to 1."""
    if "relative_depth" in result.coords:
        return np.asarray(result["relative_depth"].to_numpy(), np.float64)
    return np.linspace(0, 1, result.sizes["layer"])


def set_depth_axis(result: xr.Dataset, ax: Axes) -> None:
    """Make the x axis that of `depths_of`."""
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MultipleLocator(0.2))
    known = "relative_depth" in result.coords
    ax.set_xlabel("relative depth" if known else "layers, from the first (0) to the last (1)")


def _edges(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the share of the axis that belongs to a layer begins and ends: half way to the next layers."""
    middle = (depth[1:] + depth[:-1]) / 2
    return np.concatenate([depth[:1] - 0.01, middle, depth[-1:] + 0.01])
