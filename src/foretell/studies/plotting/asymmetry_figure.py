"""Asymmetries of many pairs in one figure, in rows or as a table: which side predicts the other better, how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import conditions, shortened_apart, text_width, wrapped
from foretell.studies.plotting.panel_grid import ONE_COLUMN, TWO_COLUMNS, PanelGrid, axes_or_new, name_rows
from foretell.studies.plotting.style import DIRECTION_STYLES, INK, PALE, LineStyle, paper_style
from foretell.studies.summaries.verdicts import Verdict

_ROW = 0.17
"""Inches of a row."""

_NAME = 1.15
"""Inches of a row's name, at most, in one column; where one needs more, the figure is two columns wide."""

_CELL = 0.42
"""Inches of the height of a table's cell."""

# Blue to red through white: apart for the colour-blind; in grey the signs tell the ends apart.
_COLOURS = "RdBu"


Signs = Mapping[tuple[str, str], Verdict]
"""Asymmetries by row and column."""


@paper_style()
def asymmetry_figure(rows: Sequence[tuple[str, Verdict]], *, of: Sequence[Mapping[Any, Any]] = ()) -> Figure:
    """Asymmetries with their intervals, a row a pair, one column wide, or two for long names.

    Parameters
    ----------
    rows : sequence of (str, Verdict)
        Names of pairs of sides, A first as in `en, es`, and their asymmetries: negative where A predicts B better. In
        the order that they are drawn in, from the top down.
    of : sequence of mappings
        Attributes of the results that they are of, for the caption.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no row.
    """
    if not rows:
        raise InputError("A figure of asymmetries needs a row: give one or more.")
    names = [name for name, _ in rows]
    width = TWO_COLUMNS if max(map(text_width, names)) > _NAME else ONE_COLUMN
    grid = PanelGrid(width, [_ROW * len(rows) + 0.08])
    ax = plot_asymmetries(rows, grid.at(0))
    ax.set_yticks(range(len(rows)), shortened_apart(names, _NAME + width - ONE_COLUMN))
    return grid.finish(
        conditions(*of),
        "II(A → B) − II(B → A), A the first of a pair, with 95 % intervals. Filled: resolved, "
        "all rows considered. Pale: too small to be resolved.",
    )


def plot_asymmetries(rows: Sequence[tuple[str, Verdict]], ax: Axes | None = None) -> Axes:
    """Draw asymmetries with their intervals and values, the first row at the top.

    A marker is filled where the asymmetry is resolved, its colour and form that of the better direction.
    """
    ax = axes_or_new(ax)
    for place, (_, test) in enumerate(rows):
        ax.annotate(_number(test), (1, place), (4, 0), ("axes fraction", "data"), "offset points", va="center_baseline")
        if math.isfinite(test.margin):
            ax.barh(place, 2 * test.margin, left=-test.margin, height=1, color=PALE, alpha=0.7, linewidth=0)
        style = DIRECTION_STYLES["a_to_b" if test.value < 0 else "b_to_a"]
        dot = LineStyle(style.colour if test.significant else INK, "", style.marker, test.significant)
        ax.plot((test.low, test.high), (place, place), color=dot.colour, lw=1, solid_capstyle="butt", zorder=3)
        ax.plot((test.value,), (place,), markersize=4, zorder=4, **dot.line_options)
    ax.axvline(0, color=INK, linewidth=0.6, zorder=2)
    ends = [end for _, test in rows for end in (test.low, test.high, test.margin)]
    reach = max([0.005, *map(abs, filter(math.isfinite, ends))])
    ax.set_xlim(-1.08 * reach, 1.08 * reach)
    ax.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    name_rows(ax, range(len(rows)), [name for name, _ in rows])
    ax.set_xlabel("II(A → B) − II(B → A)")
    # The two halves of the axis in words, meeting at the zero line.
    for side, words, ha in ((-5, "first predicts\nbetter", "right"), (5, "second predicts\nbetter", "left")):
        ax.annotate(words, (0.5, 1), (side, 2), "axes fraction", "offset points", ha=ha, linespacing=1.1)
    return ax


