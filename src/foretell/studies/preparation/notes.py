"""Notes beside the stores, made once: the items with tokens enough, the blocks of a model, the health of a store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from foretell.files import read_bounded, replacing
from foretell.representations.extraction.filling import made_of_items
from foretell.representations.extraction.selection import select_pairs
from foretell.representations.store.health import check_health
from foretell.representations.store.recordings import Recording
from foretell.representations.store.storage import is_url

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.representations.models.base import Model
    from foretell.representations.store.reader import Store
    from foretell.studies.preparation.compared import Compared

_FORMAT = 1
_MOST_BYTES = 2**28  # ids of all items

Noted = TypeVar("Noted")


def chosen_pairs(
    pairs: Pairs,
    *,
    models: Sequence[Model],
    tokens: Mapping[str, Sequence[Recording]],
    n_items: int | None,
    seed: int,
    folder: Path,
) -> Pairs:
    """`select_pairs`, or what it chose when it was last asked the same.

    Parameters
    ----------
    pairs, models, tokens, n_items, seed
        As for `select_pairs`.
    folder : Path
        Where choices are kept, a small file each, made where there is none.
    """
    asked = {
        "format": _FORMAT,
        "pairs": {side: made_of_items(pairs, side) for side in pairs.sides},
        "models": sorted(f"{model.info.revision} {model.info.tokenizer} {model.modality}" for model in models),
        "tokens": {side: sorted(str(one.tokens) for one in tokens[side]) for side in pairs.sides},
        "items": n_items,
        "seed": seed,
    }
    path = folder / f"items-{_digest(asked)[:16]}.json"

    def chosen(said: Any) -> Pairs:
        place = {item: row for row, item in enumerate(pairs.ids)}
        dropped = {str(reason): int(count) for reason, count in said["dropped"].items()}
        return pairs.take([place[item] for item in said["ids"]], dropped=dropped)

    kept = _noted(path, chosen)
    if kept is not None:
        return kept
    selected = select_pairs(pairs, models=models, tokens=tokens, n_items=n_items, seed=seed)
    new = {reason: count - pairs.dropped.get(reason, 0) for reason, count in selected.dropped.items()}
    folder.mkdir(parents=True, exist_ok=True)
    _note(path, {"ids": selected.ids, "dropped": {reason: count for reason, count in new.items() if count}})
    return selected


def n_blocks_of(model: Model, folder: Path) -> int:
    """Blocks of a model, as it was when it was last asked."""
    name = hashlib.sha256(f"{model.info.revision} {model.modality}".encode()).hexdigest()[:16]
    path = folder / f"blocks-{name}.json"
    kept = _noted(path, int)
    if kept is not None:
        return kept
    n_blocks = model.n_blocks
    _note(path, n_blocks)
    return n_blocks


def health_of(compared: Sequence[Compared], folder: Path, run: Path) -> list[dict[str, Any]]:
    """What `foretell inspect` finds of each store that is compared: name, problems in words, and a row a layer.

    It is kept in a folder, since a store that is complete stays as it is. `store` says where the store is, from the
    folder of the run on if it lies within.
    """
    sides = {side.store.info.fingerprint: side for one in compared for side in (one.a, one.b)}
    return [
        {
            "name": f"{side.name} by {side.model_id}",
            "store": _within(run, side.store.name),
            **_health(folder / f"health-{name[:16]}.json", side.store),
        }
        for name, side in sides.items()
    ]


def _within(run: Path, place: str) -> str:
    """A path from a folder on, if it lies within; else the whole path, or the URL that it is."""
    if is_url(place):
        return place
    path = Path(place).resolve()
    return path.relative_to(run.resolve()).as_posix() if path.is_relative_to(run.resolve()) else str(path)


def _health(path: Path, store: Store) -> dict[str, Any]:
    def unchanged(said: Any) -> dict[str, Any] | None:
        found = {"problems": list(said["problems"]), "layers": list(said["layers"])}
        return found if said["sha256"] == _digest(found) else None

    kept = _noted(path, unchanged)
    if kept is not None:
        return kept
    health = check_health(store)
    found = {"problems": list(health.problems), "layers": [asdict(layer) for layer in health.layers]}
    _note(path, found | {"sha256": _digest(found)})
    return found


def _noted(path: Path, of: Callable[[Any], Noted]) -> Noted | None:
    """What a note says, or None where there is none that can be read: it is made again."""
    try:
        return of(json.loads(read_bounded(path, _MOST_BYTES)))
    except (OSError, ValueError, ArithmeticError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def _note(path: Path, said: Any) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
