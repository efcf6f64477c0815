"""Depth curves of several pairs or models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foretell.studies.plotting.depth_figure import STRIP_NOTE, depth_figure, plot_depth, plot_semantic_layers
from foretell.studies.plotting.drawing.captions import (
    LETTERS,
    conditions,
    direction_labels,
    letters_told,
    panel_titles,
    short_direction,
)
from foretell.studies.plotting.drawing.curves import curve_labels, depth_label, labelled_artists
from foretell.studies.plotting.drawing.figure_checks import check_results
from foretell.studies.plotting.drawing.sheet import (
    TWO_COLUMNS,
    axes_at,
    caption_height,
    columns_of,
    legend_above,
    legend_height,
    sheet,
    text_width,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import paper_style

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.imbalance.semantic_layers import SemanticLayers

__all__ = ["depths_figure"]

_NAME = 0.55
"""Inches of a direction's name beside a panel's strip, at most."""

_STRIP, _AXIS = 0.34, 0.36


def depths_figure(
    results: Mapping[str, xr.Dataset], semantic: Mapping[str, Mapping[str, SemanticLayers]] | None = None
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
    layers = {name: (semantic or {}).get(name) for name in results}
    if len(results) == 1:
        ((name, result),) = results.items()
        return depth_figure(result, layers[name])
    attrs = [result.attrs for result in results.values()]
    label = depth_label(*results.values())
    strip = _STRIP if any(layers.values()) else 0.0
    columns = columns_of(len(results))
    curves = 1.6 if columns == 2 else 1.2
    rows = -(-len(results) // columns)
    names = [short_direction(of, direction, _NAME) for of in attrs for direction in LETTERS] if strip else [""]
    gap = max(map(text_width, names)) + 0.16
    left = max(0.47, gap)
    wide = (TWO_COLUMNS - left - 0.1 - (columns - 1) * gap) / columns
    titles = [wrapped(title, wide, 8) for title in panel_titles(results)]
    labels = direction_labels(results.values(), 2.5)
    title = 0.14 * max(map(len, titles)) + 0.12
    told = letters_told(results.values(), *labels.values(), *names)
    caption = _caption(results, told, with_strip=bool(strip))
    below = caption_height(caption) + _AXIS
    with paper_style():
        legend = legend_height(curve_labels(*results.values(), labels=labels), TWO_COLUMNS - left) - 0.04
        figure = sheet(TWO_COLUMNS, below + rows * (strip + curves + title) + legend)
        panels: list[Axes] = []
        for place, (name, result) in enumerate(results.items()):
            row, column = divmod(place, columns)
            x = left + column * (wide + gap)
            y = below + (rows - 1 - row) * (strip + curves + title)
            ax = axes_at(figure, x, y + strip, wide, curves)
            plot_depth(result, ax, semantic=layers[name], labels=labels)
            ax.set_title("\n".join(titles[place]), fontsize=8, pad=4)
            lowest = ax
            found = layers[name]
            if found:
                lowest = axes_at(figure, x, y, wide, strip - 0.06, sharex=ax)
                plot_semantic_layers(result, found, lowest, room=_NAME)
                ax.tick_params(labelbottom=False)
            ax.set_xlabel("")
            if place + columns < len(results):
                lowest.tick_params(labelbottom=False)
            else:
                lowest.set_xlabel(label, labelpad=2)
            if column:
                ax.tick_params(labelleft=False)
                ax.set_ylabel("")
            panels.append(ax)
        top = max(ax.get_ylim()[1] for ax in panels)
        for ax in panels:
            ax.set_ylim(0, top)
        legend_above(figure, labelled_artists(*panels), left=left - 0.07, inches=TWO_COLUMNS - left)
        write_caption(figure, caption)
    return figure


def _caption(results: Mapping[str, xr.Dataset], told: str, *, with_strip: bool) -> list[str]:
    parts = [conditions(*(result.attrs for result in results.values())) + told]
    if any("low" in result for result in results.values()):
        parts.append("Bands: 95 %.")
    if with_strip:
        parts.append(STRIP_NOTE)
    return wrapped(" ".join(parts), TWO_COLUMNS - 0.16)
