"""Views of a store: a layer and some tokens, read when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foretell.measure.bits import Bits, Rows

if TYPE_CHECKING:
    from foretell.representations.store.reader import Store

__all__ = ["StorePoints", "StoreSpace", "Window"]

Window = slice | NDArray[np.intp]
"""Which of the tokens that a recording keeps."""

_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True, eq=False)
class _View:
    """Some tokens of a layer of a store.

    Parameters
    ----------
    store : Store
        Where it is.
    layer : str
        Name of the layer: "0" to the number of blocks, or "final".
    kept : int
        Number of the recording in the store.
    window : slice or ndarray of int
        Which of its tokens.
    """

    store: Store
    layer: str
    kept: int
    window: Window

    @property
    def name(self) -> str:
        """Model, side and layer, parted by colons."""
        return f"{self.store.info.model_id}:{self.store.info.side}:{self.layer}"

    @property
    def relative_depth(self) -> float:
        """Layer / number of blocks, 0 to 1; 1 for "final"."""
        return int(self.layer) / self.store.info.n_blocks if self.layer.isdecimal() else 1.0

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return self.store.n_items

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the items in order."""
        return self.store.ids

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        return self.store.groups

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens of an item."""
        return len(np.arange(self.store.info.kept[self.kept].n_tokens)[self.window])

    def __repr__(self) -> str:
        recording = self.store.info.kept[self.kept].recording
        return (
            f"{type(self).__name__}({self.name!r}, {str(recording)!r}, n_tokens={self.n_tokens}, "
            f"n_items={self.n_items})"
        )


class StoreSpace(_View):
    """Bits of one layer of a store: a `foretell.Space`, made by `Store.space`."""

    def bits(self, rows: Rows = slice(None)) -> Bits:
        """Bits of the items at `rows`, shape (rows, T, bytes).

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        return self.store.bits(self.layer, rows, kept=self.kept, window=self.window)


class StorePoints(_View):
    """Full precision of one layer of a store, for ``metric="euclidean"``, made by `Store.points`."""

    def points(self, rows: Rows = slice(None)) -> NDArray[np.float64]:
        """Numbers of the items at `rows`, each item clipped to its 5 to 95 % quantiles and scaled to length 1.

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        x = self.store.read(self.layer, rows, kept=self.kept, window=self.window)
        flat = x.reshape(len(x), -1).astype(np.float64)
        clipped = np.clip(flat, *np.quantile(flat, (_LOW, _HIGH), axis=1, keepdims=True))
        lengths = np.linalg.norm(clipped, axis=1, keepdims=True)
        return np.asarray(clipped / np.where(lengths > 0, lengths, 1.0))
