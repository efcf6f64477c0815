from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from foretell.exceptions import InputError
from foretell.studies.plotting.captions import conditions, shortened, shortened_apart, text_width, wrapped
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.panel_grid import save_figure
from tests.studies.plotting.drawn import assert_readable, words_of
from tests.studies.synthetic import curve, semantic

_LONG = "some-long-name-of-a-model/" + "of-more-than-one-part-" * 4


def _pairs(count: int) -> dict[str, xr.Dataset]:
    codes = ["en", "es", "de", "hu", "ja", "fr", "zh-Hans", "pt-BR", "fi", "it", "ko", "ru", "tr"]
    return {
        f"{a}-{b}": curve(least=0.2 + 0.02 * place, seed=place).assign_attrs(side_a=a, side_b=b)
        for place, (a, b) in enumerate(pairwise(codes[: count + 1]))
    }


def test_one_result_is_the_depth_figure() -> None:
    result = curve()
    figure = depths_figure({"en-es": result}, {"en-es": semantic(result)})
    assert len(figure.axes) == 2
    assert "English predicts Spanish (en → es)" in words_of(figure)


@pytest.mark.parametrize("count", [2, 3, 4, 6, 12])
def test_a_panel_a_result_with_its_numbers(count: int) -> None:
    results = _pairs(count)
    found = {name: semantic(result) for name, result in results.items()}
    figure = depths_figure(results, found)
    assert_readable(figure)
    panels = figure.axes[::2]
    assert len(panels) == count
    for ax, strip, result in zip(panels, figure.axes[1::2], results.values(), strict=True):
        for line, direction in zip(ax.lines, ("a_to_b", "b_to_a"), strict=False):
            np.testing.assert_array_equal(line.get_xdata(), result["relative_depth"])
            np.testing.assert_array_equal(line.get_ydata(), result["imbalance"].sel(direction=direction))
        assert len(strip.patches) == 4
    assert len({ax.get_ylim() for ax in panels}) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "A predicts B (A → B)",
        "B predicts A (B → A)",
        "shuffled pairs, median and 95 %",
    ]


def test_a_title_says_what_a_and_b_are() -> None:
    results = _pairs(2)
    names = [ax.get_title() for ax in depths_figure(results).axes]
    assert names == ["English (A), Spanish (B)", "Spanish (A), German (B)"]
    turned = {name: result.assign_attrs(side_a="fr") for name, result in results.items()}
    assert [ax.get_title() for ax in depths_figure(turned).axes][1] == "French (A), German (B)"


def test_models_are_named_where_they_differ() -> None:
    first = curve()
    second = curve(n_layers=19).assign_attrs(model_a="gemma", model_b="gemma")
    figure = depths_figure({"a": first, "b": second})
    assert [ax.get_title() for ax in figure.axes] == ["smollm2-135m", "gemma"]
    assert "smollm2-135m and gemma" in words_of(figure)
    assert "English predicts Spanish (en → es)" in words_of(figure)
    third = second.assign_attrs(side_b="de")
    titles = [ax.get_title() for ax in depths_figure({"a": first, "b": second, "c": third}).axes]
    assert titles[1:] == ["English (A), Spanish (B); gemma", "English (A), German (B); gemma"]


def test_long_names_are_not_cut_off() -> None:
    results = {
        name: result.assign_attrs(model_a=_LONG + name, model_b=_LONG + "2") for name, result in _pairs(12).items()
    }
    assert_readable(depths_figure(results, {name: semantic(result) for name, result in results.items()}))


def test_letters_are_explained_where_titles_do_not() -> None:
    results = {
        name: curve().assign_attrs(side_b="en", model_a=_LONG, model_b="other") for name in ("last 1", "last 20")
    }
    figure = depths_figure(results, {name: semantic(result) for name, result in results.items()})
    assert [ax.get_title() for ax in figure.axes[::2]] == ["last 1", "last 20"]
    words = words_of(figure)
    assert "A predicts B (A → B)" in words
    assert f"{_LONG}(A),other(B)." in words.replace(" ", "")
    short = {name: curve().assign_attrs(side_b="zh-Hans") for name in results}
    found = {name: semantic(result) for name, result in short.items()}
    words = words_of(depths_figure(short, found))
    assert "en → zh-Hans" in words
    assert "(A)" not in words
    # As long a code leaves the strips too little room, though the legend has enough.
    long = {name: curve().assign_attrs(side_b="zh-Hans-x-long-code") for name in results}
    assert "English (A), zh-Hans-x-long-code (B)." in words_of(depths_figure(long, found))
    assert "(A)" not in words_of(depths_figure(long))


def test_a_layer_without_a_value_is_a_gap() -> None:
    results = _pairs(2)
    gap = results["en-es"].copy(deep=True)
    for name in ("imbalance", "low", "high"):
        gap[name][1, 0] = np.nan
    figure = depths_figure({**results, "en-es": gap})
    assert_readable(figure)
    assert np.isnan(np.asarray(figure.axes[0].lines[1].get_ydata(), float)[0])


def test_results_without_errors_or_null() -> None:
    bare = {name: result.drop_vars(["low", "high", "null"]) for name, result in _pairs(3).items()}
    figure = depths_figure(bare)
    assert_readable(figure)
    assert "shuffled" not in words_of(figure)
    assert "Bands" not in words_of(figure)


def test_different_n_are_said() -> None:
    attrs = curve().attrs
    words = conditions(attrs, {**attrs, "n": 199, "n_items": 200, "n_groups": 120})
    assert "N = 300 and 200 items in 300 and 120 groups, n = 299 and 199, T = 20, k = 1, adjusted." in words
    assert "Values at different n are not comparable." in words
    assert "comparable" not in conditions(attrs, attrs)


def test_no_result() -> None:
    with pytest.raises(InputError, match="needs a result"):
        depths_figure({})


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_same_results_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("first", "second"):
        save_figure(depths_figure(_pairs(2)), (tmp_path / name).with_suffix(suffix))
    first, second = ((tmp_path / name).with_suffix(suffix).read_bytes() for name in ("first", "second"))
    assert first == second


def test_letters_in_a_pdf_are_letters(tmp_path: Path) -> None:
    save_figure(depths_figure({"one": curve()}), tmp_path / "one.pdf")
    assert b"/Subtype /CIDFontType2" in (tmp_path / "one.pdf").read_bytes()


def test_text_is_measured() -> None:
    assert text_width("iiii") < text_width("mmmm")
    lines = wrapped(f"a word and {_LONG} and more", 1.5).splitlines()
    assert max(map(text_width, lines)) <= 1.5
    assert "".join(lines).replace(" ", "") == f"awordand{_LONG}andmore"
    short = shortened(_LONG, 1.0)
    assert text_width(short) <= 1.0
    assert short.startswith("some")
    assert "…" in short
    assert shortened("short", 1.0) == "short"


def test_shortened_names_stay_apart() -> None:
    names = [f"{_LONG}{middle}{_LONG}" for middle in "xyx"]
    short = shortened_apart(names, 1.0)
    assert [name[0] for name in short] == ["1", "2", "1"]
    assert max(map(text_width, short)) <= 1.0
    assert shortened_apart(["one", "other"], 1.0) == ["one", "other"]
