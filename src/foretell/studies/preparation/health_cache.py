"""Health of the representations that a study compares: what would spoil a measurement, a store at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.files import NOTE_BYTES, read_bounded, replacing
from foretell.representations.store.health import check_health

if TYPE_CHECKING:
    from foretell.representations.store.reader import Store
    from foretell.studies.preparation.compared import Compared

__all__ = ["health_of"]


def health_of(compared: Sequence[Compared], folder: Path) -> list[dict[str, Any]]:
    """What `foretell inspect` finds of each store that is compared: name, problems in words, and a row a layer.

    It is kept in a folder, since a store that is complete stays as it is.
    """
    sides = {side.store.info.fingerprint: side for one in compared for side in (one.a, one.b)}
    return [
        {"name": f"{side.name} by {side.model_id}", **_known(folder / f"health-{name[:16]}.json", side.store)}
        for name, side in sides.items()
    ]


def _known(place: Path, store: Store) -> dict[str, Any]:
    try:
        said = json.loads(read_bounded(place, NOTE_BYTES))
        found = {"problems": list(said["problems"]), "layers": list(said["layers"])}
        if said["sha256"] == _digest(found):
            return found
    except (OSError, ValueError, ArithmeticError, RecursionError, TypeError, KeyError):
        pass  # it is made again
    health = check_health(store)
    found = {"problems": list(health.problems), "layers": [asdict(layer) for layer in health.layers]}
    with replacing(place) as path:
        path.write_text(json.dumps(found | {"sha256": _digest(found)}), encoding="utf-8")
    return found


def _digest(found: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()