@paper_style()
def signs_figure(
    table: Signs,
    *,
    rows: str = "text models",
    columns: str = "vision models",
    of: Sequence[Mapping[Any, Any]] = (),
) -> Figure:
    """The signs of asymmetries, a model a row against a model a column.

    Parameters
    ----------
    table : mapping of (str, str) to Verdict
        The asymmetry of a row's model (A) and a column's (B), by their names. Rows and columns stand in the order that
        they are first met in; a pair that is not there stays white.
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
        If there is no cell.
    """
    down, across = _names(table)
    names = shortened_apart(down, 1.2)
    left = max(map(text_width, names)) + 0.5
    width = ONE_COLUMN if left + len(across) * 0.75 <= ONE_COLUMN else TWO_COLUMNS
    cell = (width - left) / len(across)
    grid = PanelGrid(width, [_CELL * len(down)])
    ax = plot_signs(table, grid.at(0))
    headings = [wrapped(name, cell - 0.06) for name in shortened_apart(across, 1.8 * cell)]
    ax.set_xticks(range(len(across)), headings, linespacing=1.1, va="baseline")
    ax.set_yticks(range(len(down)), names)
    ax.set_xlabel(columns)
    ax.set_ylabel(rows)
    return grid.finish(
        conditions(*of),
        "II(row → column) − II(column → row), ± half a 95 % interval. ◀: the row's model predicts "
        "the column's better than the reverse (negative); ▶: the column's predicts the row's better; "
        "○: not resolved, all cells considered.",
    )


def plot_signs(table: Signs, ax: Axes | None = None) -> Axes:
    """Draw a table: colour and sign say which side predicts better, beneath stands how much."""
    ax = axes_or_new(ax)
    down, across = _names(table)
    reach = max([0.01, *(abs(test.value) for test in table.values() if math.isfinite(test.value))])
    colours, scale = matplotlib.colormaps[_COLOURS], Normalize(-reach, reach)
    for (row, column), test in table.items():
        x, y = across.index(column), down.index(row)
        known = math.isfinite(test.value)
        # Half the range of colours, so that dark letters can be read on all of them; unresolved ones are paler still.
        strength = 0.5 if test.significant else 0.12
        # The map begins with red: negative values, where the row predicts better, are to be blue as A to B is.
        colour = colours(0.5 + strength * (0.5 - scale(test.value))) if known else (1.0, 1.0, 1.0, 1.0)
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.5))
        ax.text(x, y - 0.06, _value(test), ha="center", va="bottom")
        if math.isfinite(test.low):
            ax.text(x, y + 0.08, f"± {test.margin:.3f}", ha="center", va="top")
    ax.set_xlim(-0.5, len(across) - 0.5)
    ax.set_ylim(len(down) - 0.5, -0.5)
    ax.set_xticks(range(len(across)), across)
    ax.set_yticks(range(len(down)), down)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0, labelcolor=INK)
    ax.spines[:].set_visible(False)
    return ax


def _names(table: Signs) -> tuple[list[str], list[str]]:
    if not table:
        raise InputError("A table of signs needs a cell: give one or more.")
    return list(dict.fromkeys(row for row, _ in table)), list(dict.fromkeys(column for _, column in table))


def _value(test: Verdict) -> str:
    if not math.isfinite(test.value):
        return "undefined"
    sign = "○" if not test.significant else "◀" if test.value < 0 else "▶"
    return f"{sign} {test.value:+.3f}".replace("-", "−")


def _number(test: Verdict) -> str:
    if not math.isfinite(test.value):
        return "undefined"
    p = "p < .001" if test.p_adjusted < 0.001 else f"p = {test.p_adjusted:.3f}".replace("0.", ".")
    return f"{test.value:+.3f}, {p}".replace("-", "−") if math.isfinite(test.p_adjusted) else f"{test.value:+.3f}"
