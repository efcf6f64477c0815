"""One matrix as an image, its best cell marked: what every figure of maps draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from foretell.studies.plotting.drawing.style import INK

__all__ = ["ALIKE_COLOURS", "COLOURS", "mark_cell", "outline", "plot_matrix"]

# Dark is what foretells, and what is alike: it stands out, in grey as in colour.
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
    """Draw a matrix on given axes, the first row at the bottom; a cell without a value stays white."""
    options: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "nearest", "extent": extent}
    ax.imshow(values, vmin=low, vmax=high, cmap=colours, **options)
    return ax


def mark_cell(ax: Axes, row: float, column: float) -> None:
    """A cross that is seen on dark as on pale."""
    ax.plot(column, row, marker="x", color="white", markersize=6, markeredgewidth=2.4)
    ax.plot(column, row, marker="x", color=INK, markersize=5, markeredgewidth=1.1)


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
