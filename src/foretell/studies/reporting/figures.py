"""Figures of results, made for a column of a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from foretell.studies.names import direction_name, direction_sentence, sides_of
from foretell.studies.reporting.style import DIRECTION_STYLES, INK, PALE, paper_style

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.semantic import SemanticLayers

__all__ = ["depth_figure", "plot_depth", "plot_semantic_layers", "save_figure"]

_WIDTH = 3.4
"""Inches: one column of a paper."""

_SHORT = 18
"""Letters of a direction's name that fit beside a strip."""


def depth_figure(result: xr.Dataset, semantic: Mapping[str, SemanticLayers] | None = None) -> Figure:
    """Both directions of a depth study against relative depth, one column wide.

    Parameters
    ----------
    result : Dataset
        A curve (`docs/result.md`) with `relative_depth`.
    semantic : mapping of direction to SemanticLayers, optional
        Adds a strip beneath the curves: the semantic regions, and the layers that may be the minimum.

    Returns
    -------
    matplotlib.figure.Figure
        With a canvas of its own, outside pyplot: nothing to close.
    """
    caption = _caption(result, semantic)
    # Heights in inches, from the bottom up. Fixed places keep the axes of several figures the same size.
    below = 0.1 + 0.125 * len(caption) + 0.36
    strip = 0.36 if semantic else 0.0
    curves, legend = 1.75, 0.6 if "null_of_groups" in result else 0.47
    height = below + strip + curves + legend
    with paper_style():
        figure = Figure(figsize=(_WIDTH, height))
        FigureCanvasAgg(figure)
        margin = _left_margin(result, semantic)
        left, wide = margin / _WIDTH, (_WIDTH - margin - 0.08) / _WIDTH
        ax = figure.add_axes((left, (below + strip) / height, wide, curves / height))
        plot_depth(result, ax, semantic=semantic)
        figure.legend(
            handles=ax.get_legend_handles_labels()[0],
            loc="upper left",
            bbox_to_anchor=(left - 0.02, 1 - 0.02 / height),
            borderaxespad=0,
            labelspacing=0.25,
            handlelength=2.6,
        )
        lowest = ax
        if semantic:
            lowest = figure.add_axes((left, below / height, wide, (strip - 0.06) / height), sharex=ax)
            plot_semantic_layers(result, semantic, lowest)
            ax.tick_params(labelbottom=False)
            ax.set_xlabel("")
        lowest.set_xlabel("relative depth", labelpad=2)
        figure.text(0.08 / _WIDTH, 0.06 / height, "\n".join(caption), va="bottom", linespacing=1.25)
    return figure


def plot_depth(result: xr.Dataset, ax: Axes, *, semantic: Mapping[str, SemanticLayers] | None = None) -> Axes:
    """Draw both directions of a curve with their 95 % bands, and the null, on given axes.

    Parameters
    ----------
    result : Dataset
        A curve with `relative_depth`. Bands and the null are drawn where the result has them.
    ax : Axes
        Where to draw.
    semantic : mapping of direction to SemanticLayers, optional
        Shades the regions in the direction's colour.

    Returns
    -------
    Axes
        The same, its artists labelled for a legend.
    """
    depth = result["relative_depth"].to_numpy()
    edges = _edges(depth)
    top = 1.0
    for direction in map(str, result["direction"].to_numpy()):
        style, curve = DIRECTION_STYLES[direction], result.sel(direction=direction)
        ax.plot(
            depth,
            curve["imbalance"],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markerfacecolor=style.colour if direction == "a_to_b" else "white",
            markeredgewidth=0.7,
            label=_direction_label(result, direction),
            zorder=3,
        )
        top = max(top, float(curve["imbalance"].max()))
        if "low" in curve:
            ax.fill_between(depth, curve["low"], curve["high"], color=style.colour, alpha=0.2, linewidth=0, zorder=2)
        if semantic:
            for region in semantic[direction].regions:
                span = edges[region.start], edges[region.stop + 1]
                ax.axvspan(*span, color=style.colour, alpha=0.06, linewidth=0)
    if "null" in result:
        # The two directions' nulls differ by less than the line is wide: one band holds both.
        low, high = result["null"].sel(quantile=0.025), result["null"].sel(quantile=0.975)
        low, high = low.min("direction"), high.max("direction")
        median = result["null"].sel(quantile=0.5).mean("direction")
        ax.fill_between(depth, low, high, color=PALE, linewidth=0, zorder=1)
        ax.plot(
            depth,
            median,
            color=INK,
            linestyle=":",
            linewidth=1,
            label="shuffled pairs, median and 95 %",
            zorder=1.5,
        )
        top = max(top, float(high.max()))
    if "null_of_groups" in result:
        ax.plot(
            depth,
            result["null_of_groups"].sel(quantile=0.5).mean("direction"),
            color=INK,
            linestyle=(0, (6, 1.5, 1, 1.5)),
            linewidth=0.7,
            label="whole groups shuffled, median",
            zorder=1.5,
        )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(0, 1.04 * top)
    ax.xaxis.set_major_locator(MultipleLocator(0.2))
    ax.yaxis.set_major_locator(MultipleLocator(0.2))
    ax.set_xlabel("relative depth")
    ax.set_ylabel("Information Imbalance")
    return ax


