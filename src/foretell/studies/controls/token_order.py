"""Items whose tokens have lost their order: what is left when positions no longer answer to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.measure.spaces.bits import Bits, Rows
from foretell.measure.spaces.space import Space

__all__ = ["ShuffledTokens"]


@dataclass(frozen=True, eq=False)
class ShuffledTokens:
    """A `foretell.Space` whose items have their tokens in a random order, each in one of its own.

    Give the layers of one side one seed, so that an item is in one order at all depths, and the two sides two:
    with the same, tokens that stood at one place in both would do so still.

    Parameters
    ----------
    space : Space
        Where the tokens come from.
    seed : int
        An item's order follows from it, from the item's place and from the number of tokens alone: whichever rows are
        read, and how often, they are the same bits.
    """

    space: Space
    seed: int

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return self.space.n_items

    @property
    def ids(self) -> tuple[str, ...] | None:
        """Names of the items in order."""
        return self.space.ids

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens of an item."""
        return self.space.n_tokens

    def bits(self, rows: Rows = slice(None)) -> Bits:
        """Bits of the items at `rows`, shape (rows, T, bytes), their tokens in the items' orders."""
        whole = self.space.bits(rows)
        order = self._orders(np.arange(self.n_items)[rows])
        return Bits(np.take_along_axis(whole.data, order[:, :, None], axis=1), whole.n_bits, whole.ids)

    def _orders(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Order of the tokens of the items at these places, shape (places, T)."""
        if not places.size:
            return np.empty((0, self.n_tokens), np.intp)
        first = int(places.min())
        stream = np.random.PCG64(self.seed)
        # Item i owns numbers i T to (i + 1) T - 1 of one stream, of which a double takes one each.
        stream.advance(first * self.n_tokens)
        drawn = np.random.Generator(stream).random((int(places.max()) + 1 - first, self.n_tokens))
        return np.argsort(drawn[places - first], axis=1)

    def __repr__(self) -> str:
        return f"<{self.space!r}, tokens shuffled with seed {self.seed}>"
