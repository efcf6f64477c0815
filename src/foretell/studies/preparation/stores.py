"""Where the activations of a run are: in its own stores, or in stores that were made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import AlignmentError, InputError, StudyError
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store.storage import is_url
from foretell.studies.config.comparisons import model_label

if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.studies.config.sections import ModelOf


@dataclass(frozen=True)
class Stores:
    """A folder of stores, or a URL that they are behind.

    Parameters
    ----------
    place : str or Path
    notes : Path
        Folder of choices of items, plans and costs: the same, or for a URL one in that of the run.
    """

    place: str | Path
    notes: Path

    @classmethod
    def of(cls, run: Path, place: str | Path | None) -> Stores:
        """Those that were asked for of a run in a folder, or those in its own."""
        own = run / "stores"
        if place is not None and is_url(place):
            return cls(str(place).rstrip("/"), own)
        folder = own if place is None else Path(place)
        return cls(folder, folder)

    def named(self, name: str) -> str | Path:
        """Where one store is."""
        return f"{self.place}/{name}" if isinstance(self.place, str) else self.place / name


def stored_side(side: str, of: ModelOf) -> Store:
    """The store of a side that was made elsewhere."""
    place = (of.stores or {}).get(side)
    if place is None:
        raise StudyError(
            f"model: {of.name} has stores of {', '.join(of.stores or {})} and none of {side!r}: name one under stores."
        )
    store = open_store(place)
    if not store.is_complete:
        raise StudyError(f"model: {of.name}: {store.name} is incomplete: make it whole with the call that made it.")
    return store


def in_stores(pairs: Pairs, stored: Mapping[tuple[str, ModelOf], Store]) -> Pairs:
    """Pairs that every store made elsewhere has."""
    for (_, of), store in stored.items():
        there = set(store.ids)
        rows = [row for row, item in enumerate(pairs.ids) if item in there]
        if not rows:
            raise AlignmentError(
                f"model: {of.name}: {store.name} has no item of {pairs.name!r}: make it of the same pairs, whose ids "
                "it then carries."
            )
        if len(rows) < len(pairs):
            pairs = pairs.take(rows, dropped={f"not in the store of {model_label(of)}": len(pairs) - len(rows)})
    return pairs


def rows_in(store: Store, pairs: Pairs, side: str) -> NDArray[np.intp] | None:
    """Where the pairs are in a store; their texts must be those that it was made of."""
    if store.ids == pairs.ids:
        rows = np.arange(len(pairs))
    else:
        place = {item: row for row, item in enumerate(store.ids)}
        rows = np.array([place[item] for item in pairs.ids], np.intp)
    if side in pairs.texts:
        for row, item, text in zip(rows, pairs.ids, pairs.texts[side], strict=True):
            if store.texts[row] != text:
                raise InputError(
                    f"{store.name} has another text for item {item!r} than side {side!r} of the pairs: it was made of "
                    "other pairs; make it again."
                )
    return None if store.ids == pairs.ids else rows
