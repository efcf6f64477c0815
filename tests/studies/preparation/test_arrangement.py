"""From pairs and models to stores, with real stores: those made elsewhere, and those of a tiny random model."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import AlignmentError, InputError, StoreError, StudyError
from foretell.measure.inference.item_data import items_of
from foretell.representations.data.pairs import Pairs
from foretell.representations.imported.import_activations import import_activations
from foretell.studies.config.study_file import study_from
from foretell.studies.planning.plan import plan
from foretell.studies.preparation.prepare import Arrangement, arrange
from foretell.studies.preparation.stores import Stores
from tests.conftest import WORDS

N_ITEMS, N_LAYERS = 50, 3


def _texts(side: str) -> tuple[str, ...]:
    rng = np.random.default_rng(len(side))
    return tuple(" ".join(rng.choice(WORDS, size)) for size in rng.integers(8, 20, N_ITEMS))


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return Pairs(
        name="made",
        texts={side: _texts(side) for side in ("a", "bb", "ccc")},
        ids=tuple(f"item {number}" for number in range(N_ITEMS)),
        groups=None,
        licence="CC0-1.0",
        source="made by the tests",
    )


def _store(
    folder: Path, pairs: Pairs, side: str, *, model: str = "big", seed: int = 0, rows: Sequence[int] = ()
) -> str:
    """A store of some items in some order, as if something else had made it; one token an item."""
    of = pairs.take(list(rows)) if rows else pairs
    place = folder / f"{model}-{side}.zarr"
    shared = np.random.default_rng(0).standard_normal((N_ITEMS, 24))
    own = np.random.default_rng([seed, len(side)]).standard_normal((N_LAYERS, N_ITEMS, 24))
    everything = dict(zip(pairs.ids, range(N_ITEMS), strict=True))
    chosen = [everything[item] for item in of.ids]
    arrays = {str(layer): (shared + own[layer])[chosen].astype(np.float32) for layer in range(N_LAYERS)}
    source = folder / f"{model}-{side}.npz"
    np.savez(source, **arrays)
    import_activations(
        source, pairs=of, side=side, out=place, model_id=model, ids=of.ids, tokens="all", n_blocks=N_LAYERS - 1
    )
    return str(place)


def _study(model: Any, sides: Any = ("a", "bb"), **changed: Any) -> dict[str, Any]:
    pairs = {"data": "made", "sides": list(sides), "items": changed.pop("items", None)}
    return {
        "study": "depth",
        "pairs": pairs,
        "model": model,
        "tokens": "all",
        "measure": {"null": 0, "beside": []},
    } | changed


@pytest.fixture(autouse=True)
def _made(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "foretell.studies.preparation.prepare.load_pairs", lambda name, sides, **options: pairs.only(sides)
    )
    monkeypatch.setattr("foretell.studies.outputs.save_figure", lambda figure, path: path.write_bytes(b"a figure"))


def _arranged(study: dict[str, Any], stores: Path) -> Arrangement:
    return arrange(study_from(study, source="it"), stores=Stores(stores, stores))


class TestStoresMadeElsewhere:
    def test_no_model_is_run(self, pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "foretell.studies.preparation.prepare.LazyModel", lambda *_: pytest.fail("a model was looked for")
        )
        stores = {side: _store(tmp_path, pairs, side) for side in ("a", "bb")}
        answer = foretell.run(_study({"name": "big", "stores": stores}), out=tmp_path / "run")
        assert (answer.result.attrs["model_a"], answer.result.attrs["n_items"]) == ("big", N_ITEMS)
        expected = foretell.information_imbalance(*(foretell.open_store(stores[side]).space(1) for side in ("a", "bb")))
        assert answer.result["imbalance"].sel(layer=1).to_numpy().tolist() == [expected.a_to_b, expected.b_to_a]
        again = foretell.run(tmp_path / "run" / "study.yaml", out=tmp_path / "again")
        xr.testing.assert_identical(again.result, answer.result)

    def test_items_are_found_in_any_order(self, pairs: Pairs, tmp_path: Path) -> None:
        """A store of other items, in another order, is read where the study's items are."""
        rows = np.random.default_rng(3).permutation(N_ITEMS)[:40].tolist()
        whole = {side: _store(tmp_path, pairs, side, model="whole") for side in ("a", "bb")}
        mixed = {"a": _store(tmp_path, pairs, "a", model="mixed", rows=rows), "bb": whole["bb"]}
        found = _arranged(_study({"name": "mixed", "stores": mixed}), tmp_path)
        assert found.pairs.ids == tuple(pairs.ids[row] for row in sorted(rows))
        assert found.pairs.dropped["not in the store of mixed"] == 10
        (compared,) = found.extracted(progress=False)
        every = dict(zip(pairs.ids, foretell.open_store(whole["a"]).space(2).bits().data, strict=True))
        np.testing.assert_array_equal(compared.a.space("2").bits().data, [every[item] for item in found.pairs.ids])
        assert compared.a.space("2").ids == compared.b.space("2").ids == found.pairs.ids
        answer = foretell.run(_study({"name": "mixed", "stores": mixed}), out=tmp_path / "run")
        (tmp_path / "ids.txt").write_text("\n".join(found.pairs.ids))
        study = _study({"name": "whole", "stores": whole})
        study["pairs"]["only"] = str(tmp_path / "ids.txt")
        same = foretell.run(study, out=tmp_path / "same")
        np.testing.assert_array_equal(answer.result["imbalance"], same.result["imbalance"])
        np.testing.assert_array_equal(answer.result["stderr"], same.result["stderr"])

    def test_a_seeded_choice_of_them(self, pairs: Pairs, tmp_path: Path) -> None:
        stores = {side: _store(tmp_path, pairs, side) for side in ("a", "bb")}
        found = _arranged(_study({"name": "big", "stores": stores}, items=20), tmp_path)
        assert len(found.pairs) == 20
        assert found.pairs.dropped == {"not in the choice of 20 items (seed 0)": 30}
        (compared,) = found.extracted(progress=False)
        assert compared.b.space("0").ids == found.pairs.ids

    def test_another_text_is_refused(self, pairs: Pairs, tmp_path: Path) -> None:
        other = replace(pairs, texts={**pairs.texts, "a": ("something else", *pairs.texts["a"][1:])})
        stores = {"a": _store(tmp_path, other, "a"), "bb": _store(tmp_path, pairs, "bb")}
        with pytest.raises(InputError, match="has another text for item 'item 0' than side 'a' of the pairs"):
            _arranged(_study({"name": "big", "stores": stores}), tmp_path)

    def test_other_items_are_refused(self, pairs: Pairs, tmp_path: Path) -> None:
        other = replace(pairs, ids=tuple(f"other {number}" for number in range(N_ITEMS)))
        place = tmp_path / "elsewhere"
        place.mkdir()
        np.save(place / "0.npy", np.ones((N_ITEMS, 8), np.float32))
        told: dict[str, Any] = {"ids": other.ids, "tokens": "all", "n_blocks": 1}
        import_activations(place, pairs=other, side="a", out=tmp_path / "a.zarr", model_id="big", **told)
        stores = {"a": str(tmp_path / "a.zarr"), "bb": _store(tmp_path, pairs, "bb")}
        with pytest.raises(AlignmentError, match=r"a\.zarr has no item of 'made': make it of the same pairs"):
            _arranged(_study({"name": "big", "stores": stores}), tmp_path)

    def test_a_side_without_a_store_is_refused(self, pairs: Pairs, tmp_path: Path) -> None:
        stores = {"a": _store(tmp_path, pairs, "a")}
        with pytest.raises(StudyError, match="big has stores of a and none of 'bb': name one under stores"):
            _arranged(_study({"name": "big", "stores": stores}), tmp_path)
        with pytest.raises(StoreError, match=r"nowhere\.zarr"):
            _arranged(_study({"name": "big", "stores": stores | {"bb": str(tmp_path / "nowhere.zarr")}}), tmp_path)

    def test_stores_beside_stores_are_of_common_items(self, pairs: Pairs, tmp_path: Path) -> None:
        first = {side: _store(tmp_path, pairs, side, rows=range(45)) for side in ("a", "bb")}
        second = {side: _store(tmp_path, pairs, side, model="x", rows=range(5, 50)) for side in ("a", "bb")}
        model = {"each": [{"name": "big", "stores": first}, {"name": "x", "stores": second}]}
        answer = foretell.run(_study(model), out=tmp_path / "run")
        assert list(answer.results) == ["big", "x"]
        for result in answer.results.values():
            assert list(items_of(result).ids) == list(pairs.ids[5:45])
        dropped = json.loads(answer.results["x"].attrs["drop_counts"])
        assert dropped == {"not in the store of big": 5, "not in the store of x": 5}

    def test_the_paths_of_stores_are_kept_in_the_study(self, pairs: Pairs, tmp_path: Path) -> None:
        stores = {side: _store(tmp_path, pairs, side) for side in ("a", "bb")}
        answer = foretell.run(_study({"name": "big", "stores": stores}), out=tmp_path / "run")
        assert json.loads(answer.result.attrs["study"])["model"] == {"name": "big", "stores": stores}

    def test_layers_that_do_not_go_in_pairs_cost_no_extraction(
        self, tiny_model_folder: Path, pairs: Pairs, tmp_path: Path
    ) -> None:
        stored = {"name": "big", "stores": {side: _store(tmp_path, pairs, side) for side in ("a", "bb")}}
        with pytest.raises(StudyError, match=r"tiny-llama has 3 blocks and big 2, .* choose `study: map`"):
            foretell.run(_study([str(tiny_model_folder), stored], tokens="mean"), out=tmp_path / "run")
        assert not list((tmp_path / "run" / "stores").glob("*.zarr"))

    def test_a_plan_of_them_has_nothing_to_read(self, pairs: Pairs, tmp_path: Path) -> None:
        rows = list(range(5, N_ITEMS))
        stores = {side: _store(tmp_path, pairs, side, rows=rows) for side in ("a", "bb")}
        found = plan(_study({"name": "big", "stores": stores}), out=tmp_path / "run")
        assert [step.name for step in found.steps] == ["start, choose items", "measure, draw and write"]
        assert found.n_items == 45


