"""The depth study's figure, made for a column of a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from foretell.studies.plotting.drawing.captions import LETTERED, LETTERS, codes_told, conditions, short_direction
from foretell.studies.plotting.drawing.curves import (
    curve_labels,
    depth_label,
    depths_of,
    labelled_artists,
    plot_directions,
)
from foretell.studies.plotting.drawing.figure_checks import check_result
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    axes_at,
    axes_or_new,
    caption_height,
    legend_above,
    legend_height,
    save_figure,
    sheet,
    text_width,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import DIRECTION_STYLES, INK, paper_style

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers

__all__ = [
    "STRIP_NOTE",
    "depth_edges",
    "depth_figure",
    "plot_depth",
    "plot_semantic_layers",
    "save_figure",
    "shade_regions",
]

STRIP_NOTE = "Bars: semantic regions, pale where an end may lie. Ticks: layers that may be the least (95 %)."

_NAME = 1.05
"""Inches of a direction's name beside a strip, at most."""


def depth_figure(result: xr.Dataset, semantic: Mapping[str, SemanticLayers] | None = None, *, note: str = "") -> Figure:
    """Both directions of a depth study against relative depth, one column wide.

    Parameters
    ----------
    result : Dataset
        A curve (`docs/result.md`) with `relative_depth`.
    semantic : mapping of direction to SemanticLayers, optional
        Adds a strip beneath the curves: the semantic regions, and the layers that may be the minimum.
    note : str, optional
        A sentence for the caption.

    Returns
    -------
    matplotlib.figure.Figure
        With a canvas of its own, outside pyplot: nothing to close.
    """
    caption = _caption(result, semantic, note)
    # Heights in inches, from the bottom up.
    below = caption_height(caption) + 0.36
    strip = 0.36 if semantic else 0.0
    curves, legend = 1.75, legend_height(curve_labels(result), 0)
    names = [short_direction(result.attrs, direction, _NAME) for direction in LETTERS] if semantic else [""]
    left = max(0.47, max(map(text_width, names)) + 0.1)
    wide = ONE_COLUMN - left - 0.08
    with paper_style():
        figure = sheet(ONE_COLUMN, below + strip + curves + legend)
        ax = axes_at(figure, left, below + strip, wide, curves)
        plot_depth(result, ax, semantic=semantic)
        legend_above(figure, labelled_artists(ax), left=left - 0.07, inches=0)
        lowest = ax
        if semantic:
            lowest = axes_at(figure, left, below, wide, strip - 0.06, sharex=ax)
            plot_semantic_layers(result, semantic, lowest)
            ax.tick_params(labelbottom=False)
            ax.set_xlabel("")
        lowest.set_xlabel(depth_label(result), labelpad=2)
        write_caption(figure, caption)
    return figure


def plot_depth(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    semantic: Mapping[str, SemanticLayers] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw both directions of a curve with their 95 % bands, and the null, on given axes.

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
    ax = axes_or_new(ax)
    plot_directions(result, ax, "relative_depth", labels=labels)
    if semantic:
        shade_regions(result, semantic, ax)
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MultipleLocator(0.2))
    ax.set_xlabel(depth_label(result))
    return ax


def shade_regions(result: xr.Dataset, semantic: Mapping[str, SemanticLayers], ax: Axes) -> None:
    """Shade each direction's semantic regions in its colour."""
    edges = depth_edges(depths_of(result))
    for direction, layers in semantic.items():
        for region in layers.regions:
            span = edges[region.start], edges[region.stop + 1]
            ax.axvspan(*span, color=DIRECTION_STYLES[direction].colour, alpha=0.06, linewidth=0)


def plot_semantic_layers(
    result: xr.Dataset, semantic: Mapping[str, SemanticLayers], ax: Axes, *, room: float = _NAME
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
    ax : Axes
        Where to draw.
    room : float
        Inches beside the axes: names of directions that are wider are letters.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "semantic layers", {"layer"})
    depth = depths_of(result)
    edges = depth_edges(depth)
    directions = [str(direction) for direction in result["direction"].to_numpy()]
    for row, direction in enumerate(directions):
        style, layers = DIRECTION_STYLES[direction], semantic[direction]
        for region in layers.regions:
            within = region.start_range[1], region.stop_range[0]
            for first, last in ((region.start_range[0], region.stop_range[1]), within):
                width = max(edges[last + 1] - edges[first], 0)
                ax.barh(row, width, left=edges[first], height=0.6, color=style.colour, alpha=0.3, linewidth=0)
        ax.plot(
            depth[list(layers.confidence_set)],
            np.full(len(layers.confidence_set), row),
            color=INK,
            linestyle="",
            marker="|",
            markersize=5,
            markeredgewidth=0.8,
        )
    ax.set_yticks(range(len(directions)), [short_direction(result.attrs, one, room) for one in directions])
    ax.set_ylim(len(directions) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def depth_edges(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the share of the axis that belongs to a layer begins and ends: half way to the next layers."""
    middle = (depth[1:] + depth[:-1]) / 2
    return np.concatenate([depth[:1] - 0.01, middle, depth[-1:] + 0.01])


def _caption(result: xr.Dataset, semantic: Mapping[str, SemanticLayers] | None, note: str) -> list[str]:
    """What the numbers depend on and what the marks mean, in lines that fit the column."""
    attrs = result.attrs
    parts = [conditions(attrs)] + ([note] if note else [])
    legend, strip = curve_labels(result)[0], short_direction(attrs, "a_to_b", _NAME)
    if legend == LETTERED["a_to_b"] or (semantic and strip == LETTERS["a_to_b"]):
        parts.append(codes_told(attrs))
    if "low" in result:
        parts.append("Bands: 95 %.")
    if semantic:
        parts.append(STRIP_NOTE)
    return wrapped(" ".join(filter(None, parts)), ONE_COLUMN - 0.14)
