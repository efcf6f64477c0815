"""What only a loaded model can tell, kept beside the stores: which items have tokens enough, how many blocks it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.files import read_bounded, replacing
from foretell.representations.extraction.filling import made_of_items
from foretell.representations.extraction.selection import select_pairs
from foretell.representations.store.recordings import Recording

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.representations.models.base import Model

__all__ = ["chosen_pairs", "n_blocks_of"]

_FORMAT = 1
_MOST_BYTES = 2**28  # ids of all items


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
    name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    path = folder / f"items-{name}.json"
    kept = _read(path, pairs)
    if kept is not None:
        return kept
    selected = select_pairs(pairs, models=models, tokens=tokens, n_items=n_items, seed=seed)
    new = {reason: count - pairs.dropped.get(reason, 0) for reason, count in selected.dropped.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        said = {"ids": selected.ids, "dropped": {reason: count for reason, count in new.items() if count}}
        partial.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")
    return selected


def n_blocks_of(model: Model, folder: Path) -> int:
    """Blocks of a model, as it was when it was last asked."""
    name = hashlib.sha256(f"{model.info.revision} {model.modality}".encode()).hexdigest()[:16]
    path = folder / f"blocks-{name}.json"
    try:
        return int(json.loads(read_bounded(path, _MOST_BYTES)))
    except (OSError, ValueError, ArithmeticError, RecursionError, TypeError):
        n_blocks = model.n_blocks
    with replacing(path) as partial:
        partial.write_text(json.dumps(n_blocks), encoding="utf-8", errors="backslashreplace")
    return n_blocks


def _read(path: Path, pairs: Pairs) -> Pairs | None:
    """The items that a file names, or None where there is none that can be read."""
    try:
        said: Any = json.loads(read_bounded(path, _MOST_BYTES))
        place = {item: row for row, item in enumerate(pairs.ids)}
        dropped = {str(reason): int(count) for reason, count in said["dropped"].items()}
        return pairs.take([place[item] for item in said["ids"]], dropped=dropped)
    except (OSError, ValueError, ArithmeticError, RecursionError, KeyError, TypeError, AttributeError):
        return None  # it is made again
