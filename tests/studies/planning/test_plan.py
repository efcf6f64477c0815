"""What a run will take: steps for what is missing and only that; nothing else is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.representations.data.pairs import Pairs
from foretell.studies.config.study_file import study_from
from foretell.studies.planning.plan import (
    Plan,
    ReadingRate,
    Step,
    in_words,
    measured_reading,
    padded_tokens,
    plan,
    shape_of,
)
from foretell.studies.planning.rates import resident
from foretell.studies.planning.work import Shape
from foretell.studies.preparation.stores import Stores
from foretell.studies.registry import arrange
from tests.conftest import WORDS
from tests.studies.conftest import STUDIES, World


def _names(found: Plan) -> list[str]:
    return [step.name for step in found.steps]


READING = ["load tiny", "read es with tiny", "read en with tiny"]
LAST = "measure, draw and write"


class TestSteps:
    def test_what_is_missing_and_only_that(self, world: World, study: dict[str, Any], tmp_path: Path) -> None:
        found = plan(study, out=tmp_path)
        assert found.n_items == 60
        assert _names(found) == ["start, choose items", *READING, LAST]
        # A model is timed once, on the side that it reads first.
        assert world.tried == ["tiny"]
        # A second an item; three to start, and two for each of two figures.
        assert [step.seconds for step in found.steps][2:] == [60, 60, 7]
        assert found.steps[-1].disk_bytes == 2**21
        assert found.disk_bytes == 2 * 60 * 2**20 + 2**21
        assert found.seconds == pytest.approx(127 + found.steps[0].seconds + found.steps[1].seconds)
        assert found.memory_bytes > 2**20

        world.stop_at_side = "en"
        with pytest.raises(KeyboardInterrupt):
            foretell.run(study, out=tmp_path)
        assert _names(plan(study, out=tmp_path)) == ["start, choose items", "load tiny", "read en with tiny", LAST]
        world.stop_at_side = None
        foretell.run(study, out=tmp_path)
        done = plan(study, out=tmp_path)
        assert _names(done) == ["start, choose items", LAST]
        assert len(world.tried) == 2

    def test_each_model_is_loaded_once(self, world: World, study: dict[str, Any], tmp_path: Path) -> None:
        study |= {"model": {"each": ["tiny", "other"]}, "measure": {"null": 0}}
        found = plan(study, out=tmp_path)
        assert [name for name in _names(found) if name.startswith("load")] == ["load other", "load tiny"]
        assert len([name for name in _names(found) if name.startswith("read")]) == 4
        assert sorted(world.tried) == ["other", "tiny"]

    @pytest.mark.parametrize("kind", STUDIES)
    def test_nothing_is_extracted_or_measured(
        self, world: World, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "foretell.measure.pairwise.reduction.PairwiseReduction.run", lambda *_, **__: pytest.fail("measured")
        )
        found = plan(STUDIES[kind], out=tmp_path / "run")
        assert found.steps[-1].name == LAST
        assert not world.extracted
        left = {path.name.split("-")[0] for path in tmp_path.rglob("*") if path.is_file()}
        assert left <= {"items", "blocks"}
        assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json"}


def test_shapes_are_those_of_stores_or_models(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    checked = study_from(study | {"model": ["deep", "tiny"], "study": "map"}, source="it")
    arrangement = arrange(checked, Stores(tmp_path, tmp_path))
    (one,) = arrangement.comparisons
    keys = list(zip(one.sides, one.models, strict=True))
    before = [shape_of(key, "last 3", arrangement) for key in keys]
    assert [(shape.n_layers, shape.n_tokens, shape.token_bits) for shape in before] == [(7, 3, 32), (5, 3, 32)]
    arrangement.extracted(progress=False)
    assert [shape_of(key, "last 3", arrangement) for key in keys] == before
    assert shape_of(keys[0], "all", arrangement).n_tokens == 8


def test_shapes_know_how_large_they_are() -> None:
    shape = Shape(n_items=100, n_layers=3, n_tokens=2, token_bits=64)
    assert (shape.bits, shape.n_bytes) == (384, 4800)


def test_a_reading_rate_is_a_line() -> None:
    rate = ReadingRate(2.0, 0.5, 1000.0, 10.0)
    assert (rate.seconds_for(10), rate.bytes_for(100)) == (7.0, 2000.0)


def test_durations_and_plans_in_words() -> None:
    assert [in_words(seconds) for seconds in (0.4, 99, 100, 3599, 7500)] == [
        *("0 s", "99 s", "1 min 40 s", "59 min 59 s", "2 h 5 min")
    ]
    text = str(Plan(60, (Step("a", 30.0, 2**20), Step("b", 90.0)), 3 * 2**29))
    assert text == "60 items; about 2 min 0 s, 1.5 GiB of memory, 1 MiB more on disk"


class TestATinyModel:
    """With a model that is loaded, timed and run."""

    @pytest.fixture
    def tiny_study(self, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        n_items = 600

        def texts() -> tuple[str, ...]:
            return tuple(" ".join(rng.choice(WORDS, size)) for size in rng.integers(6, 25, n_items))

        pairs = Pairs(
            name="made",
            texts={"left": texts(), "right": texts()},
            ids=tuple(f"item {number}" for number in range(n_items)),
            groups=None,
            licence="CC0-1.0",
            source="made by the tests",
        )
        monkeypatch.setattr(
            "foretell.studies.preparation.prepare.load_pairs", lambda name, sides, **options: pairs.only(sides)
        )
        monkeypatch.setattr("foretell.studies.outputs.save_figure", lambda figure, path: path.write_bytes(b"a figure"))
        rates = World().measured_rates
        monkeypatch.setattr("foretell.studies.planning.plan.measured_rates", rates)
        return {
            "study": "depth",
            "pairs": {"data": "made", "sides": ["left", "right"], "items": 400},
            "model": str(tiny_model_folder),
            "tokens": "last 8",
            "measure": {"null": 0},
        }

    def test_the_estimate_of_the_disk_holds_and_the_choice_is_kept(
        self, tiny_study: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = plan(tiny_study, out=tmp_path)
        assert _names(found)[1:] == ["load tiny-llama", "read right with tiny-llama", "read left with tiny-llama", LAST]
        assert all(step.seconds > 0 for step in found.steps)
        stores = tmp_path / "stores"
        assert {path.name.split("-")[0] for path in stores.iterdir()} == {"items"}
        # The run need not choose again.
        monkeypatch.setattr(
            "foretell.studies.preparation.notes.select_pairs",
            lambda *_, **__: pytest.fail("the items were chosen again"),
        )
        answer = foretell.run(tiny_study, out=tmp_path)
        assert answer.result.attrs["n_items"] == found.n_items == 400
        for side, step in zip(("right", "left"), found.steps[2:4], strict=True):
            (place,) = stores.glob(f"{side}-*.zarr")
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            assert step.disk_bytes == pytest.approx(size, rel=0.3)

    def test_tokens_are_those_of_all_items_with_their_padding(self, tiny_study: dict[str, Any], tmp_path: Path) -> None:
        arrangement = arrange(study_from(tiny_study, source="it"), Stores(tmp_path, tmp_path))
        (job, _) = arrangement.jobs.values()
        real = sum(reading.length for reading in job.model.read(arrangement.pairs.contents(job.side)))
        assert real <= padded_tokens(job, arrangement.pairs) < 2 * real
        rate = measured_reading(job, arrangement.pairs)
        assert min(rate.seconds, rate.seconds_per_token, rate.disk_bytes, rate.disk_bytes_per_item) >= 0
        assert rate.seconds_for(1000) > 0
        assert not list(tmp_path.glob("*.zarr"))
        alone = measured_reading(job, arrangement.pairs.take([0]))
        assert alone.seconds_per_token > 0
        assert alone.disk_bytes_per_item > 0


def test_memory_is_at_least_what_is_held_now() -> None:
    now, most = resident()
    assert 2**20 < now <= most
