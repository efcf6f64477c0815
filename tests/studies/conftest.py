"""A tiny world for studies: made-up pairs and a made-up model in place of those that must be fetched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.measure.bits import Bits
from foretell.representations.data import Pairs

N_BLOCKS = 4


@dataclass(frozen=True)
class FakeInfo:
    id: str
    revision: str


@dataclass(frozen=True)
class FakeModel:
    info: FakeInfo
    modality: str = "text"
    dtype: str = "float32"
    n_blocks: int = N_BLOCKS


@dataclass(frozen=True)
class FakeStore:
    """Sign bits that agree between the sides most at the middle layer."""

    ids: tuple[str, ...]
    side: str

    def space(self, layer: str, tokens: str) -> Bits:
        count = int(tokens.removeprefix("last "))
        shape = (len(self.ids), count, 32)
        shared = np.random.default_rng(0).standard_normal(shape)
        own = np.random.default_rng([int(layer), *self.side.encode()]).standard_normal(shape)
        noise = 0.6 + 0.8 * abs(int(layer) - N_BLOCKS / 2)
        return Bits.from_activations(shared + noise * own, ids=self.ids)


@dataclass
class World:
    """What the studies asked of the world."""

    fetched: int = 0
    extracted: list[Path] = field(default_factory=list)
    reused: list[Path] = field(default_factory=list)
    stop_at_side: str | None = None
    seeds: list[int] = field(default_factory=list)
    loaded: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def load_pairs(self, name: str, sides: Sequence[str], **options: Any) -> Pairs:
        self.options = options
        ids = tuple(f"{name}-{number}" for number in range(80))
        return Pairs(
            name=name,
            texts={side: tuple(f"{side} {one}" for one in ids) for side in sides},
            ids=ids,
            groups=None,
            licence="CC0-1.0",
            source="made up",
        )

    def load_model(self, name: str, *, modality: str, **options: Any) -> FakeModel:
        self.loaded.append((name, modality, options))
        return FakeModel(FakeInfo(name, f"{name} 1"), modality, n_blocks=6 if name.startswith("deep") else N_BLOCKS)

    def select_pairs(
        self, pairs: Pairs, *, models: Sequence[FakeModel], tokens: list[str], n_items: int | None, seed: int
    ) -> Pairs:
        self.seeds.append(seed)
        kept = range(min(len(pairs), n_items or len(pairs)))
        return pairs.take(kept, dropped={"beyond the items asked for": len(pairs) - len(kept)})

    def fingerprint(self, pairs: Pairs, *, model: FakeModel, side: str, tokens: str) -> str:
        content = [model.info.revision, tokens, side, pairs.ids, pairs.texts[side]]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def extract(
        self, pairs: Pairs, *, model: FakeModel, side: str, out: Path, tokens: str, progress: bool
    ) -> FakeStore:
        if out.exists():
            self.reused.append(out)
        else:
            if side == self.stop_at_side:
                raise KeyboardInterrupt
            out.mkdir(parents=True)
            (out / "ids.json").write_text(json.dumps(pairs.ids))
            self.extracted.append(out)
        return FakeStore(pairs.ids, side)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Put the tiny world in place of data, models and extraction."""
    made = World()
    for name in ("load_pairs", "load_model", "select_pairs", "fingerprint", "extract"):
        monkeypatch.setattr(f"foretell.studies.sides.{name}", getattr(made, name))
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
