"""The folder of a run, read again: the answer, and which stores it is of."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import foretell
from foretell.cli.app import app
from foretell.exceptions import InputError
from foretell.measure.inference.item_data import items_of
from foretell.representations.data.pairs import Pairs
from foretell.studies.run_folder import compared_in_run, load_run, stores_of_run
from tests.conftest import WORDS
from tests.studies.conftest import STUDIES, World


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return bool(one == other)


class TestAnswer:
    @pytest.mark.parametrize("kind", STUDIES)
    def test_it_is_the_answer_that_the_run_gave(self, world: World, kind: str, tmp_path: Path) -> None:
        answer = foretell.run(STUDIES[kind], out=tmp_path)
        again = load_run(tmp_path)
        assert list(again.results) == list(answer.results)
        for name, result in answer.results.items():
            assert again.results[name].identical(result), name
            assert items_of(again.results[name]) == items_of(result) if "items" in result.attrs else True
        assert again.summary == answer.summary
        assert again.text() == answer.text()
        assert set(again.neighbours) == set(answer.neighbours)
        for name, near in answer.neighbours.items():
            assert again.neighbours[name].identical(near)
        assert set(again.tables) == set(answer.tables)
        for name, rows in answer.tables.items():
            for row, read in zip(rows, again.tables[name], strict=True):
                assert list(row) == list(read)
                for column, value in row.items():
                    plain = value.item() if isinstance(value, np.generic) else value
                    assert _same(read[column], plain) or str(read[column]) == str(plain), (name, column)
        assert again.figures == {}
        assert repr(again) == repr(answer)

    @pytest.mark.filterwarnings("ignore::foretell.exceptions.ConstantSpaceWarning")
    def test_what_could_not_be_measured_is_told_again(self, world: World, tmp_path: Path) -> None:
        study = STUDIES["depth"] | {"pairs": STUDIES["depth"]["pairs"] | {"sides": [["en", "es"], ["en", "blank"]]}}
        answer = foretell.run(study | {"measure": {"null": 0}}, out=tmp_path)
        assert answer.failed
        assert load_run(tmp_path).failed == answer.failed

    def test_texts_that_look_like_numbers_stay_as_they_are(
        self, world: World, study: dict[str, Any], tmp_path: Path
    ) -> None:
        foretell.run(study, out=tmp_path)
        cells = ["007", "1_000", "nan", "0.25", "-3", "True", "'=1+1", ""]
        (tmp_path / "tables" / "made.csv").write_text("x\n" + "\n".join(f'"{cell}"' for cell in cells) + "\n")
        read = [row["x"] for row in load_run(tmp_path).tables["made"]]
        assert [type(cell).__name__ for cell in read] == ["str", "str", "float", "float", "int", "bool", "str", "str"]
        assert read[:2] + read[3:] == ["007", "1_000", 0.25, -3, True, "=1+1", ""]
        (tmp_path / "tables" / "made.csv").write_text("x\n" + "y" * 2**20)
        with pytest.raises(InputError, match=r"made\.csv cannot be read as a table"):
            load_run(tmp_path)

    def test_other_folders_are_refused(self, world: World, study: dict[str, Any], tmp_path: Path) -> None:
        with pytest.raises(InputError, match="nothing is not the folder of a run: give one"):
            load_run(tmp_path / "nothing")
        foretell.run(study, out=tmp_path)
        written = json.loads((tmp_path / "summary.json").read_text())
        for damaged in ("{", "[]", json.dumps(written | {"blocks": 3}), json.dumps({})):
            (tmp_path / "summary.json").write_text(damaged)
            with pytest.raises(InputError, match=r"summary\.json does not hold"):
                load_run(tmp_path)
        (tmp_path / "health.json").write_text("{")
        with pytest.raises(InputError, match=r"health\.json does not hold"):
            stores_of_run(tmp_path)


@pytest.fixture
def folder(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a tiny model whose pairs are shifted by three items."""
    rng = np.random.default_rng(0)
    texts = tuple(" ".join(rng.choice(WORDS, size)) for size in rng.integers(8, 25, 200))
    pairs = Pairs(
        name="made",
        texts={"left": texts, "right": texts[3:] + texts[:3]},
        ids=tuple(f"item {number}" for number in range(len(texts))),
        groups=None,
        licence="CC0-1.0",
        source="made by the tests",
    )
    monkeypatch.setattr(
        "foretell.studies.preparation.prepare.load_pairs", lambda name, sides, **options: pairs.only(sides)
    )
    study = {
        "study": "depth",
        "pairs": {"data": "made", "sides": ["left", "right"], "items": None},
        "model": str(tiny_model_folder),
        "tokens": "last 4",
        "measure": {"null": 0},
    }
    foretell.run(study, out=tmp_path / "run")
    return tmp_path / "run"


def test_commands_take_the_folder_of_a_run(folder: Path, tmp_path: Path) -> None:
    stores = stores_of_run(folder)
    assert sorted(stores) == ["left by tiny-llama", "right by tiny-llama"]
    assert all(foretell.open_store(place).is_complete for place in stores.values())
    (compared,) = compared_in_run(folder)
    assert (compared.a, compared.b) == (stores["left by tiny-llama"], stores["right by tiny-llama"])
    found = foretell.diagnose(folder)
    assert "pairs_shifted" in found.faults
    assert found.faults == foretell.diagnose(compared.a, compared.b, result=compared.result).faults
    shown = CliRunner().invoke(app, ["diagnose", str(folder)])
    assert shown.exit_code == 1
    assert "Pairs are shifted: item i of A goes with item i - 3 of B" in " ".join(shown.output.split())
    shown = CliRunner().invoke(app, ["inspect", str(folder)])
    assert shown.exit_code == 0
    assert [f"side {side}" in shown.output for side in ("left", "right")] == [True, True]
    assert CliRunner().invoke(app, ["inspect", str(folder), "--verify"]).exit_code == 0
    # Stores that are elsewhere are named by their whole path.
    health = json.loads((folder / "health.json").read_text())
    assert [one["store"].split("/")[0] for one in health] == ["stores", "stores"]


def test_a_store_outside_of_the_folder_is_not_followed_from_within(folder: Path) -> None:
    health = json.loads((folder / "health.json").read_text())
    health[0]["store"] = "../elsewhere.zarr"
    (folder / "health.json").write_text(json.dumps(health))
    with pytest.raises(InputError, match="elsewhere"):
        stores_of_run(folder)
