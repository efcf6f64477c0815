"""`foretell.figures`: axes that are made where none are given, files of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import foretell
from foretell import figures
from foretell.exceptions import InputError
from foretell.measure.inference.item_data import items_of
from tests.studies.conftest import Runs
from tests.studies.plotting.drawn import assert_readable, words_of
from tests.studies.synthetic import curve


class TestOfArrays:
    """Results of arrays know no model, no depth and no tokens."""

    @pytest.fixture
    def layers(self) -> list[NDArray[np.float64]]:
        rng = np.random.default_rng(0)
        known = rng.standard_normal((80, 4))
        return [known @ rng.standard_normal((4, 32)) + much * rng.standard_normal((80, 32)) for much in (2, 1, 0.5, 1)]

    def test_curves(self, layers: list[NDArray[np.float64]]) -> None:
        found = foretell.imbalance_curve(layers, layers[::-1], null=40)
        semantic = foretell.semantic_layers(found)
        figure = figures.depths_figure({"mine": found}, {"mine": semantic})
        assert_readable(figure)
        assert "A: A" not in words_of(figure)
        assert "layers, from the first (0) to the last (1)" in words_of(figure)
        assert "relative depth" not in words_of(figure)
        lines = figure.axes[0].lines[:2]
        assert len(lines) == 2
        for line, values in zip(lines, found["imbalance"].to_numpy(), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [0, 1 / 3, 2 / 3, 1])
            np.testing.assert_array_equal(line.get_ydata(), values)
        assert_readable(figures.depths_figure({"mine": found, "again": found}, {"mine": semantic}))
        assert_readable(figures.plane_figure({"mine": found}))
        alike = foretell.similarity_curve(layers, layers[::-1])
        assert_readable(figures.beside_figure(found.merge(alike, compat="override", combine_attrs="override")))

    @pytest.mark.parametrize(
        ("draw", "of", "said"),
        [
            (
                lambda x: figures.depths_figure({"mine": x}),
                "matrix",
                "needs a result over layer; .* over a and b",
            ),
            (
                lambda x: figures.depths_figure({"mine": x}),
                "several k",
                r"over k and layer: choose one k by result\.sel",
            ),
            (lambda x: figures.depths_figure({"mine": x}), "nothing", "a dataset over layer: NoneType is none"),
            (lambda x: figures.depths_figure({"mine": x}), "alike", "needs a result with 'imbalance' over layer"),
            (lambda x: figures.depths_figure(cast(Any, [x])), "curve", "takes results by name"),
            (figures.depths_figure, "curve", "takes results by name"),
            (figures.plot_depth, "matrix", "needs a result over layer"),
            (lambda x: figures.plot_semantic_layers(x, {}, cast(Any, None)), "matrix", "needs a result over layer"),
            (figures.map_figure, "curve", "maps needs a result over a and b; this one is over layer"),
            (lambda x: figures.plot_map(x, direction="a_to_b"), "curve", "needs a result over a and b"),
            (figures.equal_depth_figure, "curve", "needs a result over a and b"),
            (figures.equal_depth_figure, "matrix", "relative_depth_a and relative_depth_b"),
            (figures.plane_figure, "curve", "takes results by name"),
            (lambda x: figures.plane_figure({"mine": x}), "matrix", "over layer or tokens; this one is over a and b"),
            (figures.plot_plane, "matrix", "over layer or tokens"),
            (figures.beside_figure, "curve", "with 'similarity' over"),
            (figures.beside_figure, "alike", "with 'imbalance' over"),
            (lambda x: figures.plot_similarity(x, measure="cka"), "curve", "with 'similarity' over layer and measure"),
            (lambda x: figures.token_curve_figure({"mine": x}), "curve", "needs a result over tokens"),
            (figures.plot_token_curve, "curve", "needs a result over tokens"),
            (lambda x: figures.token_map_figure({"mine": x}), "curve", "needs a result over a and b"),
            (figures.token_map_figure, "matrix", "takes results by name"),
            (lambda x: figures.plot_token_map(x, direction="a_to_b"), "curve", "needs a result over a and b"),
            (figures.plot_by_distance, "matrix", "with 'by_distance' over distance and way"),
            (figures.asymmetries_figure, "curve", "takes results by name"),
            (lambda x: figures.asymmetries_figure({"mine": x}), "alike", "with 'imbalance' over"),
        ],
    )
    def test_of_another_kind_it_is_said_what_it_is(
        self, layers: list[NDArray[np.float64]], draw: Callable[[Any], object], of: str, said: str
    ) -> None:
        made: dict[str, Callable[[], Any]] = {
            "curve": lambda: foretell.imbalance_curve(layers, layers),
            "several k": lambda: foretell.imbalance_curve(layers, layers, k=cast(Any, [1, 3])),
            "matrix": lambda: foretell.imbalance_matrix(layers, layers),
            "alike": lambda: foretell.similarity_curve(layers, layers),
            "nothing": lambda: None,
        }
        with pytest.raises(InputError, match=said):
            draw(made[of]())


def test_results_that_no_study_made_are_of_a_and_b() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 3, 16))
    layers = [x + noise * rng.standard_normal(x.shape) for noise in (1.0, 0.5)]
    a, b = (foretell.BinarySpace.from_activations(layer) for layer in layers)
    tokens, matrix = foretell.token_curve(a, b), foretell.imbalance_matrix(layers, layers)
    drawn = (
        figures.token_curve_figure({"one": tokens}),
        figures.map_figure(matrix),
        figures.token_map_figure({"one": foretell.token_map(a, b)}),
    )
    for figure in drawn:
        assert_readable(figure)
        assert "N = 80 items" in words_of(figure)
    labels = [line.get_label() for line in figures.plot_token_curve(tokens).lines]
    assert "A predicts B (A → B)" in labels
    assert figures.plot_map(matrix, direction="b_to_a").get_title() == "B → A"


def test_axes_are_made_where_none_are_given(runs: Runs) -> None:
    depth, matrix = curve(), runs["map"].answer.result
    for ax in (
        figures.plot_depth(depth),
        figures.plot_plane(depth),
        figures.plot_map(matrix, direction="a_to_b"),
    ):
        assert isinstance(ax, Axes)
        assert isinstance(ax.figure, Figure)
    own = Figure().add_subplot()
    assert figures.plot_depth(depth, own) is own


def test_asymmetries_of_curves_and_maps(runs: Runs) -> None:
    curves = figures.asymmetries_figure(runs["several depths"].answer.results)
    assert len(curves.axes[0].get_yticklabels()) == 4
    maps = figures.asymmetries_figure(runs["several maps"].answer.results)
    assert_readable(maps)


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_files_of_every_kind_are_the_same_twice(tmp_path: Path, suffix: str) -> None:
    figure = figures.depths_figure({"en-es": curve()})
    for name in ("one", "other"):
        figures.save_figure(figure, str(tmp_path / f"{name}{suffix}"))
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()


def test_all_names_are_there() -> None:
    assert sorted(figures.__all__) == figures.__all__
    assert all(callable(getattr(figures, name)) for name in figures.__all__)


def _layers(seed: int, shared: float) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    latent = np.random.default_rng(0).standard_normal((60, 6))
    rng = np.random.default_rng(seed)
    return {str(layer): shared * latent + (1 + layer) * rng.standard_normal(latent.shape) for layer in range(3)}


def test_asymmetries_of_arrays_are_drawn_without_names_of_models() -> None:
    results = {
        name: foretell.imbalance_curve(_layers(1, 3.0), _layers(seed, 3.0)) for name, seed in (("x", 2), ("y", 3))
    }
    figure = figures.asymmetries_figure(results)
    assert_readable(figure)


def test_where_no_layer_is_semantic_there_is_no_asymmetry() -> None:
    from foretell.studies.summaries.asymmetry import asymmetry_of_curve

    curve_of_nothing = foretell.imbalance_curve(_layers(1, 0.0), _layers(2, 0.0))
    data = items_of(curve_of_nothing)
    assert data.scores is not None
    scores = replace(data.scores, values=np.full(6, 1.2))
    above = curve_of_nothing.assign_attrs(items=replace(data, scores=scores))
    assert asymmetry_of_curve("nothing", above) is None
