"""Every kind of study from start to end: what it writes, that its tables say what its results say, that it repeats."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import StudyError
from foretell.measure.inference.item_data import items_of
from foretell.measure.inference.p_values import contrast_p_value, holm
from foretell.measure.results.schema import cell_of
from foretell.representations.models.base import ModelOptions
from foretell.studies.words import direction_name
from tests.studies.conftest import N_BLOCKS, STUDIES, Runs, World

DIRECTIONS = ("a_to_b", "b_to_a")


def _table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _cell(result: xr.Dataset, direction: str, *layers: str, name: str = "imbalance") -> float:
    return float(cell_of(result, direction, *layers)[name])


def _of(row: Mapping[str, Any], result: xr.Dataset) -> str:
    """The direction that a row names."""
    return next(one for one in DIRECTIONS if direction_name(result.attrs, one) == row["direction"])


def _check_holm(rows: list[Mapping[str, Any]]) -> None:
    expected = holm([row["p_value"] for row in rows])
    np.testing.assert_allclose([row["p_adjusted"] for row in rows], expected)


@pytest.mark.parametrize("name", STUDIES)
class TestEvery:
    def test_the_folder_holds_the_answer(self, runs: Runs, name: str) -> None:
        ran = runs[name]
        there = {path.relative_to(ran.folder).as_posix() for path in ran.folder.rglob("*") if path.is_file()}
        beside = {key for key, result in ran.answer.results.items() if "similarity" in result}
        expected = {
            *("study.yaml", "summary.txt", "summary.json", "health.json", "report.html"),
            *(f"neighbours/{key}.nc" for key in ran.answer.neighbours),
            *(f"results/{key}{suffix}" for key in ran.answer.results for suffix in (".nc", ".csv")),
            *(f"results/{key}-beside.csv" for key in beside),
            *(f"tables/{key}.csv" for key in ran.answer.tables),
            *(f"figures/{key}{suffix}" for key in ran.answer.figures for suffix in (".png", ".pdf")),
        }
        assert {path for path in there if not path.startswith("stores/")} == expected
        assert (ran.folder / "summary.txt").read_text("utf-8") == ran.answer.summary.text()
        for key, result in ran.answer.results.items():
            xr.testing.assert_equal(foretell.load_result(ran.folder / "results" / f"{key}.nc"), result)

    def test_tables_are_written_as_they_are(self, runs: Runs, name: str) -> None:
        ran = runs[name]
        for table, rows in ran.answer.tables.items():
            assert rows
            written = _table(ran.folder, table)
            assert [list(row) for row in written] == [list(row) for row in rows]
            assert [[str(value) for value in row.values()] for row in rows] == [list(row.values()) for row in written]
            assert all(int(row["n"]) < 60 for row in rows), table

    def test_every_result_says_what_it_is_of(self, runs: Runs, name: str) -> None:
        ran = runs[name]
        for result in ran.answer.results.values():
            assert {"comparison", "model_a", "side_b", "tokens", "data_licence", "drop_counts", "n"} <= set(
                result.attrs
            )
            assert json.loads(result.attrs["study"])["study"] == STUDIES[name]["study"]
        assert ran.answer.summary.heading[0].startswith("made-up (CC0-1.0), en")
        assert ran.answer.summary.paragraph.endswith(".")


@pytest.mark.parametrize(
    "name",
    [
        "depth",
        "tokens",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("map", "token-pairs", "controls")),
    ],
)
def test_a_second_run_changes_no_byte_and_extracts_nothing(runs: Runs, name: str) -> None:
    first = runs[name].files()
    ran = runs.again(name)
    second = ran.files()
    # netCDF files hold times of their own, and what measuring took is another time.
    same = [path for path in first if path.suffix != ".nc" and path.parts[0] != "stores"]
    assert {path.suffix for path in same} == {".csv", ".txt", ".yaml", ".png", ".pdf", ".json", ".html"}
    assert [path for path in same if second[path] != first[path]] == []
    assert sorted(ran.world.reused) == sorted(ran.world.extracted)


class TestDepth:
    def test_layers(self, runs: Runs) -> None:
        for name in ("depth", "several depths"):
            results, tables = runs[name].answer.results, runs[name].answer.tables
            assert len(tables["layers"]) == 2 * len(results)
            for row in tables["layers"]:
                result = results[row["comparison"]]
                direction = _of(row, result)
                values = result["imbalance"].sel(direction=direction)
                assert row["imbalance"] == values.min() == _cell(result, direction, row["layer"])
                assert row["stderr"] == _cell(result, direction, row["layer"], name="stderr")
                assert (row["first_layer"], row["last_layer"]) == (values[0], values[-1])
                assert row["p_value"] == result["p_value_minimum"].sel(direction=direction)
                assert row["cross_fitted"] == result["best_value"].sel(direction=direction)
                assert row["layer"] in row["may_be_least"].split()
            _check_holm(list(tables["layers"]))

    def test_asymmetries(self, runs: Runs) -> None:
        for name in ("depth", "several depths"):
            results, tables = runs[name].answer.results, runs[name].answer.tables
            assert [row["comparison"] for row in tables["asymmetries"]] == list(results)
            for row in tables["asymmetries"]:
                result, layers = results[row["comparison"]], row["layers"].split()
                share = 1 / len(layers)
                weights: dict[Any, float] = {("a_to_b", layer): share for layer in layers}
                weights |= {("b_to_a", layer): -share for layer in layers}
                tested = foretell.contrast(result, weights)
                value, stderr = tested.value, tested.stderr
                assert (row["asymmetry"], row["stderr"]) == (pytest.approx(value), pytest.approx(stderr))
                assert row["p_value"] == pytest.approx(contrast_p_value(value, stderr, 60))
                assert row["resolved"] == (row["p_adjusted"] <= 0.05)
                assert (row["better"] != "") == row["resolved"]
                assert row["high"] - row["low"] == pytest.approx(2 * row["resolvable"])
            _check_holm(list(tables["asymmetries"]))

    def test_items_add_up_to_the_imbalance(self, runs: Runs) -> None:
        result, rows = runs["depth"].answer.result, runs["depth"].answer.tables["items-en-es"]
        assert len(rows) == 60
        assert {row["item"] for row in rows} == set(items_of(result).ids)
        for direction in DIRECTIONS:
            mean = np.mean([row[direction] for row in rows])
            assert mean == pytest.approx(_cell(result, direction, rows[0]["layer_a"]))
        assert [row["imbalance"] for row in rows] == sorted((row["imbalance"] for row in rows), reverse=True)
        assert rows[0]["a"].startswith("en ")
        assert rows[0]["a_to_b_neighbour_b"].startswith("es ")

    def test_best_layers_compared(self, runs: Runs) -> None:
        answer = runs["several depths"].answer
        names = list(answer.results)
        assert names == ["tiny_en-es", "tiny_en-fr", "tiny-2_en-es", "tiny-2_en-fr"]
        rows = answer.tables["best-layers-compared"]
        assert len(rows) == 2 * 6
        for row in rows:
            one, other = (row[key].split(": ")[0] for key in ("first", "second"))
            arrow = row["first"].split(": ")[1]
            direction = next(of for of in DIRECTIONS if direction_name(answer.results[one].attrs, of) == arrow)
            values = [answer.results[key]["best_value"].sel(direction=direction) for key in (one, other)]
            assert row["difference"] == pytest.approx(float(values[0] - values[1]))
        text = answer.summary.paragraph
        assert text.startswith("Of 8 curves (4 comparisons, both ways) ")
        assert "Of 4 asymmetries " in text
        assert "Of 12 differences between what is best in each" in text
        assert set(answer.figures) == {"depth", "plane", "asymmetries"}

    def test_other_measures_are_beside_it(self, runs: Runs) -> None:
        answer = runs["depth"].answer
        assert answer.result["measure"].to_numpy().tolist() == ["cka", "mutual_knn"]
        assert "beside-en-es" in answer.figures
        with (runs["depth"].folder / "results" / "en-es-beside.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        values = {(row["measure"], row["layer"]): float(row["similarity"]) for row in rows}
        assert len(values) == 2 * (N_BLOCKS + 1)
        for (measure, layer), value in values.items():
            assert value == pytest.approx(float(answer.result["similarity"].sel(measure=measure, layer=int(layer))))


class TestMap:
    def test_best_pairs(self, runs: Runs) -> None:
        for name in ("map", "several maps"):
            results, tables = runs[name].answer.results, runs[name].answer.tables
            assert len(tables["best-pairs"]) == 2 * len(results)
            for row in tables["best-pairs"]:
                result = results[row["comparison"]]
                direction = _of(row, result)
                assert row["imbalance"] == result["imbalance"].sel(direction=direction).min()
                assert row["imbalance"] == _cell(result, direction, row["layer_a"], row["layer_b"])
                assert row["relative_depth_b"] == int(row["layer_b"]) / 6
            _check_holm(list(tables["best-pairs"]))
            for row in tables["asymmetries"]:
                result = results[row["comparison"]]
                a, b = row["layers"].split()
                difference = _cell(result, "a_to_b", a, b) - _cell(result, "b_to_a", a, b)
                assert row["asymmetry"] == pytest.approx(difference)
            _check_holm(list(tables["asymmetries"]))

    def test_items_are_those_of_the_joint_best_pair(self, runs: Runs) -> None:
        result, rows = runs["map"].answer.result, runs["map"].answer.tables["items-en-es"]
        a, b = (str(layer) for layer in result["together"].to_numpy())
        assert {(row["layer_a"], row["layer_b"]) for row in rows} == {(a, b)}
        assert np.mean([row["b_to_a"] for row in rows]) == pytest.approx(_cell(result, "b_to_a", a, b))

    def test_of_several_pairs_of_models(self, runs: Runs) -> None:
        answer = runs["several maps"].answer
        assert list(answer.results) == ["tiny-deep", "tiny-2-deep"]
        assert {"asymmetries", "map-tiny-deep", "equal-depth-tiny-2-deep"} <= set(answer.figures)
        assert len(answer.tables["best-pairs-compared"]) == 2
        assert answer.summary.paragraph.startswith("Of 4 maps (2 comparisons, both ways) ")


class TestTokens:
    def test_its_results(self, runs: Runs) -> None:
        ran = runs["tokens"]
        curves = [
            "en-es_last-1",
            "en-es_last-2",
            "en-es_last-6",
            "en-es_mean-of-the-last-2",
            "en-es_mean-of-the-last-6",
        ]
        layer = ran.answer.tables["greedy"][0]["layer"]
        assert list(ran.answer.results) == [*curves, f"en-es_tokens-at-{layer}", f"en-es_greedy-at-{layer}"]
        assert set(ran.answer.figures) == {"depth-en-es", "tokens-en-es", "greedy-en-es"}
        by_count = ran.answer.results[f"en-es_tokens-at-{layer}"]
        for direction in DIRECTIONS:
            for count in (1, 2, 6):
                value = float(by_count["imbalance"].sel(direction=direction, tokens=count))
                assert value == _cell(ran.answer.results[f"en-es_last-{count}"], direction, layer)
        # The layer is the one where both directions together are least, of the most tokens.
        together = ran.answer.results["en-es_last-6"]["imbalance"].mean("direction")
        assert layer == str(together["layer"].to_numpy()[int(together.data.argmin())])

    def test_concatenated_and_averaged(self, runs: Runs) -> None:
        results, tables = runs["tokens"].answer.results, runs["tokens"].answer.tables
        rows = tables["concatenated-and-averaged"]
        assert len(rows) == 2 * 3
        for row in rows:
            last = results[f"en-es_last-{row['tokens']}"]
            direction = _of(row, last)
            assert row["concatenated"] == _cell(last, direction, row["layer"])
            difference = row["averaged"] - row["concatenated"]
            assert row["averaged_less_concatenated"] == pytest.approx(difference, abs=1e-12)
            if row["tokens"] == 1:
                assert difference == 0
                assert np.isnan(row["p_adjusted"])
            else:
                assert row["averaged"] == _cell(
                    results[f"en-es_mean-of-the-last-{row['tokens']}"], direction, row["layer"]
                )
        _check_holm([{**row, "p_value": np.nan} if row["tokens"] == 1 else row for row in rows])

    def test_greedy(self, runs: Runs) -> None:
        rows = runs["tokens"].answer.tables["greedy"]
        assert [row["tokens"] for row in rows] == [1, 2, 1, 2]
        for row in rows:
            assert row["gain"] == pytest.approx(row["in_order"] - row["imbalance"])
            for half in ("first", "second"):
                chosen = row[f"chosen_on_{half}_half"].split()
                assert len(set(chosen)) == row["tokens"]

    def test_a_layer_may_be_named_and_greedy_left_out(
        self, world: World, study: dict[str, Any], tmp_path: Path
    ) -> None:
        study |= {"study": "tokens", "counts": [1, 3], "greedy": 0, "layer": 3, "measure": {"null": 0}}
        answer = foretell.run(study, out=tmp_path)
        assert "en-es_tokens-at-3" in answer.results
        assert set(answer.tables) == {"concatenated-and-averaged"}
        study |= {"layer": 9}
        with pytest.raises(StudyError, match="layer: there is no layer 9: choose 0 to 4"):
            foretell.run(study, out=tmp_path)


class TestTokenPairs:
    def test_its_results(self, runs: Runs) -> None:
        ran = runs["token-pairs"]
        places = ("within-en", "within-es", "across")
        assert list(ran.answer.results) == [f"en-es_{place}_layer-{layer}" for layer in (0, 2) for place in places]
        assert list(ran.answer.figures) == [f"en-es_{place}" for place in places]
        within = ran.answer.results["en-es_within-es_layer-2"]
        assert (within.attrs["side_a"], within.attrs["side_b"]) == ("es", "es")
        assert (within.attrs["layer_a"], within.attrs["layer_b"]) == ("2", "2")
        assert within.sizes["a"] == within.sizes["b"] == 3

    def test_reach(self, runs: Runs) -> None:
        results, rows = runs["token-pairs"].answer.results, runs["token-pairs"].answer.tables["reach"]
        assert len(rows) == 2 * (1 + 1 + 2)
        for row in rows:
            result = results[f"en-es_{row['where'].replace(' ', '-')}_layer-{row['layer']}"]
            direction = _of(row, result) if row["where"] == "across" else "a_to_b"
            values = result["imbalance"].sel(direction=direction).to_numpy()
            values = values if direction == "a_to_b" else values.T
            # Rows foretell, columns are foretold; tokens are in their order.
            ends = [values[0, 2], values[2, 0]]
            assert row["far"] == pytest.approx(np.mean(ends))
            near = [values[s, t] for s in range(3) for t in range(3) if abs(s - t) == 1]
            if row["where"] == "across":
                near += list(np.diagonal(values))
            assert row["near"] == pytest.approx(np.mean(near))
            forward = values[np.triu_indices(3, 1)].mean() - values[np.tril_indices(3, -1)].mean()
            assert row["forward_less_backward"] == pytest.approx(forward)
        _check_holm(list(rows))
        assert "tokens 2 or more apart" in runs["token-pairs"].answer.summary.paragraph

    def test_depths_nearer_than_layers_are_measured_once(
        self, world: World, study: dict[str, Any], tmp_path: Path
    ) -> None:
        study |= {"study": "token-pairs", "depths": [0.5, 0.55, 0.45], "tokens": "last 2", "measure": {"null": 0}}
        answer = foretell.run(study, out=tmp_path)
        assert len(answer.results) == 3
        assert len(answer.tables["reach"]) == 4


def _result_name(control: str, variant: str) -> str:
    return f"{control}_{variant}".replace(" = ", "-").replace(" ", "-")


class TestControls:
    def test_rows_are_of_the_results(self, runs: Runs) -> None:
        results, rows = runs["controls"].answer.results, runs["controls"].answer.tables["controls"]
        reference = results["reference"]
        variants = list(dict.fromkeys((row["control"], row["variant"]) for row in rows))
        assert len(rows) == 2 * len(variants)
        assert {_result_name(control, variant) for control, variant in variants} == set(results) - {
            *("reference", "paper")
        }
        layer = rows[0]["layer"]
        # The study and all that should not matter, together: a choice by the study alone would favour it.
        keeps = dict.fromkeys(_result_name(row["control"], row["variant"]) for row in rows if row["role"] == "keeps")
        curves = [reference, *(results[name] for name in keeps)]
        together = np.mean([curve["imbalance"].mean("direction").to_numpy() for curve in curves], axis=0)
        assert layer == str(int(together.argmin()))
        for row in rows:
            result = results[_result_name(row["control"], row["variant"])]
            direction = _of(row, reference)
            if row["control"] == "pairs":
                assert row["imbalance"] == result["null"].sel(direction=direction, layer=int(layer), quantile=0.5)
                continue
            cell = (layer,) if "layer" in result.dims else (row["variant"], row["variant"])
            assert row["imbalance"] == _cell(result, direction, *cell)
            assert row["above_reference"] == pytest.approx(row["imbalance"] - _cell(reference, direction, layer))
        # Differences from the study are one family of tests, the study against shuffled pairs another.
        for of_null in (True, False):
            _check_holm([row for row in rows if row["of_null"] == of_null])

    def test_what_should_rise_rises(self, runs: Runs) -> None:
        rows = runs["controls"].answer.tables["controls"]
        for row in rows:
            if (row["control"], row["variant"]) in (("weights", "random"), ("pairs", "shuffled")):
                assert 0.75 < row["imbalance"] < 1.25
        means = [row for row in rows if row["variant"] == "signs about the mean"]
        assert [row["above_reference"] for row in means] == [0, 0]
        assert [row["p_adjusted"] for row in means] == [1, 1]
        text = runs["controls"].answer.summary.paragraph
        assert "(weights: random, es → en)" in text.split("may share form ")[1].split("Of ")[0]

    def test_models_without_training_are_read_too(self, runs: Runs) -> None:
        world = runs["controls"].world
        assert {name: options for name, _, options in world.models[:2]} == {"tiny": ModelOptions(random_weights=0)}
        assert len(world.extracted) == 4
        kept = {len(rules) for rules in world.recordings.values()}
        # Those of the study itself are kept in several ways, those without training in one.
        assert kept == {1, 7}

    def test_subsamples(self, runs: Runs) -> None:
        rows = runs["controls"].answer.tables["subsamples"]
        assert [row["layer"] for row in rows] == [str(layer) for layer in range(N_BLOCKS + 1)]
        for direction in DIRECTIONS:
            assert sum(row[f"is_minimum_{direction}"] for row in rows) == pytest.approx(1)
        assert {row["subsamples"] for row in rows} == {3}
        assert {row["n"] for row in rows} == {29}

    def test_without_null_and_subsamples(self, world: World, study: dict[str, Any], tmp_path: Path) -> None:
        study |= {"study": "controls", "subsamples": 0, "measure": {"null": 0, "k": 3}}
        answer = foretell.run(study, out=tmp_path)
        assert set(answer.tables) == {"controls"}
        assert "pairs_shuffled" not in answer.results
        # The study's own number of neighbours is no variant of it.
        assert {row["variant"] for row in answer.tables["controls"] if row["control"] == "neighbours"} == {
            *("k = 1", "k = 10")
        }
        assert "random halves" not in answer.summary.paragraph


@pytest.mark.parametrize("kind", ["map", "tokens", "token-pairs", "controls"])
def test_a_run_stopped_half_way_does_only_what_is_missing(world: World, tmp_path: Path, kind: str) -> None:
    study = {key: value for key, value in STUDIES[kind].items() if key != "subsamples"} | {"measure": {"null": 0}}
    if kind == "controls":
        study |= {"subsamples": 0}
    world.stop_at_side = "en"
    with pytest.raises(KeyboardInterrupt):
        foretell.run(study, out=tmp_path)
    before = list(world.extracted)
    assert before
    world.stop_at_side = None
    foretell.run(study, out=tmp_path)
    assert sorted(world.reused) == sorted(before)
    assert not set(world.extracted[len(before) :]) & set(before)
