from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from foretell.studies.plotting.curve_figures import depths_figure, plot_depth
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.plotting.style import DIRECTION_STYLES
from tests.studies.synthetic import curve, semantic


def _words(figure: Figure) -> str:
    legend = [text.get_text() for one in figure.legends for text in one.get_texts()]
    return "\n".join([*legend, *(text.get_text() for text in figure.texts)])


def test_both_directions_are_named_in_words() -> None:
    words = _words(depths_figure({"one": curve()}))
    assert "English predicts Spanish (en → es)" in words
    assert "Spanish predicts English (es → en)" in words
    assert "shuffled pairs" in words


def test_curves_bands_and_null_show_the_numbers() -> None:
    result = curve()
    ax = plot_depth(result, Figure().add_subplot())
    for line, direction in zip(ax.lines, ("a_to_b", "b_to_a"), strict=False):
        np.testing.assert_array_equal(line.get_xdata(), result["relative_depth"])
        np.testing.assert_array_equal(line.get_ydata(), result["imbalance"].sel(direction=direction))
    bands = [collection.get_paths()[0].vertices for collection in ax.collections]
    lows = [float(np.min(np.asarray(band)[:, 1])) for band in bands]
    assert lows[0] == pytest.approx(float(result["low"].sel(direction="a_to_b").min()))
    assert lows[2] == pytest.approx(float(result["null"].sel(quantile=0.025).min()))
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > float(result["null"].max())


def test_regions_are_shaded() -> None:
    result = curve()
    layers = semantic(result)
    ax = plot_depth(result, Figure().add_subplot(), semantic=layers)
    (region,) = layers["a_to_b"].regions
    depth = result["relative_depth"].to_numpy()
    shaded = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert depth[region.start - 1] < shaded.x0 < depth[region.start]
    assert depth[region.stop] < shaded.x1 < depth[region.stop + 1]
    assert len(ax.patches) == 2
    assert not plot_depth(result, Figure().add_subplot()).patches


def test_the_null_of_groups_is_a_line_of_its_own() -> None:
    result = curve()
    assert "whole groups" not in _words(depths_figure({"one": result}))
    grouped = result.assign(null_of_groups=0.9 * result["null"])
    assert "whole groups shuffled, median" in _words(depths_figure({"one": grouped}))
    line = plot_depth(grouped, Figure().add_subplot()).lines[-1]
    expected = 0.9 * result["null"].sel(quantile=0.5).mean("direction")
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), expected)


def test_a_result_without_errors_or_null_has_curves_alone() -> None:
    ax = plot_depth(curve().drop_vars(["low", "high", "null"]), Figure().add_subplot())
    assert len(ax.lines) == 2
    assert not ax.collections


def test_the_strip_shows_regions_and_the_confidence_set() -> None:
    result = curve()
    layers = semantic(result)
    strip = depths_figure({"one": result}, {"one": layers}).axes[1]
    assert [label.get_text() for label in strip.get_yticklabels()] == ["en → es", "es → en"]
    depth = result["relative_depth"].to_numpy()
    np.testing.assert_array_equal(strip.lines[0].get_xdata(), depth[list(layers["a_to_b"].confidence_set)])
    assert len(strip.patches) == 4
    flat = depths_figure({"one": result}, {"one": semantic(result, flat=True)}).axes[1]
    assert not flat.patches


def test_the_caption_says_what_the_numbers_depend_on() -> None:
    words = " ".join(_words(depths_figure({"one": curve().assign_attrs(n_groups=120)})).split())
    for part in ("N = 300 items in 120 groups", "n = 299", "T = 20", "k = 1", "adjusted", "smollm2-135m"):
        assert part in words


@pytest.mark.parametrize("sides", [("en", "es"), ("pt-BR", "zh-Hant")])
def test_no_text_is_cut_off_or_too_small(sides: tuple[str, str]) -> None:
    result = curve().assign_attrs(side_a=sides[0], side_b=sides[1], model_a="some/" + "long-name-" * 8)
    figure = depths_figure({"one": result}, {"one": semantic(result)})
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    texts = [*figure.texts, *(text for one in figure.legends for text in one.get_texts())]
    texts += [label for ax in figure.axes for label in ax.get_yticklabels()]
    for text in texts:
        box = text.get_window_extent()
        assert float(text.get_fontsize()) >= 7
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


def test_the_legend_covers_no_data() -> None:
    figure = depths_figure({"one": curve(least=0.94)})
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().y0 >= figure.axes[0].bbox.y1


def test_directions_differ_in_grey_and_in_form() -> None:
    a, b = DIRECTION_STYLES["a_to_b"], DIRECTION_STYLES["b_to_a"]
    grey = [float(np.dot(to_rgb(style.colour), (0.299, 0.587, 0.114))) for style in (a, b)]
    assert abs(grey[0] - grey[1]) > 0.05
    assert a.line != b.line
    assert a.marker != b.marker


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_same_result_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    result = curve()
    for name in ("first", "second"):
        save_figure(depths_figure({"one": result}, {"one": semantic(result)}), (tmp_path / name).with_suffix(suffix))
    first = (tmp_path / "first").with_suffix(suffix).read_bytes()
    assert first == (tmp_path / "second").with_suffix(suffix).read_bytes()
    assert first.startswith({".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix])


def test_settings_of_the_program_are_left_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    save_figure(depths_figure({"one": curve()}), tmp_path / "depth.pdf")
    assert dict(mpl.rcParams) == before
