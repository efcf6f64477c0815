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

from foretell.exceptions import StoreError
from foretell.measure.bits import Bits
from foretell.measure.points import Points
from foretell.representations.data import Pairs
from foretell.representations.recordings import Recording
from foretell.representations.tokens import TokenRule

N_BLOCKS = 4
WIDTH = 32


@dataclass(frozen=True)
class FakeInfo:
    id: str
    revision: str
    tokenizer: str = "tiny"


@dataclass(frozen=True)
class FakeModel:
    info: FakeInfo
    modality: str = "text"
    dtype: str = "float32"
    n_blocks: int = N_BLOCKS


@dataclass(frozen=True)
class FakeStoreInfo:
    model_id: str
    model_revision: str
    n_blocks: int


@dataclass(frozen=True)
class FakeStore:
    """Sign bits that agree between the sides most at the middle layer, and not at all of random weights."""

    ids: tuple[str, ...]
    side: str
    info: FakeStoreInfo
    is_complete: bool = True

    @property
    def layers(self) -> tuple[str, ...]:
        return (*(str(layer) for layer in range(self.info.n_blocks + 1)), "final")

    @property
    def token_counts(self) -> Any:
        return np.arange(len(self.ids)) % 7 + 20

    def space(self, layer: str, tokens: TokenRule, *, binarize: str = "sign") -> Bits:
        x = self._activations(layer, tokens)
        return Bits.from_activations(x - (np.median(x, axis=0) if binarize == "median" else 0), ids=self.ids)

    def points(self, layer: str, tokens: TokenRule) -> Points:
        return Points(self._activations(layer, tokens).reshape(len(self.ids), -1), self.ids)

    def _activations(self, layer: str, tokens: TokenRule) -> Any:
        rule = TokenRule.parse(tokens)
        shape = (len(self.ids), max(rule.count, 1) + rule.skip, WIDTH)
        is_random = "random" in self.info.model_id
        shared = np.random.default_rng(0).standard_normal(shape)
        own = np.random.default_rng([int(layer), *self.side.encode()]).standard_normal(shape)
        noise = 0.6 + 0.8 * abs(int(layer) - self.info.n_blocks / 2)
        x = (own if is_random else shared + noise * own)[:, : shape[1] - rule.skip]
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
    ]
    chosen = np.random.default_rng(number).choice(words, 6)
    return f"{side} {' '.join(chosen)}{'.?!'[number % 3]}"


@dataclass
class World:
    """What the studies asked of the world."""

    extracted: list[Path] = field(default_factory=list)
    reused: list[Path] = field(default_factory=list)
    stop_at_side: str | None = None
    seeds: list[int] = field(default_factory=list)
    models: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    recordings: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    stores: dict[Path, FakeStore] = field(default_factory=dict)
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

    def lazy_model(self, name: str, modality: str, options: Mapping[str, Any], slot: Any) -> FakeModel:
        self.models.append((name, modality, dict(options)))
        shown = f"{name} (random weights)" if "random_weights" in options else name
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
        content = [model.info.revision, [str(one) for one in tokens], side, pairs.ids, pairs.texts[side]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def extract(
        self, pairs: Pairs, *, model: FakeModel, side: str, out: Path, tokens: Sequence[Recording], progress: bool
    ) -> FakeStore:
        self.recordings[out] = tuple(str(one) for one in tokens)
        if out in self.stores:
            self.reused.append(out)
        else:
            if side == self.stop_at_side:
                raise KeyboardInterrupt
            self.extracted.append(out)
            info = FakeStoreInfo(model.info.id, model.info.revision, model.n_blocks)
            self.stores[out] = FakeStore(pairs.ids, side, info)
        return self.stores[out]

    def open_store(self, place: Path) -> FakeStore:
        if place not in self.stores:
            raise StoreError("none")
        return self.stores[place]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Put the tiny world in place of data, models and extraction."""
    made = World()
    for name in ("load_pairs", "chosen_pairs", "fingerprint", "extract", "open_store"):
        monkeypatch.setattr(f"foretell.studies.sides.{name}", getattr(made, name))
    monkeypatch.setattr("foretell.studies.sides.LazyModel", made.lazy_model)
    return made


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
