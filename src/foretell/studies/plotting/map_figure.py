"""Maps of layer against layer, one panel a direction; the matrix that every figure of maps draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import LETTERS, conditions, shortened
from foretell.studies.plotting.curve_figures import curves_figure, plot_depth
from foretell.studies.plotting.figure_checks import check_result
from foretell.studies.plotting.panel_grid import TWO_COLUMNS, PanelGrid, axes_or_new, hide_labels
from foretell.studies.plotting.style import INK, paper_style
from foretell.studies.words import direction_name, sides_of

if TYPE_CHECKING:
    import xarray as xr


# Dark is what predicts, and what is alike: it stands out, in grey as in colour.
COLOURS = "viridis"
ALIKE_COLOURS = "viridis_r"


def plot_matrix(
    values: NDArray[np.float64],
    ax: Axes,
    *,
    low: float,
    high: float,
    colours: str = COLOURS,
    extent: tuple[float, float, float, float] | None = None,
) -> Axes:
    """Draw a matrix on given axes as a square, the first row at the bottom; a cell without a value stays white."""
    options: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "nearest", "extent": extent}
    ax.imshow(values, vmin=low, vmax=high, cmap=colours, **options)
    ax.set_box_aspect(1)
    return ax


def label_sides(ax: Axes, names: Sequence[str], *, inches: float, ticks: int) -> None:
    """Say what the rows and the columns of a matrix are, with so many numbers at most."""
    for axis, name in zip((ax.yaxis, ax.xaxis), names, strict=True):
        axis.set_label_text(shortened(name, inches, 8))
        axis.set_major_locator(MaxNLocator(ticks, integer=True))


def colour_bar(*panels: Axes, label: str = "") -> Axes:
    """A scale of the colours of matrices, right of their panels."""
    bar = panels[0].figure.colorbar(panels[0].images[0], ax=panels, label=label, fraction=0.08, aspect=20, pad=0.02)
    bar.ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    bar.ax.tick_params(pad=1.5)
    return bar.ax


def mark_cell(ax: Axes, row: float, column: float) -> None:
    """A cross that is seen on dark as on pale."""
    ax.plot(column, row, marker="x", color="white", markersize=6, markeredgewidth=2.4)
    ax.plot(column, row, marker="x", color=INK, markersize=5, markeredgewidth=1.1)


_TAU = 0.05


@paper_style()
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
    check_result(result, "maps", {"a", "b"})
    values = result["imbalance"].to_numpy()
    low, high = float(np.nanmin(values)), max(1.0, float(np.nanmax(values)))
    grid = PanelGrid(TWO_COLUMNS, [None], columns=2)
    for column, direction in enumerate(LETTERS):
        ax = plot_map(result, grid.at(0, column), direction=direction, low=low, high=high)
        hide_labels(ax, y=column > 0)
    colour_bar(*grid.panels.values(), label="Information Imbalance")
    return grid.finish(
        conditions(result.attrs),
        f"Tokens: {result.attrs['tokens']}." if "tokens" in result.attrs else "",
        f"Outlined: within {_TAU} of the way from the least value of that direction to 1.",
        "Cross: the best pair of layers in that direction." if "best" in result else "",
        "Dashed: equal relative depth." if "relative_depth_a" in result.coords else "",
        "1: one side says nothing of the other.",
    )


def plot_map(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    direction: str,
    low: float = 0.0,
    high: float = 1.0,
    tau: float = _TAU,
) -> Axes:
    """Draw one direction of a map on given axes: the semantic region, the best pair, and where depths are equal.

    Parameters
    ----------
    result : Dataset
        A matrix; `best`, where it has it, is marked by a cross, and where it has relative depths a line shows
        where those of both sides are the same.
    ax : Axes, optional
        Where to draw; new ones by default.
    direction : {"a_to_b", "b_to_a"}
    low, high : float
        Values of the ends of the colours.
    tau : float, default 0.05
        Share of the way from the least value to 1 within which a pair of layers is outlined.

    Returns
    -------
    Axes
        The same.
    """
    check_result(result, "maps", {"a", "b"})
    shown = result.sel(direction=direction)
    values = shown["imbalance"].to_numpy()
    # Rows are layers of A, upwards.
    ax = plot_matrix(values, axes_or_new(ax), low=low, high=high)
    label_sides(ax, [f"layer of {name}" for name in sides_of(result.attrs, "a_to_b")], inches=2.5, ticks=8)
    ax.set_title(shortened(direction_name(result.attrs, direction), 2.5, 8), fontsize=8)
    least = float(np.nanmin(values))
    outline(np.nan_to_num(values, nan=np.inf) <= least + tau * (1 - least), ax)
    if "relative_depth_a" in result.coords:
        depths = [result[f"relative_depth_{side}"].to_numpy() for side in "ab"]
        across = np.arange(values.shape[1])
        up = np.interp(depths[1], depths[0], np.arange(values.shape[0]))
        ax.plot(across, up, color="white", linewidth=1.4, alpha=0.6)
        ax.plot(across, up, color=INK, linewidth=0.8, linestyle=(0, (5, 3)))
    if "best" in result:
        best = zip("ab", shown["best"].to_numpy().astype(str), strict=True)
        row, column = (result[side].to_numpy().astype(str).tolist().index(layer) for side, layer in best)
        mark_cell(ax, row, column)
    return ax


@paper_style()
def equal_depth_figure(result: xr.Dataset) -> Figure:
    """Both directions of a map at equal relative depth, as a depth curve one column wide.

    Parameters
    ----------
    result : Dataset
        A matrix with `relative_depth_a` and `relative_depth_b`, such as a map study's.

    Returns
    -------
    matplotlib.figure.Figure
        With a legend, and a caption that says what the numbers depend on.

    Raises
    ------
    InputError
        If the result is no map, or says nothing of depths.
    """
    curve = at_equal_depth(result)
    first, second = sides_of(result.attrs, "a_to_b")
    note = f"Each layer of {first} with the layer of {second} at the nearest relative depth."
    return curves_figure({"": curve}, plot_depth, note=note)


def at_equal_depth(result: xr.Dataset) -> xr.Dataset:
    """The curve that a map holds: each layer of A with the layer of B at the nearest relative depth.

    Parameters
    ----------
    result : Dataset
        A matrix with `relative_depth_a` and `relative_depth_b`.

    Returns
    -------
    Dataset
        What the matrix has of values, errors and nulls along `layer`, that of A, and its `relative_depth`;
        `layer_of_b` is the other's. Of two layers as near it is the shallower.
    """
    import xarray as xr

    check_result(result, "layers at equal depth", {"a", "b"})
    if not {"relative_depth_a", "relative_depth_b"} <= set(result.coords):
        raise InputError(
            "A figure of layers at equal depth needs the coordinates relative_depth_a and relative_depth_b: "
            "result.assign_coords(relative_depth_a=('a', depths), relative_depth_b=('b', depths)) gives them."
        )
    of_a, of_b = (result[f"relative_depth_{side}"].to_numpy() for side in "ab")
    nearest = np.abs(of_b[None, :] - of_a[:, None]).argmin(axis=1)
    table = [str(name) for name, values in result.data_vars.items() if {"a", "b"} <= set(values.dims)]
    curve = result[table].isel(
        a=xr.DataArray(np.arange(len(of_a)), dims="layer"), b=xr.DataArray(nearest, dims="layer")
    )
    return curve.reset_coords(drop=True).assign_coords(
        direction=result["direction"],
        layer=result["a"].to_numpy(),
        layer_of_b=("layer", result["b"].to_numpy()[nearest]),
        relative_depth=("layer", of_a),
    )


def outline(inside: NDArray[np.bool_], ax: Axes) -> None:
    """A line round the cells that are inside, along their edges."""
    padded = np.pad(inside, 1)
    edges = []
    for row, column in np.argwhere(padded[1:] != padded[:-1]):
        edges.append([(column - 1.5, row - 0.5), (column - 0.5, row - 0.5)])
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        edges.append([(column - 0.5, row - 1.5), (column - 0.5, row - 0.5)])
    for colour, width in (("white", 2.0), (INK, 0.9)):
        ax.add_collection(LineCollection(edges, colors=colour, linewidths=width, capstyle="round"))
