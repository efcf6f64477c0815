"""A tiny world for studies: made-up pairs and a made-up model in place of those that must be fetched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.cluster.nodes import Replica
from foretell.exceptions import StoreError
from foretell.measure.spaces.bits import BinarySpace
from foretell.measure.spaces.floats import FloatSpace
from foretell.representations.data.pairs import Pairs
from foretell.representations.models.base import ModelOptions
from foretell.representations.store.recordings import Recording, TokenRule
from foretell.studies.answer import Answer
from foretell.studies.planning.plan import ReadingRate
from foretell.studies.planning.rates import Rates
from foretell.studies.preparation.prepare import Job

N_BLOCKS = 4
WIDTH = 32
N_TOKENS = 8
"""Tokens that every made-up item has: what is kept of them are its last ones."""


@dataclass(frozen=True)
class FakeInfo:
    id: str
    revision: str
    tokenizer: str = "tiny"


@dataclass(frozen=True, eq=False)
class FakeModel:
    info: FakeInfo
    modality: str = "text"
    dtype: str = "float32"
    n_blocks: int = N_BLOCKS

    @property
    def n_dimensions(self) -> dict[str, int]:
        return {str(layer): WIDTH for layer in range(self.n_blocks + 1)}


@dataclass(frozen=True)
class FakeKept:
    n_bits: Mapping[str, int]
    n_tokens: int


@dataclass(frozen=True)
class FakeStoreInfo:
    model_id: str
    model_revision: str
    n_blocks: int
    kept: tuple[FakeKept, ...] = ()


@dataclass(frozen=True)
class FakeStore:
    """Sign bits that agree between the sides most at the middle layer; not of random weights, nor of a side "blank"."""

    ids: tuple[str, ...]
    side: str
    info: FakeStoreInfo
    thumbnails: None = None
    is_complete: bool = True
    n_missing: int = 0

    @property
    def layers(self) -> tuple[str, ...]:
        return (*(str(layer) for layer in range(self.info.n_blocks + 1)), "final")

    @property
    def token_counts(self) -> Any:
        return np.arange(len(self.ids)) % 7 + 20

    def space(self, layer: str, tokens: str) -> BinarySpace:
        recording = Recording.parse(tokens)
        x = self._activations(layer, recording.tokens)
        return BinarySpace.from_activations(
            x - (np.median(x, axis=0) if recording.how == "median" else 0), ids=self.ids
        )

    def points(self, layer: str, tokens: TokenRule) -> FloatSpace:
        return FloatSpace(self._activations(layer, tokens).reshape(len(self.ids), -1), self.ids)

    def _activations(self, layer: str, tokens: TokenRule) -> Any:
        rule = TokenRule.parse(tokens)
        shape = (len(self.ids), N_TOKENS, WIDTH)
        is_random = "random" in self.info.model_id
        shared = np.random.default_rng(0).standard_normal(shape)
        seed = [int(layer), *self.side.encode(), *self.info.model_id.removeprefix("tiny").encode()]
        own = np.random.default_rng(seed).standard_normal(shape)
        noise = 0.6 + 0.8 * abs(int(layer) - self.info.n_blocks / 2)
        x = own if is_random else shared + noise * own
        if self.side == "blank":
            x = np.zeros(shape)
        last = N_TOKENS - rule.skip
        x = x[:, last - (rule.count or last) : last]
        return x.mean(axis=1, keepdims=True) if rule.mean else x


def _text(side: str, number: int) -> str:
    """Words of which items share some."""
    words = [
        "switch",
        "lamp",
        "heat",
        "door",
        "open",
        "close",
        "turn",
        "off",
        "on",
        "in",
        "the",
        "room",
        "wait",
        "for",
        "light",
        "night",
        "warm",
        "cold",
        "blue",
        "red",
        "green",
        "garden",
        "kitchen",
        "hall",
        "fan",
        "clock",
        "alarm",
        "sensor",
        "battery",
        "window",
    ]
    chosen = np.random.default_rng([number, *side.encode()]).choice(words, 6)
    return f"{side} {' '.join(chosen)}{'.?!'[number % 3]}"


HEALTH = [
    {
        "name": f"{side} by tiny",
        "problems": ["nearly all bits are alike (collapsed): layer 4"] if side == "es" else [],
        "layers": [
            {"layer": str(layer), "positive": 0.5 + 0.12 * layer, "n_duplicates": layer, "tied": 0.1, "near_zero": None}
            for layer in range(N_BLOCKS + 1)
        ],
    }
    for side in ("en", "es")
]
"""What is found of stores, in place of looking at them."""


@dataclass
class World:
    """What the studies asked of the world."""

    extracted: list[Path] = field(default_factory=list)
    reused: list[Path] = field(default_factory=list)
    stop_at_side: str | None = None
    seeds: list[int] = field(default_factory=list)
    models: list[tuple[str, str, ModelOptions]] = field(default_factory=list)
    recordings: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    stores: dict[Path, FakeStore] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    groups: int | None = None

    def load_pairs(self, name: str, sides: Sequence[str], **options: Any) -> Pairs:
        self.options = options
        ids = tuple(f"{name}-{number}" for number in range(80))
        return Pairs(
            name=name,
            texts={side: tuple(_text(side, number) for number in range(80)) for side in sides},
            ids=ids,
            groups=self.groups and tuple(f"group {number % self.groups}" for number in range(80)),  # type: ignore[arg-type]
            licence="CC0-1.0",
            source="made up",
        )

    def lazy_model(self, name: str, modality: str, options: ModelOptions, slot: Any) -> FakeModel:
        self.models.append((name, modality, options))
        shown = f"{name} (random weights)" if options.random_weights is not None else name
        return FakeModel(FakeInfo(shown, f"{shown} 1"), modality, n_blocks=6 if name.startswith("deep") else N_BLOCKS)

    def chosen_pairs(
        self,
        pairs: Pairs,
        *,
        models: Sequence[FakeModel],
        tokens: Mapping[str, Sequence[Recording]],
        n_items: int | None,
        seed: int,
        folder: Path,
    ) -> Pairs:
        self.seeds.append(seed)
        kept = range(min(len(pairs), n_items or len(pairs)))
        return pairs.take(kept, dropped={"beyond the items asked for": len(pairs) - len(kept)})

    def fingerprint(self, pairs: Pairs, *, model: FakeModel, side: str, tokens: Sequence[Recording]) -> str:
        content = [model.info.revision, model.dtype, [str(one) for one in tokens], side, pairs.ids, pairs.texts[side]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def extract(
        self,
        pairs: Pairs,
        *,
        model: FakeModel,
        side: str,
        out: Path,
        tokens: Sequence[Recording],
        progress: bool,
        replica: Replica | None,
    ) -> FakeStore:
        self.recordings[out] = tuple(str(one) for one in tokens)
        if out in self.stores:
            self.reused.append(out)
        else:
            if side == self.stop_at_side:
                raise KeyboardInterrupt
            self.extracted.append(out)
            kept = FakeKept(model.n_dimensions, N_TOKENS)
            info = FakeStoreInfo(model.info.id, model.info.revision, model.n_blocks, (kept,))
            self.stores[out] = FakeStore(pairs.ids, side, info)
        return self.stores[out]

    def open_store(self, place: Path) -> FakeStore:
        if place not in self.stores:
            raise StoreError("none")
        return self.stores[place]

    def padded_tokens(self, job: Job, pairs: Pairs) -> int:
        """A token an item."""
        return len(pairs)

    def measured_reading(self, job: Job, pairs: Pairs) -> ReadingRate:
        """In place of timing a model: a second for every item."""
        self.tried.append(job.model.info.id)
        return ReadingRate(0.0, 1.0, 0.0, 2.0**20)

    def measured_rates(self) -> tuple[Rates, bool]:
        """In place of timing the measure: three seconds to start, two for each figure, which take a MiB."""
        return Rates({"figures": 2.0}, {"figures": 2.0**20}, 3.0, 2**20), False

    def put_into(self, patch: pytest.MonkeyPatch) -> World:
        """Take the place of data, models and extraction."""
        for name in ("load_pairs", "chosen_pairs", "fingerprint", "extract", "open_store"):
            patch.setattr(f"foretell.studies.preparation.prepare.{name}", getattr(self, name))
        patch.setattr("foretell.studies.preparation.stores.open_store", self.open_store)
        patch.setattr("foretell.studies.preparation.prepare.LazyModel", self.lazy_model)
        patch.setattr("foretell.studies.run.health_of", lambda compared, notes, run: HEALTH)
        for name in ("padded_tokens", "measured_reading", "measured_rates"):
            patch.setattr(f"foretell.studies.planning.plan.{name}", getattr(self, name))
        return self


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Put the tiny world in place of data, models and extraction, and spare the drawing of figures and the page."""
    monkeypatch.setattr("foretell.studies.outputs.save_figure", lambda figure, path: path.write_bytes(b"a figure"))
    monkeypatch.setattr("foretell.studies.run.write_report", lambda folder, path: path.write_bytes(b"a page"))
    return World().put_into(monkeypatch)


