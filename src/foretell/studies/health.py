"""Health of the representations that a study compares: what would spoil a measurement, a store at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from foretell.representations.health import check_health

if TYPE_CHECKING:
    from foretell.studies.compared import Compared

__all__ = ["health_of"]


def health_of(compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """What `foretell inspect` finds of each store that is compared: name, problems in words, and a row a layer."""
    sides = {side.store.name: side for one in compared for side in (one.a, one.b)}
    found = []
    for side in sides.values():
        health = check_health(side.store)
        found.append(
            {
                "name": f"{side.name} by {side.model_id}",
                "problems": list(health.problems),
                "layers": [asdict(layer) for layer in health.layers],
            }
        )
    return found
