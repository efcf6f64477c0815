"""How Foretell's figures look: one style, applied within a context and never to the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import matplotlib

INK = "#333333"
"""Of text and axes, as in `paper.mplstyle`."""

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
    """Matplotlib settings for a figure of one column of a paper (`paper.mplstyle`)."""
    with matplotlib.rc_context(_settings()):
        yield


@cache
def _settings() -> Any:
    """The settings by name; typed loosely, since versions of matplotlib disagree on the type of the names."""
    with as_file(files("foretell.studies.plotting").joinpath("paper.mplstyle")) as path:
        return matplotlib.rc_params_from_file(path, use_default_template=False)
