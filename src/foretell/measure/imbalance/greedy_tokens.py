"""Which tokens foretell: positions chosen one by one, and valued on items that did not choose them.

Tokens are mostly taken in order from the end. The same number of others may foretell more: here each step takes the
position that, with those taken before it, foretells the whole other side best.

What is chosen as the least of many is low by luck, so positions are chosen on one half of the items and valued on the
other, both ways (`foretell.measure.imbalance.cross_validation`, whose error of the mean of two halves this is).
Positions in order are not chosen, for which that error is on the safe side.

Distances of tokens add. So with the distances of single tokens of n items held, a position is tried by a sum of two
matrices, the nearest of each row of it, and a look-up of their ranks: T positions cost T^2 / 2 such passes over n^2
numbers, and no bits are compared again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError, checked_count
from foretell.measure.array_types import Items, Numbers
from foretell.measure.distances.backends import distances, is_constant
from foretell.measure.distances.reading import Distances
from foretell.measure.imbalance.by_token import sides_with_tokens
from foretell.measure.imbalance.cross_validation import stderr_of_mean
from foretell.measure.imbalance.estimation.conventions import estimate
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.imbalance.estimation.tallies import Tallies
from foretell.measure.inference.halves import complementary_halves
from foretell.measure.inference.influence import ItemScores, mixed
from foretell.measure.inference.standard_errors import group_codes, standard_error
from foretell.measure.kernels.compiled import compiled
from foretell.measure.kernels.nearest import nearest
from foretell.measure.kernels.order_keys import TILE, empty_rows, order_dtype, put_self
from foretell.measure.kernels.ranks import rank_rows
from foretell.measure.pairwise.reduction import Block
from foretell.measure.results.schema import DIRECTIONS, result_attributes
from foretell.measure.spaces.inputs import checked_neighbours
from foretell.measure.spaces.queries import Layout
from foretell.measure.spaces.space import Space, tokens_at
from foretell.threads import in_order

if TYPE_CHECKING:
    import xarray as xr

_PANEL_BYTES = 2**20  # read at a time of a space that is not held


def greedy_tokens(
    a: Any,
    b: Any,
    *,
    n_tokens: int | None = None,
    k: int = 1,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Choose the tokens of one side that foretell the whole other side, one by one, beside those in order from the end.

    Positions are chosen on one half of the items and valued on the other, both ways, in both directions: for "a_to_b"
    positions of A are chosen that foretell all tokens of B, for "b_to_a" positions of B that foretell all of A.

    Parameters
    ----------
    a, b : Space
        With tokens: `BinarySpace` of shape (N, T, bytes), or a view of a store; over the same items.
    n_tokens : int, optional
        How many are chosen; as many as both sides have, by default.
    k : int, default 1
        Neighbours.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent: no half splits one, and errors sum the scores
        of a group first.
    seed : int, default 0
        Of the halves.

    Returns
    -------
    xarray.Dataset
        `position` along direction, half and step: what was chosen on that half, counted from the end, -1 the last.
        Along direction and step, means of the values on the halves that did not choose: `imbalance` and `stderr` of
        the positions up to that step, `in_order` and `in_order_stderr` of as many from the end, and `gain` and
        `gain_stderr`, in order less chosen: above 0 where the choice foretells more.

    Raises
    ------
    AlignmentError, OptionError
    InputError
        If a side has no tokens, its items are all alike on a half, or there are fewer than 4 items or groups.

    Notes
    -----
    The imbalance falls with the number of items, and these are values of halves, whose n the attributes hold.
    """
    import xarray as xr

    options = Options.checked(metric="hamming", convention="adjusted")
    both, options = sides_with_tokens({"a": a, "b": b}, options)
    size = both[0].n_items
    most = min(side.n_tokens for side in both)
    n_tokens = most if n_tokens is None else checked_count("n_tokens", n_tokens, least=1)
    if n_tokens > most:
        raise OptionError(f"n_tokens={n_tokens} is not an option: there are {most} tokens to choose from.")
    codes = group_codes(groups, size)
    ((first, second),) = complementary_halves(size, splits=1, groups=groups, seed=seed)
    k = checked_neighbours(k, min(len(first), len(second)) - 1, min(len(first), len(second)))
    halves = [
        Half(rows, np.unique(codes[rows], return_inverse=True)[1].astype(np.int64), k, options)
        for rows in (first, second)
    ]
    for half in halves:
        for name, side in zip("ab", both, strict=True):
            half.check(side, name)

    position = np.zeros((2, 2, n_tokens), np.int64)
    # Chosen, in order, and the gain; by half, direction and step.
    values, errors = np.zeros((2, 3, 2, 2, n_tokens))
    for d, (source, target) in enumerate((both, both[::-1])):
        for h, (choosing, valuing) in enumerate((halves, halves[::-1])):
            position[d, h] = choosing.choose(source, target, n_tokens)
            chosen = valuing.values(source, target, position[d, h])
            in_order = valuing.values(source, target, np.arange(-1, -n_tokens - 1, -1))
            for step, ((value, scores), (other, of_other)) in enumerate(zip(chosen, in_order, strict=True)):
                gain = other - value, mixed(of_other, 1.0, scores, -1.0)
                for kind, (of_kind, its_scores) in enumerate(((value, scores), (other, of_other), gain)):
                    values[kind, h, d, step] = of_kind
                    errors[kind, h, d, step] = standard_error(its_scores, valuing.groups)
    means, of_means = values.mean(axis=1), stderr_of_mean([errors[:, 0], errors[:, 1]])
    variables: dict[str, Any] = {"position": (("direction", "half", "step"), position)}
    for kind, (name, error) in enumerate(
        (("imbalance", "stderr"), ("in_order", "in_order_stderr"), ("gain", "gain_stderr"))
    ):
        variables |= {name: (("direction", "step"), means[kind]), error: (("direction", "step"), of_means[kind])}
    coords = {"direction": list(DIRECTIONS), "half": ["first", "second"], "step": np.arange(1, n_tokens + 1)}
    attributes = {
        "n": [len(half.rows) - 1 for half in halves[::-1]],
        "n_items": size,
        "n_groups": int(codes.max()) + 1,
        "T": [side.n_tokens for side in both],
        "k": k,
        "metric": options.metric,
        "convention": options.convention.name,
        "backend": options.backend,
        "seed": seed,
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))