def plot_semantic_layers(result: xr.Dataset, semantic: Mapping[str, SemanticLayers], ax: Axes) -> Axes:
    """Draw a line a direction: its semantic regions as bars, the confidence set of its minimum as ticks.

    A bar is pale where an end of the region may lie, and full between. A layer is as wide as its share of
    the axis, so that a region of one layer can be seen.
    """
    depth = result["relative_depth"].to_numpy()
    edges = _edges(depth)
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
    ax.set_yticks(range(len(directions)), [_short_name(result, direction) for direction in directions])
    ax.set_ylim(len(directions) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the same figure gives the same bytes (no dates inside)."""
    dated: dict[str, Any] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    figure.savefig(path, dpi=300, metadata=dated.get(path.suffix))


def _edges(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the share of the axis that belongs to a layer begins and ends: half way to the next layers."""
    middle = (depth[1:] + depth[:-1]) / 2
    return np.concatenate([depth[:1] - 0.01, middle, depth[-1:] + 0.01])


def _direction_label(result: xr.Dataset, direction: str) -> str:
    """A direction in words where they fit in the column, in codes where not."""
    codes = direction_name(result.attrs, direction)
    words = f"{direction_sentence(result.attrs, direction)} ({codes})"
    if len(words) <= 48:
        return words
    return (codes if len(codes) <= 40 else _short_name(result, direction)).replace("→", "foretells")


def _short_name(result: xr.Dataset, direction: str) -> str:
    """A direction where there is little room: of sides with long names their letters, which the caption explains."""
    codes = direction_name(result.attrs, direction)
    letters = {"a_to_b": "A → B", "b_to_a": "B → A"}
    return codes if len(codes) <= _SHORT else letters[direction]


def _left_margin(result: xr.Dataset, semantic: Mapping[str, SemanticLayers] | None) -> float:
    """Inches left of the axes: for the axis label, and for the names of the strip's lines."""
    longest = len(_short_name(result, "a_to_b")) if semantic else 0
    return min(max(0.47, 0.06 * longest + 0.06), 1.2)


def _caption(result: xr.Dataset, semantic: Mapping[str, SemanticLayers] | None) -> list[str]:
    """What the numbers depend on and what the marks mean, in lines that fit the column."""
    attrs = result.attrs
    tokens = " and ".join(dict.fromkeys(str(count) for count in np.atleast_1d(attrs["T"])))
    models = " and ".join(dict.fromkeys((str(attrs["model_a"]), str(attrs["model_b"]))))
    grouped = "" if attrs["n_groups"] == attrs["n_items"] else f" in {attrs['n_groups']} groups"
    parts = [
        f"N = {attrs['n_items']} items{grouped}, n = {attrs['n']}, T = {tokens}, k = {attrs['k']}, "
        f"{attrs['convention']}.",
        f"{models}; {attrs['data']}.",
    ]
    if len(direction_name(attrs, "a_to_b")) > _SHORT:
        parts.append("A: {}; B: {}.".format(*sides_of(attrs, "a_to_b")))
    if "low" in result:
        parts.append("Bands: 95 %.")
    if semantic:
        parts.append("Bars: semantic regions, pale where an end may lie. Ticks: layers that may be the least (95 %).")
    return textwrap.wrap(" ".join(parts), 58)
