"""What a run will take: steps for what is missing and only that, from trying out; nothing else is changed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.representations.data.pairs import Pairs
from foretell.studies.config.study_file import study_from
from foretell.studies.outputs import size_of_answer
from foretell.studies.planning.calibration import Batches, Rate, batches_of, measured_rate
from foretell.studies.planning.plan import Plan, Step, in_words, plan
from foretell.studies.planning.process_memory import Watch, resident
from foretell.studies.planning.rehearsal import Cost, _extrapolated, shape_of
from foretell.studies.preparation.stores import Stores
from foretell.studies.registry import arrange
from tests.conftest import WORDS
from tests.studies.conftest import STUDIES, World


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kinds of study that were rehearsed; each for 7 seconds, as it is said."""
    kinds: list[str] = []

    def rehearse(study: Any, arrangement: Any, shapes: Any, answer: Any) -> Cost:
        kinds.append(study.study)
        return Cost(7.0, 123)

    monkeypatch.setattr("foretell.studies.planning.plan.rehearse", rehearse)
    return kinds


def _names(found: Plan) -> list[str]:
    return [step.name for step in found.steps]


READING = ["load tiny", "read es with tiny", "read en with tiny"]
LAST = "measure, draw and write"


class TestSteps:
    def test_what_is_missing_and_only_that(
        self, world: World, rehearsed: list[str], study: dict[str, Any], tmp_path: Path
    ) -> None:
        found = plan(study, out=tmp_path)
        assert found.n_items == 60
        assert _names(found) == ["start, choose items", *READING, LAST]
        # A model is tried out once, on the side that it reads first.
        assert world.tried == ["tiny"]
        # A second an item, and what the rehearsal said.
        assert [step.seconds for step in found.steps][2:] == [60, 60, 7]
        assert found.steps[-1].disk_bytes == 123
        assert found.disk_bytes == 2 * 60 * 2**20 + 123
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

    def test_each_model_is_loaded_once(
        self, world: World, rehearsed: list[str], study: dict[str, Any], tmp_path: Path
    ) -> None:
        study |= {"model": {"each": ["tiny", "other"]}, "measure": {"null": 0}}
        found = plan(study, out=tmp_path)
        assert [name for name in _names(found) if name.startswith("load")] == ["load other", "load tiny"]
        assert len([name for name in _names(found) if name.startswith("read")]) == 4
        assert sorted(world.tried) == ["other", "tiny"]

    def test_it_extracts_nothing_and_leaves_small_files_alone(
        self, world: World, rehearsed: list[str], tmp_path: Path
    ) -> None:
        plan(STUDIES["controls"], out=tmp_path / "run")
        assert not world.extracted
        left = {path.name.split("-")[0] for path in tmp_path.rglob("*") if path.is_file()}
        assert left <= {"items", "cost", "blocks", "plan"}
        assert {path.parent.name for path in tmp_path.rglob("*.json")} == {"stores"}
        assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json"}

    def test_the_same_plan_is_not_made_twice(
        self, world: World, rehearsed: list[str], study: dict[str, Any], tmp_path: Path
    ) -> None:
        first = plan(study, out=tmp_path)
        assert plan(study, out=tmp_path) == first
        assert (rehearsed, world.tried) == (["depth"], ["tiny"])
        other = plan(study | {"measure": {"null": 60}}, out=tmp_path)
        assert rehearsed == ["depth", "depth"]
        assert other.steps[1:] == first.steps[1:]
        (tmp_path / "stores" / "plan-x.json").write_text("{")
        for path in (tmp_path / "stores").glob("plan-*.json"):
            path.write_text('{"steps": 3}')
        assert _names(plan(study, out=tmp_path)) == _names(first)

    def test_what_measuring_took_is_known_the_next_time(
        self, world: World, rehearsed: list[str], study: dict[str, Any], tmp_path: Path
    ) -> None:
        foretell.run(study | {"measure": {"null": 60}}, out=tmp_path)
        # All is extracted, but this study was not measured yet.
        assert plan(study, out=tmp_path).steps[-1] == Step(LAST, 7.0, 123)
        foretell.run(study, out=tmp_path)
        known = plan(study, out=tmp_path).steps[-1]
        assert 0 < known.seconds != 7.0
        assert known.disk_bytes == size_of_answer(tmp_path)
        (cost,) = (
            path
            for path in (tmp_path / "stores").glob("cost-*.json")
            if json.loads(path.read_text())["seconds"] == known.seconds
        )
        cost.write_text("damaged")
        assert plan(study, out=tmp_path).steps[-1] == Step(LAST, 7.0, 123)


@pytest.mark.parametrize("name", ["depth", "map", "tokens", "token-pairs", "controls"])
def test_every_kind_can_be_rehearsed(world: World, tmp_path: Path, name: str) -> None:
    study = STUDIES[name] | {"measure": {"null": 0}}
    found = plan(study | ({"subsamples": 2} if name == "controls" else {}), out=tmp_path)
    assert found.steps[-1].name == LAST
    assert found.steps[-1].seconds > 0.01
    assert found.steps[-1].disk_bytes > 1000
    assert not world.extracted


