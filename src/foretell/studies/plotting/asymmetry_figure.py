"""Asymmetries of many pairs in one figure: which side foretells the other better, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
from foretell.studies.plotting.drawing.style import DIRECTION_STYLES, INK, PALE, paper_style

__all__ = ["AsymmetryRow", "asymmetry_figure", "plot_asymmetries"]

_ROW = 0.17
"""Inches of a row."""

_NAME = 1.15
"""Inches of a row's name, at most, in one column; where one needs more, the figure is two columns wide."""


@dataclass(frozen=True)
class AsymmetryRow:
    """The asymmetry of one pair of sides, A the first.

    Attributes
    ----------
    name : str
        Of the pair, A first: `en, es`.
    value, stderr : float
        II(A → B) - II(B → A) and its standard error: negative where A foretells B better than B foretells A.
    low, high : float
        Its 95 % interval.
    p_value : float
        After whatever correction the study makes for its many pairs.
    resolved : bool
        Whether it is told apart from 0, after that correction.
    resolvable : float
        The smallest asymmetry that could have been.
    """

    name: str
    value: float
    stderr: float
    low: float
    high: float
    p_value: float
    resolved: bool
    resolvable: float


def asymmetry_figure(rows: Sequence[AsymmetryRow], *, of: Sequence[Mapping[Any, Any]] = ()) -> Figure:
    """Asymmetries with their intervals, a row a pair, one column wide, or two for long names.

    Parameters
    ----------
    rows : sequence of AsymmetryRow
        In the order that they are drawn in, from the top down.
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
    is_wide = max(text_width(row.name) for row in rows) > _NAME
    width = TWO_COLUMNS if is_wide else ONE_COLUMN
    caption = wrapped(
        f"{conditions(*of)} II(A → B) − II(B → A), A the first of a pair, with 95 % intervals. Filled: resolved, "
        "all rows considered. Pale: too small to be resolved.",
        width - 0.14,
    )
    below = caption_height(caption) + 0.36
    names = shortened_apart([row.name for row in rows], _NAME + width - ONE_COLUMN)
    numbers = [_number(row) for row in rows]
    left = max(map(text_width, names)) + 0.16
    right = max(map(text_width, numbers)) + 0.1
    tall = _ROW * len(rows) + 0.08
    with paper_style():
        figure = sheet(width, below + tall + 0.36)
        ax = axes_at(figure, left, below, width - left - right, tall)
        plot_asymmetries(rows, ax)
        ax.set_yticks(range(len(rows)), names)
        for place, number in enumerate(numbers):
            _beside(ax, 1, place, number, (4, 0), ha="left", va="center_baseline")
        # The two halves of the axis in words, meeting at the zero line.
        zero = ax.transData.transform((0, 0))[0]
        middle = ax.transAxes.inverted().transform((zero, 0))[0]
        for words, side, ha in (("first foretells\nbetter", -5, "right"), ("second foretells\nbetter", 5, "left")):
            ax.annotate(
                words,
                (middle, 1),
                xycoords="axes fraction",
                xytext=(side, 2),
                textcoords="offset points",
                ha=ha,
                va="bottom",
                linespacing=1.1,
            )
        write_caption(figure, caption)
    return figure


def plot_asymmetries(rows: Sequence[AsymmetryRow], ax: Axes) -> Axes:
    """Draw asymmetries with their intervals on given axes, the first row at the top.

    A marker is filled where the asymmetry is resolved, its colour and form that of the better direction.
    """
    for place, row in enumerate(rows):
        if math.isfinite(row.resolvable):
            ax.barh(place, 2 * row.resolvable, left=-row.resolvable, height=1, color=PALE, alpha=0.7, linewidth=0)
        style = DIRECTION_STYLES["a_to_b" if row.value < 0 else "b_to_a"]
        colour = style.colour if row.resolved else INK
        ax.plot((row.low, row.high), (place, place), color=colour, linewidth=1, solid_capstyle="butt", zorder=3)
        ax.plot(
            (row.value,),
            (place,),
            color=colour,
            marker=style.marker,
            markersize=4,
            markerfacecolor=colour if row.resolved else "white",
            markeredgewidth=0.8,
            linestyle="",
            zorder=4,
        )
    ax.axvline(0, color=INK, linewidth=0.6, zorder=2)
    reach = max(
        [0.005, *(abs(end) for row in rows for end in (row.low, row.high, row.resolvable) if math.isfinite(end))]
    )
    ax.set_xlim(-1.08 * reach, 1.08 * reach)
    ax.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(range(len(rows)), [row.name for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("II(A → B) − II(B → A)", labelpad=2)
    return ax


def _number(row: AsymmetryRow) -> str:
    if not math.isfinite(row.value):
        return "undefined"
    p = "p < .001" if row.p_value < 0.001 else f"p = {row.p_value:.3f}".replace("0.", ".")
    return f"{row.value:+.3f}, {p}".replace("-", "−") if math.isfinite(row.p_value) else f"{row.value:+.3f}"


def _beside(ax: Axes, x: float, y: float, words: str, offset: tuple[float, float], **options: Any) -> None:
    """Words at a share of the axes' width and a row."""
    ax.annotate(words, (x, y), xycoords=("axes fraction", "data"), xytext=offset, textcoords="offset points", **options)
