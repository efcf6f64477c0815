"""Asymmetries of many pairs in one figure: which side predicts the other better, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import conditions, shortened_apart, text_width
from foretell.studies.plotting.panel_grid import ONE_COLUMN, TWO_COLUMNS, PanelGrid, axes_or_new, name_rows
from foretell.studies.plotting.style import DIRECTION_STYLES, INK, PALE, LineStyle, paper_style
from foretell.studies.summaries.verdicts import Verdict

_ROW = 0.17
"""Inches of a row."""

_NAME = 1.15
"""Inches of a row's name, at most, in one column; where one needs more, the figure is two columns wide."""


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


def _number(test: Verdict) -> str:
    if not math.isfinite(test.value):
        return "undefined"
    p = "p < .001" if test.p_adjusted < 0.001 else f"p = {test.p_adjusted:.3f}".replace("0.", ".")
    return f"{test.value:+.3f}, {p}".replace("-", "−") if math.isfinite(test.p_adjusted) else f"{test.value:+.3f}"
