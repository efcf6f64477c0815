"""Sheets measured in inches, and text that is measured before it is set, so that nothing is cut off."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from foretell.studies.plotting.drawing.style import SIZE, paper_style

__all__ = [
    "ONE_COLUMN",
    "TWO_COLUMNS",
    "axes_at",
    "axes_or_new",
    "caption_height",
    "columns_of",
    "legend_above",
    "legend_height",
    "save_figure",
    "sheet",
    "shortened",
    "shortened_apart",
    "text_width",
    "wrapped",
    "write_caption",
]

ONE_COLUMN = 3.4
TWO_COLUMNS = 7.0
"""Inches: the widths of a paper's figures."""

_DOTS = 300
"""An inch, of a figure in pixels."""

_EDGE = 0.08
_LINE = 0.125
_LEGEND_LINE = 0.13


def sheet(width: float, height: float) -> Figure:
    """A figure so many inches wide and high, with a canvas of its own: outside pyplot, so nothing to close."""
    # At fewer dots letters are set wider than in print, and than they are measured.
    figure = Figure(figsize=(width, height), dpi=_DOTS)
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float, **options: Any) -> Axes:
    """Axes at a place in inches: fixed places keep the axes of several figures the same size."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up), **options)


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes that were given, or new ones in a figure one column wide."""
    if ax is not None:
        return ax
    with paper_style():
        return axes_at(sheet(ONE_COLUMN, 2.4), 0.5, 0.4, ONE_COLUMN - 0.6, 1.9)


@lru_cache(4096)
def text_width(words: str, size: float = SIZE) -> float:
    """How many inches a line takes."""
    points, _, _ = text_to_path.get_text_width_height_descent(words, _font(size), ismath=False)
    return float(points) / 72


def wrapped(text: str, inches: float, size: float = SIZE) -> list[str]:
    """A text in lines that are no wider; a word that is wider by itself is broken."""
    lines = [""]
    for word in text.replace(" %", "\u00a0%").split(" "):
        rest = word
        joined = f"{lines[-1]} {rest}".strip()
        if text_width(joined, size) <= inches:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        while text_width(rest, size) > inches:
            fits = _beginning(rest, inches, size)
            lines[-1] = rest[:fits]
            lines.append("")
            rest = rest[fits:]
        lines[-1] = rest
    return lines


def shortened(words: str, inches: float, size: float = SIZE) -> str:
    """The words where they fit, else their beginning and end, which tell names of models apart."""
    if text_width(words, size) <= inches:
        return words

    def kept(letters: int) -> str:
        return f"{words[: (letters + 1) // 2].rstrip()}…{words[len(words) - letters // 2 :].lstrip()}"

    return kept(max(_fitting(len(words), inches, lambda letters: text_width(kept(letters), size)), 1))


def _beginning(word: str, inches: float, size: float) -> int:
    """How many letters of a word fit, at least one."""
    return max(_fitting(len(word), inches, lambda end: text_width(word[:end], size)), 1)


def _fitting(most: int, inches: float, width: Callable[[int], float]) -> int:
    """How many letters fit, fewer than `most`, where more are wider."""
    return bisect_right(range(1, most), inches, key=width)


def shortened_apart(names: Sequence[str], inches: float, size: float = SIZE) -> list[str]:
    """Names shortened, and numbered where different ones would read the same."""
    short = [shortened(name, inches, size) for name in names]
    if len(set(short)) == len(set(names)):
        return short
    number = {name: place for place, name in enumerate(dict.fromkeys(names), start=1)}
    return [shortened(f"{number[name]}: {name}", inches, size) for name in names]


def caption_height(lines: Sequence[str]) -> float:
    """Inches from the lower edge to above a caption."""
    return 0.1 + _LINE * len(lines)


def write_caption(figure: Figure, lines: Sequence[str]) -> None:
    """Set a caption at the lower edge."""
    width, height = figure.get_size_inches()
    figure.text(_EDGE / width, 0.06 / height, "\n".join(lines), va="bottom", linespacing=1.25)


def legend_height(labels: Sequence[str], inches: float) -> float:
    """Inches from the upper edge that `legend_above` takes, no wider than so many inches."""
    return 0.08 + _LEGEND_LINE * -(-len(labels) // _legend_columns(labels, inches))


def legend_above(figure: Figure, labelled: Mapping[str, Artist], *, left: float, inches: float) -> None:
    """Set a legend at the upper edge, from `left` on: over no data, wherever the data are."""
    width, height = figure.get_size_inches()
    figure.legend(
        handles=list(labelled.values()),
        labels=list(labelled),
        loc="upper left",
        bbox_to_anchor=(left / width, 1 - 0.02 / height),
        borderaxespad=0,
        borderpad=0.4,
        labelspacing=0.25,
        columnspacing=1.6,
        handlelength=2.6,
        ncols=_legend_columns(list(labelled), inches),
    )


def _legend_columns(labels: Sequence[str], inches: float) -> int:
    """How many columns of a legend fit: a handle and the spaces round it are as wide as 5.2 letters are high."""
    for columns in range(len(labels), 1, -1):
        wide = [max(map(text_width, part)) for part in np.array_split(list(labels), columns)]
        if sum(wide) + columns * 5.2 * SIZE / 72 <= inches:
            return columns
    return 1


def columns_of(count: int) -> int:
    """How many panels stand side by side, of so many."""
    if count <= 3:
        return count
    return 2 if count == 4 else 3 if count <= 9 else 4


def save_figure(figure: Figure, path: str | Path, *, dots: int = _DOTS) -> None:
    """Write a figure; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : str or Path
        Where: a name that ends in .png, .pdf or .svg.
    dots : int
        Dots an inch, of PNG.
    """
    path = Path(path)
    dated: dict[str, Any] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    # Some settings, the kind of font in a PDF among them, are read only now.
    with paper_style():
        figure.savefig(path, dpi=dots, metadata=dated.get(path.suffix))


@cache
def _font(size: float) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size)
