"""Figures of results, made for the columns of a paper; every run draws those of its own study.

Functions `..._figure` take results and give a matplotlib Figure with a legend and a caption line that says what the
numbers depend on. Functions `plot_...` take a result and axes (new ones by default), and give the axes back.
`save_figure` writes PNG, PDF or SVG, by the ending.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from foretell.studies.plotting.asymmetry_figure import asymmetry_figure
from foretell.studies.plotting.curve_figures import (
    depths_figure,
    plot_depth,
    plot_semantic_layers,
    plot_token_curve,
    token_curve_figure,
)
from foretell.studies.plotting.figure_checks import check_results
from foretell.studies.plotting.map_figure import equal_depth_figure, map_figure, plot_map
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.plotting.plane_figure import plane_figure, plot_plane
from foretell.studies.plotting.similarity_figure import beside_figure, plot_similarity
from foretell.studies.plotting.token_map_figure import plot_by_distance, plot_token_map, token_map_figure
from foretell.studies.summaries.asymmetry import adjusted, asymmetry_of_curve, asymmetry_of_map, chart_rows

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

__all__ = [
    "asymmetries_figure",
    "beside_figure",
    "depths_figure",
    "equal_depth_figure",
    "map_figure",
    "plane_figure",
    "plot_by_distance",
    "plot_depth",
    "plot_map",
    "plot_plane",
    "plot_semantic_layers",
    "plot_similarity",
    "plot_token_curve",
    "plot_token_map",
    "save_figure",
    "token_curve_figure",
    "token_map_figure",
]


def asymmetries_figure(results: Mapping[str, xr.Dataset]) -> Figure:
    """Which side foretells the other better, a row a result, with intervals corrected for their number.

    Parameters
    ----------
    results : mapping of names to Dataset
        Curves of layers (the mean over the layers that are semantic both ways) or maps of studies (the best pair).

    Returns
    -------
    matplotlib.figure.Figure
        With a caption that says what the intervals are.

    Raises
    ------
    InputError
        If there is no result, one of another kind, or none that has an asymmetry.
    """
    check_results(results, "asymmetries", {"layer"}, {"a", "b"})
    found = [
        asymmetry_of_map(name, result) if "together" in result else asymmetry_of_curve(name, result)
        for name, result in results.items()
    ]
    rows = chart_rows(adjusted([one for one in found if one is not None]))
    return asymmetry_figure(rows, of=[result.attrs for result in results.values()])
