"""The page as a file: what it is given, what it lets run, and what it refuses. `test_browser.py` opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import InputError, StudyError
from foretell.measure.inference.item_data import ItemData, items_of
from foretell.measure.results.result_files import load_result, save_result
from foretell.studies.report.contents import contents_of
from foretell.studies.report.page import write_report
from foretell.studies.report.payload import payload
from tests.studies.conftest import Runs
from tests.studies.report.conftest import HOSTILE

KINDS = {"f8": "<f8", "f4": "<f4", "i4": "<i4"}


def _decoded(encoded: dict[str, str]) -> Any:
    return np.frombuffer(base64.b64decode(encoded["base64"]), KINDS[encoded["kind"]])


def _scripts(page: str) -> list[tuple[str, str]]:
    return re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)


class TestWhatItIsGiven:
    @pytest.mark.parametrize("name", ["several depths", "several maps", "tokens", "token-pairs", "controls"])
    def test_every_value_of_every_result(self, runs: Runs, name: str) -> None:
        ran = runs[name]
        given = payload(contents_of([ran.folder]))
        assert sorted(one["name"] for one in given["results"]) == sorted(ran.answer.results)
        for one in given["results"]:
            result = ran.answer.results[one["name"]]
            values = _decoded(one["table"]["columns"]["imbalance"]).reshape(result["imbalance"].shape)
            assert np.array_equal(values, result["imbalance"].to_numpy(), equal_nan=True)
            assert [axis["dim"] for axis in one["table"]["over"]] == list(result["imbalance"].dims)
            sizes = [len(axis["names"]) for axis in one["table"]["over"]]
            assert sizes == list(result["imbalance"].shape)

    def test_how_each_is_drawn(self, runs: Runs) -> None:
        kinds = {
            name: {one["kind"] for one in payload(contents_of([runs[name].folder]))["results"]}
            for name in ("depth", "map", "tokens", "token-pairs", "controls")
        }
        assert kinds == {
            "depth": {"curve"},
            "map": {"map"},
            "tokens": {"curve"},
            "token-pairs": {"map"},
            "controls": {"curve", "values"},
        }

    def test_best_cells_are_the_least(self, runs: Runs) -> None:
        (one,) = payload(contents_of([runs["map"].folder]))["results"]
        values = runs["map"].answer.result["imbalance"].to_numpy()
        assert values[0][tuple(one["best"]["a_to_b"])] == values[0].min()
        assert values[1][tuple(one["best"]["b_to_a"])] == values[1].min()
        assert values.sum(axis=0)[tuple(one["best"]["together"])] == values.sum(axis=0).min()

    def test_a_token_is_not_said_to_foretell_itself(self, runs: Runs) -> None:
        given = payload(contents_of([runs["token-pairs"].folder]))["results"]
        within = [one for one in given if one["within"]]
        assert {one["name"].split("_")[1] for one in within} == {"within-en", "within-es"}
        assert all(row != column for one in within for row, column in one["best"].values())
        assert {axis["unit"] for one in given for axis in one["table"]["over"][1:]} == {"position"}

    def test_neighbours_are_those_of_the_measure(self, runs: Runs) -> None:
        ran = runs["depth"]
        given = payload(contents_of([ran.folder]))
        (one,) = given["results"]
        near, (near_run,) = one["neighbours"], ran.answer.neighbours.values()
        items = {end: given["items"][near[end]["items"]] for end in "ab"}
        assert items["a"]["ids"] == items["b"]["ids"] == [f"made-up-{number}" for number in range(60)]
        assert items["a"]["texts"][0].startswith("en ")
        assert items["b"]["texts"][0].startswith("es ")
        assert np.array_equal(_decoded(near["neighbour"]), near_run["neighbour"].to_numpy().ravel())
        # The first of them are those of the table of items, whose ranks make the imbalance.
        ranks = _decoded(near["rank"]).reshape(near_run["neighbour_rank"].shape)
        places = {item: place for place, item in enumerate(items["a"]["ids"])}
        for row in ran.answer.tables["items-en-es"]:
            place = places[row["item"]]
            for number, direction in enumerate(("a_to_b", "b_to_a")):
                first = int(near_run["neighbour"][number, place, 0])
                assert items["a"]["ids"][first] == row[f"{direction}_neighbour"]
                assert ranks[number, place, 0] == row[f"{direction}_rank"]

    def test_items_are_kept_once(self, runs: Runs) -> None:
        given = payload(contents_of([runs["several depths"].folder]))
        # Three languages, whatever the number of models and pairs.
        assert len(given["results"]) == 4
        assert len(given["items"]) == 3

    def test_a_choice_of_queries_brings_only_the_items_that_are_seen(self, runs: Runs) -> None:
        near = next(iter(runs["depth"].answer.neighbours.values())).isel(query=[7, 3], place=[0])
        contents = contents_of([runs["depth"].folder])
        one = contents.results[0]
        small = type(contents)(contents.said, (type(one)(one.name, one.result, near),))
        given = payload(small)
        found = given["results"][0]["neighbours"]
        ids = given["items"][found["a"]["items"]]["ids"]
        seen = {7, 3, *near["neighbour"].to_numpy().ravel().tolist()}
        assert ids == [f"made-up-{number}" for number in sorted(seen)]
        assert [ids[place] for place in _decoded(found["query"])] == ["made-up-7", "made-up-3"]
        wanted = [f"made-up-{number}" for number in near["neighbour"].to_numpy().ravel()]
        assert [ids[place] for place in _decoded(found["neighbour"])] == wanted


class TestTheFile:
    def test_a_run_leaves_it_and_report_makes_the_same(self, runs: Runs, tmp_path: Path) -> None:
        ran = runs["depth"]
        made = write_report(ran.folder, tmp_path / "page.html")
        assert made.read_bytes() == (ran.folder / "report.html").read_bytes()

    def test_what_can_be_read_without_scripts(self, runs: Runs) -> None:
        page = (runs["depth"].folder / "report.html").read_text(encoding="utf-8")
        head = page[: page.index("<main>")]
        assert runs["depth"].answer.summary.paragraph.split(",")[0] in head
        assert "60 items" in head

    def test_it_is_small(self, runs: Runs) -> None:
        assert (runs["depth"].folder / "report.html").stat().st_size < 6 * 2**20

    def test_only_its_own_scripts_may_run_and_nothing_is_asked_for(self, runs: Runs) -> None:
        page = (runs["depth"].folder / "report.html").read_text(encoding="utf-8")
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        allowed = re.findall(r"&#x27;sha256-([^&]*)&#x27;", policy)
        data, *code = _scripts(page)
        assert data[0].startswith(' type="application/json"')
        assert [attributes for attributes, _ in code] == ["", ""]
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for _, text in code]
        assert allowed == hashes
        assert policy.startswith("default-src &#x27;none&#x27;; script-src &#x27;sha256-")
        assert "unsafe-eval" not in policy
        markup = page[: page.index('<script type="application/json"')]
        assert not re.findall(r"\b(src|href)=", markup)

    def test_hostile_data_end_nothing(self, hostile: Path) -> None:
        page = (hostile / "report.html").read_text(encoding="utf-8")
        scripts = _scripts(page)
        assert len(scripts) == 3
        given = json.loads(scripts[0][1])
        near = given["results"][0]["neighbours"]
        assert given["items"][near["a"]["items"]]["texts"][: len(HOSTILE)] == list(HOSTILE)
        head = page[: page.index("<main>")]
        assert "<script>alert" not in head
        assert "&lt;script&gt;alert(&#x27;title&#x27;)" in head


def test_scores_are_not_read_where_none_asks_for_them(runs: Runs) -> None:
    (file,) = (runs["depth"].folder / "results").glob("*.nc")
    whole, values = load_result(file), load_result(file, values_only=True)
    assert items_of(whole).scores is not None
    assert not isinstance(values.attrs["items"], ItemData)
    xr.testing.assert_equal(values, whole)


class TestSeveral:
    def test_runs_and_files_together(self, runs: Runs, tmp_path: Path) -> None:
        places = [runs["depth"].folder, next((runs["map"].folder / "results").glob("*.nc"))]
        contents = contents_of(places)
        assert len(contents.results) == 2
        assert all(one.neighbours is not None for one in contents.results)
        assert len(contents.said) == 2

    def test_a_result_is_shown_once(self, runs: Runs) -> None:
        folder = runs["several depths"].folder
        file = next((folder / "results").glob("*.nc"))
        assert len(contents_of([folder, file, folder / "results" / ".."]).results) == 4

    def test_results_of_one_name_are_numbered(self, runs: Runs, tmp_path: Path) -> None:
        shutil.copytree(runs["depth"].folder, tmp_path / "again")
        contents = contents_of([runs["depth"].folder, tmp_path / "again"])
        assert [one.name for one in contents.results] == ["en-es", "en-es-2"]

    def test_runs_of_one_title_are_told_apart_and_so_is_their_health(self, runs: Runs, tmp_path: Path) -> None:
        shutil.copytree(runs["depth"].folder, tmp_path / "again")
        health = json.loads((tmp_path / "again" / "health.json").read_text(encoding="utf-8"))
        health[0]["problems"].append("another")
        (tmp_path / "again" / "health.json").write_text(json.dumps(health))
        given = payload(contents_of([runs["depth"].folder, tmp_path / "again"]))
        assert len({one["facets"]["Run"] for one in given["results"]}) == 2
        assert len({one["title"] for one in given["results"]}) == 2
        # What is the same in both is shown once, what differs under the names of the runs.
        names = [one["name"] for one in given["health"]]
        assert len(names) == len(set(names)) == 3

    def test_numbering_leaves_names_that_end_in_numbers_alone(self, runs: Runs, tmp_path: Path) -> None:
        (file,) = (runs["depth"].folder / "results").glob("*.nc")
        for place in ("one/x.nc", "two/x.nc", "three/x-2.nc"):
            (tmp_path / place).parent.mkdir()
            shutil.copy(file, tmp_path / place)
        contents = contents_of([tmp_path / "one/x.nc", tmp_path / "two/x.nc", tmp_path / "three/x-2.nc"])
        assert [one.name for one in contents.results] == ["x", "x-3", "x-2"]

    def test_different_n_must_be_allowed(self, runs: Runs, tmp_path: Path) -> None:
        places = [runs["depth"].folder, _bare(tmp_path, 40)]
        with pytest.raises(InputError, match=r"n of 39, 59, .*--different-n"):
            contents_of(places)
        assert len(contents_of(places, different_n=True).results) == 2

    def test_a_result_of_no_study(self, tmp_path: Path) -> None:
        given = payload(contents_of([_bare(tmp_path, 40)]))
        (one,) = given["results"]
        assert (one["kind"], one["names"]["a_to_b"]["codes"]) == ("map", "A → B")
        assert one["neighbours"] is None
        assert write_report(_bare(tmp_path, 40), tmp_path / "page.html").is_file()


def test_the_folder_of_a_comparison_without_a_study(tmp_path: Path) -> None:
    _bare(tmp_path, 40).rename(tmp_path / "result.nc")
    (one,) = contents_of([tmp_path]).results
    assert one.name == "result"


def _bare(folder: Path, n_items: int) -> Path:
    x, y = np.random.default_rng(0).standard_normal((2, 3, n_items, 16))
    return save_result(foretell.imbalance_matrix(list(x), list(y)), folder / "bare.nc")


class TestRefused:
    def test_nothing(self) -> None:
        with pytest.raises(InputError, match="needs a result"):
            contents_of([])

    def test_a_folder_of_no_results(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="holds no results"):
            contents_of([tmp_path])

    def test_a_curve_over_n(self, tmp_path: Path) -> None:
        x, y = np.random.default_rng(0).standard_normal((2, 120, 16))
        file = save_result(foretell.imbalance_by_n(x, y), tmp_path / "n.nc")
        with pytest.raises(InputError, match="no curve or map of one n"):
            contents_of([file])

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no result at"):
            contents_of([tmp_path / "none.nc"])

    @pytest.mark.parametrize(
        ("damaged", "says"), [(b"\xff", "not a text file"), (b"study: [", "line 1"), (b"- depth", "holds a list")]
    )
    def test_a_damaged_study(self, tmp_path: Path, damaged: bytes, says: str) -> None:
        _bare(tmp_path / "results", 20)
        (tmp_path / "study.yaml").write_bytes(damaged)
        with pytest.raises(StudyError, match=rf"study\.yaml: .*{says}"):
            contents_of([tmp_path])

    def test_neighbours_gone_leave_the_rest(self, runs: Runs, tmp_path: Path) -> None:
        shutil.copytree(runs["depth"].folder, tmp_path / "run")
        shutil.rmtree(tmp_path / "run" / "neighbours")
        (tmp_path / "run" / "health.json").write_text("{")
        (tmp_path / "run" / "summary.json").unlink()
        contents = contents_of([tmp_path / "run"])
        assert contents.results[0].neighbours is None
        assert contents.health == ()
        assert contents.said[0].paragraph == ""


def test_a_curve_with_a_layer_without_value_is_shown(runs: Runs, tmp_path: Path) -> None:
    shutil.copytree(runs["depth"].folder, tmp_path / "run")
    (file,) = (tmp_path / "run" / "results").glob("*.nc")
    result = load_result(file)
    values = result["imbalance"].to_numpy().copy()
    values[:, 1] = np.nan
    save_result(result.assign(imbalance=(result["imbalance"].dims, values)), file)
    (one,) = payload(contents_of([tmp_path / "run"]))["results"]
    assert np.isnan(_decoded(one["table"]["columns"]["imbalance"])).sum() == 2
    json.loads(json.dumps(one, allow_nan=False))


def test_health_without_numbers_is_shown(runs: Runs, tmp_path: Path) -> None:
    shutil.copytree(runs["depth"].folder, tmp_path / "run")
    health = json.loads((tmp_path / "run" / "health.json").read_text(encoding="utf-8"))
    health[0]["layers"][1] |= {"positive": float("nan"), "tied": float("nan")}
    (tmp_path / "run" / "health.json").write_text(json.dumps(health))
    page = write_report(tmp_path / "run", tmp_path / "page.html").read_text(encoding="utf-8")
    layer = json.loads(_scripts(page)[0][1])["health"][0]["layers"][1]
    assert (layer["positive"], layer["tied"]) == (None, None)


def test_of_more_items_a_choice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from foretell.studies.summaries import items as items_to_look_at

    monkeypatch.setattr(items_to_look_at, "MOST_QUERIES", 10)
    x, y = (foretell.BinarySpace.from_activations(one) for one in np.random.default_rng(0).standard_normal((2, 50, 40)))
    near = items_to_look_at.neighbours_of_spaces(x, y)
    assert dict(near.sizes) == {"direction": 2, "query": 10, "place": 5, "item": 50}
    every = foretell.imbalance_matrix([x], [y], k=5, per_item=True, errors=False)
    rows = near["query_number"].to_numpy()
    assert np.array_equal(near["neighbour"].to_numpy(), every["neighbour"].to_numpy()[:, 0, 0][:, rows])
    assert np.array_equal(near["neighbour_rank"].to_numpy(), every["neighbour_rank"].to_numpy()[:, 0, 0][:, rows])
