"""Both directions of a curve, with their intervals and the null: what every figure of curves draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from foretell.studies.plotting.drawing.captions import LETTERS, direction_label
from foretell.studies.plotting.drawing.style import DIRECTION_STYLES, INK, PALE

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["curve_labels", "depth_label", "depths_of", "labelled_artists", "plot_directions"]

_NULL = "shuffled pairs, median and 95 %"
_NULL_OF_GROUPS = "whole groups shuffled, median"

_ROOM = 2.45
"""Inches of a legend's label in a figure of one column."""


def depths_of(result: xr.Dataset) -> NDArray[np.float64]:
    """Relative depths of a curve's layers; where nothing says what they are, they stand evenly from 0 to 1."""
    if "relative_depth" in result.coords:
        return np.asarray(result["relative_depth"].to_numpy(), np.float64)
    return np.linspace(0, 1, result.sizes["layer"])


def depth_label(*results: xr.Dataset) -> str:
    """What the axis of `depths_of` is."""
    known = all("relative_depth" in result.coords for result in results)
    return "relative depth" if known else "layers, from the first (0) to the last (1)"


def plot_directions(result: xr.Dataset, ax: Axes, along: str, *, labels: Mapping[str, str] | None = None) -> Axes:
    """Draw both directions with their 95 % bands, and the null, on given axes.

    Parameters
    ----------
    result : Dataset
        A curve. Bands and the null are drawn where it has them; a layer without a value is a gap.
    ax : Axes
        Where to draw.
    along : str
        The coordinate to draw along, such as `relative_depth`.
    labels : mapping of direction to str, optional
        For the legend, in place of the sides' names.

    Returns
    -------
    Axes
        The same, its artists labelled for a legend.
    """
    x = depths_of(result) if along == "relative_depth" else result[along].to_numpy()
    top = 1.0
    for direction in map(str, result["direction"].to_numpy()):
        style, curve = DIRECTION_STYLES[direction], result.sel(direction=direction)
        ax.plot(
            x,
            curve["imbalance"],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markerfacecolor=style.colour if style.filled else "white",
            markeredgewidth=0.7,
            label=labels[direction] if labels else direction_label(result.attrs, direction, _ROOM),
            zorder=3,
        )
        top = max(top, float(curve["imbalance"].max()))
        if "low" in curve:
            ax.fill_between(x, curve["low"], curve["high"], color=style.colour, alpha=0.2, linewidth=0, zorder=2)
            top = max(top, float(curve["high"].max()))
    if "null" in result:
        # The two directions' nulls differ by less than the line is wide: one band holds both.
        low, high = result["null"].sel(quantile=0.025), result["null"].sel(quantile=0.975)
        low, high = low.min("direction"), high.max("direction")
        median = result["null"].sel(quantile=0.5).mean("direction")
        ax.fill_between(x, low, high, color=PALE, linewidth=0, zorder=1)
        ax.plot(x, median, color=INK, linestyle=":", linewidth=1, label=_NULL, zorder=1.5)
        top = max(top, float(high.max()))
    if "null_of_groups" in result:
        ax.plot(
            x,
            result["null_of_groups"].sel(quantile=0.5).mean("direction"),
            color=INK,
            linestyle=(0, (6, 1.5, 1, 1.5)),
            linewidth=0.7,
            label=_NULL_OF_GROUPS,
            zorder=1.5,
        )
    ax.set_ylim(0, 1.04 * top)
    ax.yaxis.set_major_locator(MultipleLocator(0.2))
    ax.set_ylabel("Information Imbalance")
    return ax


def curve_labels(*results: xr.Dataset, labels: Mapping[str, str] | None = None) -> list[str]:
    """The legend's labels of what `plot_directions` draws of all these results."""
    found = [
        labels[direction] if labels else direction_label(results[0].attrs, direction, _ROOM) for direction in LETTERS
    ]
    for variable, label in (("null", _NULL), ("null_of_groups", _NULL_OF_GROUPS)):
        found += [label] if any(variable in result for result in results) else []
    return found


def labelled_artists(*every: Axes) -> dict[str, Artist]:
    """What the axes have for a legend, each label once."""
    found: dict[str, Artist] = {}
    for ax in every:
        for artist, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(str(label), artist)
    return found