class TestATinyModel:
    """A model that is loaded and run."""

    def test_a_second_run_loads_nothing(
        self, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        study = _study(str(tiny_model_folder), tokens="last 4", measure={"null": 40})
        first = foretell.run(study, out=tmp_path)
        assert first.result.attrs["n_items"] == N_ITEMS
        loading = "foretell.representations.loading.load_model.load"
        monkeypatch.setattr(loading, lambda *_, **__: pytest.fail("a model was loaded"))
        again = foretell.run(study, out=tmp_path)
        xr.testing.assert_identical(again.result, first.result)
        # Other questions of what is kept need no model either.
        foretell.run(study | {"study": "map", "measure": {"null": 0, "k": 2}}, out=tmp_path)
        foretell.run(study | {"measure": {"null": 0, "k": 2}}, out=tmp_path)

    def test_a_store_lost_is_made_again_alone(
        self, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import shutil

        study = _study(str(tiny_model_folder), tokens="last 4")
        first = foretell.run(study, out=tmp_path)
        (lost,) = (tmp_path / "stores").glob("bb-*.zarr")
        (kept,) = (tmp_path / "stores").glob("a-*.zarr")
        before = {path: path.stat().st_mtime_ns for path in kept.rglob("*") if path.is_file()}
        shutil.rmtree(lost)
        again = foretell.run(study, out=tmp_path)
        xr.testing.assert_identical(again.result, first.result)
        assert {path: path.stat().st_mtime_ns for path in kept.rglob("*") if path.is_file()} == before

    def test_comparisons_share_stores(self, tiny_model_folder: Path, tmp_path: Path) -> None:
        study = _study(str(tiny_model_folder), [["a", "bb"], ["bb", "a"], ["a", "ccc"]], tokens="last 4")
        found = _arranged(study, tmp_path)
        assert [side for side, _ in found.jobs] == ["a", "bb", "ccc"]
        answer = foretell.run(study, out=tmp_path, stores=tmp_path)
        assert sorted(path.name.split("-")[0] for path in tmp_path.glob("*.zarr")) == ["a", "bb", "ccc"]
        one, other = answer.results["a-bb"], answer.results["bb-a"]
        np.testing.assert_array_equal(one["imbalance"], other["imbalance"].isel(direction=[1, 0]))

    def test_models_beside_each_other_have_common_items(
        self, tiny_model_folder: Path, pairs: Pairs, tmp_path: Path
    ) -> None:
        stored = {side: _store(tmp_path, pairs, side, rows=range(10, 50)) for side in ("a", "bb")}
        model = [str(tiny_model_folder), {"name": "big", "stores": stored}]
        study = _study(model, study="map", tokens=["last 4", "all"])
        answer = foretell.run(study, out=tmp_path / "run")
        assert answer.result.attrs["n_items"] == 40
        assert dict(answer.result["imbalance"].sizes) == {"direction": 2, "a": 4, "b": N_LAYERS}
        assert answer.result.attrs["model_b"] == "big"
        several = _study({"each": [str(tiny_model_folder), {"name": str(tiny_model_folder), "random_weights": 0}]})
        found = foretell.run(several | {"tokens": "last 4", "measure": {"null": 0}}, out=tmp_path / "both")
        items = [list(items_of(result).ids) for result in found.results.values()]
        assert items == [list(pairs.ids)] * 2
        assert "random weights" in found.results["tiny-llama-2"].attrs["model_a"]

    def test_all_kept_in_one_run_of_the_model(self, tiny_model_folder: Path, tmp_path: Path) -> None:
        """What several ways of reading keep is in one store a side."""
        study = _study(str(tiny_model_folder), tokens={"each": ["last 4", "mean"]})
        answer = foretell.run(study, out=tmp_path)
        assert list(answer.results) == ["a-bb_last_4", "a-bb_mean"]
        assert len(list((tmp_path / "stores").glob("*.zarr"))) == 2
        with (tmp_path / "tables" / "layers.csv").open(newline="", encoding="utf-8") as file:
            assert {row["comparison"] for row in csv.DictReader(file)} == set(answer.results)
