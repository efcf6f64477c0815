"""Health of stores: shares of positive bits, of identical items and of ties, along the depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import shortened_apart
from foretell.studies.plotting.panel_grid import ONE_COLUMN, PanelGrid, axes_or_new, hide_labels
from foretell.studies.plotting.style import INK, RESULT_STYLES, paper_style

if TYPE_CHECKING:
    from foretell.representations.store.health import Health

_WHAT = {"positive": "positive bits", "duplicates": "identical items", "tied": "tied nearest"}


@paper_style()
def health_figure(found: Mapping[str, Health]) -> Figure:
    """Three panels along the depth: positive bits, items with the bits of another, items with tied nearest ones.

    Parameters
    ----------
    found : mapping of names to Health
        What `foretell inspect` finds of each store.

    Returns
    -------
    matplotlib.figure.Figure
        One column wide.

    Raises
    ------
    InputError
        If there is none.
    """
    if not found:
        raise InputError("A figure of health needs a store: give one or more.")
    shown = dict(zip(shortened_apart(list(found), ONE_COLUMN - 0.8), found.values(), strict=True))
    grid = PanelGrid(ONE_COLUMN, [0.9] * len(_WHAT))
    for row, what in enumerate(_WHAT):
        ax = plot_health(shown, grid.at(row), what=what)
        hide_labels(ax, x=row < len(_WHAT) - 1)
    sizes = ", ".join(dict.fromkeys(str(health.n_items) for health in found.values()))
    meaning = "Of positive bits, half is healthy. Tied: nearest neighbours, among a sample."
    return grid.finish(f"N = {sizes} items.", meaning, legend_of=[ax])


def plot_health(found: Mapping[str, Health], ax: Axes | None = None, *, what: str = "positive") -> Axes:
    """Draw one share of every store along the depth.

    Parameters
    ----------
    found : mapping of names to Health
        Of stores, by their names (`foretell.representations.store.health`).
    ax : Axes, optional
        Where to draw; new ones by default.
    what : {"positive", "duplicates", "tied"}
        Which share.

    Returns
    -------
    Axes
        The same.
    """
    ax = axes_or_new(ax)
    for number, (name, health) in enumerate(found.items()):
        style = RESULT_STYLES[number % len(RESULT_STYLES)]
        # What comes after the last block has no depth of its own.
        layers = [layer for layer in health.layers if layer.layer.isdecimal()]
        shares = {
            "positive": [layer.positive for layer in layers],
            "duplicates": [layer.n_duplicates / health.n_items for layer in layers],
            "tied": [layer.tied for layer in layers],
        }
        depths = [place / max(len(layers) - 1, 1) for place in range(len(layers))]
        ax.plot(depths, shares[what], label=name, **style.line_options)
    if what == "positive":
        ax.axhline(0.5, color=INK, linewidth=0.6, linestyle=":")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylabel(_WHAT[what])
    ax.set_xlabel("relative depth")
    return ax