@dataclass(frozen=True)
class Half:
    """One half of the items.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Their places among all.
    groups : ndarray of int64, shape (n,)
        Group of each, 0 to G - 1.
    k : int
    options : Options
    """

    rows: Items
    groups: NDArray[np.int64]
    k: int
    options: Options

    def check(self, side: Space, name: str) -> None:
        """Refuse a side in which all items are alike, and distances that memory does not hold."""
        if is_constant(self._distances(side), Layout(self.rows, self.rows)):
            raise InputError(f"All items of {name} are alike on a half of them: check that the right space was given.")
        # Distances of every token, their sum and the one that is tried; the order and the ranks of the other side.
        n, wide = len(self.rows), self._dtype(side).itemsize
        one = self._dtype(tokens_at(side, [-1])).itemsize
        needed = n * n * (side.n_tokens * one + wide + 4 + 4) + 2**20
        if needed > self.options.memory:
            raise OptionError(
                f"memory={self.options.memory / 2**20:.0f} MiB is too little for the distances of {side.n_tokens} "
                f"tokens of {n} items: give at least {needed / 2**20:.0f} MiB, or fewer items."
            )

    def choose(self, source: Space, target: Space, n_tokens: int) -> list[int]:
        """Positions of the source that together foretell the target, the best first; of equal ones the last."""
        n = len(self.rows)
        order = self._order(target, self._dtype(target))
        ranks = rank_rows(order, n, np.arange(n), self.options.convention.tie_share)
        del order
        left = {}
        for position in range(-1, -source.n_tokens - 1, -1):
            token = tokens_at(source, [position])
            left[position] = np.zeros((n, n), self._dtype(token))
            self._add(token, left[position])
        taken = np.zeros((n, n), self._dtype(source))
        beyond = taken.dtype.type(np.iinfo(taken.dtype).max)

        def tried(position: int) -> float:
            return _rank_sum(taken, left[position], beyond, ranks, self.k)

        path = []
        for _ in range(n_tokens):
            # All foretell the same side: the lowest mean rank is the lowest imbalance.
            sums = dict(zip(left, in_order(tried, left, threads=self.options.threads), strict=True))
            path.append(min(sums, key=lambda position: sums[position]))
            taken += left.pop(path[-1])
        return path

    def values(self, source: Space, target: Space, path: Sequence[int] | Items) -> Iterator[tuple[float, ItemScores]]:
        """Imbalance from the first 1, 2, ... positions of a path to the whole target."""
        n = len(self.rows)
        layout, everyone = Layout(self.rows, self.rows), Layout.everyone(n)
        of_target = self._order(target, self._dtype(target))
        taken = empty_rows(n, n, self._dtype(source))
        constant = True
        for step, position in enumerate(path, start=1):
            self._add(tokens_at(source, [int(position)]), taken[:, :n])
            put_self(taken, everyone.own)
            # Tokens that are not alike in all items stay so with others beside them.
            constant = constant and is_constant(self._distances(tokens_at(source, list(path[:step]))), layout)
            if constant:
                yield 1.0, ItemScores.alike(n)
                continue
            tallies = Tallies([(0, 1), (1, 1)], k=self.k, convention=self.options.convention, errors=True)
            tallies.update(Block(0, everyone.own, n, [taken, of_target]), threads=self.options.threads)
            found = tallies.result()
            one = estimate(found[0, 1], found[1, 1], self.options.convention, everyone)
            if one.scores is not None:
                yield one.value, one.scores

    def _distances(self, space: Space) -> Distances:
        return distances(space, "hamming", self.options.backend)

    def _dtype(self, space: Space) -> np.dtype[Any]:
        return order_dtype(self._distances(space).greatest or 0)

    def _add(self, space: Space, out: Numbers) -> None:
        """Add the distances of a space between the items of this half."""
        self._distances(space).fill(
            out, self.rows, self.rows, triangle=True, threads=self.options.threads, panel_bytes=_PANEL_BYTES
        )

    def _order(self, space: Space, dtype: np.dtype[Any]) -> Numbers:
        n = len(self.rows)
        order = empty_rows(n, n, dtype)
        self._add(space, order[:, :n])
        put_self(order, np.arange(n))
        return order


@compiled
def _rank_sum(taken: Numbers, added: Numbers, beyond: Any, ranks: NDArray[np.float32], k: int) -> float:
    """Weighted ranks of the k nearest by the sum of two distances, over all items."""
    n = taken.shape[0]
    order = np.empty((min(n, TILE), n), taken.dtype)
    total = 0.0
    for first in range(0, n, TILE):
        rows = min(TILE, n - first)
        for r in range(rows):
            for m in range(n):
                order[r, m] = taken[first + r, m] + added[first + r, m]
            order[r, first + r] = beyond
        start, candidate, weight = nearest(order[:rows], n, k, False)
        for r in range(rows):
            for e in range(start[r], start[r + 1]):
                total += weight[e] * ranks[first + r, candidate[e]]
    return total
