"""The public functions: how well neighbourhoods in one space foretell those in another, both ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foretell.exceptions import InputError, OptionError, check_option, checked_count
from foretell.measure.imbalance.cells import Cells, measure_cells
from foretell.measure.imbalance.estimation.measurement import measure
from foretell.measure.imbalance.estimation.request import Options, Request
from foretell.measure.inference.standard_errors import Scores, critical
from foretell.measure.spaces.inputs import (
    Spaces,
    alike,
    as_input,
    check_sizes,
    checked_neighbours,
    named_sides,
)
from foretell.measure.spaces.queries import Layout, drawn, of_paper
from foretell.measure.spaces.space import check_same_items

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Imbalance:
    """Information Imbalance between two spaces, both ways.

    Attributes
    ----------
    a_to_b, b_to_a : float
        0: the neighbours in the first space are those in the second, it foretells it; 1: it says nothing.
    asymmetry : float
        ``a_to_b - b_to_a``; negative: A predicts B better than B predicts A.
    stderr_a_to_b, stderr_b_to_a, stderr_asymmetry : float
        Dyadic-robust standard errors (`foretell.measure.inference`).
    n : int
        Candidates that a query has. The imbalance falls with n: compare equal n only.
    n_items, k : int
    metric, convention : str
    """

    a_to_b: float
    b_to_a: float
    asymmetry: float
    stderr_a_to_b: float
    stderr_b_to_a: float
    stderr_asymmetry: float
    n: int
    n_items: int
    k: int
    metric: str
    convention: str

    @property
    def _verdict(self) -> str:
        if self.asymmetry == 0:
            return "neither way is better"
        if np.isnan(self.stderr_asymmetry):
            return "too few items for an error"
        margin = critical(self.n_items) * self.stderr_asymmetry
        if abs(self.asymmetry) <= margin:
            return f"not resolved: 95 % from {self.asymmetry - margin:+.3f} to {self.asymmetry + margin:+.3f}"
        return "A predicts B better" if self.asymmetry < 0 else "B predicts A better"

    def __repr__(self) -> str:
        return (
            f"Imbalance(n={self.n}, n_items={self.n_items}, k={self.k}, metric={self.metric!r}, "
            f"convention={self.convention!r})\n"
            f"  A -> B     {self.a_to_b:.4f} +- {self.stderr_a_to_b:.4f}   "
            "neighbours in A, ranks in B (0: A predicts B, 1: it says nothing)\n"
            f"  B -> A     {self.b_to_a:.4f} +- {self.stderr_b_to_a:.4f}   neighbours in B, ranks in A\n"
            f"  asymmetry {self.asymmetry:+.4f} +- {self.stderr_asymmetry:.4f}   {self._verdict}"
        )


_SCORE_BYTES = 2**30
"""The most that scores of all cells may take in a result."""


def information_imbalance(
    a: Any,
    b: Any,
    *,
    k: int = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
) -> Imbalance:
    """Measure how well each of two representations of the same items foretells the other.

    Threads, memory and backend are set by `set_options`; no result depends on them.

    Parameters
    ----------
    a, b : array of shape (N, ...), or a space
        The same N items in the same order: arrays of numpy, torch, or any library that numpy can read or that has
        ``__dlpack__``; lists of rows; tables of pandas or arrays of xarray, whose index is then checked. For
        ``metric="hamming"`` floats become sign bits (> 0) and bools are bits; all axes after the first are dimensions.
        For ``metric="precomputed"`` each is an N x N array of distances, row i from item i, whose diagonal is not read.
    k : int, default 1
        Neighbours, 1 <= k <= N - 2.
    metric : {"hamming", "euclidean", "cosine", "precomputed"}
        Of floats, "euclidean" and "cosine" take the numbers themselves. Distances are made in 64 bits from differences,
        so neighbours are in the order of exact arithmetic wherever squared distances differ by a share of D 2^-51.
    convention : {"adjusted", "paper", "glielmo"}
        Treatment of ties and scale (`foretell.measure.imbalance.estimation.conventions`). ``adjusted`` is exactly 0 for
        identical spaces and 1 on average for independent ones.

    Returns
    -------
    Imbalance
        Values both ways with standard errors.

    Raises
    ------
    AlignmentError
        If spaces with ids hold other items, or the same in another order.
    InputError
        If the arrays have different N, fewer than 3 items, another dtype, NaN or infinity, or a space whose items
        are all alike.
    OptionError
        If an option has a value that it cannot have.

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> rng = np.random.default_rng(0)
    >>> known = rng.standard_normal((500, 6))
    >>> a = known @ rng.standard_normal((6, 256))
    >>> b = known[:, :2] @ rng.standard_normal((2, 256))  # knows a third of what a knows
    >>> ii = foretell.information_imbalance(a, b)
    >>> ii.asymmetry < -1.96 * ii.stderr_asymmetry  # so a foretells b better than b foretells a
    True
    """
    options = Options.checked(metric=metric, convention=convention)
    inputs = [as_input(side, metric, name) for name, side in (("a", a), ("b", b))]
    check_sizes(inputs)
    size = inputs[0].n_items
    k = checked_neighbours(k, size - 1, size)
    check_same_items(inputs, "ab")
    found = measure(Request(inputs, Layout.everyone(size), [k], np.arange(size)), [(0, 1)], options)[k]
    there, back = found[0, 1], found[1, 0]
    for name, space, read in zip("ab", inputs, (back, there), strict=True):
        if np.isnan(read.estimate.value):
            raise InputError(alike(name, space))
    asymmetry = Scores.of([there.estimate, back.estimate], np.arange(size)).combine(np.array([1.0, -1.0]))
    return Imbalance(
        a_to_b=there.estimate.value,
        b_to_a=back.estimate.value,
        asymmetry=float(asymmetry.values[0]),
        stderr_a_to_b=there.stderr,
        stderr_b_to_a=back.stderr,
        stderr_asymmetry=float(asymmetry.stderr()[0]),
        n=size - 1,
        n_items=size,
        k=k,
        metric=metric,
        convention=convention,
    )


def imbalance_matrix(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    k: int | Sequence[int] = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
    candidates: str = "leave-one-out",
    subsample: int | None = None,
    queries: int | None = None,
    errors: bool = True,
    null: int = 0,
    seed: int = 0,
    per_item: bool = False,
    groups: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    named_cells: Sequence[tuple[str, str]] | Literal["all"] = (),
    preset: str | None = None,
) -> xr.Dataset:
    """Measure every space of A against every space of B, both ways, in one pass over the items.

    Threads, memory, backend and a cluster are set by `set_options`; no result depends on them.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        Each a `Space` or an array of shape (N, ...), as for `information_imbalance`, all over the same N items in the
        same order; spaces without names are called "0", "1" and so on. Spaces that carry ids are refused unless the ids
        agree (`foretell.align` aligns them). An object on both sides is measured once.
    k : int or sequence of int, default 1
        Several are read off the same pass; the result then has a dimension k, and no scores.
    metric, convention
        As for `information_imbalance`. Spaces that are read from a store are read in as few passes as the memory of
        `set_options` allows.
    candidates : {"leave-one-out", "split"}
        All other items, or, for a random half of the items as queries, the other half.
    subsample : int, optional
        Draw so many items and measure those alone. The imbalance depends on their number.
    queries : int, optional
        Draw so many items as queries, against all others as candidates: the same number is estimated, with its error,
        at a cost of queries x N. At least 50 for errors.
    errors : bool, default True
        Whether to compute standard errors, and the scores of cells at equal relative depth, of the best cell of each
        direction and of both together.
    null : int, default 0
        Permutations of which item of A goes with which of B; 200 serve for a map.
    seed : int, default 0
        Of the permutations, and of what is drawn.
    per_item : bool, default False
        Whether the result holds each query's neighbours and their ranks in the other space: at most 256 MiB.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent. Errors sum the scores of a group first,
        and permutations keep groups together.
    strata : sequence of str, optional
        Stratum of each item, as a bin of lengths: permutations then change only items of one stratum with each other
        (and no whole groups), so that the null holds what strata alone bring about.
    named_cells : sequence of (name in A, name in B), or "all"
        Cells whose scores are kept beside those of equal relative depth and the best ones, so that `contrast` can
        compare them; "all" for every cell, which may take 1 GiB.
    preset : {"paper"}, optional
        The recipe of arXiv 2505.17101 for bits, all else being left at its default: k = 1, the convention ``paper``, a
        random half of the items as queries and the others as candidates, of which 5 times the same half of the
        positions is taken. The value is the mean of the 5; their standard deviation, which the authors give as error,
        is `spread`. (The tokens, 20 before the last 2, are chosen where activations are extracted.)

    Returns
    -------
    xarray.Dataset
        With dimensions direction, a, b (``docs/result.md``).

    Raises
    ------
    AlignmentError, InputError, OptionError, ClusterError

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.
    ConstantSpaceWarning
        For a space whose items are all identical.
    """
    check_option("preset", preset, (None, "paper"))
    if preset == "paper":
        given = (k, metric, convention, candidates, subsample, queries, errors, null, per_item, groups, strata)
        if given != (1, "hamming", "adjusted", "leave-one-out", None, None, True, 0, False, None, None):
            raise OptionError("preset='paper' sets all that is measured: leave the other options at their defaults.")
        errors, convention = False, "paper"
    options = Options.checked(metric=metric, convention=convention, errors=errors)
    side_a, side_b = named_sides(spaces_a, spaces_b, metric)
    seed = checked_count("seed", seed, least=0)
    if isinstance(named_cells, str):
        check_option("named_cells", named_cells, ("all",))
        cells = Cells.every(side_a, side_b)
        _check_scores(len(cells.places), cells.n_items)
    else:
        cells = Cells.every(side_a, side_b, _kept_cells(list(side_a), list(side_b), named_cells))

    def measured(layout: Layout) -> xr.Dataset:
        return measure_cells(
            cells,
            k=k,
            layout=layout,
            options=options,
            n_permutations=null,
            seed=seed,
            groups=groups,
            strata=strata,
            per_item=per_item,
        )

    if preset == "paper":
        return _over_replicates([measured(layout) for layout in of_paper(cells.n_items, seed)])
    return measured(drawn(cells.n_items, candidates, subsample, queries, seed, errors=errors))


def _check_scores(n_cells: int, n_items: int) -> None:
    n_bytes = 2 * n_cells * n_items * 8
    if n_bytes > _SCORE_BYTES:
        raise OptionError(
            f"named_cells='all' would take {n_bytes / 2**20:.0f} MiB of scores, and the most is "
            f"{_SCORE_BYTES / 2**20:.0f}: name the cells that you want to contrast."
        )


def _kept_cells(names_a: list[str], names_b: list[str], named: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Places of the cells of equal relative depth, and of those named."""
    last_a, last_b = len(names_a) - 1, len(names_b) - 1
    # The nearest, and of two as near the shallower.
    kept = [(a, math.ceil(a * last_b / max(last_a, 1) - 0.5)) for a in range(last_a + 1)]
    kept += [(math.ceil(b * last_a / max(last_b, 1) - 0.5), b) for b in range(last_b + 1)]
    for a, b in named:
        check_option("named_cells", a, names_a)
        check_option("named_cells", b, names_b)
        kept.append((names_a.index(a), names_b.index(b)))
    return list(dict.fromkeys(kept))


