"""The two sides of a diagnosis: some layers of each, over items that both have, as distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretell.exceptions import OptionError
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.backends import distances
from foretell.measure.kernels.order_keys import order_dtype
from foretell.measure.spaces.inputs import Input, named
from foretell.options import current_options
from foretell.representations.store.reader import Store
from foretell.representations.store_comparison import load_side

_DEPTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # of the layers looked at: the first tells of single tokens
_PANEL_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Given:
    """One side, as it was given.

    Parameters
    ----------
    letter : str
        "A" or "B".
    name : str
    spaces : mapping of str to Input
        The layers that are looked at.
    raw : object
        What was given, for a side of arrays: their numbers tell more than their signs.
    store : Store, optional
    """

    letter: str
    name: str
    spaces: Mapping[str, Input]
    raw: Mapping[str, Any]
    store: Store | None

    @property
    def n_items(self) -> int:
        """N."""
        return next(iter(self.spaces.values())).n_items

    @property
    def ids(self) -> tuple[str, ...] | None:
        """Names of the items, where there are any."""
        return next(iter(self.spaces.values())).ids

    def item(self, row: int) -> str:
        """An item's name, or else its place."""
        return f"item {row}" if self.ids is None else f"{self.ids[row]!r}"


def given(side: Any, letter: str, *, layers: Sequence[str] | None, tokens: str | None, metric: str) -> Given:
    """Take a side as a caller gives it.

    Parameters
    ----------
    side : store, path of a store or of a file of arrays, space, array, or mapping of names to spaces
    letter : str
    layers : sequence of str, optional
        Names; a few spread over depth by default.
    tokens : str, optional
        Of a store.
    metric : str

    Raises
    ------
    OptionError
        For a layer or tokens that there are not, or a metric that a store or a file has no numbers for.
    InputError, StoreError
        If it cannot be read.
    """
    if isinstance(side, str | Path | Store):
        if metric != "hamming":
            raise OptionError(f"metric={metric!r} is of arrays, and {letter} is a store or a file: give its arrays.")
        read = load_side(side.name if isinstance(side, Store) else side, layers=layers, tokens=tokens)
        chosen = {name: read.spaces[name] for name in layers or _spread(list(read.spaces))}
        first: Any = next(iter(chosen.values()))
        store = first.store if isinstance(getattr(first, "store", None), Store) else None
        return Given(letter, read.name, chosen, {}, store)
    if tokens is not None:
        raise OptionError(f"tokens={tokens!r} is of stores, and {letter} is none: give the tokens that you want.")
    raw = side if isinstance(side, Mapping) else {"the space": side}
    absent = [layer for layer in layers or () if layer not in raw]
    if absent or not raw:
        there = ", ".join(map(str, raw)) or "none"
        raise OptionError(f"{letter} has no {absent[0] if absent else 'space'}: there are {there}.")
    names = list(layers or _spread([str(name) for name in raw]))
    raw = {name: space for name, space in ((str(name), space) for name, space in raw.items()) if name in names}
    return Given(letter, letter, named(raw, metric, letter.lower()), raw, None)


def common_items(a: Given, b: Given) -> tuple[Items, Items]:
    """Places in A and in B of the items that both have, by ids, in the order of A; by place where these do not tell."""
    n = min(a.n_items, b.n_items)
    if a.ids is None or b.ids is None or a.ids == b.ids:
        return np.arange(n), np.arange(n)
    row_of = {name: number for number, name in enumerate(b.ids)}
    both = [(number, row_of[name]) for number, name in enumerate(a.ids) if name in row_of]
    if len(both) < 2:
        return np.arange(n), np.arange(n)
    in_a, in_b = np.array(both, np.int64).T
    return in_a, in_b


def distances_of(space: Input, metric: str, rows: Items) -> Numbers:
    """Distances between some items of a space, shape (rows, rows); its diagonal is not to be read."""
    backend = distances(space, metric, "numba")
    dtype = backend.dtype if backend.greatest is None else order_dtype(backend.greatest)
    out = np.zeros((len(rows), len(rows)), dtype)
    threads = current_options().threads
    backend.fill(out, rows, rows, triangle=False, threads=threads, panel_bytes=_PANEL_BYTES)
    return out


def _spread(names: Sequence[str]) -> list[str]:
    """A few names, spread over the depth of the numbered ones where there are numbered ones."""
    numbered = [name for name in names if name.isdecimal()] or list(names)
    if len(numbered) <= len(_DEPTHS):
        return list(numbered)
    return [numbered[round(depth * (len(numbered) - 1))] for depth in _DEPTHS]
