from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from typer.testing import CliRunner

import foretell
from foretell.cli.app import app
from foretell.exceptions import InputError, StudyError
from foretell.measure.inference.item_data import items_of
from foretell.representations.models.base import ModelOptions
from tests.studies.conftest import N_BLOCKS, World

FILES = {
    *("study.yaml", "summary.txt", "summary.json", "health.json", "report.html"),
    *("results/en-es.nc", "results/en-es.csv", "neighbours/en-es.nc"),
    *("tables/layers.csv", "tables/asymmetries.csv", "tables/items-en-es.csv"),
    *("figures/depth.png", "figures/depth.pdf", "figures/plane.png", "figures/plane.pdf"),
}


def _files(folder: Path) -> set[str]:
    """What a run left in its folder, its stores aside."""
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path.as_posix() for path in files if path.parts[0] != "stores"}


def test_a_study_makes_its_folder(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    answer = foretell.run(study, out=tmp_path / "run")
    result = answer.result
    assert _files(tmp_path / "run") == FILES
    assert {path.name for path in (tmp_path / "run" / "stores").iterdir()} == {
        path.name for path in (tmp_path / "run" / "stores").glob("cost-*.json")
    }
    assert list(answer.results) == ["en-es"]
    assert result["layer"].to_numpy().tolist() == list(range(N_BLOCKS + 1))
    np.testing.assert_allclose(result["relative_depth"].to_numpy(), np.arange(N_BLOCKS + 1) / N_BLOCKS)
    assert int(result["imbalance"].mean("direction").to_numpy().argmin()) == N_BLOCKS // 2
    assert (tmp_path / "run" / "summary.txt").read_text("utf-8") == answer.summary.text()
    assert "English predicts Spanish" in answer.summary.text()
    assert repr(answer).startswith("Answer(en-es)\nEnglish predicts Spanish")


def test_the_result_says_what_it_is(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    foretell.run(study, out=tmp_path)
    attrs = foretell.load_result(tmp_path / "results" / "en-es.nc").attrs
    expected = {
        "comparison": "en-es",
        "model_a": "tiny",
        "revision_b": "tiny 1",
        "side_a": "en",
        "side_b": "es",
        "data": "made-up",
        "data_licence": "CC0-1.0",
        "tokens": "last 3",
        "n_items": 60,
        "n": 59,
        "null_permutations": 50,
    }
    assert {name: attrs[name] for name in expected} == expected
    assert json.loads(attrs["drop_counts"]) == {"beyond the items asked for": 20}
    assert {"foretell", "numpy"} <= set(json.loads(attrs["versions"]))
    assert json.loads(attrs["study"])["pairs"]["items"] == 60


def test_the_file_holds_what_is_returned(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    result = foretell.run(study, out=tmp_path).result
    xr.testing.assert_equal(foretell.load_result(tmp_path / "results" / "en-es.nc"), result)
    with (tmp_path / "results" / "en-es.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (N_BLOCKS + 1)
    assert float(rows[0]["imbalance"]) == pytest.approx(float(result["imbalance"][0, 0]))
    assert float(rows[N_BLOCKS]["relative_depth"]) == 1


def test_the_study_file_gives_the_same_result(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    first = foretell.run(study, out=tmp_path / "first").result
    again = foretell.run(tmp_path / "first" / "study.yaml", out=tmp_path / "again").result
    xr.testing.assert_identical(first, again)


def test_a_rerun_uses_the_stores_again(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    foretell.run(study, out=tmp_path)
    assert len(world.extracted) == 2
    study["measure"] = {"null": 0, "k": 3}
    foretell.run(study, out=tmp_path)
    assert len(world.extracted) == 2
    assert world.reused == world.extracted


def test_stores_may_be_in_a_folder_that_studies_share(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    foretell.run(study, out=tmp_path / "one", stores=tmp_path / "shared")
    study["pairs"]["sides"] = [["en", "es"], ["es", "fr"]]
    study["measure"] = {"null": 0}
    foretell.run(study, out=tmp_path / "other", stores=tmp_path / "shared")
    assert {path.parent for path in world.extracted} == {tmp_path / "shared"}
    assert sorted(path.name.split("-")[0] for path in world.extracted) == ["en", "es", "fr"]
    assert not (tmp_path / "one" / "stores").exists()


def test_every_setting_reaches_the_measure(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    base = foretell.run(study, out=tmp_path).result
    other_null = foretell.run(study | {"measure": {"null": 50, "seed": 1}}, out=tmp_path).result
    assert (other_null["null"] != base["null"]).any()
    assert (other_null["imbalance"] == base["imbalance"]).all()
    more_neighbours = foretell.run(study | {"measure": {"null": 50, "k": 4}}, out=tmp_path).result
    assert more_neighbours.attrs["k"] == 4
    assert (more_neighbours["imbalance"] != base["imbalance"]).all()
    beside = {"null": 0, "beside": ["mutual_knn"], "beside_k": 5}
    few = foretell.run(study | {"measure": beside}, out=tmp_path).result
    many = foretell.run(study | {"measure": beside | {"beside_k": 20}}, out=tmp_path).result
    assert (few.attrs["beside_k"], many.attrs["beside_k"]) == (5, 20)
    assert few["measure"].to_numpy().tolist() == ["mutual_knn"]
    assert (few["similarity"] != many["similarity"]).any()
    assert "null" not in few
    study["pairs"]["seed"] = 7
    foretell.run(study, out=tmp_path)
    assert world.seeds == [0, 0, 0, 0, 0, 7]


@pytest.mark.parametrize("change", ["items", "model", "tokens", "sides"])
def test_other_settings_make_other_stores(world: World, study: dict[str, Any], tmp_path: Path, change: str) -> None:
    foretell.run(study, out=tmp_path)
    match change:
        case "items":
            study["pairs"]["items"] = 50
        case "sides":
            study["pairs"]["sides"] = ["fr", "de"]
        case _:
            study[change] = {"model": "other", "tokens": "last 2"}[change]
    foretell.run(study, out=tmp_path)
    assert len(set(world.extracted)) == 4
    assert not world.reused


def test_a_run_stopped_half_way_does_only_what_is_missing(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    # The side that was asked about last is read first: its model is in memory still.
    world.stop_at_side = "en"
    with pytest.raises(KeyboardInterrupt):
        foretell.run(study, out=tmp_path)
    assert _files(tmp_path) == set()
    world.stop_at_side = None
    foretell.run(study, out=tmp_path)
    assert [path.name.split("-")[0] for path in world.extracted] == ["es", "en"]
    assert [path.name.split("-")[0] for path in world.reused] == ["es"]


def test_by_default_the_folder_has_the_study_s_name(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "study: depth\nmodel: tiny\npairs: {data: made-up, sides: [en, es]}\nmeasure: {null: 40}\n"
    )
    foretell.run("mine.yaml")
    assert (tmp_path / "foretell-runs" / "mine" / "results" / "en-es.nc").is_file()


@pytest.mark.parametrize("kind", ["depth", "token-pairs"])
def test_a_side_s_name_stays_within_the_folder(world: World, study: dict[str, Any], tmp_path: Path, kind: str) -> None:
    study |= {"study": kind}
    study["pairs"]["sides"] = ["../../en", "es/x" * 50]
    foretell.run(study, out=tmp_path / "run")
    assert all(path.parent == tmp_path / "run" / "stores" for path in world.extracted)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
    found = {path.name for path in (tmp_path / "run").iterdir()}
    said = {"study.yaml", "summary.txt", "summary.json", "health.json", "report.html"}
    assert found - {"neighbours"} == {"figures", "results", "stores", "tables"} | said
    assert {len(Path(name).parts) for name in _files(tmp_path / "run")} == {1, 2}


def test_sides_that_read_alike_in_file_names_keep_their_results(
    world: World, study: dict[str, Any], tmp_path: Path
) -> None:
    study |= {"study": "token-pairs", "depths": [0]}
    study["pairs"]["sides"] = ["en/x", "en:x"]
    answer = foretell.run(study, out=tmp_path)
    assert [one.attrs["side_a"] for one in answer.results.values()] == ["en/x", "en:x", "en/x"]
    assert len(answer.figures) == 3
    assert {path.stem for path in (tmp_path / "results").glob("*.nc")} == set(answer.results)


def test_too_many_neighbours_cost_no_extraction(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    # The best layer is chosen on one half and valued on the other.
    study["measure"]["k"] = 29
    with pytest.raises(
        StudyError, match=r"measure.k: 29 neighbours are too many for the 60 pairs .* each half .* give 28 or fewer"
    ):
        foretell.run(study, out=tmp_path)
    study |= {"study": "token-pairs", "measure": {"k": 59}}
    with pytest.raises(StudyError, match=r"59 neighbours are too many for the 60 pairs .* give 58 or fewer"):
        foretell.run(study, out=tmp_path)
    assert not world.extracted


def test_too_few_groups_cost_no_extraction(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    world.groups = 7
    with pytest.raises(StudyError, match=r"the 60 pairs that are left are in 7 groups, too few for errors on either"):
        foretell.run(study, out=tmp_path)
    assert not world.extracted
    world.groups = 8
    assert foretell.run(study, out=tmp_path).result.attrs["n_groups"] == 8


def test_a_bad_folder_costs_no_extraction(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot hold a run"):
        foretell.run(study, out=tmp_path / "file")
    with pytest.raises(StudyError, match="cannot hold a run"):
        foretell.run(study, out=tmp_path / "run", stores=tmp_path / "file")
    assert not world.extracted


@pytest.mark.filterwarnings("ignore::foretell.exceptions.TieOrderWarning")
@pytest.mark.parametrize("convention", ["paper", "glielmo"])
def test_other_conventions_run_to_the_end(world: World, study: dict[str, Any], tmp_path: Path, convention: str) -> None:
    study["measure"] = {"convention": convention, "null": 40}
    assert foretell.run(study, out=tmp_path).result.attrs["convention"] == convention
    assert convention in (tmp_path / "summary.txt").read_text("utf-8")


def test_a_map_of_two_models(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"study": "map", "model": ["tiny", {"name": "deep", "dtype": "bfloat16"}], "measure": {"null": 40}}
    study["pairs"]["options"] = {"max_words": 50}
    answer = foretell.run(study, out=tmp_path)
    result = answer.result
    assert world.options == {"max_words": 50}
    assert world.models == [("tiny", "text", ModelOptions()), ("deep", "text", ModelOptions(dtype="bfloat16"))]
    assert dict(result["imbalance"].sizes) == {"direction": 2, "a": N_BLOCKS + 1, "b": 7}
    assert result["relative_depth_b"].to_numpy().tolist() == [layer / 6 for layer in range(7)]
    least = result["imbalance"].sel(direction="b_to_a")
    a, b = result["best"].sel(direction="b_to_a").to_numpy()
    assert least.sel(a=a, b=b) == least.min()
    assert float(result["best_stderr"].min()) > 0
    a, b = result["together"].to_numpy()
    both = result["imbalance"].sel(a=a, b=b)
    assert both.sum("direction") == result["imbalance"].sum("direction").min()
    difference = float(both.sel(direction="a_to_b") - both.sel(direction="b_to_a"))
    assert float(result["asymmetry"]) == pytest.approx(difference)
    assert float(result["asymmetry_stderr"]) > 0
    assert _files(tmp_path) == {
        *("study.yaml", "summary.txt", "summary.json", "health.json", "report.html"),
        *("results/en-es.nc", "results/en-es.csv", "neighbours/en-es.nc"),
        *("tables/best-pairs.csv", "tables/asymmetries.csv", "tables/items-en-es.csv"),
        *(f"figures/{name}-en-es{suffix}" for name in ("map", "equal-depth") for suffix in (".png", ".pdf")),
    }
    text = (tmp_path / "summary.txt").read_text("utf-8")
    assert "English by tiny predicts Spanish by deep (en by tiny → es by deep)" in text
    assert "Cross-validated: " in text
    xr.testing.assert_equal(foretell.load_result(tmp_path / "results" / "en-es.nc"), result)
    with (tmp_path / "results" / "en-es.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 5 * 7
    again = foretell.run(tmp_path / "study.yaml", out=tmp_path)
    xr.testing.assert_identical(again.result, result)


def test_one_text_by_two_models(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"model": ["tiny", "other"]}
    study["pairs"]["sides"] = ["en", "en"]
    answer = foretell.run(study, out=tmp_path)
    assert list(answer.results) == ["tiny-other"]
    assert "tiny predicts other (tiny → other)" in (tmp_path / "summary.txt").read_text("utf-8")
    assert len(world.extracted) == 2


def test_layers_that_do_not_go_in_pairs(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"model": ["tiny", "deep"]}
    with pytest.raises(StudyError, match=r"tiny has 4 blocks and deep 6, .* `study: map`"):
        foretell.run(study, out=tmp_path)
    assert not world.extracted


def test_one_side_read_twice_alike_is_refused(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"model": ["tiny", {"name": "tiny", "device": "cpu"}]}
    study["pairs"]["sides"] = ["en", "en"]
    with pytest.raises(StudyError, match="read by one model in one way"):
        foretell.run(study, out=tmp_path)
    study |= {"tokens": ["last 3", "last 2"]}
    foretell.run(study, out=tmp_path)
    assert "English (A) predicts English (B)" in (tmp_path / "summary.txt").read_text("utf-8")


def test_controls_are_of_one_comparison_that_is_run_here(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"study": "controls", "model": {"each": ["tiny", "other"]}, "measure": {"null": 0}}
    with pytest.raises(StudyError, match="controls are of one pair of sides and one pair of models"):
        foretell.run(study, out=tmp_path)
    study |= {"model": {"name": "tiny", "stores": {"en": "en.zarr", "es": "es.zarr"}}}
    with pytest.raises(StudyError, match="controls runs its models itself: name models, not stores"):
        foretell.run(study, out=tmp_path)


def test_of_several_results_one_must_be_chosen(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study["pairs"]["sides"] = [["en", "es"], ["en", "fr"]]
    study["measure"] = {"null": 0}
    answer = foretell.run(study, out=tmp_path)
    with pytest.raises(InputError, match=r"choose one of results\[...\]: en-es, en-fr"):
        _ = answer.result


def test_pairs_named_in_a_file(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    chosen = [f"made-up-{number}" for number in range(10, 60)]
    (tmp_path / "ids.txt").write_text("\n".join([*chosen, "another", ""]))
    study["pairs"]["only"] = str(tmp_path / "ids.txt")
    result = foretell.run(study, out=tmp_path / "run").result
    assert list(items_of(result).ids) == chosen
    assert json.loads(result.attrs["drop_counts"])["not named in ids.txt"] == 30
    (tmp_path / "ids.txt").write_text("another")
    with pytest.raises(StudyError, match=r"pairs.only: .*ids.txt names no item of 'made-up'"):
        foretell.run(study, out=tmp_path / "run")
    (tmp_path / "ids.txt").unlink()
    with pytest.raises(StudyError, match=r"pairs.only: .*ids.txt cannot be read as a list of ids"):
        foretell.run(study, out=tmp_path / "run")


@pytest.mark.filterwarnings("ignore::foretell.exceptions.ConstantSpaceWarning")
@pytest.mark.parametrize("kind", ["depth", "map"])
def test_a_comparison_that_cannot_be_measured_loses_no_other(
    world: World, study: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    study |= {"study": kind, "measure": {"null": 0}}
    alone = foretell.run(study, out=tmp_path / "alone")
    study["pairs"]["sides"] = [["en", "es"], ["en", "blank"]]
    answer = foretell.run(study, out=tmp_path / "both")
    assert list(answer.results) == ["en-es"]
    xr.testing.assert_equal(answer.result["imbalance"], alone.result["imbalance"])
    assert "constant" in answer.failed["en-blank"] or "alike" in answer.failed["en-blank"]
    assert "Not measured: en-blank: " in (tmp_path / "both" / "summary.txt").read_text("utf-8")
    study["pairs"]["sides"] = ["en", "blank"]
    with pytest.raises(StudyError, match="en-blank: "):
        foretell.run(study, out=tmp_path / "none")


def test_the_command_says_what_was_not_measured(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study["measure"] = {"null": 0}
    study["pairs"]["sides"] = [["en", "es"], ["en", "blank"]]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = CliRunner().invoke(app, ["run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out")])
    assert shown.exit_code == 1
    assert "error: en-blank was not measured: " in shown.output
    assert (tmp_path / "out" / "results" / "en-es.nc").is_file()
