from __future__ import annotations

import math
from dataclasses import replace

import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from foretell.studies.summary import Difference, summarise
from tests.studies.synthetic import curve, semantic


def _text(result: xr.Dataset, *, flat: bool = False) -> str:
    return " ".join(summarise(result, semantic(result, flat=flat)).text().split())


def test_says_what_was_measured_and_what_was_left_out() -> None:
    text = _text(curve().assign_attrs(n_groups=120))
    assert "home-assistant (Apache-2.0), en and es, through smollm2-135m" in text
    assert "300 items in 120 groups, tokens: last 20; k = 1, adjusted" in text
    assert "Left out: fewer than 20 tokens (2653), repeated (12)" in text


def test_names_the_least_its_region_and_its_set() -> None:
    facts = summarise(curve(), semantic(curve())).directions[0].facts
    least = semantic(curve())["a_to_b"].minimum
    assert facts["Least imbalance"] == f"0.201 ± 0.015 at layer {least} (depth {least / 30:.2f})"
    assert facts["Semantic layers"].startswith(f"{least - 2} to {least + 2}, depth ")
    assert facts["May be the least"] == f"{least - 1} to {least}"
    assert "above the least" in facts["At layer 0"]
    assert facts["p of the least"] == "0.001 (1000 permutations)"


@given(st.floats(-0.3, 0.3), st.floats(0.001, 0.1))
def test_a_difference_within_error_is_not_called_one(difference: float, error: float) -> None:
    result = curve(least=0.4, error=error, difference=difference, n_layers=5)
    text = summarise(result, semantic(result)).asymmetry
    stderr = error * math.sqrt(2)
    if abs(difference) < 1.5 * stderr:
        assert "not resolved" in text
        assert "better" not in text
    if abs(difference) > 2.5 * stderr:
        better, worse = ("English", "Spanish") if difference > 0 else ("Spanish", "English")
        assert f"{better} foretells {worse} better than the reverse" in text


@given(st.floats(-0.3, 0.3))
def test_swapping_the_sides_swaps_the_names(difference: float) -> None:
    result = curve(least=0.4, difference=difference, n_layers=5)
    swapped = (
        result.isel(direction=[1, 0])
        .assign_coords(direction=["a_to_b", "b_to_a"])
        .assign_attrs(side_a="es", side_b="en")
    )
    one, other = summarise(result, semantic(result)), summarise(swapped, semantic(swapped))
    assert one.directions == other.directions[::-1]
    assert one.asymmetry == other.asymmetry


def test_a_flat_curve_names_no_layer() -> None:
    result = curve(least=0.95)
    summary = summarise(result, semantic(result, flat=True))
    for one in summary.directions:
        assert one.facts["Semantic layers"].startswith("none: the curve is flat")
        assert "layer" not in one.facts["Least imbalance"]
        assert one.facts["May be the least"] == "any"
        assert "above" not in one.facts["At layer 0"]


def test_an_end_that_is_not_told_apart_is_not_called_higher() -> None:
    result = curve(error=0.5)
    facts = summarise(result, semantic(result)).directions[0].facts
    assert "not told apart from the least" in facts["At layer 0"]
    assert "above" not in facts["At layer 0"]


def test_an_end_that_may_be_the_least_is_not_called_higher() -> None:
    result = curve()
    layers = semantic(result)
    assert "above the least" in summarise(result, layers).directions[0].facts["At layer 0"]
    with_it = {name: replace(one, confidence_set=(0, *one.confidence_set)) for name, one in layers.items()}
    assert "not told apart" in summarise(result, with_it).directions[0].facts["At layer 0"]


def test_a_layer_without_a_value_is_called_undefined() -> None:
    result = curve()
    layers = semantic(result)
    result["imbalance"][:, 0] = math.nan
    facts = summarise(result, layers).directions[0].facts
    assert facts["At layer 0"].startswith("undefined")


def test_without_a_null_nothing_is_said_of_one() -> None:
    result = curve()
    result = result.drop_vars(["null", "p_value", "p_value_minimum"])
    text = summarise(result, semantic(result)).text()
    assert "Shuffled" not in text
    assert "p of" not in text


@pytest.mark.parametrize("width", [60, 100])
def test_lines_are_no_wider_than_asked(width: int) -> None:
    assert max(map(len, summarise(curve(), semantic(curve())).text(width=width).splitlines())) <= width


def test_a_difference_without_an_error() -> None:
    assert Difference(0.0, 0.0).z == 0
    assert Difference(0.1, 0.0).resolved
    assert not Difference(0.1, math.nan).resolved


def test_without_an_error_nothing_is_called_a_difference() -> None:
    result = curve(difference=0.3)
    layers = semantic(result)
    result["scores"][:] = math.nan
    summary = summarise(result, layers)
    assert "not resolved (too few items for an error)" in summary.asymmetry
    assert "above" not in summary.directions[0].facts["At layer 0"]


def test_the_null_of_groups_is_named_where_p_is_against_it() -> None:
    result = curve()
    assert "Shuffled groups" not in summarise(result, semantic(result)).text()
    grouped = result.assign(null_of_groups=0.9 * result["null"])
    facts = summarise(grouped, semantic(grouped)).directions[0].facts
    assert facts["Shuffled groups"].startswith("0.90 (0.85 to 0.9")
    assert facts["p of the least"].endswith("(1000 permutations of whole groups)")
