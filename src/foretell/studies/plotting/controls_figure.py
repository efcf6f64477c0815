"""What controls change: each variant's imbalance beside that of the study itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import LETTERED, conditions, shortened_apart
from foretell.studies.plotting.panel_grid import ONE_COLUMN, PanelGrid, axes_or_new, name_rows
from foretell.studies.plotting.style import DIRECTION_STYLES, INK, paper_style

_ROW = 0.15
"""Inches of a row."""

_NAME = 1.3
"""Inches of a row's name, at most."""

_HEADING = 0.9
"""Rows that a control's name takes, with the space above it."""


@dataclass(frozen=True)
class ControlRow:
    """The imbalance under one variant of one control, both directions: A to B, B to A.

    Attributes
    ----------
    control : str
        What is varied: `binarisation`. Rows of one control stand together.
    variant : str
        How: `median`.
    imbalance, low, high : tuple of float
        Values and 95 % intervals of A to B and of B to A; NaN where there is none.
    reference : bool
        Whether this is the study itself, which the others are compared with.
    """

    control: str
    variant: str
    imbalance: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]
    reference: bool = False


@paper_style()
def controls_figure(rows: Sequence[ControlRow], *, of: Sequence[Mapping[Any, Any]] = ()) -> Figure:
    """The imbalance under each variant of each control, both directions, one column wide.

    Parameters
    ----------
    rows : sequence of ControlRow
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
        raise InputError("A figure of controls needs a row: give one or more.")
    grid = PanelGrid(ONE_COLUMN, [_ROW * _places(rows)[1] + 0.06])
    ax = plot_controls(rows, grid.at(0))
    meaning = "Lines: 95 %. Vertical bands: the study itself, 95 %. Dotted: shuffled pairs."
    return grid.finish(conditions(*of), meaning, legend_of=[ax])


def plot_controls(rows: Sequence[ControlRow], ax: Axes | None = None) -> Axes:
    """Draw rows, the first at the top: dots with intervals.

    The reference's intervals are vertical bands; a dotted line stands at 1.
    """
    ax = axes_or_new(ax)
    places, height = _places(rows)
    highest = 1.0
    for number, (direction, style) in enumerate(DIRECTION_STYLES.items()):
        at = [place + (number - 0.5) * 0.36 for place in places]
        for row, y in zip(rows, at, strict=True):
            ends = row.low[number], row.high[number]
            ax.plot(ends, (y, y), color=style.colour, linewidth=0.9, solid_capstyle="butt", zorder=3)
            highest = max([highest, *(end for end in ends if math.isfinite(end))])
            if row.reference and all(map(math.isfinite, ends)):
                ax.axvspan(*ends, color=style.colour, alpha=0.13, linewidth=0, zorder=0)
        dots = {**style.line_options, "linestyle": "", "markersize": 3.2}
        ax.plot([row.imbalance[number] for row in rows], at, label=LETTERED[direction], zorder=4, **dots)
    ax.axvline(1, color=INK, linestyle=":", linewidth=1, zorder=1)
    headings = shortened_apart([row.control for row in rows], _NAME)
    for place, (heading, y) in enumerate(zip(headings, places, strict=True)):
        if place and rows[place - 1].control == rows[place].control:
            continue
        beside: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center_baseline"}
        ax.text(-0.025, y - _HEADING, heading, style="italic", **beside)
        if place:
            ax.axhline(y - _HEADING - 0.55, color=INK, linewidth=0.3, alpha=0.5, zorder=0)
    ax.set_xlim(0, 1.04 * highest)
    ax.xaxis.set_major_locator(MultipleLocator(0.2))
    ax.set_ylim(height - 0.6, -0.6)
    name_rows(ax, places, shortened_apart([row.variant for row in rows], _NAME))
    for tick, row in zip(ax.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row.reference else "normal")
    ax.set_xlabel("Information Imbalance")
    return ax


def _places(rows: Sequence[ControlRow]) -> tuple[list[float], float]:
    """Where rows stand, counted in rows from the top, and how many rows that takes: each control has a heading."""
    places, y = [], 0.0
    for _, group in groupby(rows, lambda row: row.control):
        y += _HEADING
        for _ in group:
            places.append(y)
            y += 1
        y += 0.3
    return places, y
