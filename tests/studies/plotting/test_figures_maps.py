"""Maps, maps at equal depth, and other measures beside the imbalance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import foretell
from foretell.exceptions import InputError
from foretell.studies.plotting.map_figure import at_equal_depth, equal_depth_figure, map_figure, outline, plot_map
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from tests.studies.plotting.drawn import assert_readable, words_of
from tests.studies.synthetic import curve, semantic

_LONG = "a-name-" * 12
_MEASURES = ("cka", "mutual_knn", "overlap", "cknna", "rsa_pearson", "rsa_spearman")


def _map(n_a: int = 5, n_b: int = 9) -> xr.Dataset:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((60, 16))

    def spaces(count: int) -> dict[str, np.ndarray]:
        depths = np.linspace(0, 1, count)
        return {
            str(layer): base + (0.5 + 3 * abs(depth - 0.5)) * rng.standard_normal((60, 16))
            for layer, depth in enumerate(depths)
        }

    found = foretell.imbalance_matrix(spaces(n_a), spaces(n_b), null=20)
    values = found["imbalance"].to_numpy()
    best = [np.unravel_index(one.argmin(), one.shape) for one in values]
    return (
        found.assign(best=(("direction", "side"), [[str(place) for place in pair] for pair in best]))
        .assign_coords(relative_depth_a=("a", np.linspace(0, 1, n_a)), relative_depth_b=("b", np.linspace(0, 1, n_b)))
        .assign_attrs(side_a="en", side_b="es", model_a="m", model_b="m", data="d", tokens="last 1")
    )


def test_a_map_shows_its_values_best_pair_region_and_equal_depths() -> None:
    result = _map()
    for direction in ("a_to_b", "b_to_a"):
        of = result.sel(direction=direction)
        ax = plot_map(result, Figure().add_subplot(), direction=direction)
        np.testing.assert_array_equal(np.asarray(ax.images[0].get_array()), of["imbalance"])
        _, equal, _, cross = ax.lines
        assert list(np.asarray(equal.get_ydata())) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
        row, column = (int(name) for name in of["best"].to_numpy())
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (column, row)  # type: ignore[index]
        assert float(of["imbalance"][row, column]) == float(of["imbalance"].min())
        assert ax.get_title() == ("en → es" if direction == "a_to_b" else "es → en")
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer of es", "layer of en")
        assert sum(isinstance(one, LineCollection) for one in ax.collections) == 2


def test_the_caption_of_a_map_says_what_it_depends_on() -> None:
    figure = map_figure(_map())
    assert_readable(figure)
    words = words_of(figure)
    for part in ("N = 60 items, n = 59, T = 1, k = 1, adjusted.", "Tokens: last 1.", "Dashed: equal relative depth."):
        assert part in words
    assert "Cross" not in words_of(map_figure(_map().drop_vars("best")))


def test_the_outline_runs_along_the_edges_of_cells() -> None:
    ax = Figure().add_subplot()
    outline(np.array([[False, True], [False, True]]), ax)
    lines = ax.collections[0].get_segments()  # type: ignore[attr-defined]
    edges = {frozenset((float(x), float(y)) for x, y in line) for line in lines}
    assert edges == {
        frozenset({(0.5, -0.5), (1.5, -0.5)}),
        frozenset({(0.5, 1.5), (1.5, 1.5)}),
        frozenset({(0.5, -0.5), (0.5, 0.5)}),
        frozenset({(0.5, 0.5), (0.5, 1.5)}),
        frozenset({(1.5, -0.5), (1.5, 0.5)}),
        frozenset({(1.5, 0.5), (1.5, 1.5)}),
    }


def test_equal_depth_is_the_curve_that_the_map_holds() -> None:
    result = _map()
    found = at_equal_depth(result)
    assert [str(name) for name in found["layer_of_b"].to_numpy()] == ["0", "2", "4", "6", "8"]
    for variable in ("imbalance", "stderr", "low", "high", "null"):
        for layer, other in zip(range(5), range(0, 10, 2), strict=True):
            np.testing.assert_array_equal(found[variable].sel(layer=layer), result[variable].sel(a=layer, b=other))
    figure = equal_depth_figure(result)
    assert_readable(figure)
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.linspace(0, 1, 5))
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), found["imbalance"].sel(direction="b_to_a"))
    words = words_of(figure)
    assert "English predicts Spanish (en → es)" in words
    assert "Each layer of en with the layer of es at the nearest relative depth." in words


def _beside_curve() -> xr.Dataset:
    result = curve(n_layers=9)
    values = np.stack([(place + 1) * (1 - result["imbalance"][0].to_numpy()) for place in range(6)])
    return result.assign_coords(measure=list(_MEASURES)).assign(
        similarity=(("measure", "layer"), values),
        similarity_low=(("measure", "layer"), values - 0.1),
        similarity_high=(("measure", "layer"), values + 0.1),
    )


def test_other_measures_stand_beneath_on_the_same_depths() -> None:
    result = _beside_curve()
    figure = beside_figure(result, semantic(result))
    assert_readable(figure)
    top, *panels = figure.axes
    np.testing.assert_array_equal(top.lines[0].get_ydata(), result["imbalance"].sel(direction="a_to_b"))
    titles = [ax.get_title(loc="left") for ax in panels]
    assert titles == ["CKA", "mutual k-NN", "overlap", "CKNNA", "RSA (Pearson)", "RSA (Spearman)"]
    for ax, measure in zip(panels, _MEASURES, strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), result["relative_depth"])
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), result["similarity"].sel(measure=measure))
        most = int(result["similarity"].sel(measure=measure).to_numpy().argmax())
        assert list(np.asarray(ax.lines[1].get_xdata())) == [float(result["relative_depth"][most])]
        band = ax.collections[0].get_paths()[0].get_extents()
        assert band.y0 == pytest.approx(float(result["similarity_low"].sel(measure=measure).min()))
        assert len(ax.patches) == 2
        assert ax.get_xlim() == top.get_xlim()
        assert ax.get_position().x0 == top.get_position().x0
    assert "Larger is more alike" in words_of(figure)


def _beside_map() -> xr.Dataset:
    result = _map()
    rng = np.random.default_rng(1)
    return result.assign_coords(measure=list(_MEASURES)).assign(
        similarity=(("measure", "a", "b"), rng.random((6, 5, 9)))
    )


def test_other_measures_are_maps_beside_a_map() -> None:
    result = _beside_map()
    figure = beside_figure(result)
    assert_readable(figure)
    maps = [ax for ax in figure.axes if ax.images and ax.get_title()]
    assert len(maps) == 8
    shown = [*result["imbalance"].to_numpy(), *result["similarity"].to_numpy()]
    for place, (ax, values) in enumerate(zip(maps, shown, strict=True)):
        np.testing.assert_array_equal(np.asarray(ax.images[0].get_array()), values)
        best = values.argmin() if place < 2 else values.argmax()
        row, column = np.unravel_index(best, values.shape)
        assert (ax.lines[0].get_xdata()[0], ax.lines[0].get_ydata()[0]) == (column, row)  # type: ignore[index]
        assert ax.get_title().endswith(f"best {values[row, column]:.2f}")
        assert ax.images[0].get_cmap().name == ("viridis" if place < 2 else "viridis_r")
    assert [ax.get_title().split("\n")[0] for ax in maps[:3]] == ["II, en → es", "II, es → en", "CKA"]


def test_values_that_are_missing() -> None:
    result = _beside_map()
    result["imbalance"][0, 0] = np.nan
    result["similarity"][0, 0] = np.nan
    result["similarity"][1] = np.nan
    for figure in (map_figure(result), equal_depth_figure(result), beside_figure(result)):
        assert_readable(figure)
    one = _beside_curve()
    one["similarity"][0, 0] = np.nan
    one["similarity"][1] = np.nan
    assert_readable(beside_figure(one))


def test_long_names_are_not_cut_off() -> None:
    attrs = {"model_a": _LONG, "model_b": _LONG + "b", "side_b": "en"}
    result = _beside_map().assign_attrs(attrs)
    for figure in (map_figure(result), equal_depth_figure(result), beside_figure(result)):
        assert_readable(figure)
    figure = beside_figure(_beside_curve().assign_attrs(attrs))
    assert_readable(figure)
    assert "A predicts B (A → B)" in words_of(figure)
    assert f"{_LONG}(A),{_LONG}b(B)." in words_of(figure).replace(" ", "")


def test_without_other_measures() -> None:
    with pytest.raises(InputError, match="needs a result with 'similarity'"):
        beside_figure(curve())


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_figure(map_figure(_map()), tmp_path / f"{name}.pdf")
        save_figure(beside_figure(_beside_map()), tmp_path / f"{name}.png")
    for suffix in (".png", ".pdf"):
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second
