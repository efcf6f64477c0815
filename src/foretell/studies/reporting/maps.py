"""Maps of layer against layer, one panel a direction."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foretell.studies.names import direction_name, sides_of
from foretell.studies.reporting.style import INK, paper_style

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["map_figure", "plot_map"]

_WIDTH = 7.0
"""Inches: two columns of a paper."""

# Dark is low: what foretells stands out, in grey as in colour.
_COLOURS = "viridis"


def map_figure(result: xr.Dataset) -> Figure:
    """Both directions of a map study side by side, two columns wide.

    Parameters
    ----------
    result : Dataset
        As `foretell.studies.map.measure_map` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        With a canvas of its own, outside pyplot: nothing to close.
    """
    values = result["imbalance"].to_numpy()
    low, high = float(np.nanmin(values)), max(1.0, float(np.nanmax(values)))
    with paper_style():
        caption = _caption(result)
        below = 0.16 + 0.125 * len(caption)
        panel = 2.6
        height = below + 0.42 + panel + 0.3
        figure = Figure(figsize=(_WIDTH, height))
        FigureCanvasAgg(figure)
        for place, direction in enumerate(map(str, result["direction"].to_numpy())):
            left = 0.5 + place * 3.05
            axes = figure.add_axes(
                (left / _WIDTH, (below + 0.42) / height, panel / _WIDTH, panel / height),
            )
            drawn = plot_map(result, axes, direction=direction, low=low, high=high)
            if place:
                axes.set_ylabel("")
        bar = figure.add_axes((6.4 / _WIDTH, (below + 0.42) / height, 0.12 / _WIDTH, panel / height))
        figure.colorbar(drawn.images[0], cax=bar, label="Information Imbalance")
        figure.text(0.08 / _WIDTH, 0.06 / height, "\n".join(caption), va="bottom", linespacing=1.25)
    return figure


def plot_map(result: xr.Dataset, ax: Axes, *, direction: str, low: float = 0.0, high: float = 1.0) -> Axes:
    """Draw one direction of a map on given axes, the best pair of layers marked.

    Parameters
    ----------
    result : Dataset
        A matrix; `best`, where it has it, is marked by a cross.
    ax : Axes
        Where to draw.
    direction : {"a_to_b", "b_to_a"}
    low, high : float
        Values of the ends of the colours.

    Returns
    -------
    Axes
        The same.
    """
    of = result.sel(direction=direction)
    options: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    # Rows are layers of A, upwards; a cell without a value stays white.
    ax.imshow(of["imbalance"].to_numpy(), vmin=low, vmax=high, cmap=_COLOURS, **options)
    first, second = sides_of(result.attrs, "a_to_b")
    ax.set_xlabel(f"layer of {second}")
    ax.set_ylabel(f"layer of {first}")
    ax.set_title(direction_name(result.attrs, direction), fontsize=8, color=INK, pad=4)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(8, integer=True))
    if "best" in result:
        names = [str(name) for name in of["best"].to_numpy()]
        row, column = (list(result[side].to_numpy()).index(name) for side, name in zip("ab", names, strict=True))
        ax.plot(column, row, marker="x", color="white", markersize=6, markeredgewidth=2.4)
        ax.plot(column, row, marker="x", color=INK, markersize=5, markeredgewidth=1.1)
    return ax


def _caption(result: xr.Dataset) -> list[str]:
    attrs = result.attrs
    grouped = "" if attrs["n_groups"] == attrs["n_items"] else f" in {attrs['n_groups']} groups"
    models = " and ".join(dict.fromkeys((str(attrs["model_a"]), str(attrs["model_b"]))))
    text = (
        f"N = {attrs['n_items']} items{grouped}, n = {attrs['n']}, k = {attrs['k']}, {attrs['convention']}; tokens: "
        f"{attrs['tokens']}. {models}; {attrs['data']}. Cross: the best pair of layers in "
        "that direction. 1: one side says nothing of the other."
    )
    return textwrap.wrap(text, 125)
