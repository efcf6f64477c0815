"""The measures beside the imbalance, of many spaces in the same walk: CKA, common neighbours, RSA.

All of them are symmetric, and larger for spaces that are more alike (``docs/similarity.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foretell.measure.alike import similar_cells
from foretell.measure.inputs import Spaces, check_same_names, named_sides
from foretell.measure.request import Options

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["similarity_curve", "similarity_matrix"]


def similarity_matrix(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    measures: Sequence[str] | None = None,
    k: int = 10,
    metric: str = "hamming",
    errors: bool = False,
    memory: str | None = None,
    threads: int | None = None,
    backend: str = "auto",
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how alike every space of A and every space of B are, by several measures in one walk over the items.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        As for `foretell.imbalance_matrix`: over the same N items, 4 or more. An object on both sides is measured once.
    measures : sequence of {"cka", "mutual_knn", "overlap", "cknna", "rsa_pearson", "rsa_spearman"}, optional
        All that the metric allows, by default: "cka" is not of "precomputed" distances, "cknna" of bits and cosines.
    k : int, default 10
        Neighbours of "mutual_knn", "overlap" and "cknna", 1 <= k <= N - 2; with errors, up to N / 2 - 2.
    metric : {"hamming", "euclidean", "cosine", "precomputed"}
    errors : bool, default False
        Whether to compute standard errors from 40 splits into complementary halves: some 20 times the work.
    memory, threads, backend
        As for `foretell.imbalance_matrix`; "rsa_spearman" of floats needs 8 N^2 bytes a space.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent: no half splits one.
    seed : int, default 0
        Of the halves.

    Returns
    -------
    xarray.Dataset
        With dimensions measure, a, b (``docs/result.md``): ``similarity``, and with errors ``stderr``, ``low`` and
        ``high``.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all alike: its similarities are NaN.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> x = np.random.default_rng(0).standard_normal((100, 32))
    >>> others = {"x": x, "turned": -x, "other": x[::-1]}
    >>> found = foretell.similarity_matrix({"x": x}, others, measures=["cka"])
    >>> (found.similarity.sel(measure="cka", a="x").values > 0.5).tolist()
    [True, True, False]
    """
    options = Options.checked(
        metric=metric, convention="adjusted", errors=errors, backend=backend, threads=threads, memory=memory
    )
    side_a, side_b = named_sides(spaces_a, spaces_b, metric)
    cells = [(a, b) for a in range(len(side_a)) for b in range(len(side_b))]
    return similar_cells(
        side_a, side_b, cells, curve=False, measures=measures, k=k, options=options, groups=groups, seed=seed
    )


def similarity_curve(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    measures: Sequence[str] | None = None,
    k: int = 10,
    metric: str = "hamming",
    errors: bool = False,
    memory: str | None = None,
    threads: int | None = None,
    backend: str = "auto",
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how alike layer l of A and layer l of B are, for all l: the diagonal of `similarity_matrix`.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        Equally many, with the same names, over the same N items, 4 or more.
    measures, k, metric, errors, memory, threads, backend, groups, seed
        As for `similarity_matrix`, whose numbers these are, to the last bit; no other pair of layers is measured.

    Returns
    -------
    xarray.Dataset
        With dimensions measure, layer (``docs/result.md``): ``similarity``, and with errors ``stderr``, ``low`` and
        ``high``.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all alike: its similarities are NaN.
    """
    options = Options.checked(
        metric=metric, convention="adjusted", errors=errors, backend=backend, threads=threads, memory=memory
    )
    side_a, side_b = named_sides(spaces_a, spaces_b, metric)
    check_same_names(side_a, side_b)
    cells = [(layer, layer) for layer in range(len(side_a))]
    return similar_cells(
        side_a, side_b, cells, curve=True, measures=measures, k=k, options=options, groups=groups, seed=seed
    )
