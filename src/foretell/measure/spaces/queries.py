"""Which items are queries, and which are their candidates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foretell.exceptions import OptionError, check_option, checked_count
from foretell.measure.array_types import Items

CANDIDATES = ("leave-one-out", "split")
FEWEST_QUERIES = 50
"""Queries from which an error covers what it should: of 30 intervals of 95 % cover 90, of 5 they cover 80."""
_REPLICATES = 5  # of preset="paper"


@dataclass(frozen=True, eq=False)
class Layout:
    """Queries and candidates of a measurement.

    Parameters
    ----------
    queries, candidates : ndarray of int64, shapes (Q,) and (C,)
        Items, each once. All queries are among the candidates, of which a query is never its own, or none is.
    """

    queries: Items
    candidates: Items

    @classmethod
    def everyone(cls, n_items: int) -> Layout:
        """Every item a query, and a candidate of all others."""
        return cls(np.arange(n_items), np.arange(n_items))

    @classmethod
    def sampled(cls, n_items: int, n_queries: int, seed: int) -> Layout:
        """Some items as queries, drawn without replacement, and all others as their candidates."""
        drawn = np.random.default_rng(seed).choice(n_items, n_queries, replace=False)
        return cls(np.sort(drawn), np.arange(n_items))

    @classmethod
    def split(cls, n_items: int, seed: int) -> Layout:
        """A random half of the items as queries and the rest as their candidates; of an odd number, one is left out."""
        order = np.random.default_rng(seed).permutation(n_items)
        half = n_items // 2
        return cls(order[:half], order[half : 2 * half])

    @cached_property
    def own(self) -> Items:
        """Each query's place among the candidates, or -1."""
        places = np.full(int(max(self.queries.max(), self.candidates.max())) + 1, -1)
        places[self.candidates] = np.arange(len(self.candidates))
        return np.asarray(places[self.queries], np.int64)

    @cached_property
    def n_others(self) -> int:
        """n, the candidates that a query has beside itself."""
        return len(self.candidates) - int(self.own[0] >= 0)

    @cached_property
    def is_everyone(self) -> bool:
        """Whether queries and candidates are the same, in the same order."""
        return np.array_equal(self.queries, self.candidates)

    @cached_property
    def items(self) -> Items:
        """All items that take part, in order: those that have scores."""
        return np.union1d(self.queries, self.candidates)

    @property
    def n_items(self) -> int:
        """How many items take part."""
        return len(self.items)

    @cached_property
    def query_item(self) -> Items:
        """Place of each query among `items`."""
        return np.searchsorted(self.items, self.queries)

    @cached_property
    def candidate_item(self) -> Items:
        """Place of each candidate among `items`."""
        return np.searchsorted(self.items, self.candidates)

    @cached_property
    def n_asking(self) -> Items:
        """Of how many queries each candidate is one."""
        asking = np.full(len(self.candidates), len(self.queries))
        asking[self.own[self.own >= 0]] -= 1
        return asking


def drawn(size: int, candidates: str, subsample: int | None, queries: int | None, seed: int, *, errors: bool) -> Layout:
    """Queries and candidates as the options of `foretell.imbalance_matrix` draw them; with errors, queries enough."""
    check_option("candidates", candidates, CANDIDATES)
    chosen = np.arange(size)
    if subsample is not None:
        n_drawn = checked_count("subsample", subsample, least=3)
        if n_drawn > size:
            raise OptionError(f"subsample={subsample} is not an option: there are {size} items to draw from.")
        chosen = np.sort(np.random.default_rng([seed, 1]).choice(size, n_drawn, replace=False))
    if candidates == "split":
        if queries is not None:
            raise OptionError(f"queries={queries} is not an option with candidates='split', where a half are queries.")
        if len(chosen) < 6:
            raise OptionError(f"candidates='split' is not an option for {len(chosen)} items: give at least 6.")
        parts = Layout.split(len(chosen), seed)
    elif queries is not None:
        n_queries = checked_count("queries", queries, least=1)
        if n_queries > len(chosen):
            raise OptionError(f"queries={queries} is not an option: there are {len(chosen)} items to draw from.")
        if errors and n_queries < min(FEWEST_QUERIES, len(chosen)):
            raise OptionError(
                f"queries={queries} is not an option with errors, which would be too small: give at least "
                f"{min(FEWEST_QUERIES, len(chosen))}, or errors=False."
            )
        parts = Layout.sampled(len(chosen), n_queries, seed)
    else:
        parts = Layout.everyone(len(chosen))
    return Layout(chosen[parts.queries], chosen[parts.candidates])


def of_paper(size: int, seed: int) -> list[Layout]:
    """Five random halves of the positions of queries, each with the candidates at the same positions."""
    if size < 12:
        raise OptionError(f"preset='paper' is not an option for {size} items: it measures quarters; give at least 12.")
    halves = Layout.split(size, seed)
    rng = np.random.default_rng([seed, 2])
    n_positions = len(halves.queries)
    chosen = [rng.choice(n_positions, n_positions // 2, replace=False) for _ in range(_REPLICATES)]
    return [Layout(halves.queries[positions], halves.candidates[positions]) for positions in chosen]
