"""Other measures beside the imbalance, on the same layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from foretell.studies.names import sides_of
from foretell.studies.plotting.depth_figure import plot_depth, shade_regions
from foretell.studies.plotting.drawing.captions import LETTERED, LETTERS, codes_told, conditions, short_direction
from foretell.studies.plotting.drawing.curves import curve_labels, depth_label, depths_of, labelled_artists
from foretell.studies.plotting.drawing.figure_checks import check_result
from foretell.studies.plotting.drawing.matrices import ALIKE_COLOURS, COLOURS, mark_cell, plot_matrix
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    TWO_COLUMNS,
    axes_at,
    axes_or_new,
    caption_height,
    legend_above,
    legend_height,
    sheet,
    shortened,
    text_width,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import INK, paper_style

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers

__all__ = ["MEASURE_NAMES", "beside_figure", "plot_similarity"]

MEASURE_NAMES = {
    "cka": "CKA",
    "mutual_knn": "mutual k-NN",
    "overlap": "overlap",
    "cknna": "CKNNA",
    "rsa_pearson": "RSA (Pearson)",
    "rsa_spearman": "RSA (Spearman)",
}

_SMALL = 0.5
"""Inches of the height of a measure's panel."""


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
    said = "Larger is more alike for all other measures; filled: the layer most alike by each."
    bands = " Bands: 95 %." if "low" in result else ""
    shaded = " Shaded: semantic regions." if semantic else ""
    lettered = f" {codes_told(result.attrs)}".rstrip() if curve_labels(result)[0] == LETTERED["a_to_b"] else ""
    caption = wrapped(f"{conditions(result.attrs)}{lettered} {said}{bands}{shaded}", ONE_COLUMN - 0.14)
    below = caption_height(caption) + 0.36
    pitch, top = _SMALL + 0.2, 1.5
    left, wide = 0.47, ONE_COLUMN - 0.47 - 0.08
    with paper_style():
        figure = sheet(ONE_COLUMN, below + pitch * len(measures) + 0.1 + top + legend_height(curve_labels(result), 0))
        first = axes_at(figure, left, below + pitch * len(measures) + 0.1, wide, top)
        plot_depth(result, first, semantic=semantic)
        first.set_xlabel("")
        first.tick_params(labelbottom=False)
        for row, measure in enumerate(measures):
            ax = axes_at(figure, left, below + pitch * (len(measures) - 1 - row), wide, _SMALL, sharex=first)
            shade_regions(result, semantic, ax)
            plot_similarity(result, ax, measure=measure)
            ax.tick_params(labelbottom=row == len(measures) - 1)
            ax.set_xlabel(depth_label(result) if row == len(measures) - 1 else "", labelpad=2)
        legend_above(figure, labelled_artists(first), left=left - 0.07, inches=0)
        write_caption(figure, caption)
    return figure


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
    depth, of = depths_of(result), result.sel(measure=measure)
    values = of["similarity"].to_numpy()
    ax.plot(depth, values, color=INK, marker="D", markersize=2.2, markerfacecolor="white", markeredgewidth=0.6)
    if "similarity_low" in of:
        low, high = of["similarity_low"], of["similarity_high"]
        ax.fill_between(depth, low, high, color=INK, alpha=0.15, linewidth=0)
    if np.isfinite(values).any():
        most = int(np.nanargmax(values))
        ax.plot(depth[[most]], values[[most]], color=INK, marker="D", markersize=4, linestyle="")
    ax.set_title(MEASURE_NAMES.get(measure, measure), fontsize=7, loc="left", pad=2)
    ax.margins(y=0.15)
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MultipleLocator(0.2))
    ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    return ax


def _maps(result: xr.Dataset) -> Figure:
    measures = [str(measure) for measure in result["measure"].to_numpy()]
    columns = 4
    count = 2 + len(measures)
    rows = -(-count // columns)
    left, side, pitch = 0.47, 1.16, 1.63
    first, second = (shortened(name, 2.0) for name in sides_of(result.attrs, "a_to_b"))
    caption = wrapped(
        f"{conditions(result.attrs)} Dark: the imbalance is low, or the other measure large. Cross: the best pair of "
        f"layers by each. A: {first}; B: {second}.",
        TWO_COLUMNS - 0.16,
    )
    labels = [f"layer of {name}" for name in sides_of(result.attrs, "a_to_b")]
    if max(text_width(label, 8) for label in labels) > side:
        labels = ["layer of A", "layer of B"]
    below = caption_height(caption) + 0.36
    up = side + 0.42
    with paper_style():
        figure = sheet(TWO_COLUMNS, below + rows * up + (rows - 1) * 0.16)
        for place in range(count):
            row, column = divmod(place, columns)
            x, y = left + column * pitch, below + (rows - 1 - row) * (up + 0.16)
            ax = axes_at(figure, x, y, side, side)
            if place < len(LETTERS):
                direction = list(LETTERS)[place]
                values = result["imbalance"].sel(direction=direction).to_numpy()
                name, sign = f"II, {short_direction(result.attrs, direction, side - 0.3)}", 1
            else:
                values = result["similarity"].sel(measure=measures[place - len(LETTERS)]).to_numpy()
                name, sign = MEASURE_NAMES.get(measures[place - 2], measures[place - 2]), -1
            _small_map(values, ax, name, sign=sign)
            for axis, label in zip((ax.xaxis, ax.yaxis), labels[::-1], strict=True):
                axis.set_label_text(label)
                axis.set_major_locator(MaxNLocator(3, integer=True))
            if column:
                ax.set_ylabel("")
                ax.tick_params(labelleft=False)
            if place + columns < count:
                ax.set_xlabel("")
            bar = axes_at(figure, x + side + 0.05, y, 0.07, side)
            figure.colorbar(ax.images[0], cax=bar).locator = MaxNLocator(4, steps=[1, 2, 5, 10])
            bar.tick_params(pad=1.5)
        write_caption(figure, caption)
    return figure


def _small_map(values: NDArray[np.float64], ax: Axes, name: str, *, sign: int) -> None:
    """A map with its best pair: the least value, or with a sign of -1 the largest."""
    known = np.isfinite(values)
    ends = (float(np.nanmin(values)), float(np.nanmax(values))) if known.any() else (0.0, 1.0)
    plot_matrix(values, ax, low=ends[0], high=ends[1], colours=COLOURS if sign > 0 else ALIKE_COLOURS)
    title = name
    if known.any():
        row, column = np.unravel_index(np.nanargmin(sign * values), values.shape)
        mark_cell(ax, float(row), float(column))
        title = f"{name}\nbest {values[row, column]:.2f}"
    ax.set_title(title, fontsize=7, pad=3, linespacing=1.1)
