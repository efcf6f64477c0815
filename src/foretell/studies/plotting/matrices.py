"""One matrix as an image, its best cell marked: what every figure of maps draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from foretell.studies.plotting.captions import shortened
from foretell.studies.plotting.style import INK

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
