"""The imbalance against the number of candidates: why values at different n are not comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from foretell.measure.inference.standard_errors import critical
from foretell.studies.plotting.drawing.captions import LETTERED, direction_label
from foretell.studies.plotting.drawing.curves import labelled_artists, plot_directions
from foretell.studies.plotting.drawing.figure_checks import check_result
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    axes_at,
    axes_or_new,
    caption_height,
    legend_above,
    legend_height,
    sheet,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import paper_style

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["by_n_figure", "plot_by_n"]


def by_n_figure(result: xr.Dataset) -> Figure:
    """The imbalance against the number of candidates, both directions, one column wide.

    Parameters
    ----------
    result : Dataset
        As `foretell.imbalance_by_n` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        With a legend, and a caption that says what the numbers depend on.
    """
    check_result(result, "values against n", {"n"})
    attrs = result.attrs
    labels = list(_labels(result).values())
    caption = wrapped(
        f"Means over parts of the items, with 95 % bands. N = {attrs['n_items']} items, k = {attrs['k']}, "
        f"{attrs['convention']}.",
        ONE_COLUMN - 0.14,
    )
    below, curves = caption_height(caption) + 0.36, 1.75
    with paper_style():
        figure = sheet(ONE_COLUMN, below + curves + legend_height(labels, 0))
        ax = plot_by_n(result, axes_at(figure, 0.47, below, ONE_COLUMN - 0.55, curves))
        legend_above(figure, labelled_artists(ax), left=0.4, inches=0)
        write_caption(figure, caption)
    return figure


def plot_by_n(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw both directions against the number of candidates, on a logarithmic axis.

    Parameters
    ----------
    result : Dataset
        As `foretell.imbalance_by_n` gives it.
    ax : Axes, optional
        Where to draw; new ones by default.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "values against n", {"n"})
    ax = axes_or_new(ax)
    margin = critical(int(result["n"].min())) * result["stderr"]
    banded = result.assign(low=result["imbalance"] - margin, high=result["imbalance"] + margin)
    plot_directions(banded, ax, "n", labels=_labels(result))
    sizes = sorted(int(size) for size in result["n"].to_numpy())
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator(sizes))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    ax.set_xlabel("n, candidates of a query", labelpad=2)
    return ax


def _labels(result: xr.Dataset) -> Mapping[str, str]:
    return {direction: direction_label(result.attrs, direction, 2.45) for direction in LETTERED}
