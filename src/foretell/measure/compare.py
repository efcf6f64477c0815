"""The public functions: how well neighbourhoods in one space foretell those in another, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError, check_option
from foretell.measure.bits import Bits
from foretell.measure.cells import gather_scores, measure_cells
from foretell.measure.estimates import Options, measure
from foretell.measure.inference import group_codes
from foretell.measure.inputs import Spaces, as_input, check_sizes, n_items, named, refuse
from foretell.measure.result import Imbalance
from foretell.measure.space import check_same_items

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["imbalance_curve", "imbalance_matrix", "information_imbalance"]

METRICS = ("hamming", "precomputed")


def information_imbalance(
    a: Any,
    b: Any,
    *,
    k: int = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
    backend: str = "auto",
    threads: int | None = None,
) -> Imbalance:
    """Measure how well each of two representations of the same items foretells the other.

    Parameters
    ----------
    a, b : array, shape (N, ...), or Space
        The same N items in the same order. For ``metric="hamming"`` floats become sign bits (> 0) and bools
        are bits; all axes after the first are dimensions. For ``metric="precomputed"`` each is an N x N array of
        distances, row i from item i, whose diagonal is not read.
    k : int, default 1
        Neighbours, 1 <= k <= N - 2.
    metric : {"hamming", "precomputed"}
    convention : {"adjusted", "paper", "glielmo"}
        Treatment of ties and scale (`foretell.measure.conventions`). ``adjusted`` is exactly 0 for identical
        spaces and 1 on average for independent ones.
    backend : {"auto", "numkong", "numpy"}
        ``numpy`` is the slow reference; all give the same.
    threads : int, optional
        All processors by default. The result does not depend on it.

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
    check_option("metric", metric, METRICS)
    options = Options.checked(k=k, convention=convention, backend=backend, threads=threads)
    inputs = [as_input(side, metric, name) for name, side in (("a", a), ("b", b))]
    check_sizes(inputs, k)
    check_same_items([side for side in inputs if isinstance(side, Bits)])
    measured = measure(inputs, [(0, 1), (1, 0)], options)
    there, back = measured.estimates[0, 1], measured.estimates[1, 0]
    for name, read in (("a", back), ("b", there)):
        if np.isnan(read.value):
            raise InputError(
                f"All items of {name} are alike: no neighbour is nearer than another; "
                "check that the right array was given."
            )
    scores = gather_scores(measured, [(0, 1), (1, 0)], group_codes(None, n_items(inputs[0])))
    asymmetry = scores.combine(np.array([1.0, -1.0]))
    errors = scores.stderr()
    return Imbalance(
        a_to_b=there.value,
        b_to_a=back.value,
        asymmetry=float(asymmetry.values[0]),
        stderr_a_to_b=float(errors[0]),
        stderr_b_to_a=float(errors[1]),
        stderr_asymmetry=float(asymmetry.stderr()[0]),
        n=n_items(inputs[0]) - 1,
        n_items=n_items(inputs[0]),
        k=int(k),
        metric=metric,
        convention=convention,
    )


def imbalance_matrix(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    k: int = 1,
    convention: str = "adjusted",
    candidates: str = "leave-one-out",
    subsample: Any = None,
    queries: int | None = None,
    errors: bool = True,
    null: int = 0,
    memory: str | None = None,
    threads: int | None = None,
    backend: str = "auto",
    cluster: str | None = None,
    seed: int = 0,
    per_item: bool = False,
    groups: Sequence[str] | None = None,
    named_cells: Sequence[tuple[str, str]] = (),
) -> xr.Dataset:
    """Measure every space of A against every space of B, both ways.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        Each a `Space` or an array of shape (N, ...), all over the same N items in the same order; spaces without
        names are called "0", "1" and so on. Spaces that carry ids are refused unless the ids agree
        (`foretell.align` aligns them).
    k : int, default 1
    convention : {"adjusted", "paper", "glielmo"}
    errors : bool, default True
        Whether to compute standard errors, and the scores of the diagonal of a square matrix.
    null : int, default 0
        Permutations of which item of A goes with which of B; 200 serve for a map.
    threads : int, optional
        All processors by default. The result does not depend on it.
    backend : {"auto", "numkong", "numpy"}
    seed : int, default 0
        Of the permutations.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent. Errors sum the scores of a group first,
        and permutations keep groups together.
    named_cells : sequence of (name in A, name in B)
        Further cells whose scores are kept.
    candidates, subsample, queries, memory, cluster, per_item
        Kept for what is to come: any value but the default raises `NotAvailableError`.

    Returns
    -------
    xarray.Dataset
        With dimensions direction, a, b (``docs/result.md``).

    Raises
    ------
    AlignmentError, InputError, OptionError, NotAvailableError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all identical.
    """
    refuse(
        candidates=(candidates, "leave-one-out"),
        subsample=(subsample, None),
        queries=(queries, None),
        memory=(memory, None),
        cluster=(cluster, None),
        per_item=(per_item, False),
    )
    side_a, side_b = named(spaces_a), named(spaces_b)
    names_a, names_b = list(side_a), list(side_b)
    cells = [(a, b) for a in range(len(names_a)) for b in range(len(names_b))]
    kept = [(a, a) for a in range(len(names_a))] if len(names_a) == len(names_b) else []
    for a, b in named_cells:
        check_option("named_cells", a, names_a)
        check_option("named_cells", b, names_b)
        cell = (names_a.index(a), names_b.index(b))
        kept += [cell] if cell not in kept else []
    return measure_cells(
        side_a,
        side_b,
        cells,
        kept,
        curve=False,
        options=Options.checked(k=k, convention=convention, errors=errors, backend=backend, threads=threads),
        n_permutations=null,
        seed=seed,
        groups=groups,
    )


def imbalance_curve(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    k: int = 1,
    convention: str = "adjusted",
    errors: bool = True,
    null: int = 0,
    threads: int | None = None,
    backend: str = "auto",
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> xr.Dataset:
    """Measure layer l of A against layer l of B, both ways, for all l: the diagonal of `imbalance_matrix`.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        Equally many, with the same names, over the same items.
    k, convention, errors, threads, backend, seed, groups
        As for `imbalance_matrix`.
    null : int, default 0
        Permutations of which item of A goes with which of B, the same for every layer; 1,000 serve well.

    Returns
    -------
    xarray.Dataset
        With dimensions direction, layer (``docs/result.md``).

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all identical.
    """
    side_a, side_b = named(spaces_a), named(spaces_b)
    if list(side_a) != list(side_b):
        raise InputError(
            f"A curve pairs layers by name, but A has {', '.join(list(side_a)[:3])}... and B "
            f"{', '.join(list(side_b)[:3])}...: give both the same names in the same order."
        )
    cells = [(layer, layer) for layer in range(len(side_a))]
    return measure_cells(
        side_a,
        side_b,
        cells,
        cells,
        curve=True,
        options=Options.checked(k=k, convention=convention, errors=errors, backend=backend, threads=threads),
        n_permutations=null,
        seed=seed,
        groups=groups,
    )
