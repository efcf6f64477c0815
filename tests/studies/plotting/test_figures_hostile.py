"""No figure cuts a text off, lays texts over each other, or a legend over data, whatever names it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import foretell
from foretell import figures
from foretell.measure.spaces.bits import BinarySpace
from foretell.studies.plotting.asymmetry_figure import asymmetry_figure
from foretell.studies.plotting.controls_figure import ControlRow, controls_figure
from foretell.studies.summaries.verdicts import Verdict
from tests.studies.plotting.drawn import assert_readable
from tests.studies.synthetic import curve, semantic

_NAMES = {
    "short": ("en", "es", "m"),
    "long": ("some-language-" * 6, "of-another-place-" * 5, "organisation/model-of-many-parts-" * 4),
    "without breaks": ("W" * 70, "M" * 70, "Q" * 90),
    "words": ("one of the many languages " * 4, "and another one of them " * 4, "a model " * 12),
    "not Latin": ("українська", "ελληνικά", "модель-עברית"),
}


@pytest.fixture(scope="module")
def token_results() -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 9, 16))
    a, b = (BinarySpace.from_activations(x + rng.standard_normal(x.shape)) for _ in range(2))
    return foretell.token_curve(a, b, null=20), foretell.token_map(a, b), foretell.token_map(a)


@pytest.fixture(scope="module")
def matrix() -> xr.Dataset:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 8))
    layers = {str(layer): x + layer * rng.standard_normal(x.shape) for layer in (1, 2, 3)}
    found = foretell.imbalance_matrix(layers, layers).assign(best=(("direction", "side"), [["1", "2"], ["1", "1"]]))
    depths = np.linspace(0, 1, 3)
    measures = [f"measure {number}" for number in range(7)]
    return found.assign_coords(relative_depth_a=("a", depths), relative_depth_b=("b", depths), measure=measures).assign(
        similarity=(("measure", "a", "b"), rng.random((7, 3, 3)))
    )


def _attrs(names: tuple[str, str, str], number: int = 0) -> dict[str, str]:
    """Of a result, or of the first, second, ... of several that differ in a side."""
    a, b, model = names
    return {"side_a": a, "side_b": b + str(number) * bool(number), "model_a": model, "model_b": model, "data": model}


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("names", _NAMES.values(), ids=_NAMES)
class TestOfAnyNames:
    def test_curves(self, names: tuple[str, str, str], count: int) -> None:
        results = {
            f"{names[2]} {number}": curve(n_layers=7, seed=number).assign_attrs(_attrs(names, number))
            for number in range(count)
        }
        layers = {name: semantic(result) for name, result in results.items()}
        for figure in (
            figures.depths_figure(results, layers),
            figures.depths_figure({name: result.drop_vars("relative_depth") for name, result in results.items()}),
            figures.plane_figure(results),
        ):
            _assert_clear(figure)

    def test_tokens(
        self, names: tuple[str, str, str], count: int, token_results: tuple[xr.Dataset, xr.Dataset, xr.Dataset]
    ) -> None:
        tokens, across, within = token_results
        of_each = {f"{names[2]} {number}": _attrs(names, number) for number in range(count)}
        _assert_clear(figures.token_curve_figure({name: tokens.assign_attrs(attrs) for name, attrs in of_each.items()}))
        maps = [across, within, across, across][: min(count, 4)]
        results = {name: one.assign_attrs(of_each[name]) for name, one in zip(of_each, maps, strict=False)}
        _assert_clear(figures.token_map_figure(results))

    def test_rows(self, names: tuple[str, str, str], count: int) -> None:
        test = Verdict(-0.05, 0.01, 300, 0.0001)
        control = ControlRow("", "", (0.2, 0.3), (0.1, 0.2), (0.3, 0.4), True)
        a, b, model = names
        attrs = [curve().attrs | _attrs(names, number) for number in range(count)]
        rows = [(f"{a}, {b} {number}", test) for number in range(count)]
        controls = [replace(control, control=model, variant=f"{b} {number}") for number in range(count)]
        for figure in (
            asymmetry_figure(rows, of=attrs),
            controls_figure(controls, of=attrs),
        ):
            _assert_clear(figure)


@pytest.mark.parametrize("names", _NAMES.values(), ids=_NAMES)
def test_maps_of_any_names(names: tuple[str, str, str], matrix: xr.Dataset) -> None:
    result = matrix.assign_attrs(_attrs(names) | {"tokens": names[1]})
    draw: Callable[[xr.Dataset], Figure]
    for draw in (figures.map_figure, figures.equal_depth_figure, figures.beside_figure):
        _assert_clear(draw(result))


@pytest.mark.parametrize("dots", [72, 100, 110, 150, 300])
@pytest.mark.parametrize("hinting", ["no_hinting", "force_autohint", "default"])
def test_a_caption_fits_whatever_the_style_that_a_figure_is_saved_in(
    hinting: str, dots: int, matrix: xr.Dataset
) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for figure in (figures.map_figure(matrix), figures.depths_figure({"one": curve()})):
        with plt.rc_context({"text.hinting": hinting}):
            canvas: Any = FigureCanvasAgg(figure)
            figure.set_dpi(dots)
            right = [text.get_window_extent(canvas.get_renderer()).x1 for text in figure.texts]
            assert right, "a figure has a caption"
            assert max(right) <= figure.bbox.x1


def _assert_clear(figure: Figure) -> None:
    assert_readable(figure)
    assert figure.get_figwidth() in (3.4, 7.0)
    for ax in figure.axes:
        box = ax.get_window_extent()
        assert min(box.width, box.height) / figure.dpi > 0.04
        for legend in figure.legends:
            assert legend.get_window_extent().y0 >= box.y1 - 1, "a legend over data"
        if ax.images:
            assert box.width == pytest.approx(box.height, rel=1e-3)
