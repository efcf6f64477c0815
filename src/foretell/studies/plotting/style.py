"""How Foretell's figures look: one style, applied within a context and never to the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib

INK = "#333333"
PALE = "#d9d9d9"

SIZE = 7
"""Points: the least size of text."""


@dataclass(frozen=True)
class LineStyle:
    """How a line is drawn: colour, line and marker all differ, so any one of them is enough."""

    colour: str
    line: str
    marker: str
    filled: bool

    @property
    def fill(self) -> str:
        """The colour of the inside of a marker."""
        return self.colour if self.filled else "white"

    @property
    def line_options(self) -> dict[str, Any]:
        """What `Axes.plot` takes for such a line."""
        line = {"color": self.colour, "linestyle": self.line}
        return line | {"marker": self.marker, "markerfacecolor": self.fill, "markeredgewidth": 0.7}


# Two colours of Okabe and Ito's palette, which stay apart for the colour-blind; in grey, line and marker
# tell them apart, an open marker against a filled one.
DIRECTION_STYLES = {
    "a_to_b": LineStyle(colour="#0072B2", line="-", marker="o", filled=True),
    "b_to_a": LineStyle(colour="#D55E00", line="--", marker="s", filled=False),
}

# For several results in one panel: the palette's other colours first, since two of them mean directions.
RESULT_STYLES = tuple(
    LineStyle(colour, line, marker, filled)
    for colour, line, marker, filled in (
        ("#009E73", "-", "o", True),
        ("#AA4499", "--", "s", False),
        ("#000000", ":", "^", True),
        ("#56B4E9", "-.", "D", False),
        ("#E69F00", "-", "v", True),
        ("#0072B2", "--", "P", False),
        ("#D55E00", ":", "X", True),
    )
)


@contextmanager
def paper_style() -> Iterator[None]:
    """Matplotlib settings for a figure of one column of a paper, all text 7 points or more."""
    # Typed loosely: versions of matplotlib disagree on the type of the names.
    settings: Any = {
        # Names of models and files are set as they are, dollars and all.
        "text.parse_math": False,
        "font.family": "sans-serif",
        # The first comes with matplotlib, so that a figure is the same on every machine.
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": SIZE,
        # Letters are as wide at few dots as in print, and as they are measured.
        "text.hinting": "no_hinting",
        "axes.labelsize": 8,
        "axes.labelpad": 2,
        "axes.titlesize": 8,
        "axes.titlepad": 4,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": SIZE,
        "ytick.labelsize": SIZE,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "text.color": INK,
        "legend.fontsize": SIZE,
        "legend.frameon": False,
        "lines.linewidth": 1.2,
        "lines.markersize": 2.8,
        # Real letters in the PDF, which journals ask for and which can be searched.
        "pdf.fonttype": 42,
        "svg.hashsalt": "foretell",
    }
    with matplotlib.rc_context(settings):
        yield
