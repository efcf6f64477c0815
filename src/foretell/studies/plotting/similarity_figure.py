"""Other measures beside the imbalance, on the same layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from foretell.studies.plotting.captions import (
    LETTERS,
    conditions,
    direction_labels,
    letters_told,
    short_directions,
)
from foretell.studies.plotting.curve_figures import depths_of, plot_depth, set_depth_axis, shade_regions
from foretell.studies.plotting.figure_checks import check_result
from foretell.studies.plotting.map_figure import ALIKE_COLOURS, COLOURS, colour_bar, label_sides, mark_cell, plot_matrix
from foretell.studies.plotting.panel_grid import (
    ONE_COLUMN,
    TWO_COLUMNS,
    PanelGrid,
    axes_or_new,
    hide_labels,
)
from foretell.studies.plotting.style import INK, paper_style
from foretell.studies.words import sides_of

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers

MEASURE_NAMES = {
    "cka": "CKA",
    "mutual_knn": "mutual k-NN",
    "overlap": "overlap",
    "cknna": "CKNNA",
    "rsa_pearson": "RSA (Pearson)",
    "rsa_spearman": "RSA (Spearman)",
}

_COLUMNS = 4
"""Small maps side by side."""

_SIDE = 1.15
"""Inches of their sides, about."""


@paper_style()
def beside_figure(result: xr.Dataset, semantic: Mapping[str, SemanticLayers] | None = None) -> Figure:
    """Other measures beside the imbalance of the same layers.

    Parameters
    ----------
    result : Dataset
        A depth curve or a map (`docs/result.md`) which also has `similarity` along `measure`, and along `layer`, or `a`
        and `b`; of a curve `similarity_low` and `similarity_high` are drawn where it has them.
    semantic : mapping of direction to SemanticLayers, optional
        Shades the regions of a curve through all panels.

    Returns
    -------
    matplotlib.figure.Figure
        Of a curve one column wide: the imbalance, and under it a panel a measure on the same axis of depth. Of a map
        two columns wide: a small map a direction and measure, the best pair of layers of each marked.

    Raises
    ------
    InputError
        If the result has no imbalance, or no `similarity`.
    """
    check_result(result, "other measures", {"layer"}, {"a", "b"})
    check_result(result, "other measures", {"measure", "layer"}, {"measure", "a", "b"}, variable="similarity")
    return _curves(result, semantic or {}) if "layer" in result.dims else _maps(result)


def _curves(result: xr.Dataset, semantic: Mapping[str, SemanticLayers]) -> Figure:
    measures = [str(measure) for measure in result["measure"].to_numpy()]
    grid = PanelGrid(ONE_COLUMN, [1.5, *[0.5] * len(measures)])
    first = plot_depth(result, grid.at(0), semantic=semantic)
    for row, measure in enumerate(measures, start=1):
        ax = plot_similarity(result, grid.at(row, sharex=first), measure=measure)
        shade_regions(result, semantic, ax)
    for ax in list(grid.panels.values())[:-1]:
        hide_labels(ax, x=True)
    return grid.finish(
        conditions(result.attrs),
        letters_told([result.attrs], *direction_labels([result.attrs]).values()),
        "Larger is more alike for all other measures; filled: the layer most alike by each.",
        "Bands: 95 %." if "low" in result else "",
        "Shaded: semantic regions." if semantic else "",
        legend_of=[first],
    )


def _maps(result: xr.Dataset) -> Figure:
    sides = [f"layer of {side}" for side in sides_of(result.attrs, "a_to_b")]
    names = short_directions([result.attrs], _SIDE - 0.2)
    maps = [(f"II, {names[way]}", result["imbalance"].sel(direction=way), 1) for way in LETTERS]
    for measure in map(str, result["measure"].to_numpy()):
        maps.append((MEASURE_NAMES.get(measure, measure), result["similarity"].sel(measure=measure), -1))
    grid = PanelGrid(TWO_COLUMNS, [None] * -(-len(maps) // _COLUMNS), _COLUMNS)
    for place, (name, values, sign) in enumerate(maps):
        row, column = divmod(place, _COLUMNS)
        ax = grid.at(row, column)
        _small_map(values.to_numpy(), ax, name, sign=sign)
        label_sides(ax, sides, inches=_SIDE, ticks=3)
        hide_labels(ax, x=place + _COLUMNS < len(maps), y=column > 0)
        colour_bar(ax)
    return grid.finish(
        conditions(result.attrs),
        letters_told([result.attrs], *names.values()),
        "Dark: the imbalance is low, or the other measure large. Cross: the best pair of layers by each.",
    )


def _small_map(values: NDArray[np.float64], ax: Axes, name: str, *, sign: int) -> None:
    """A map with its best pair: the least value, or with a sign of -1 the largest."""
    known = np.isfinite(values)
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if known.any() else (0.0, 1.0)
    plot_matrix(values, ax, low=low, high=high, colours=COLOURS if sign > 0 else ALIKE_COLOURS)
    title = name
    if known.any():
        row, column = np.unravel_index(np.nanargmin(sign * values), values.shape)
        mark_cell(ax, float(row), float(column))
        title = f"{name}\nbest {values[row, column]:.2f}"
    ax.set_title(title, fontsize=7, pad=3, linespacing=1.1)


def plot_similarity(result: xr.Dataset, ax: Axes | None = None, *, measure: str) -> Axes:
    """Draw one measure of a curve against relative depth on given axes, its largest value filled.

    Parameters
    ----------
    result : Dataset
        With `similarity` along `measure` and `layer`, at their `relative_depth`, or evenly from 0 to 1 where nothing
        says what it is; a layer without a value is a gap.
    ax : Axes, optional
        Where to draw; new ones by default.
    measure : str
        Which.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "other measures", {"measure", "layer"}, variable="similarity")
    ax = axes_or_new(ax)
    depth, shown = depths_of(result), result.sel(measure=measure)
    values = shown["similarity"].to_numpy()
    ax.plot(depth, values, color=INK, marker="D", markersize=2.2, markerfacecolor="white", markeredgewidth=0.6)
    if "similarity_low" in shown:
        low, high = shown["similarity_low"], shown["similarity_high"]
        ax.fill_between(depth, low, high, color=INK, alpha=0.15, linewidth=0)
    if np.isfinite(values).any():
        most = int(np.nanargmax(values))
        ax.plot(depth[[most]], values[[most]], color=INK, marker="D", markersize=4, linestyle="")
    ax.set_title(MEASURE_NAMES.get(measure, measure), fontsize=7, loc="left", pad=2)
    ax.margins(y=0.15)
    set_depth_axis(result, ax)
    ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    return ax
