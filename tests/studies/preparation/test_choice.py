"""What only a loaded model can tell is asked once; models are loaded late, one at a time."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import OptionError
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.selection import select_pairs
from foretell.representations.loading.load_model import LazyModel, LoadedModel, slowest_load
from foretell.representations.models.base import ModelOptions, Reading
from foretell.representations.store.recordings import Recording
from foretell.studies.preparation.notes import chosen_pairs, n_blocks_of


@dataclass(frozen=True)
class _Info:
    revision: str = "1"
    tokenizer: str = "words"


@dataclass(eq=False)
class _Model:
    """Reads words as tokens, and counts how often it is asked."""

    info: Any = field(default_factory=_Info)
    modality: str = "text"
    max_length: int | None = None
    asked: int = 0
    blocks: int = 5

    def read(self, contents: Sequence[Any]) -> list[Reading]:
        self.asked += 1
        tokens = [np.arange(len(text.split())) for text in contents]
        return [Reading(of, len(of), of) for of in tokens]

    @property
    def n_blocks(self) -> int:
        self.asked += 1
        return self.blocks


def _tokens(rule: str) -> dict[str, tuple[Recording, ...]]:
    return dict.fromkeys(("left", "right"), Recording.parse_all(rule))


def _choose(pairs: Pairs, model: _Model, folder: Path, rule: str = "last 12", items: int = 7, seed: int = 0) -> Pairs:
    return chosen_pairs(
        pairs,
        models=[model],  # type: ignore[list-item]
        tokens=_tokens(rule),
        n_items=items,
        seed=seed,
        folder=folder,
    )


def _said(pairs: Pairs) -> dict[str, Any]:
    return {one.name: getattr(pairs, one.name) for one in fields(pairs)}


class TestChosenPairs:
    def test_as_select_pairs_and_asked_once(self, tiny_pairs: Pairs, tmp_path: Path) -> None:
        pairs = tiny_pairs.take(range(20), dropped={"blank": 3})
        expected = select_pairs(pairs, models=[_Model()], tokens=_tokens("last 12"), n_items=7, seed=0)  # type: ignore[list-item]
        model = _Model()
        first = _choose(pairs, model, tmp_path / "new")
        assert model.asked == 2
        assert _said(first) == _said(expected)
        assert (len(first), len(first.dropped)) == (7, 3)
        again = _choose(pairs, model, tmp_path / "new")
        assert model.asked == 2
        assert _said(again) == _said(first)
        assert [path.name[:6] for path in (tmp_path / "new").iterdir()] == ["items-"]

    @pytest.mark.parametrize("change", ["rule", "items", "seed", "texts", "ids", "groups", "revision", "tokenizer"])
    def test_what_else_is_asked_is_kept_apart(self, tiny_pairs: Pairs, tmp_path: Path, change: str) -> None:
        _choose(tiny_pairs, _Model(), tmp_path)
        model, pairs = _Model(), tiny_pairs
        asked: dict[str, dict[str, Any]] = {"rule": {"rule": "last 11"}, "items": {"items": 6}, "seed": {"seed": 1}}
        more = asked.get(change, {})
        match change:
            case "texts":
                texts = {side: tuple(f"{text} a" for text in of) for side, of in pairs.texts.items()}
                pairs = replace(pairs, texts=texts)
            case "ids":
                pairs = replace(pairs, ids=tuple(f"{item}!" for item in pairs.ids))
            case "groups":
                pairs = replace(pairs, groups=None)
            case "revision" | "tokenizer":
                model = _Model(info=replace(_Info(), **{change: "other"}))
        found = _choose(pairs, model, tmp_path, **more)
        assert model.asked > 0
        assert len(list(tmp_path.iterdir())) == 2
        assert set(found.ids) <= set(pairs.ids)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"ids": ["other"], "dropped": {}}', '{"ids": 3}', "{}", "\xff"])
    def test_a_damaged_file_is_made_again(self, tiny_pairs: Pairs, tmp_path: Path, text: str) -> None:
        first = _choose(tiny_pairs, _Model(), tmp_path)
        (path,) = tmp_path.iterdir()
        whole = path.read_bytes()
        path.write_bytes(text.encode("latin-1"))
        model = _Model()
        assert _said(_choose(tiny_pairs, model, tmp_path)) == _said(first)
        assert model.asked > 0
        assert path.read_bytes() == whole

    def test_an_error_is_not_kept(self, tiny_pairs: Pairs, tmp_path: Path) -> None:
        with pytest.raises(OptionError):
            _choose(tiny_pairs, _Model(), tmp_path, items=0)
        assert not list(tmp_path.iterdir())


def test_the_number_of_blocks_is_asked_once(tmp_path: Path) -> None:
    model = _Model()
    folder = tmp_path / "new"
    assert [n_blocks_of(model, folder) for _ in range(3)] == [5, 5, 5]  # type: ignore[arg-type]
    assert model.asked == 1
    other = _Model(info=_Info(revision="2"), blocks=7)
    assert n_blocks_of(other, folder) == 7  # type: ignore[arg-type]
    (path,) = [path for path in folder.iterdir() if json.loads(path.read_text()) == 5]
    path.write_text("damaged")
    assert n_blocks_of(model, folder) == 5  # type: ignore[arg-type]
    assert model.asked == 2


class _Loaded:
    """What load_model gives here."""

    max_length = 9

    def __init__(self, name: str) -> None:
        self.name = name
        self.n_blocks = len(name)
        self.n_dimensions = {"0": 4}

    def read(self, contents: Sequence[Any]) -> list[str]:
        return [f"{self.name}: {one}" for one in contents]

    def hidden_states(self, batch: Any, visit: Any) -> None:
        visit(self.name, batch)


class TestLazyModel:
    @pytest.fixture
    def loaded(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, ModelOptions]]:
        """What is loaded, in order."""
        calls: list[tuple[str, str, ModelOptions]] = []

        def load(name: str, modality: str, options: ModelOptions) -> _Loaded:
            calls.append((name, modality, options))
            return _Loaded(name)

        monkeypatch.setattr("foretell.representations.loading.load_model.load", load)
        monkeypatch.setattr("foretell.representations.loading.load_model.describe_model", lambda *of: of)
        return calls

    def test_a_description_loads_nothing(self, loaded: list[Any]) -> None:
        options = ModelOptions(dtype="float16", device="cpu", revision="main")
        model = LazyModel("a", "text", options)
        info: Any = model.info
        assert info == ("a", "text", options)
        assert (model.dtype, LazyModel("a", "text").dtype) == ("float16", "float32")
        assert not loaded
        assert model.slot.model is None

    def test_the_rest_loads_it_once(self, loaded: list[Any]) -> None:
        model = LazyModel("abc", "image", ModelOptions(device="cpu"))
        read: list[Any] = list(model.read(["x"]))
        assert read == ["abc: x"]
        seen: list[Any] = []
        model.hidden_states([], lambda *of: seen.append(of))
        assert seen == [("abc", [])]
        assert (model.n_blocks, dict(model.n_dimensions), model.max_length) == (3, {"0": 4}, 9)
        assert loaded == [("abc", "image", ModelOptions(device="cpu"))]
        assert slowest_load(model) > 0

    def test_a_slot_holds_one_and_lets_go_of_the_other_first(
        self, loaded: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slot = LoadedModel()
        one, other = (LazyModel(name, "text", slot=slot) for name in ("one", "other"))
        gone = weakref.ref(one.loaded)
        alive: list[bool] = []

        def load(name: str, *_: Any) -> _Loaded:
            gc.collect()
            alive.append(gone() is not None)
            return _Loaded(name)

        monkeypatch.setattr("foretell.representations.loading.load_model.load", load)
        read: list[Any] = list(other.read([1]))
        assert read == ["other: 1"]
        assert alive == [False]
        assert slot.of is other
        assert one.n_blocks == 3
        assert alive == [False, False]
        assert min(slowest_load(one), slowest_load(other)) > 0
        assert slowest_load(LazyModel("one", "image")) == 0

    def test_a_failure_to_load_leaves_the_slot_empty(self, loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        slot = LoadedModel()
        one, other = (LazyModel(name, "text", slot=slot) for name in ("one", "other"))
        one.read([])

        def fail(*_: Any) -> _Loaded:
            raise OSError("no such model")

        monkeypatch.setattr("foretell.representations.loading.load_model.load", fail)
        with pytest.raises(OSError, match="no such model"):
            other.read([])
        assert (slot.of, slot.model) == (None, None)
        with pytest.raises(OSError, match="no such model"):
            one.read([])
