"""Figures of rows: asymmetries and controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from foretell.exceptions import InputError
from foretell.measure.inference.standard_errors import critical
from foretell.studies.plotting.asymmetry_figure import asymmetry_figure, plot_asymmetries
from foretell.studies.plotting.controls_figure import ControlRow, controls_figure, plot_controls
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.plotting.style import DIRECTION_STYLES
from foretell.studies.summaries.verdicts import Verdict
from tests.studies.plotting.drawn import assert_readable, words_of
from tests.studies.synthetic import curve

_LONG = "a-name-" * 12


def _test(value: float, margin: float, p_value: float) -> Verdict:
    """A value with half of its 95 % interval."""
    return Verdict(value, margin / critical(300), 300, p_value)


def _asymmetries() -> list[tuple[str, Verdict]]:
    return [
        ("en, es", _test(-0.05, 0.02, 0.0001)),
        ("en, de", _test(0.04, 0.02, 0.012)),
        ("es, fr", _test(0.01, 0.02, 0.4)),
    ]


def _controls() -> list[ControlRow]:
    def row(control: str, variant: str, a: float, b: float, *, reference: bool = False) -> ControlRow:
        return ControlRow(control, variant, (a, b), (a - 0.02, b - 0.02), (a + 0.02, b + 0.02), reference)

    return [
        row("study", "as it is", 0.2, 0.25, reference=True),
        row("pairs", "shuffled", 1.0, 0.98),
        row("bits", "median", 0.21, 0.24),
        row("bits", "mean", 0.22, 0.26),
    ]


def test_an_asymmetry_is_a_dot_with_its_interval_and_what_was_too_small() -> None:
    rows = _asymmetries()
    ax = plot_asymmetries(rows, Figure().add_subplot())
    intervals, dots = ax.lines[0:6:2], ax.lines[1:6:2]
    for place, ((_, row), interval, dot) in enumerate(zip(rows, intervals, dots, strict=True)):
        assert tuple(np.asarray(interval.get_xdata())) == (row.low, row.high)
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (row.value, place)  # type: ignore[index]
        band = ax.patches[place]
        assert isinstance(band, Rectangle)
        assert (band.get_x(), band.get_width()) == (-row.margin, 2 * row.margin)
        assert (dot.get_markerfacecolor() == "white") is not row.significant
    assert [dot.get_marker() for dot in dots] == ["o", "s", "s"]
    assert dots[0].get_markerfacecolor() == DIRECTION_STYLES["a_to_b"].colour
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    low, high = ax.get_xlim()
    assert low == -high
    assert high > 0.07


def test_names_of_models_are_whole_where_two_columns_have_room() -> None:
    names = [f"en by meta-llama/Llama-3.1-8B, google by facebook/dinov2-{size}" for size in ("base", "large", "giant")]
    figure = asymmetry_figure([(name, test) for (_, test), name in zip(_asymmetries(), names, strict=True)])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
    assert (figure.get_figwidth(), asymmetry_figure(_asymmetries()).get_figwidth()) == (7.0, 3.4)
    assert_readable(figure)


def test_the_sides_of_an_asymmetry_are_named() -> None:
    figure = asymmetry_figure(_asymmetries(), of=[curve().attrs])
    (ax,) = figure.axes
    words = {" ".join(text.get_text().split()): text.get_horizontalalignment() for text in ax.texts}
    assert words["first predicts better"] == "right"  # ends left of the zero line: negative
    assert words["second predicts better"] == "left"
    assert ax.get_xlabel() == "II(A → B) − II(B → A)"
    assert {"−0.050, p < .001", "+0.040, p = .012", "+0.010, p = .400"} <= set(words)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["en, es", "en, de", "es, fr"]
    assert "n = 299" in words_of(figure)


def test_controls_show_both_directions_and_the_reference() -> None:
    rows = _controls()
    ax = plot_controls(rows, Figure().add_subplot())
    for number, (direction, label) in enumerate(
        {"a_to_b": "A predicts B (A → B)", "b_to_a": "B predicts A (B → A)"}.items()
    ):
        (dots,) = (line for line in ax.lines if line.get_label() == label)
        assert list(np.asarray(dots.get_xdata())) == [row.imbalance[number] for row in rows]
        assert dots.get_marker() == DIRECTION_STYLES[direction].marker
        ends = [tuple(np.asarray(line.get_xdata())) for line in ax.lines]
        assert all((row.low[number], row.high[number]) in ends for row in rows)
        band = ax.patches[number].get_extents().transformed(ax.transData.inverted())
        assert (band.x0, band.x1) == pytest.approx((rows[0].low[number], rows[0].high[number]))
    assert len(ax.patches) == 2
    assert any(list(np.asarray(line.get_xdata())) == [1, 1] for line in ax.lines)


def test_controls_are_grouped_and_named() -> None:
    figure = controls_figure(_controls(), of=[curve().attrs])
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["as it is", "shuffled", "median", "mean"]
    assert [label.get_fontweight() for label in ax.get_yticklabels()] == ["bold", *["normal"] * 3]
    assert [text.get_text() for text in ax.texts] == ["study", "pairs", "bits"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "A predicts B (A → B)",
        "B predicts A (B → A)",
    ]
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    median, mean = ax.get_yticks()[2:]
    assert ax.get_yticks()[1] < heights["bits"] < median < mean


def test_values_that_are_not_defined() -> None:
    nan = float("nan")
    empty = Verdict(nan, nan, 300, nan)
    figure = asymmetry_figure([("en, es", empty), *_asymmetries()])
    assert_readable(figure)
    assert "undefined" in words_of(figure)
    control = replace(_controls()[0], imbalance=(nan, nan), low=(nan, nan), high=(nan, nan))
    assert_readable(controls_figure([control, *_controls()[1:]]))


def _many_asymmetries() -> Figure:
    return asymmetry_figure([(f"{_LONG}{n}", test) for n in range(8) for _, test in _asymmetries()])


def _many_controls() -> Figure:
    rows = [replace(row, variant=f"{n} {_LONG}", control=row.control + _LONG) for n in range(8) for row in _controls()]
    return controls_figure(rows, of=[{**curve().attrs, "model_a": _LONG}])


@pytest.mark.parametrize("make", [_many_asymmetries, _many_controls])
def test_long_names_are_not_cut_off(make: Callable[[], Figure]) -> None:
    assert_readable(make())


@pytest.mark.parametrize("make", [_many_asymmetries, _many_controls])
def test_the_same_rows_give_the_same_bytes(make: Callable[[], Figure], tmp_path: Path) -> None:
    for name in ("first.pdf", "second.pdf"):
        save_figure(make(), tmp_path / name)
    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(InputError, match="asymmetries needs a row"):
        asymmetry_figure([])
    with pytest.raises(InputError, match="controls needs a row"):
        controls_figure([])
