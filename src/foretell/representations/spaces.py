"""Views of a store: a layer and a token window, read when asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from foretell.measure.bits import Bits, Rows
from foretell.representations.tokens import TokenRule

if TYPE_CHECKING:
    from foretell.representations.store.reader import Store

__all__ = ["StoreSpace"]


@dataclass(frozen=True, eq=False)
class StoreSpace:
    """One layer of a store, for the last tokens of its items: a `foretell.Space`.

    Parameters
    ----------
    store : Store
        Where the bits are.
    layer : str
        Name of the layer: "0" to the number of blocks, or "final".
    tokens : TokenRule
        Which tokens, at most as many as the store has.
    """

    store: Store
    layer: str
    tokens: TokenRule

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
        return self.tokens.last

    def bits(self, rows: Rows = slice(None)) -> Bits:
        """Sign bits of the items at `rows`, shape (rows, T, ceil(H / 8)).

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        return self.store.read(self.layer, rows, n_tokens=self.tokens.last)

    def __repr__(self) -> str:
        return f"StoreSpace({self.name!r}, tokens={str(self.tokens)!r}, n_items={self.n_items})"