@pytest.fixture
def study() -> dict[str, Any]:
    """A study that the tiny world can carry out in a moment."""
    return {
        "study": "depth",
        "pairs": {"data": "made-up", "sides": ["en", "es"], "items": 60},
        "model": "tiny",
        "tokens": "last 3",
        "measure": {"null": 50},
    }


_PAIRS: dict[str, Any] = {"data": "made-up", "sides": ["en", "es"], "items": 60}
_SEVERAL: dict[str, Any] = _PAIRS | {"sides": [["en", "es"], ["en", "fr"]]}
STUDIES: dict[str, dict[str, Any]] = {
    "depth": {
        "study": "depth",
        "pairs": _PAIRS,
        "model": "tiny",
        "tokens": "last 3",
        "measure": {"null": 50, "beside": ["cka", "mutual_knn"]},
    },
    "several depths": {
        "study": "depth",
        "pairs": _SEVERAL,
        "model": {"each": ["tiny", "tiny-2"]},
        "tokens": "last 3",
        "measure": {"null": 200},
    },
    "map": {
        "study": "map",
        "pairs": _PAIRS,
        "model": ["tiny", "deep"],
        "tokens": "last 3",
        "measure": {"null": 50, "beside": ["cka"]},
    },
    "several maps": {
        "study": "map",
        "pairs": _PAIRS,
        "model": [{"each": ["tiny", "tiny-2"]}, "deep"],
        "tokens": "last 3",
        "measure": {"null": 80},
    },
    "tokens": {
        "study": "tokens",
        "pairs": _PAIRS,
        "model": "tiny",
        "tokens": "last 6",
        "counts": [1, 2, 6],
        "greedy": 2,
        "measure": {"null": 20},
    },
    "token-pairs": {"study": "token-pairs", "pairs": _PAIRS, "model": "tiny", "tokens": "last 3", "depths": [0, 0.5]},
    "controls": {
        "study": "controls",
        "pairs": _PAIRS,
        "model": "tiny",
        "tokens": "last 4",
        "subsamples": 3,
        "measure": {"null": 20},
    },
}
"""A study of every kind, and of several comparisons."""


@dataclass(frozen=True)
class Ran:
    """A study that was run in the tiny world."""

    folder: Path
    answer: Answer
    world: World

    def files(self) -> dict[Path, bytes]:
        """What is in its folder, by the path there."""
        return {path.relative_to(self.folder): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


class Runs(dict[str, Ran]):
    """Studies by name, each run when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> Ran:
        out = self._folder / name.replace(" ", "-")
        with pytest.MonkeyPatch.context() as patch:
            world = World().put_into(patch)
            self[name] = Ran(out, foretell.run(STUDIES[name], out=out), world)
        return self[name]

    def again(self, name: str) -> Ran:
        """Run a study a second time, where of the first run only the stores are left."""
        ran = self[name]
        for path in ran.files():
            (ran.folder / path).unlink()
        with pytest.MonkeyPatch.context() as patch:
            ran.world.put_into(patch)
            self[name] = Ran(ran.folder, foretell.run(STUDIES[name], out=ran.folder), ran.world)
        return self[name]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Every study of `STUDIES`, run from start to end with its figures drawn."""
    return Runs(tmp_path_factory.mktemp("runs"))
