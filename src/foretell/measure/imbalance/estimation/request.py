"""What is asked for, and what was found of a pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import check_option
from foretell.measure.array_types import Floats
from foretell.measure.distances.backends import choose_backend
from foretell.measure.imbalance.estimation.conventions import Convention, check_convention
from foretell.measure.inference.influence import Estimate, Neighbours
from foretell.measure.pairwise.passes import Pair
from foretell.measure.spaces.inputs import Input
from foretell.measure.spaces.queries import Layout
from foretell.options import Mapper, current_options


@dataclass(frozen=True)
class Options:
    """How pairs are measured, checked.

    Attributes
    ----------
    mapper : Mapper or None
        Where the work goes; None: to this process.
    """

    metric: str
    convention: Convention
    errors: bool
    backend: str
    threads: int
    memory: int
    mapper: Mapper | None = None

    @classmethod
    def checked(
        cls,
        *,
        metric: str,
        convention: str,
        errors: bool = True,
    ) -> Options:
        """What a public function was given, and how the work is done by `foretell.set_options`."""
        check_option("errors", errors, (True, False))
        how = current_options()
        backend = choose_backend(how.backend, metric)
        return cls(metric, check_convention(convention), errors, backend, how.threads, how.memory, how.mapper)


@dataclass(frozen=True)
class Measured:
    """What was found of one ordered pair (A, B) at one k.

    Attributes
    ----------
    estimate : Estimate
        With scores if they were to be kept.
    stderr : float
        NaN without errors.
    null : mapping of str to ndarray, shape (P,)
        Values under each kind of permutations.
    neighbours : Neighbours
        In A.
    rank : ndarray
        Rank in B of each of them.
    """

    estimate: Estimate
    stderr: float
    null: Mapping[str, Floats]
    neighbours: Neighbours
    rank: Floats


@dataclass(frozen=True)
class Request:
    """What is to be measured of some spaces.

    Parameters
    ----------
    inputs : sequence of Input
    layout : Layout
    ks : sequence of int
    groups : ndarray of int64, shape (items of the layout,)
        Group of each item, 0 to G - 1.
    keep : callable
        Whether the scores, neighbours and ranks of a pair are to be kept.
    keep_lowest : bool
        Whether scores are also kept of the lowest cell of each direction, and of both together.
    permutations : mapping of str to ndarray of int32, shape (P, N)
        Kinds of null, by name: item i of the space that neighbours are taken in goes with item ``[p, i]`` of the other.
    steps : sequence of (Input, Input)
        Where each cell's spaces are those of the cell before with some tokens more: what is added to either side. Of T
        steps cell t is then (t, T + t), and all distances are sums over the steps up to it.
    """

    inputs: Sequence[Input]
    layout: Layout
    ks: Sequence[int]
    groups: NDArray[np.int64]
    keep: Callable[[Pair], bool] = lambda pair: True
    keep_lowest: bool = False
    permutations: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    steps: Sequence[tuple[Input, Input]] = ()


def both_ways(cells: Sequence[Pair]) -> list[Pair]:
    """Cells as ordered pairs (A, B), then as (B, A)."""
    return [*cells, *((b, a) for a, b in cells)]


def lowest_cells(values: Floats) -> list[int]:
    """Places of the lowest cell of each direction, and of both together: values of shape (2, cells)."""
    every = [*values, values.sum(axis=0)]
    return list(dict.fromkeys(int(np.nanargmin(of_all)) for of_all in every if not np.isnan(of_all).all()))


def wanted(cells: Sequence[Pair], options: Options) -> list[Pair]:
    """Ordered pairs whose tallies the cells need."""
    pairs = set(both_ways(cells))
    if options.convention.name == "adjusted":
        pairs |= {(b, b) for _, b in pairs}
    return sorted(pairs)
