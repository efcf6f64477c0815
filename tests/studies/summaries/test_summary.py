"""What a depth study says in words: only what its errors support."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.measure.imbalance.semantic_layers import SemanticLayers
from foretell.measure.inference.p_values import holm
from foretell.measure.inference.standard_errors import FEWEST_GROUPS
from foretell.studies.depth import summarise_depth
from foretell.studies.summaries.asymmetry import Asymmetry, adjusted, asymmetry_of_all, asymmetry_of_curve
from foretell.studies.summaries.summary import Summary
from foretell.studies.summaries.verdicts import Verdict, family
from foretell.studies.words import how_many, listed, runs
from tests.studies.synthetic import curve, differences, one_way, semantic, swapped, without_errors


def _summary(result: xr.Dataset, *, flat: bool = False, layers: Mapping[str, SemanticLayers] | None = None) -> Summary:
    found = semantic(result, flat=flat) if layers is None else layers
    one = asymmetry_of_curve("it", result)
    return summarise_depth({"it": result}, {"it": found}, adjusted([] if one is None else [one]), {})


def _facts(summary: Summary) -> Mapping[str, str]:
    return summary.blocks[0].facts


def _text(result: xr.Dataset, *, flat: bool = False) -> str:
    return " ".join(_summary(result, flat=flat).text().split())


def test_says_what_was_measured_and_what_was_left_out() -> None:
    text = _text(curve().assign_attrs(n_groups=120))
    assert "home-assistant (Apache-2.0), en and es, through smollm2-135m" in text
    assert "300 items in 120 groups, tokens: last 20; k = 1, adjusted" in text
    assert "Left out: fewer than 20 tokens (2653), repeated (12)" in text


def test_names_the_least_its_region_and_its_set() -> None:
    summary = _summary(curve())
    least = semantic(curve())["a_to_b"].minimum
    facts = _facts(summary)
    assert facts["Minimum"] == f"0.201 ± 0.015 at layer {least} (depth {least / 30:.2f})"
    assert facts["Semantic layers"].startswith(f"{least - 2} to {least + 2}, depth ")
    assert facts["Best layer, 95 % confidence set"] == f"{least - 1} to {least}"
    assert "above the minimum" in facts["At layer 0"]
    assert facts["p of the minimum"] == "0.001 (1000 permutations)"
    assert f"English predicts Spanish best at layer {least} (depth {least / 30:.2f})" in summary.paragraph
    assert f"Layers {least - 2} to {least + 2} are semantic. At the first layer it is" in summary.paragraph


@given(st.floats(-0.3, 0.3), st.floats(0.001, 0.1))
def test_a_difference_within_error_is_not_called_one(difference: float, error: float) -> None:
    result = curve(least=0.4, error=error, difference=difference, n_layers=5)
    one = asymmetry_of_curve("it", result)
    assert one is not None
    text = "Asymmetry" + _summary(result).paragraph.split("Asymmetry")[1]
    if abs(difference) < 1.9 * one.test.stderr:
        assert "not significant" in text
        assert "better" not in text
    if abs(difference) > 2.1 * one.test.stderr:
        better, worse = ("English", "Spanish") if difference > 0 else ("Spanish", "English")
        assert f"{better} predicts {worse} better than the reverse" in text


@given(st.floats(-0.3, 0.3))
def test_swapping_the_sides_swaps_the_names(difference: float) -> None:
    result = curve(least=0.4, difference=difference, n_layers=5)
    one, other = _summary(result), _summary(swapped(result))
    assert one.blocks == other.blocks[::-1]
    assert one.note == other.note
    sentences, turned = (summary.paragraph.split(" Asymmetry") for summary in (one, other))
    # The sentences of either direction change places; that of their asymmetry stays, whichever is the better.
    assert sorted(re.split(r"(?<=\.) (?=English|Spanish)", sentences[0])) == sorted(
        re.split(r"(?<=\.) (?=English|Spanish)", turned[0])
    )
    assert sentences[1] == one_way(turned[1])


def test_a_flat_curve_names_no_layer() -> None:
    summary = _summary(curve(least=0.95), flat=True)
    for one in summary.blocks:
        assert one.facts["Semantic layers"].startswith("none: the curve is flat")
        assert "layer" not in one.facts["Minimum"]
        assert one.facts["Best layer, 95 % confidence set"] == "any"
        assert "above" not in one.facts["At layer 0"]
    said = summary.paragraph.split("Asymmetry")[0]
    assert said.count("alike at all layers within the errors") == 2
    assert not re.search(r"layers? \d|best|above|below|lower", said)


def test_a_curve_as_high_as_shuffled_pairs_has_no_semantic_layers() -> None:
    result = curve()
    layers = {name: replace(one, regions=(), p_value=0.3) for name, one in semantic(result).items()}
    summary = _summary(result, layers=layers)
    assert "English predicts Spanish no better than shuffled pairs do" in summary.paragraph
    assert _facts(summary)["Semantic layers"] == "none: shuffled pairs are as low"


def test_an_end_that_is_not_told_apart_is_not_called_higher() -> None:
    summary = _summary(curve(error=0.5))
    assert "no significant difference from the minimum" in _facts(summary)["At layer 0"]
    assert "above" not in _facts(summary)["At layer 0"]
    assert "above" not in summary.paragraph
    assert len(re.findall(r"no significant difference from the minimum \(-?\d.\d SE\)", summary.paragraph)) == 4


def test_an_end_that_may_be_the_least_is_not_called_higher() -> None:
    result = curve()
    layers = semantic(result)
    assert "above the minimum" in _facts(_summary(result, layers=layers))["At layer 0"]
    with_it = {name: replace(one, confidence_set=(0, *one.confidence_set)) for name, one in layers.items()}
    summary = _summary(result, layers=with_it)
    assert "no significant difference" in _facts(summary)["At layer 0"]
    assert re.search(r"first layer it is \d\.\d{3}, no significant difference from the minimum", summary.paragraph)


def test_a_layer_without_a_value_is_called_undefined() -> None:
    result = curve()
    layers = semantic(result)
    result["imbalance"][:, 0] = math.nan
    summary = _summary(result, layers=layers)
    assert _facts(summary)["At layer 0"].startswith("undefined")
    assert "At the first layer it is undefined" in summary.paragraph


def test_without_a_null_nothing_is_said_of_one() -> None:
    result = curve()
    result = result.drop_vars(["null", "p_value", "p_value_minimum"])
    text = _summary(result).text()
    assert "Shuffled" not in text
    assert "p of" not in text


@pytest.mark.parametrize("width", [60, 100])
def test_lines_are_no_wider_than_asked(width: int) -> None:
    text = _summary(curve()).text(width=width)
    assert max(map(len, text.splitlines())) <= width


def test_without_an_error_nothing_is_significant() -> None:
    assert not Verdict.difference(0.2, math.nan, 100).significant
    assert not Verdict.difference(0.0, 0.0, 100).significant
    # With few groups a wider interval is needed.
    assert Verdict.difference(0.2, 0.08, 100).significant
    assert not Verdict.difference(0.2, 0.08, 5).significant


def test_errors_that_are_undefined_are_not_called_a_difference() -> None:
    result = without_errors(curve(difference=0.3))
    summary = _summary(result)
    assert "not significant (too few items for an error)" in summary.paragraph
    assert not re.search("better|above|below|lower", summary.paragraph)
    assert "above" not in _facts(summary)["At layer 0"]


def test_no_layer_with_both_directions_has_no_asymmetry() -> None:
    result = curve(n_layers=5)
    layers = semantic(result)
    result["imbalance"][0] = math.nan
    assert asymmetry_of_curve("it", result) is None
    text = _summary(result, layers=layers).paragraph
    assert "Their asymmetry is undefined: no layer has both directions." in text


def test_the_null_of_groups_is_named_where_p_is_against_it() -> None:
    result = curve()
    assert "Shuffled groups" not in _summary(result).text()
    grouped = result.assign(null_of_groups=0.9 * result["null"])
    facts = _facts(_summary(grouped))
    assert facts["Shuffled groups"].startswith("0.90 (0.85 to 0.9")
    assert facts["p of the minimum"].endswith("(1000 permutations of whole groups)")


class TestSeveral:
    """Of many comparisons counts are given, after correction for their number."""

    @settings(max_examples=30)
    @given(
        st.lists(st.sampled_from([-0.3, -0.05, 0.0, 0.04, 0.3]), min_size=2, max_size=5),
        st.lists(st.floats(0, 0.2) | st.just(math.nan), min_size=2, max_size=4),
    )
    def test_counts_are_those_of_the_rows(self, asymmetric: list[float], p_values: list[float]) -> None:
        results = {
            f"en-x{number}": curve(least=0.4, error=0.015, difference=of, n_layers=5, seed=number).assign_attrs(
                side_a=f"y{number}", side_b=f"x{number}"
            )
            for number, of in enumerate(asymmetric)
        }
        asymmetries = adjusted([asymmetry_of_curve(name, result) for name, result in results.items()])  # type: ignore[misc]
        best = differences("en-x0", "en-x1", 0.1, p_values)
        found = {name: semantic(result) for name, result in results.items()}
        text = summarise_depth(results, found, asymmetries, best).paragraph
        resolved = [one for one in asymmetries if one.test.p_adjusted <= 0.05]
        assert f"Of {len(asymmetries)} asymmetries {how_many(len(resolved), len(asymmetries))} " in text
        said = text.split("asymmetries ")[1].split("differences between")[0]
        assert said.count("better than the reverse") == len(resolved)
        for one in asymmetries:
            better, worse = (one.attrs["side_a"], one.attrs["side_b"])[:: 1 if one.test.value < 0 else -1]
            assert (f"{better} predicts {worse} better" in said) == one.test.significant
        n_best = sum(p <= 0.05 for p in p_values)
        assert f"Of {len(p_values)} differences between what is best in each, on common items, " in text
        assert f"{how_many(n_best, len(p_values))} {'is' if n_best == 1 else 'are'} significant" in text
        assert ("below" in text) == (n_best > 0)

    def test_p_values_of_curves_are_corrected_for_all(self) -> None:
        results = {f"en-x{number}": curve().assign_attrs(side_b=f"x{number}") for number in range(8)}
        found = {name: semantic(result) for name, result in results.items()}
        text = summarise_depth(results, found, [], {}).paragraph
        assert "Of 16 curves (8 comparisons, both ways) all 16 have semantic layers." in text
        assert "An inner layer is lower than both the first and the last in all 16 of these, corrected for 32" in text
        # .004 is little for one curve and not for one of sixteen.
        high = {name: {d: replace(one, p_value=0.004) for d, one in of.items()} for name, of in found.items()}
        assert "none have semantic layers." in summarise_depth(results, high, [], {}).paragraph
        (first, *_) = found
        one = high | {first: {d: replace(of, p_value=0.001) for d, of in found[first].items()}}
        assert "2 have semantic layers." in summarise_depth(results, one, [], {}).paragraph

    @given(st.floats(-0.3, 0.3))
    @settings(max_examples=15)
    def test_swapping_the_sides_swaps_the_names(self, difference: float) -> None:
        results = {
            f"en-x{number}": curve(least=0.4, difference=difference, n_layers=5, seed=number).assign_attrs(
                side_a=f"y{number}", side_b=f"x{number}"
            )
            for number in range(2)
        }

        def said(of: Mapping[str, xr.Dataset]) -> Summary:
            asymmetries = adjusted([asymmetry_of_curve(name, result) for name, result in of.items()])  # type: ignore[misc]
            return summarise_depth(of, {name: semantic(result) for name, result in of.items()}, asymmetries, {})

        one, other = said(results), said({name: swapped(result) for name, result in results.items()})
        assert one.paragraph.split("Of 2 asymmetries")[1] == other.paragraph.split("Of 2 asymmetries")[1]
        assert {block.title: block.facts for block in one.blocks} == {
            block.title: block.facts for block in other.blocks
        }

    @given(st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=4))
    @settings(max_examples=15)
    def test_what_one_side_does_to_all_others_is_tested_too(self, differences: list[float]) -> None:
        results = {
            f"en-x{number}": curve(least=0.4, difference=of, n_layers=5, seed=number).assign_attrs(side_b=f"x{number}")
            for number, of in enumerate(differences)
        }
        asymmetries = adjusted([asymmetry_of_curve(name, result) for name, result in results.items()])  # type: ignore[misc]
        together = asymmetry_of_all(asymmetries, results)
        assert together is not None
        assert together.value == pytest.approx(np.mean([one.test.value for one in asymmetries]), abs=1e-9)
        found = {name: semantic(result) for name, result in results.items()}
        text = summarise_depth(results, found, asymmetries, {}).paragraph
        claims = ["English predicts the others better", "the others predict English better"]
        assert [claim in text for claim in claims] == [
            together.significant and together.value < 0,
            together.significant and together.value > 0,
        ]

    def test_flat_curves_and_undefined_errors_claim_nothing(self) -> None:
        bare = without_errors(curve(difference=0.3))
        results = {f"en-x{number}": bare.assign_attrs(side_b=f"x{number}") for number in range(3)}
        asymmetries = adjusted([asymmetry_of_curve(name, result) for name, result in results.items()])  # type: ignore[misc]
        best = family({("a_to_b", "en-x0", "en-x1"): Verdict.difference(0.1, math.nan, 300)})
        flat = {name: semantic(result, flat=True) for name, result in results.items()}
        text = summarise_depth(results, flat, asymmetries, best).paragraph
        assert text == (
            "Of 6 curves (3 comparisons, both ways) none have semantic layers. Of 3 asymmetries none are significant "
            "after correction for their number. Of 1 differences between what is best in each, on common items, none "
            "are significant."
        )


@given(st.floats(-1, 1) | st.just(math.nan), st.floats(0, 1) | st.just(math.nan), st.integers(2, 500))
def test_an_asymmetry_is_called_one_beyond_its_interval_alone(value: float, stderr: float, n_groups: int) -> None:
    test = Verdict.difference(value, stderr, n_groups)
    said = Asymmetry("it", {"side_a": "en", "side_b": "es"}, ("1",), test).sentence
    assert ("better" in said) == test.significant
    assert ("not significant" in said) != test.significant
    if test.significant:
        assert abs(value) >= test.margin * (1 - 1e-9)
        assert ("English predicts Spanish better" in said) == (value < 0)
    elif n_groups >= FEWEST_GROUPS and stderr > 0 and not math.isnan(value + stderr):
        assert test.low <= 0 <= test.high  # the interval and the p value are of one distribution


@given(st.lists(st.floats(0, 0.2) | st.just(math.nan), max_size=8))
def test_a_family_is_corrected_by_holm(p_values: list[float]) -> None:
    tests = family({number: Verdict(0.1, 0.01, 300, p) for number, p in enumerate(p_values)})
    np.testing.assert_array_equal([tests[number].p_adjusted for number in range(len(p_values))], holm(p_values))
    for p, test in zip(p_values, tests.values(), strict=True):
        np.testing.assert_equal(test.p_value, p)
        assert (test.significant, test.insignificant) == (test.p_adjusted <= 0.05, test.p_adjusted > 0.05)


def test_counts_and_lists_in_words() -> None:
    assert [how_many(count, 8) for count in (0, 1, 3, 8)] == ["none", "1", "3", "all 8"]
    assert how_many(1, 1) == "1"
    assert [listed(names) for names in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
    names = [str(number) for number in range(10)]
    assert runs(names, [5, 3, 4, 8]) == "3 to 5, 8"
    assert runs(names, list(np.arange(10))) == "0 to 9"
