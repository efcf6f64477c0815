"""What a study keeps of the health of its stores: used again as it was found, or found again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from foretell.studies.preparation import notes


@pytest.mark.parametrize(("place", "n_looks"), [(None, 1), ("7", 2)])
def test_a_changed_number_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str | None, n_looks: int
) -> None:
    looks: list[object] = []

    def look(store: object) -> object:
        looks.append(store)
        return SimpleNamespace(problems=["17 items are identical"], layers=[])

    monkeypatch.setattr(notes, "check_health", look)
    side: Any = SimpleNamespace(
        name="en",
        model_id="made",
        store=SimpleNamespace(name="/elsewhere/en.zarr", info=SimpleNamespace(fingerprint="f" * 64)),
    )
    compared: Any = [SimpleNamespace(a=side, b=side)]
    first = notes.health_of(compared, tmp_path, tmp_path / "run")
    (kept,) = tmp_path.iterdir()
    if place is not None:
        kept.write_text(kept.read_text(encoding="utf-8").replace(place, "9", 1), encoding="utf-8")
    assert notes.health_of(compared, tmp_path, tmp_path / "run") == first
    assert len(looks) == n_looks
