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
from foretell.studies.plotting.drawing.captions import LETTERED, conditions
from foretell.studies.plotting.drawing.curves import labelled_artists
from foretell.studies.plotting.drawing.sheet import (
    ONE_COLUMN,
    axes_at,
    caption_height,
    legend_above,
    legend_height,
    sheet,
    shortened_apart,
    text_width,
    wrapped,
    write_caption,
)
from foretell.studies.plotting.drawing.style import DIRECTION_STYLES, INK, paper_style

__all__ = ["ControlRow", "controls_figure", "plot_controls"]

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
    imbalance, stderr, low, high : tuple of float
        Values, standard errors and 95 % intervals of A to B and of B to A; NaN where there is none.
    reference : bool
        Whether this is the study itself, which the others are compared with.
    """

    control: str
    variant: str
    imbalance: tuple[float, float]
    stderr: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]
    reference: bool = False


def controls_figure(
    rows: Sequence[ControlRow], *, of: Sequence[Mapping[Any, Any]] = (), labels: Mapping[str, str] | None = None
) -> Figure:
    """The imbalance under each variant of each control, both directions, one column wide.

    Parameters
    ----------
    rows : sequence of ControlRow
        In the order that they are drawn in, from the top down.
    of : sequence of mappings
        Attributes of the results that they are of, for the caption.
    labels : mapping of direction to str, optional
        What the directions are called; `A predicts B` by default.

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
    shown = labels or LETTERED
    caption = wrapped(
        f"{conditions(*of)} Lines: 95 %. Vertical bands: the study itself, 95 %. Dotted: shuffled pairs.",
        ONE_COLUMN - 0.14,
    )
    below = caption_height(caption) + 0.36
    names = shortened_apart([row.variant for row in rows], _NAME)
    headings = shortened_apart([row.control for row in rows], _NAME + 0.2)
    left = max(*map(text_width, names), *(text_width(heading) - 0.1 for heading in headings)) + 0.18
    places, height = _places(rows)
    tall = _ROW * height + 0.06
    with paper_style():
        legend = legend_height(list(shown.values()), ONE_COLUMN - 0.1)
        figure = sheet(ONE_COLUMN, below + tall + legend)
        ax = axes_at(figure, left, below, ONE_COLUMN - left - 0.1, tall)
        plot_controls(rows, ax, labels=shown)
        ax.set_yticks(places, names)
        for tick, row in zip(ax.get_yticklabels(), rows, strict=True):
            tick.set_fontweight("bold" if row.reference else "normal")
        for heading, first in zip(headings, _firsts(rows), strict=True):
            if first is not None:
                across = -(left - 0.08) / (ONE_COLUMN - left - 0.1)
                ax.text(
                    across,
                    places[first] - _HEADING,
                    heading,
                    transform=ax.get_yaxis_transform(),
                    va="center",
                    fontstyle="italic",
                )
        legend_above(figure, labelled_artists(ax), left=0.05, inches=ONE_COLUMN - 0.1)
        write_caption(figure, caption)
    return figure


def plot_controls(rows: Sequence[ControlRow], ax: Axes, *, labels: Mapping[str, str] | None = None) -> Axes:
    """Draw rows on given axes, the first at the top: dots with intervals.

    The reference's intervals are vertical bands; a dotted line stands at 1.
    """
    places, height = _places(rows)
    shown = labels or LETTERED
    highest = 1.0
    for number, (direction, style) in enumerate(DIRECTION_STYLES.items()):
        at = [place + (number - 0.5) * 0.36 for place in places]
        for row, y in zip(rows, at, strict=True):
            ends = row.low[number], row.high[number]
            ax.plot(ends, (y, y), color=style.colour, linewidth=0.9, solid_capstyle="butt", zorder=3)
            highest = max([highest, *(end for end in ends if math.isfinite(end))])
            if row.reference and all(map(math.isfinite, ends)):
                ax.axvspan(*ends, color=style.colour, alpha=0.13, linewidth=0, zorder=0)
        ax.plot(
            [row.imbalance[number] for row in rows],
            at,
            color=style.colour,
            marker=style.marker,
            markersize=3.2,
            markerfacecolor=style.colour if style.filled else "white",
            markeredgewidth=0.7,
            linestyle="",
            label=shown[direction],
            zorder=4,
        )
    ax.axvline(1, color=INK, linestyle=":", linewidth=1, zorder=1)
    for first in _firsts(rows):
        if first:
            ax.axhline(places[first] - _HEADING - 0.55, color=INK, linewidth=0.3, alpha=0.5, zorder=0)
    ax.set_xlim(0, 1.04 * highest)
    ax.xaxis.set_major_locator(MultipleLocator(0.2))
    ax.set_ylim(height - 0.6, -0.6)
    ax.set_yticks(places, [row.variant for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("Information Imbalance", labelpad=2)
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


def _firsts(rows: Sequence[ControlRow]) -> list[int | None]:
    """For each row its place, where it is the first of its control."""
    return [place if place == 0 or rows[place - 1].control != row.control else None for place, row in enumerate(rows)]
