from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from foretell.exceptions import InputError
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.plotting.plane_figure import plane_figure, plot_plane
from tests.studies.plotting.drawn import assert_readable, words_of
from tests.studies.synthetic import curve

_LONG = "a-name-" * 12


def test_a_point_a_layer_a_to_b_across_and_b_to_a_up() -> None:
    result = curve(difference=0.1)
    ax = plot_plane(result, Figure().add_subplot())
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), result["imbalance"].sel(direction="a_to_b"))
    np.testing.assert_array_equal(line.get_ydata(), result["imbalance"].sel(direction="b_to_a"))
    points, first, last = (one for one in ax.collections if isinstance(one, PathCollection))
    assert np.all(np.diff(points.get_sizes()) > 0)
    places = np.stack([result["imbalance"].sel(direction=one).to_numpy() for one in ("a_to_b", "b_to_a")], axis=1)
    np.testing.assert_array_equal(first.get_offsets(), places[[0]])
    np.testing.assert_array_equal(last.get_offsets(), places[[-1]])
    assert first.get_facecolors().tolist() == [[1, 1, 1, 1]]  # type: ignore[attr-defined]
    assert last.get_facecolors().tolist() != [[1, 1, 1, 1]]  # type: ignore[attr-defined]
    assert ax.get_xlim() == ax.get_ylim()


def test_axes_and_corners_are_named() -> None:
    figure = plane_figure({"en-es": curve()})
    (ax,) = figure.axes
    assert ax.get_xlabel() == "Information Imbalance, en → es"
    assert ax.get_ylabel() == "Information Imbalance, es → en"
    corners = {text.get_text(): tuple(np.round(text.get_position())) for text in ax.texts}
    # Low across: en predicts es; high up: es does not predict en. So it is en that knows more.
    assert corners == {
        "each predicts the other": (0, 0),
        "en knows more": (0, 1),
        "es knows more": (1, 0),
        "nothing shared": (1, 1),
    }
    turned = plane_figure({"es-en": curve().assign_attrs(side_a="es", side_b="en")}).axes[0]
    assert turned.get_xlabel() == "Information Imbalance, es → en"
    assert {text.get_text(): tuple(np.round(text.get_position())) for text in turned.texts}["es knows more"] == (0, 1)


def test_several_results_are_told_apart() -> None:
    results = {
        code: curve(least=0.1 * place + 0.2).assign_attrs(side_b=code) for place, code in enumerate(("es", "de", "fi"))
    }
    figure = plane_figure(results)
    assert_readable(figure)
    (ax,) = figure.axes
    lines = ax.lines[:3]
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 3
    assert [line.get_label() for line in lines] == [
        "English (A), Spanish (B)",
        "English (A), German (B)",
        "English (A), Finnish (B)",
    ]
    for line, result in zip(lines, results.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), result["imbalance"].sel(direction="a_to_b"))
    assert ax.get_xlabel() == "Information Imbalance, A → B"
    words = words_of(figure)
    assert "A knows more" in words
    assert "n = 299" in words


def test_layers_without_a_value_are_left_out() -> None:
    result = curve(n_layers=5)
    result["imbalance"][0, 0] = np.nan
    ax = plot_plane(result, Figure().add_subplot())
    assert len(np.asarray(ax.lines[0].get_xdata())) == 4
    result["imbalance"][:] = np.nan
    assert_readable(plane_figure({"nothing": result}))


def test_long_names_are_not_cut_off() -> None:
    results = {
        str(place): curve().assign_attrs(model_a=_LONG + str(place), model_b=_LONG + "b", side_b="en")
        for place in range(8)
    }
    assert_readable(plane_figure(results))
    figure = plane_figure({"0": results["0"]})
    assert_readable(figure)
    assert f"{_LONG}0(A),{_LONG}b(B)." in words_of(figure).replace(" ", "")


def test_no_result() -> None:
    with pytest.raises(InputError, match="needs a result"):
        plane_figure({})


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first.pdf", "second.pdf"):
        save_figure(plane_figure({"one": curve()}), tmp_path / name)
    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()
