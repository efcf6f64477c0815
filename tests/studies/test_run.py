from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import StudyError
from tests.studies.conftest import N_BLOCKS, World

FILES = {"result.nc", "result.csv", "depth.png", "depth.pdf", "summary.txt", "study.yaml", "stores"}


def test_a_study_makes_its_folder(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    result = foretell.run(study, out=tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert result["layer"].to_numpy().tolist() == [str(layer) for layer in range(N_BLOCKS + 1)]
    np.testing.assert_allclose(result["relative_depth"], np.arange(N_BLOCKS + 1) / N_BLOCKS)
    assert int(result["imbalance"].mean("direction").to_numpy().argmin()) == N_BLOCKS // 2
    assert "English foretells Spanish" in (tmp_path / "run" / "summary.txt").read_text("utf-8")


def test_the_result_says_what_it_is(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    foretell.run(study, out=tmp_path)
    attrs = foretell.load_result(tmp_path / "result.nc").attrs
    expected = {
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
    result = foretell.run(study, out=tmp_path)
    xr.testing.assert_equal(foretell.load_result(tmp_path / "result.nc"), result)
    with (tmp_path / "result.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (N_BLOCKS + 1)
    assert float(rows[0]["imbalance"]) == pytest.approx(float(result["imbalance"][0, 0]))
    assert float(rows[N_BLOCKS]["relative_depth"]) == 1


def test_the_study_file_gives_the_same_result(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    first = foretell.run(study, out=tmp_path / "first")
    again = foretell.run(tmp_path / "first" / "study.yaml", out=tmp_path / "again")
    xr.testing.assert_identical(first, again)


def test_a_rerun_uses_the_stores_again(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    foretell.run(study, out=tmp_path)
    assert len(world.extracted) == 2
    study["measure"] = {"null": 0, "k": 3}
    foretell.run(study, out=tmp_path)
    assert len(world.extracted) == 2
    assert world.reused == world.extracted


def test_every_setting_reaches_the_measure(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    base = foretell.run(study, out=tmp_path)
    other_null = foretell.run(study | {"measure": {"null": 50, "seed": 1}}, out=tmp_path)
    assert (other_null["null"] != base["null"]).any()
    assert (other_null["imbalance"] == base["imbalance"]).all()
    more_neighbours = foretell.run(study | {"measure": {"null": 50, "k": 4}}, out=tmp_path)
    assert more_neighbours.attrs["k"] == 4
    assert (more_neighbours["imbalance"] != base["imbalance"]).all()
    study["pairs"]["seed"] = 7
    foretell.run(study, out=tmp_path)
    assert world.seeds == [0, 0, 0, 7]


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
    world.stop_at_side = "es"
    with pytest.raises(KeyboardInterrupt):
        foretell.run(study, out=tmp_path)
    world.stop_at_side = None
    foretell.run(study, out=tmp_path)
    assert [path.name.split("-")[0] for path in world.extracted] == ["en", "es"]
    assert [path.name.split("-")[0] for path in world.reused] == ["en"]


def test_by_default_the_folder_has_the_study_s_name(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "study: depth\nmodel: tiny\npairs: {data: made-up, sides: [en, es]}\nmeasure: {null: 20}\n"
    )
    foretell.run("mine.yaml")
    assert (tmp_path / "foretell-runs" / "mine" / "result.nc").is_file()


def test_a_side_s_name_stays_within_the_folder(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study["pairs"]["sides"] = ["../../en", "es/x"]
    foretell.run(study, out=tmp_path / "run")
    assert all(path.parent == tmp_path / "run" / "stores" for path in world.extracted)


def test_too_many_neighbours_cost_no_extraction(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study["measure"]["k"] = 59
    with pytest.raises(StudyError, match=r"measure.k: 59 neighbours are too many for the 60 pairs .* give 58 or fewer"):
        foretell.run(study, out=tmp_path)
    assert not world.extracted


def test_a_bad_folder_costs_no_extraction(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot hold a run"):
        foretell.run(study, out=tmp_path / "file")
    assert not world.extracted


@pytest.mark.filterwarnings("ignore::foretell.exceptions.TieOrderWarning")
@pytest.mark.parametrize("convention", ["paper", "glielmo"])
def test_other_conventions_run_to_the_end(world: World, study: dict[str, Any], tmp_path: Path, convention: str) -> None:
    study["measure"] = {"convention": convention, "null": 20}
    assert foretell.run(study, out=tmp_path).attrs["convention"] == convention
    assert convention in (tmp_path / "summary.txt").read_text("utf-8")


def test_a_map_of_two_models(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"study": "map", "model": ["tiny", {"name": "deep", "dtype": "bfloat16"}], "measure": {"null": 30}}
    study["pairs"]["options"] = {"max_words": 50}
    result = foretell.run(study, out=tmp_path)
    assert world.options == {"max_words": 50}
    assert world.loaded == [("tiny", "text", {}), ("deep", "text", {"dtype": "bfloat16"})]
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
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"result.nc", "result.csv", "map.png", "map.pdf", "summary.txt", "study.yaml", "stores"}
    text = (tmp_path / "summary.txt").read_text("utf-8")
    assert "English by tiny foretells Spanish by deep (en by tiny → es by deep)" in text
    assert "Chosen on one half, valued on the other" in text
    xr.testing.assert_equal(foretell.load_result(tmp_path / "result.nc"), result)
    with (tmp_path / "result.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 5 * 7
    again = foretell.run(tmp_path / "study.yaml", out=tmp_path)
    xr.testing.assert_identical(again, result)


def test_one_text_by_two_models(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"model": ["tiny", "other"]}
    study["pairs"]["sides"] = ["en", "en"]
    foretell.run(study, out=tmp_path)
    assert "tiny foretells other (tiny → other)" in (tmp_path / "summary.txt").read_text("utf-8")
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
    assert "English (A) foretells English (B)" in (tmp_path / "summary.txt").read_text("utf-8")


def test_a_map_needs_halves(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    study |= {"study": "map", "measure": {"k": 29, "null": 5}}
    with pytest.raises(
        StudyError, match=r"29 neighbours are too many for the 60 pairs .* each half .* give 28 or fewer"
    ):
        foretell.run(study, out=tmp_path)
    assert not world.extracted
