"""Panels in rows and columns, with one legend above and one caption below, placed by matplotlib's constrained layout.

A figure's width is that of a paper's column, or of two. The height of a row of panels is given in inches, and the
figure becomes as high as its panels, titles, labels, legend and caption need.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from foretell.studies.plotting.captions import wrapped
from foretell.studies.plotting.style import SIZE, paper_style

ONE_COLUMN = 3.4
TWO_COLUMNS = 7.0
"""Inches: the widths of a paper's figures."""

_DOTS = 300
"""An inch, of a figure in pixels."""

_EDGE = 0.06
_SPARE = 0.94  # of the width, for text: letters are wider where a figure is saved in a style that hints them


class PanelGrid:
    """Panels in rows and columns of a new figure.

    Parameters
    ----------
    width : float
        Of the figure in inches: `ONE_COLUMN` or `TWO_COLUMNS`.
    heights : sequence of float or None
        Of the panels of each row in inches; None: as high as they are wide.
    columns : int, default 1

    Attributes
    ----------
    figure : Figure
    panels : dict of (row, column) to Axes
        Those that `at` has made.
    """

    def __init__(self, width: float, heights: Sequence[float | None], columns: int = 1) -> None:
        self._heights = heights
        first = [width / columns if height is None else height for height in heights]
        self.figure = _new_figure(width, sum(first) + 2 * len(first) + 4)  # until `finish` knows more
        self.panels: dict[tuple[int, int], Axes] = {}
        self._cells = self.figure.add_gridspec(len(first), columns, height_ratios=first)

    def at(self, row: int, column: int = 0, **options: Any) -> Axes:
        """Make the panel of a cell."""
        self.panels[row, column] = self.figure.add_subplot(self._cells[row, column], **options)
        return self.panels[row, column]

    def finish(self, *sentences: str, legend_of: Sequence[Axes] = ()) -> Figure:
        """Give the figure a caption of these sentences, a legend of what axes label, and its height.

        Titles and labels of axes are wrapped to their panel.
        """
        figure, width = self.figure, self.figure.get_figwidth()
        caption = wrapped(" ".join(filter(None, sentences)), _SPARE * (width - 2 * _EDGE))
        figure.supxlabel(caption, x=_EDGE / width, ha="left", size=SIZE, linespacing=1.25)
        lines = caption.count("\n") + _legend_above(figure, legend_of)
        figure.set_figheight(figure.get_figheight() + lines / 7)  # inches: more than enough, taken away below
        # A square in a cell that is no square yet would be laid out with too little room for its labels.
        squares = [ax for ax in self.panels.values() if ax.get_box_aspect()]
        for ax in squares:
            ax.set_box_aspect(None)
        across, _ = self._inner_size()
        for (row, _), ax in self.panels.items():
            up = self._heights[row] or across
            for text, room in ((ax.title, across), (ax.xaxis.label, across), (ax.yaxis.label, up)):
                text.set_text(wrapped(text.get_text(), room, float(text.get_fontsize())))
        for _ in range(2):  # bars of colours make panels narrower by what depends on their height
            across, heights = self._inner_size()
            wanted = [height or across for height in self._heights]
            self._cells.set_height_ratios(wanted)
            figure.set_figheight(figure.get_figheight() + sum(wanted) - sum(heights))
        self._inner_size()
        for ax in squares:
            ax.set_box_aspect(1)
        figure.set_layout_engine("none")  # or files of other kinds would be laid out anew, and a little differently
        return figure

    def _inner_size(self) -> tuple[float, list[float]]:
        """Lay the figure out: the width of the panels, and the height of each row of them, in inches."""
        if layout := self.figure.get_layout_engine():
            layout.execute(self.figure)
        width, height = self.figure.get_size_inches()
        boxes = {cell: ax.get_position(original=True) for cell, ax in self.panels.items()}
        heights = {row: box.height * height for (row, _), box in boxes.items()}
        return min(box.width for box in boxes.values()) * width, [heights[row] for row in range(len(heights))]


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes that were given, or new ones in a figure one column wide."""
    if ax is not None:
        return ax
    with paper_style():
        return _new_figure(ONE_COLUMN, 2.4).add_subplot()


def hide_labels(ax: Axes, *, x: bool = False, y: bool = False) -> None:
    """Take away the labels of an axis that another panel labels."""
    if x:
        ax.tick_params(labelbottom=False)
        ax.set_xlabel("")
    if y:
        ax.tick_params(labelleft=False)
        ax.set_ylabel("")


def name_rows(ax: Axes, places: Sequence[float], names: Sequence[str]) -> None:
    """Put names, and no axis, left of the rows of a panel."""
    ax.set_yticks(places, names)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def share_limits(panels: Sequence[Axes]) -> None:
    """Give panels the same axes: those that hold what each of them shows."""
    for get, set_ in ((Axes.get_xlim, Axes.set_xlim), (Axes.get_ylim, Axes.set_ylim)):
        lows, highs = zip(*map(get, panels), strict=True)
        for ax in panels:
            set_(ax, min(lows), max(highs))


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


def _new_figure(width: float, height: float) -> Figure:
    """A figure with a canvas of its own: outside pyplot, so nothing to close."""
    layout = ConstrainedLayoutEngine(w_pad=_EDGE, h_pad=0.04, wspace=0, hspace=0)
    figure = Figure(figsize=(width, height), dpi=_DOTS, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _legend_above(figure: Figure, panels: Sequence[Axes]) -> int:
    """A legend at the upper edge, each label once, in as many columns as the figure has room for; how many labels."""
    labelled: dict[str, Artist] = {}
    for ax in panels:
        for artist, label in zip(*ax.get_legend_handles_labels(), strict=True):
            labelled.setdefault(str(label), artist)
    for columns in range(len(labelled), 0, -1):
        legend = figure.legend(
            handles=list(labelled.values()),
            labels=list(labelled),
            loc="outside upper left",
            borderaxespad=0.3,
            borderpad=0.2,
            labelspacing=0.25,
            columnspacing=1.6,
            handlelength=2.6,
            ncols=columns,
        )
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    return len(labelled)
