"""What maps, tokens, token pairs and controls say in words: only what their errors support."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.measure.inference.item_data import items_of
from foretell.measure.inference.p_values import contrast_p_value
from foretell.studies.controls.controls import summarise_controls
from foretell.studies.map import summarise_map
from foretell.studies.summaries.asymmetry import Asymmetry, adjusted, asymmetry_of_map
from foretell.studies.summaries.summary import Summary
from foretell.studies.summaries.verdicts import Verdict
from foretell.studies.token_pairs import TokenMap, rows_of_layers_apart, rows_of_reach, summarise_token_pairs
from foretell.studies.tokens import OfTokens, enough_tokens, rows_of_means, summarise_tokens
from foretell.studies.words import how_many
from tests.studies.synthetic import differences, one_way, scored, swapped, with_cells_turned

CLAIMS = re.compile(r"better than the reverse|\bbest\b|above|below|lower|higher|worse")
_FEW = settings(max_examples=25)
_FEWER = settings(max_examples=8)  # maps of tokens have many cells


def _of_tokens(measured: Mapping[str, OfTokens]) -> Summary:
    return summarise_tokens(measured, rows_of_means(measured))


def _sentences(summary: Summary) -> list[str]:
    return sorted(re.split(r"(?<=[a-z)\d]\.) (?=[A-Z])", summary.paragraph))


class TestMap:
    @staticmethod
    def _result(difference: float, error: float, *, p: float = 0.005, model: str = "smollm2-135m") -> xr.Dataset:
        rng = np.random.default_rng(1)
        values = rng.uniform(0.5, 0.9, (2, 3, 4))
        values[:, 1, 2] = 0.3, 0.3 - difference
        layers = {"a": ["0", "1", "2"], "b": ["0", "1", "2", "3"]}
        result = scored(values, layers, error=error, model_a=model, model_b=model)
        return result.assign(
            best=(("direction", "side"), [["1", "2"], ["1", "2"]]),
            together=("side", ["1", "2"]),
            asymmetry=difference,
            asymmetry_stderr=error,
            best_value=("direction", [0.31, 0.32]),
            best_stderr=("direction", [error, error]),
            best_n=("direction", [149, 149]),
            p_value_minimum=("direction", [p, p]),
            null=(("quantile", *result["imbalance"].dims), np.ones((3, *values.shape))),
        ).assign_coords(
            quantile=[0.025, 0.5, 0.975],
            side=["a", "b"],
            relative_depth_a=("a", [0, 0.5, 1]),
            relative_depth_b=("b", [0, 1 / 3, 2 / 3, 1]),
        )

    @staticmethod
    def _of_one(result: xr.Dataset) -> Summary:
        return summarise_map({"it": result}, adjusted([asymmetry_of_map("it", result)]), {})

    @staticmethod
    def _turned(result: xr.Dataset) -> xr.Dataset:
        turned = swapped(result, a="b", b="a", relative_depth_a="relative_depth_b", relative_depth_b="relative_depth_a")
        turned = turned.assign(
            best=(("direction", "side"), result["best"].to_numpy()[::-1, ::-1]),
            together=("side", result["together"].to_numpy()[::-1]),
            asymmetry=-result["asymmetry"],
        )
        return turned.transpose("quantile", "direction", "a", "b", ...)

    @given(st.floats(-0.2, 0.2), st.floats(0.001, 0.1))
    @_FEW
    def test_of_one(self, difference: float, error: float) -> None:
        result = self._result(difference, error)
        asymmetries = adjusted([asymmetry_of_map("it", result)])
        summary = summarise_map({"it": result}, asymmetries, {})
        assert "English predicts Spanish best from layer 1 of en (depth 0.50) and layer 2 of es" in summary.paragraph
        said = summary.paragraph.split("Asymmetry at ")[1]
        assert ("better than the reverse" in said) == asymmetries[0].test.significant
        assert bool(CLAIMS.search(said)) == asymmetries[0].test.significant
        if asymmetries[0].test.significant:
            assert ("English predicts Spanish better" in said) == (difference < 0)

    @given(st.floats(-0.2, 0.2), st.floats(0.001, 0.1), st.sampled_from([0.005, 0.2]))
    @_FEW
    def test_swapping_the_sides_swaps_the_names(self, difference: float, error: float, p: float) -> None:
        result = self._result(difference, error, p=p)
        one, other = (
            summarise_map({"it": of}, adjusted([asymmetry_of_map("it", of)]), {})
            for of in (result, self._turned(result))
        )

        def in_order(text: str) -> str:
            # Layers are named in the order of the sides.
            return re.sub(r"(layer \d of es \([^)]*\)) and (layer \d of en \([^)]*\))", r"\2 and \1", one_way(text))

        assert sorted(map(in_order, _sentences(one))) == sorted(map(in_order, _sentences(other)))
        assert one.note == other.note
        facts = [{name: in_order(fact) for name, fact in block.facts.items()} for block in other.blocks]
        assert [dict(block.facts) for block in one.blocks] == facts[::-1]

    def test_no_better_than_shuffled_pairs_names_no_layer(self) -> None:
        result = self._result(0.0, 0.05, p=0.3)
        text = summarise_map({"it": result}, adjusted([asymmetry_of_map("it", result)]), {}).paragraph.split(
            "Asymmetry"
        )[0]
        assert text.count("no better than shuffled pairs do") == 2
        assert not re.search(r"layer \d|\bbest\b", text)

    @given(
        st.lists(st.sampled_from([-0.2, -0.03, 0.0, 0.03, 0.2, math.nan]), min_size=2, max_size=6),
        st.lists(st.sampled_from([0.001, 0.02, 0.5, math.nan]), min_size=2, max_size=4),
    )
    @_FEW
    def test_counts_are_those_of_the_rows(self, asymmetric: list[float], p_values: list[float]) -> None:
        results = {f"m{number}": self._result(of, 0.015, model=f"m{number}") for number, of in enumerate(asymmetric)}
        for result in results.values():
            if math.isnan(result["asymmetry"]):
                result["asymmetry_stderr"] = math.nan
        asymmetries = adjusted([asymmetry_of_map(name, result) for name, result in results.items()])
        best = differences("m0", "m1", -0.1, p_values)
        text = summarise_map(results, asymmetries, best).paragraph
        resolved = [one for one in asymmetries if one.test.p_adjusted <= 0.05]
        a_better = sum(one.test.value < 0 for one in resolved)
        n = len(asymmetries)
        said = text.split(f"Of {n} asymmetries ")[1].split("differences between")[0]
        assert said.startswith(f"{how_many(len(resolved), n)} {'is' if len(resolved) == 1 else 'are'} significant")
        if resolved:
            assert said.count("better than the reverse, by") == len(resolved)
            assert f"In {a_better} English predicts better, in {len(resolved) - a_better} Spanish: " in said
        else:
            assert not CLAIMS.search(said)
            assert "better" not in said
        assert ("particular to the models" in said) == (0 < a_better < len(resolved))
        assert ("the same in all of them" in said) == (len(resolved) == n and a_better in (0, n))
        n_best = sum(p <= 0.05 for p in p_values)
        assert (
            f"Of {len(p_values)} differences between what is best in each, on common items, "
            f"{how_many(n_best, len(p_values))} " in text
        )
        assert ("below" in text) == (n_best > 0)


class TestTokens:
    COUNTS = ("1", "2", "3", "4")

    @classmethod
    def _of(
        cls,
        values: Sequence[float],
        *,
        error: float,
        mean: float = 0.0,
        gain: float = 0.0,
        name: str = "es",
        seed: int = 0,
    ) -> OfTokens:
        """By count, and at layer 0 of two; tokens averaged differ by `mean`, choice gains so much."""
        both = np.array([values, values])
        by_count = scored(both, {"tokens": list(cls.COUNTS)}, error=error, seed=seed, side_b=name)
        layers = {"layer": ["0", "1"]}
        concatenated, averaged = {}, {}
        for number, count in enumerate((1, 2, 4)):
            at = np.stack([both[:, count - 1], both[:, count - 1] + 0.1], axis=1)
            concatenated[count] = scored(at, layers, error=error, seed=10 * seed + number + 1, side_b=name)
            more = 0.0 if count == 1 else mean
            averaged[count] = (
                concatenated[count]
                if count == 1
                else scored(at + more, layers, error=error, seed=10 * seed + number + 100, side_b=name)
            )
        table = ("direction", "step")
        greedy = xr.Dataset(
            {
                "imbalance": (table, np.full((2, 2), 0.4)),
                "in_order": (table, np.full((2, 2), 0.4 + gain)),
                "gain": (table, np.full((2, 2), gain)),
                **{key: (table, np.full((2, 2), error)) for key in ("stderr", "in_order_stderr", "gain_stderr")},
                "position": (("direction", "half", "step"), np.ones((2, 2, 2), int)),
            },
            coords={"direction": ["a_to_b", "b_to_a"], "step": [1, 2]},
            attrs=by_count.attrs,
        )
        return OfTokens("0", concatenated, averaged, by_count, greedy)

    @given(st.floats(-0.3, 0.3), st.floats(0.002, 0.1))
    @_FEW
    def test_one_token_and_all(self, fall: float, error: float) -> None:
        of = self._of([0.5, 0.5 - fall / 3, 0.5 - fall / 2, 0.5 - fall], error=error)
        text = _of_tokens({"en-es": of}).paragraph.split("Of 4 differences")[0]
        p = 2 * contrast_p_value(fall, error * math.sqrt(2), 300)
        if p < 0.04 and fall > 0:
            assert text.count("do nearly as well as all (") == 2
        elif p < 0.04:
            assert text.count(" and worse, ") == 2
        elif p > 0.12:
            assert text.count(": no significant difference.") == 2
            assert not CLAIMS.search(text)
            assert "nearly" not in text

    @given(st.floats(-0.3, 0.3), st.floats(0.002, 0.1))
    @_FEW
    def test_averaged_and_concatenated(self, mean: float, error: float) -> None:
        found = {"en-es": self._of([0.5] * 4, error=error, mean=mean)}
        rows = [row for row in rows_of_means(found) if row["tokens"] > 1]
        resolved = [row for row in rows if row["p_adjusted"] <= 0.05]
        text = _of_tokens(found).paragraph
        if not resolved:
            assert "Of 4 differences of averaged minus concatenated tokens there none are significant." in text
            assert not CLAIMS.search(text)
        else:
            count = how_many(len(resolved), 4, ("is", "are"))
            said = text.split(f"tokens there {count} significant: ")[1].split("). ")[0]
            assert said.count(" tokens, ") == len(resolved)
            assert all(f"{row['averaged_less_concatenated']:+.3f} ± {row['stderr']:.3f} (" in said for row in resolved)

    @given(st.floats(-0.3, 0.3), st.floats(0.002, 0.1))
    @_FEW
    def test_a_choice_that_gains_nothing_is_called_no_better(self, gain: float, error: float) -> None:
        text = _of_tokens({"en-es": self._of([0.5] * 4, error=error, gain=gain)}).paragraph
        p = 4 * contrast_p_value(gain, error, 150)
        if p < 0.04 and gain > 0:
            assert text.count(" chosen one by one, where the last ") == 2
        elif p > 0.06 or gain <= 0:
            assert text.count("no better, on held-out items, from positions chosen one by one") == 2

    def test_differences_are_corrected_for_all_comparisons(self) -> None:
        # 2.5 errors are enough for one comparison and not for one of ten.
        def of(number: int) -> OfTokens:
            return self._of([0.535, 0.5, 0.5, 0.5], error=0.01, gain=0.02, name=f"x{number}", seed=number)

        assert _of_tokens({"one": of(0)}).paragraph.count(": no significant difference.") == 0
        many = _of_tokens({f"en-x{number}": of(number) for number in range(10)})
        assert many.paragraph.count(": no significant difference.") >= 18
        assert (
            "20 between one token and all, 40 between averaged and concatenated ones, 40 gains of choice" in many.note
        )

    def test_undefined_errors_claim_nothing(self) -> None:
        of = self._of([0.9, 0.5, 0.4, 0.3], error=math.nan, mean=0.3, gain=0.3)
        text = _of_tokens({"en-es": of}).paragraph
        assert not CLAIMS.search(text)
        assert "nearly" not in text
        assert " chosen one by one, where" not in text

    @given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
    @_FEW
    def test_swapping_the_sides_swaps_the_names(self, fall: float, mean: float, gain: float) -> None:
        of = self._of([0.5, 0.5, 0.5, 0.5 - fall], error=0.02, mean=mean, gain=gain)
        turned = OfTokens(
            of.layer,
            {count: swapped(one) for count, one in of.concatenated.items()},
            {count: swapped(one) for count, one in of.averaged.items()},
            swapped(of.by_count),
            None if of.greedy is None else swapped(of.greedy),
        )
        one, other = _of_tokens({"it": of}), _of_tokens({"it": turned})
        assert one.blocks == other.blocks[::-1]

        def words(summary: Summary) -> list[str]:
            # Differences of either direction are listed in the order of the directions.
            return sorted(re.sub(r"[.,;)](?=[\s.,;]|$)|\(", " ", summary.paragraph).split())

        assert words(one) == words(other)

    def test_enough_tokens(self) -> None:
        # .05 of the way from .2 to 1 is .24: three tokens do.
        curve = scored(np.array([[0.6, 0.3, 0.23, 0.2]] * 2), {"tokens": list(self.COUNTS)}, error=1e-6)
        found = enough_tokens(curve, "a_to_b")
        assert (found.count, found.least, found.most) == (3, 3, 3)
        wide = scored(np.array([[0.6, 0.3, 0.23, 0.2]] * 2), {"tokens": list(self.COUNTS)}, error=0.05)
        assert enough_tokens(wide, "a_to_b").least < 3 < enough_tokens(wide, "a_to_b").most
        level = scored(np.full((2, 4), 0.3), {"tokens": list(self.COUNTS)}, error=1e-6)
        assert enough_tokens(level, "b_to_a").count == 1


def _of_token_pairs(maps: Sequence[TokenMap]) -> Summary:
    return summarise_token_pairs(maps, rows_of_reach(maps), rows_of_layers_apart(maps))


class TestTokenPairs:
    POSITIONS = tuple(str(place) for place in range(-7, 0))

    @classmethod
    def _maps(
        cls, far: Mapping[str, float], *, forward: float = 0.0, error: float, where: str = "across"
    ) -> list[TokenMap]:
        """Maps at layers, whose far tokens predict so well; forward by so much worse."""
        place = np.arange(7)
        later = place[None, :] - place[:, None]
        maps = []
        for number, (layer, value) in enumerate(far.items()):
            one_way = np.where(np.abs(later) >= 5, value, 0.5) + np.sign(later) * forward / 2
            # From B to A, B is what predicts: a later token of B is a step backward.
            values = np.stack([one_way, one_way.T if where == "across" else one_way])
            sides = {"side_a": "en", "side_b": "es"} if where == "across" else dict.fromkeys(("side_a", "side_b"), "en")
            result = scored(
                values, {"a": list(cls.POSITIONS), "b": list(cls.POSITIONS)}, error=error, seed=number, **sides
            )
            maps.append(TokenMap("en-es", where, layer, int(layer) / 4, result))
        return maps

    @pytest.mark.parametrize("where", ["across", "within en"])
    @given(data=st.data())
    @_FEWER
    def test_a_layer_is_called_best_where_it_is_told_from_all_others(self, where: str, data: st.DataObject) -> None:
        gap, error = data.draw(st.sampled_from([0.0, 0.01, 0.2])), data.draw(st.sampled_from([0.005, 0.03, 0.2]))
        maps = self._maps({"0": 0.8, "2": 0.8 - gap, "4": 0.8}, error=error, where=where)
        text = _of_token_pairs(maps).paragraph.split("Of ")[0]
        # Of 7 tokens 6 pairs are 5 or more apart; there are 3 pairs of layers, twice where there are two directions.
        p = contrast_p_value(gap, error * math.sqrt(2 / 6), 300) * (6 if where == "across" else 3)
        if p < 0.02:
            assert "predict each other best at layer 2 (depth 0.50)" in text
        elif p > 0.3:
            assert "no layer differs significantly from all others" in text
            assert not CLAIMS.search(text)
        assert "tokens 5 or more apart" in text

    @given(st.floats(-0.2, 0.2), st.floats(0.01, 0.3))
    @_FEWER
    def test_forward_and_backward(self, forward: float, error: float) -> None:
        maps = self._maps({"0": 0.8, "2": 0.8}, forward=forward, error=error)
        rows = rows_of_reach(maps)
        assert [row["forward_less_backward"] for row in rows] == pytest.approx([forward] * 4)
        resolved = [row for row in rows if row["p_adjusted"] <= 0.05]
        text = _of_token_pairs(maps).paragraph
        count = how_many(len(resolved), 4, ("is", "are"))
        said = text.split(f"Of 4 differences of forward minus backward there {count} significant")[1]
        assert said.count("± ") == said.count("(layer ") == len(resolved)
        assert said.count("-" if forward < 0 else "+") == len(resolved)

    def test_a_single_layer_is_not_called_best(self) -> None:
        text = _of_token_pairs(self._maps({"2": 0.3}, error=0.001)).paragraph
        assert "best" not in text
        assert "differs significantly" not in text

    def test_undefined_errors_claim_nothing(self) -> None:
        text = _of_token_pairs(self._maps({"0": 0.8, "2": 0.3}, forward=0.3, error=math.nan)).paragraph
        assert not CLAIMS.search(text)

    @given(st.sampled_from([-0.2, -0.03, 0.04, 0.2]), st.floats(0, 0.2))
    @_FEWER
    def test_swapping_the_sides_swaps_the_names(self, forward: float, gap: float) -> None:
        maps = self._maps({"0": 0.8, "2": 0.8 - gap}, forward=forward, error=0.03)
        turned = []
        for one in maps:
            values = one.result["imbalance"].to_numpy()[::-1].transpose(0, 2, 1)
            result = one.result.assign(imbalance=(one.result["imbalance"].dims, values)).assign_attrs(
                side_a="es", side_b="en", items=with_cells_turned(items_of(one.result))
            )
            turned.append(TokenMap(one.comparison, one.where, one.layer, one.relative_depth, result))
        before, after = _of_token_pairs(maps), _of_token_pairs(turned)
        facts = [{block.title: block.facts for block in summary.blocks} for summary in (before, after)]
        assert facts[0] == facts[1]
        words = [
            sorted(re.findall(r"[\w.→± -]+", re.sub("[();]", ",", summary.paragraph).lower()))
            for summary in (before, after)
        ]
        assert [len(said) for said in words] == [len(words[0])] * 2


class TestControls:
    WHAT: ClassVar = {
        "breaks": "what should take the relation away",
        "baseline": "what knows no meaning but may share form",
        "keeps": "what should not matter",
    }

    @staticmethod
    def _reference() -> xr.Dataset:
        return scored(np.full((2, 3), 0.4), {"layer": ["0", "1", "2"]}, error=0.01)

    @staticmethod
    def _paper() -> xr.Dataset:
        values = (("direction", "a", "b"), np.full((2, 1, 1), 0.5))
        return xr.Dataset({"imbalance": values, "spread": values}, attrs={"n": 30})

    @staticmethod
    def _rows(of: Sequence[tuple[str, str, Sequence[float], Sequence[float]]]) -> list[dict[str, Any]]:
        """Variants by name, role, how far they lie above both ways, and p both ways."""
        return [
            {
                "control": "it",
                "variant": name,
                "direction": direction,
                "role": role,
                "layer": "1",
                **{"imbalance": 0.4 + above, "stderr": 0.01, "low": 0.3, "high": 0.5},
                **{"above_reference": above, "above_stderr": 0.01, "p_adjusted": p, "n": 299, "of_null": False},
            }
            for name, role, both, p_values in of
            for direction, above, p in zip(("en → es", "es → en"), both, p_values, strict=True)
        ]

    def _text(self, rows: list[dict[str, Any]], subsamples: xr.Dataset | None = None) -> str:
        base = [(f"no {role}", role, (0.0, 0.0), (1.0, 1.0)) for role in ("breaks", "baseline", "keeps")]
        summary = summarise_controls(self._reference(), [*rows, *self._rows(base)], "1", subsamples, self._paper())
        return summary.paragraph

    @given(
        st.sampled_from(["breaks", "baseline", "keeps"]),
        st.lists(
            st.tuples(st.floats(-0.3, 0.3), st.sampled_from([0.001, 0.04, 0.2, math.nan])), min_size=2, max_size=2
        ),
    )
    @_FEW
    def test_a_variant_is_above_or_below_only_after_correction(
        self, role: str, ways: list[tuple[float, float]]
    ) -> None:
        above = [value for value, _ in ways]
        text = self._text(self._rows([("variant", role, above, [p for _, p in ways])]))
        said = (
            text.split(f"Of 4 differences from the study itself by {self.WHAT[role]} ")[1]
            .split("). ")[0]
            .split(". ")[0]
        )
        resolved = [value for value, p in ways if p <= 0.05]
        assert said.startswith(f"{how_many(len(resolved), 4, ('is', 'are'))} significant")
        assert said.count("it: variant, ") == said.count("±") == len(resolved)
        assert all(f"{value:+z.3f} ± 0.010 (it: variant, " in text for value in resolved)

    def test_what_has_no_value_cannot_be_compared(self) -> None:
        text = self._text(self._rows([("variant", "keeps", (0.2, math.nan), (0.001, math.nan))]))
        assert (
            "Of 4 differences from the study itself by what should not matter 1 is significant: +0.200 ± 0.010 "
            "(it: variant, en → es); 1 cannot be compared."
        ) in text

    @given(st.lists(st.sampled_from([0.001, 0.04, 0.2, math.nan]), min_size=2, max_size=2))
    @_FEW
    def test_the_study_lies_below_shuffled_pairs_only_after_correction(self, p_values: list[float]) -> None:
        rows = self._rows([("shuffled", "breaks", (math.nan, math.nan), p_values)])
        text = self._text([row | {"of_null": True} for row in rows])
        said = text.split("Pairs shuffled give ")[1].split("Of 2 differences")[0]
        below = [name for name, p in zip(("en → es", "es → en"), p_values, strict=True) if p <= 0.05]
        if len(below) == 2:
            assert "the study's minimum lies below, both ways." in said
        elif below:
            assert f"the study's minimum lies below one way ({below[0]})." in said
        else:
            assert "the study's minimum does not lie below." in said

    def test_layers_that_are_always_semantic(self) -> None:
        share = xr.DataArray(np.array([[0, 1, 0.95], [0.1, 0.5, 0.9]]), dims=("direction", "layer"))
        subsamples = xr.Dataset(
            {"in_region": share},
            coords={"direction": ["a_to_b", "b_to_a"], "layer": ["0", "1", "2"]},
            attrs={"subsamples": 20, "n": 149},
        )
        text = self._text([], subsamples)
        assert (
            "In 95 % or more of 20 random halves of the items (n = 149) layers 1 to 2 are semantic (en → es)." in text
        )
        assert "In 20 random halves of the items (n = 149) no layer is always semantic (es → en)." in text


def test_asymmetries_are_corrected_for_their_number() -> None:
    attrs = {"side_a": "en", "side_b": "es", "n": 299}
    # p of .01 alone, of .05 and more among six.
    one = Verdict.difference(0.026, 0.01, 300)
    assert adjusted([Asymmetry("it", attrs, ("1",), one)])[0].test.significant
    six = adjusted([Asymmetry(f"it {number}", attrs, ("1",), one) for number in range(6)])
    assert not any(found.test.significant for found in six)
    assert [found.test.p_adjusted for found in six] == pytest.approx([6 * one.p_value] * 6)
    assert (
        six[0].sentence
        == "en → es minus es → en is +0.026 ± 0.010, not significant (95 % CI +0.006 to +0.046, not corrected)"
    )