def imbalance_curve(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    k: int = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
    candidates: str = "leave-one-out",
    subsample: int | None = None,
    queries: int | None = None,
    errors: bool = True,
    null: int = 0,
    seed: int = 0,
    groups: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
) -> xr.Dataset:
    """Measure layer l of A against layer l of B, both ways, for all l: the diagonal of `imbalance_matrix`.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        Equally many, with the same names, over the same items.
    k, metric, convention, candidates, subsample, queries, errors, seed
        As for `imbalance_matrix`.
    groups, strata : sequence of str, optional
        As for `imbalance_matrix`.
    null : int, default 0
        Permutations of which item of A goes with which of B, the same for every layer; 1,000 serve well.

    Returns
    -------
    xarray.Dataset
        With dimensions direction, layer (``docs/result.md``).

    Raises
    ------
    AlignmentError, InputError, OptionError, ClusterError

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.
    ConstantSpaceWarning
        For a space whose items are all identical.
    """
    options = Options.checked(metric=metric, convention=convention, errors=errors)
    cells = Cells.diagonal(*named_sides(spaces_a, spaces_b, metric))
    seed = checked_count("seed", seed, least=0)
    return measure_cells(
        cells,
        k=k,
        layout=drawn(cells.n_items, candidates, subsample, queries, seed, errors=errors),
        options=options,
        n_permutations=null,
        seed=seed,
        groups=groups,
        strata=strata,
    )


def _over_replicates(results: Sequence[xr.Dataset]) -> xr.Dataset:
    """The mean of several results, and their standard deviation."""
    first = results[0]
    values = np.stack([result["imbalance"].values for result in results])
    over = first["imbalance"].dims
    mean = first[["imbalance"]].assign(imbalance=(over, values.mean(axis=0)))
    attributes = {"preset": "paper", "candidates": "split", "replicates": len(results)}
    return mean.assign(spread=(over, values.std(axis=0))).assign_attrs(attributes)
