"""A table of asymmetries: which of a row's and a column's models foretells the other better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from foretell.exceptions import InputError
from foretell.studies.plotting.drawing.captions import conditions
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    TWO_COLUMNS,
    axes_at,
    caption_height,
    sheet,
    shortened_apart,
    text_width,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import INK, paper_style

__all__ = ["SignCell", "plot_signs", "signs_figure"]

# Blue to red through white: apart for the colour-blind; in grey the signs tell the ends apart.
_COLOURS = "RdBu"

_LINES = 0.42
"""Inches of the height of a cell."""


@dataclass(frozen=True)
class SignCell:
    """The asymmetry of a row's model (A) and a column's (B).

    Attributes
    ----------
    row, column : str
        Their names.
    value : float
        II(A → B) - II(B → A): negative where the row's model foretells the column's better than the reverse.
    low, high : float
        Its 95 % interval.
    p_value : float
    resolved : bool
        Whether it is told apart from 0, after correction for the many cells.
    sentence : str
        The same in words.
    """

    row: str
    column: str
    value: float
    low: float
    high: float
    p_value: float
    resolved: bool
    sentence: str


def signs_figure(
    table: Sequence[SignCell],
    *,
    rows: str = "text models",
    columns: str = "vision models",
    of: Sequence[Mapping[Any, Any]] = (),
) -> Figure:
    """The signs of asymmetries, a model a row against a model a column.

    Parameters
    ----------
    table : sequence of SignCell
        Rows and columns stand in the order that they are first met in; a pair that is not there stays white.
    rows, columns : str
        What the models of rows and of columns are.
    of : sequence of mappings
        Attributes of the results that the cells are of, for the caption.

    Returns
    -------
    matplotlib.figure.Figure
        One column wide where the cells fit, else two.

    Raises
    ------
    InputError
        If there is no cell, or one twice.
    """
    down, across = _names(table)
    names = shortened_apart(down, 1.2)
    left = max(map(text_width, names)) + 0.4
    width = ONE_COLUMN if left + len(across) * 0.75 + 0.1 <= ONE_COLUMN else TWO_COLUMNS
    cell = min((width - left - 0.1) / len(across), 1.4)
    headings = ["\n".join(wrapped(name, cell - 0.06)) for name in shortened_apart(across, 1.8 * cell)]
    caption = wrapped(
        f"{conditions(*of)} II(row → column) − II(column → row), ± half a 95 % interval. ◀: the row's model foretells "
        "the column's better than the reverse (negative); ▶: the column's foretells the row's better; "
        "○: not resolved, all cells considered.",
        width - 0.16,
    )
    below = caption_height(caption) + 0.08
    above = 0.13 * max(heading.count("\n") + 1 for heading in headings) + 0.26
    with paper_style():
        figure = sheet(width, below + _LINES * len(down) + above)
        ax = axes_at(figure, left, below, cell * len(across), _LINES * len(down))
        plot_signs(table, ax)
        ax.set_xticks(range(len(across)), headings, linespacing=1.1, va="baseline")
        ax.set_yticks(range(len(down)), names)
        ax.set_xlabel(columns, labelpad=3)
        ax.set_ylabel(rows, labelpad=3)
        write_caption(figure, caption)
    return figure


def plot_signs(table: Sequence[SignCell], ax: Axes) -> Axes:
    """Draw a table on given axes: colour and sign say which side foretells better, beneath stands how much."""
    down, across = _names(table)
    reach = max([0.01, *(abs(cell.value) for cell in table if math.isfinite(cell.value))])
    colours, scale = matplotlib.colormaps[_COLOURS], Normalize(-reach, reach)
    for cell in table:
        x, y = across.index(cell.column), down.index(cell.row)
        known = math.isfinite(cell.value)
        # Half the range of colours, so that dark letters can be read on all of them; unresolved ones are paler still.
        strength = 0.5 if cell.resolved else 0.12
        # The map begins with red: negative values, where the row foretells better, are to be blue as A to B is.
        colour = colours(0.5 + strength * (0.5 - scale(cell.value))) if known else (1.0, 1.0, 1.0, 1.0)
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.5))
        ax.text(x, y - 0.06, _value(cell), ha="center", va="bottom")
        if math.isfinite(cell.high - cell.low):
            ax.text(x, y + 0.08, f"± {(cell.high - cell.low) / 2:.3f}", ha="center", va="top")
    ax.set_xlim(-0.5, len(across) - 0.5)
    ax.set_ylim(len(down) - 0.5, -0.5)
    ax.set_xticks(range(len(across)), across)
    ax.set_yticks(range(len(down)), down)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0, labelcolor=INK)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _names(table: Sequence[SignCell]) -> tuple[list[str], list[str]]:
    if not table:
        raise InputError("A table of signs needs a cell: give one or more.")
    if len({(cell.row, cell.column) for cell in table}) < len(table):
        raise InputError("A table of signs has one cell a row and column: some are given twice.")
    return list(dict.fromkeys(cell.row for cell in table)), list(dict.fromkeys(cell.column for cell in table))


def _value(cell: SignCell) -> str:
    if not math.isfinite(cell.value):
        return "undefined"
    sign = "○" if not cell.resolved else "◀" if cell.value < 0 else "▶"
    return f"{sign} {cell.value:+.3f}".replace("-", "−")
