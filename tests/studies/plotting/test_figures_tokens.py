from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import foretell
from foretell.exceptions import InputError
from foretell.measure.spaces.bits import BinarySpace
from foretell.studies.plotting.curve_figures import plot_token_curve, token_curve_figure
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.plotting.token_map_figure import plot_by_distance, plot_token_map, token_map_figure
from tests.studies.plotting.drawn import assert_readable, words_of
from tests.studies.synthetic import curve

_ATTRS = {key: curve().attrs[key] for key in ("model_a", "model_b", "side_a", "side_b", "data")}
_LONG = "a-name-" * 12


def _bits(side: str, n_tokens: int) -> BinarySpace:
    shared = np.random.default_rng(0).standard_normal((40, 1, 24))
    own = np.random.default_rng([*side.encode()]).standard_normal((40, n_tokens, 24))
    return BinarySpace.from_activations(shared + own)


def _curve(n_tokens: int = 12) -> xr.Dataset:
    return foretell.token_curve(_bits("en", n_tokens), _bits("es", n_tokens), null=20).assign_attrs(_ATTRS)


def _across() -> xr.Dataset:
    return foretell.token_map(_bits("en", 4), _bits("es", 5)).assign_attrs(_ATTRS)


def _within() -> xr.Dataset:
    return foretell.token_map(_bits("en", 4)).assign_attrs({**_ATTRS, "side_b": "en"})


def test_token_curves_show_the_numbers_on_a_suitable_axis() -> None:
    result = _curve()
    ax = plot_token_curve(result, Figure().add_subplot())
    for line, direction in zip(ax.lines, ("a_to_b", "b_to_a"), strict=False):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 13))
        np.testing.assert_array_equal(line.get_ydata(), result["imbalance"].sel(direction=direction))
    assert ax.get_xscale() == "log"
    assert list(ax.get_xticks()) == [1, 2, 5, 10]
    assert plot_token_curve(_curve(4), Figure().add_subplot()).get_xscale() == "linear"


def test_token_curves_are_panels_of_their_names() -> None:
    results = {"concatenated": _curve(), "mean": _curve()}
    figure = token_curve_figure(results)
    assert_readable(figure)
    assert [ax.get_title() for ax in figure.axes] == ["concatenated", "mean"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["English predicts Spanish (en → es)", "Spanish predicts English (es → en)"]
    assert "k = 1" in words_of(figure)
    assert "T = " not in words_of(figure)
    assert len({ax.get_ylim() for ax in figure.axes}) == len({ax.get_xlim() for ax in figure.axes}) == 1
    turned = {name: one.assign_attrs(side_a="es", side_b="en") for name, one in results.items()}
    labels = [text.get_text() for text in token_curve_figure(turned).legends[0].get_texts()]
    assert labels[0] == "Spanish predicts English (es → en)"


def test_token_maps_stand_the_right_way_up() -> None:
    result = _across()
    for direction in ("a_to_b", "b_to_a"):
        ax = plot_token_map(result, Figure().add_subplot(), direction=direction, low=0, high=2)
        (image,) = ax.images
        np.testing.assert_array_equal(np.asarray(image.get_array()), result["imbalance"].sel(direction=direction))
        assert image.origin == "lower"  # rows, the tokens of A, upwards
        assert tuple(image.get_extent()) == (-5.5, -0.5, -4.5, -0.5)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("token of es", "token of en")
        assert image.get_clim() == (0, 2)


def test_within_a_text_a_token_and_itself_are_left_out() -> None:
    result = _within()
    ax = plot_token_map(result, Figure().add_subplot(), direction="a_to_b")
    shown: np.ndarray = np.ma.filled(np.ma.asarray(ax.images[0].get_array()), np.nan)
    assert np.isnan(np.diag(shown)).all()
    assert np.isfinite(shown).sum() == 12
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("foretold token", "foretelling token")
    assert float(result["imbalance"].sel(direction="a_to_b", a=-1, b=-1)) == 0  # nor changed in the result


def test_distances_show_directions_ways_and_intervals() -> None:
    result = _across()
    ax = plot_by_distance(result, Figure().add_subplot())
    lines = {str(line.get_label()): line for line in ax.lines}
    for direction, codes in (("a_to_b", "en → es"), ("b_to_a", "es → en")):
        for way, words in (("forward", "to a later token (forward)"), ("backward", "to an earlier token (backward)")):
            line = lines[f"{codes}, {words}"]
            np.testing.assert_array_equal(line.get_xdata(), result["distance"])
            np.testing.assert_array_equal(line.get_ydata(), result["by_distance"].sel(direction=direction, way=way))
    assert len(ax.collections) == 4
    low, high = ax.get_ylim()
    assert low < float(result["by_distance_low"].min())
    assert high > float(result["by_distance_high"].max())
    styles = {(line.get_linestyle(), line.get_marker()) for line in list(lines.values())[:4]}
    assert len(styles) == 4
    within = [str(line.get_label()) for line in plot_by_distance(_within(), Figure().add_subplot()).lines]
    assert within[:2] == [
        "within a text, to a later token (forward)",
        "within a text, to an earlier token (backward)",
    ]


@pytest.mark.parametrize("names", [["within"], ["across"], ["within", "within"], ["within", "across"], ["across"] * 4])
def test_token_maps_share_their_colours(names: list[str]) -> None:
    results = {
        f"{name} {place}, layer 15": _within() if name == "within" else _across() for place, name in enumerate(names)
    }
    figure = token_map_figure(results)
    assert_readable(figure)
    maps = [ax for ax in figure.axes if ax.images]
    assert len(maps) == sum(1 if name == "within" else 2 for name in names)
    assert len({ax.images[0].get_clim() for ax in maps}) == 1
    titles = " | ".join(" ".join(ax.get_title().split()) for ax in maps)
    assert all(name in titles for name in results)
    assert ("es → en" in titles) is ("across" in names)
    assert "Tokens count from the end" in words_of(figure)
    assert "smollm2-135m" in words_of(figure)


def test_long_names_are_not_cut_off() -> None:
    attrs = {"side_b": "en", "model_a": _LONG, "model_b": _LONG + "b"}
    assert_readable(token_map_figure({_LONG + str(place): _across().assign_attrs(attrs) for place in range(2)}))
    assert_readable(token_curve_figure({_LONG + str(place): _curve(3).assign_attrs(attrs) for place in range(5)}))
    assert_readable(token_curve_figure({_LONG: _curve(3).assign_attrs(attrs)}))


def test_values_that_are_missing() -> None:
    across, one = _across(), _curve(4)
    across["imbalance"][0, 0] = np.nan
    across["by_distance"][0, 0] = np.nan
    one["imbalance"][0, 0] = np.nan
    assert_readable(token_map_figure({"some": across}))
    assert_readable(token_curve_figure({"some": one}))


def test_too_few_and_too_many() -> None:
    with pytest.raises(InputError, match="needs a result"):
        token_curve_figure({})
    with pytest.raises(InputError, match="one to 4 results: 5 were given"):
        token_map_figure({str(place): _within() for place in range(5)})


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_figure(token_map_figure({"one": _across()}), tmp_path / f"{name}.png")
        save_figure(token_curve_figure({"one": _curve(3)}), tmp_path / f"{name}.pdf")
    for suffix in (".png", ".pdf"):
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second