def test_shapes_are_those_of_stores_or_models(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    checked = study_from(study | {"model": ["deep", "tiny"], "study": "map"}, source="it")
    arrangement = arrange(checked, Stores(tmp_path, tmp_path))
    (one,) = arrangement.comparisons
    keys = list(zip(one.sides, one.models, strict=True))
    before = [shape_of(key, "last 3", arrangement) for key in keys]
    assert [(shape.n_layers, shape.n_tokens, shape.n_bits) for shape in before] == [(7, 3, 32), (5, 3, 32)]
    arrangement.extracted(progress=False)
    assert [shape_of(key, "last 3", arrangement) for key in keys] == before
    assert shape_of(keys[0], "all", arrangement).n_tokens == 8


@pytest.mark.parametrize(
    ("small", "large", "work", "expected"),
    [
        ((5, Cost(1.0, 100)), (9, Cost(1.8, 180)), 13, Cost(2.6, 260)),
        ((25, Cost(3.0, 50)), (81, Cost(3.0, 50)), 900, Cost(3.0, 50)),
        # What got cheaper with size got so by chance.
        ((5, Cost(2.0, 100)), (9, Cost(1.0, 90)), 100, Cost(2.0, 100)),
        # As many layers as there are.
        ((3, Cost(1.0, 10)), (3, Cost(1.1, 11)), 3, Cost(1.1, 11)),
        ((5, Cost(1.0, 100)), (7, Cost(1.5, 140)), 7, Cost(1.5, 140)),
    ],
)
def test_costs_are_extrapolated_along_a_line(
    small: tuple[float, Cost], large: tuple[float, Cost], work: float, expected: Cost
) -> None:
    found = _extrapolated([small, large], work)
    assert found.seconds == pytest.approx(expected.seconds)
    assert found.disk_bytes == expected.disk_bytes


def test_a_rate_is_a_line() -> None:
    rate = Rate(2.0, 0.5, 1000.0, 10.0)
    assert (rate.seconds_for(10), rate.bytes_for(100)) == (7.0, 2000.0)


def test_durations_and_plans_in_words() -> None:
    assert [in_words(seconds) for seconds in (0.4, 99, 100, 3599, 7500)] == [
        *("0 s", "99 s", "1 min 40 s", "59 min 59 s", "2 h 5 min")
    ]
    said = str(Plan(60, (Step("a", 30.0, 2**20), Step("b", 90.0)), 3 * 2**29))
    assert said == "60 items; about 2 min 0 s, 1.5 GiB of memory, 1 MiB more on disk"


class TestATinyModel:
    """With a model that is loaded, tried out and run."""

    @pytest.fixture
    def said(self, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        import numpy as np

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
        monkeypatch.setattr("foretell.studies.planning.plan.CALIBRATION_SECONDS", 1.0)
        return {
            "study": "depth",
            "pairs": {"data": "made", "sides": ["left", "right"], "items": 400},
            "model": str(tiny_model_folder),
            "tokens": "last 8",
            "measure": {"null": 0},
        }

    def test_the_estimate_of_the_disk_holds_and_the_choice_is_kept(
        self, said: dict[str, Any], rehearsed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = plan(said, out=tmp_path)
        assert _names(found)[1:] == ["load tiny-llama", "read right with tiny-llama", "read left with tiny-llama", LAST]
        assert all(step.seconds > 0 for step in found.steps)
        stores = tmp_path / "stores"
        assert {path.name.split("-")[0] for path in stores.iterdir()} == {"items", "plan"}
        # The run need not choose again.
        monkeypatch.setattr(
            "foretell.studies.preparation.notes.select_pairs",
            lambda *_, **__: pytest.fail("the items were chosen again"),
        )
        answer = foretell.run(said, out=tmp_path)
        assert answer.result.attrs["n_items"] == found.n_items == 400
        for side, step in zip(("right", "left"), found.steps[2:4], strict=True):
            (place,) = stores.glob(f"{side}-*.zarr")
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            assert step.disk_bytes == pytest.approx(size, rel=0.3)

    def test_batches_are_all_items_with_their_padding(self, said: dict[str, Any], tmp_path: Path) -> None:
        arrangement = arrange(study_from(said, source="it"), Stores(tmp_path, tmp_path))
        (job, _) = arrangement.jobs.values()
        batches = batches_of(job, arrangement.pairs)
        assert sorted(item for batch in batches.items for item in batch) == list(range(400))
        real = sum(reading.length for reading in job.model.read(arrangement.pairs.contents(job.side)))
        assert real <= sum(batches.tokens) < 2 * real
        rate = measured_rate(job, arrangement.pairs, Batches(batches.items, batches.tokens), seconds=0.2)
        assert min(rate.seconds, rate.seconds_per_token, rate.disk_bytes, rate.disk_bytes_per_item) >= 0
        assert rate.seconds_for(1000) > 0
        assert not list(tmp_path.glob("*.zarr"))


class TestMemory:
    def test_what_is_held_for_a_moment_is_seen(self) -> None:
        with Watch() as watch:
            held = np.ones(2**23)
            time.sleep(0.3)
            del held
        assert 30 * 2**20 < watch.more < 200 * 2**20
        now, most = resident()
        assert 2**20 < now <= most

    def test_what_measuring_held_is_known_the_next_time(
        self, world: World, rehearsed: list[str], study: dict[str, Any], tmp_path: Path
    ) -> None:
        foretell.run(study, out=tmp_path)
        (cost,) = (tmp_path / "stores").glob("cost-*.json")
        said = json.loads(cost.read_text())
        assert said["memory_bytes"] >= 0
        cost.write_text(json.dumps(said | {"memory_bytes": 2**40}))
        assert plan(study, out=tmp_path).memory_bytes > 2**40
