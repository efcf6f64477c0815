r"""Imbalance by items: which of them one space foretells in the other, and which it does not.

What item i adds is what it has as a query: with :math:`\rho_i = \sum_j w_{ij} R_{ij}` and the values of
`foretell.measure.imbalance.estimation.conventions`,

.. math:: \frac{\rho_i - \beta_i}{(n + 1) / 2 - \beta}, \qquad \frac{N}{W} \frac{2 (\rho_i - w_i)}{n - 1}, \qquad
    \frac{2 \rho_i}{n + 1}

for ``adjusted``, ``paper`` (:math:`w_i` being item i's neighbours and W those of all, which are pooled) and
``glielmo``.
The mean over items is the Information Imbalance. The spread over items is not its error: items are candidates too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.array_types import Floats
from foretell.measure.imbalance.cells import check_spaces, item_names
from foretell.measure.imbalance.estimation.measurement import measure
from foretell.measure.imbalance.estimation.request import Measured, Options, Request
from foretell.measure.results.schema import DIRECTIONS, result_attributes
from foretell.measure.spaces.inputs import alike, as_input, checked_neighbours
from foretell.measure.spaces.queries import Layout

if TYPE_CHECKING:
    import xarray as xr


def item_imbalance(
    a: Any,
    b: Any,
    *,
    k: int = 1,
    metric: str = "hamming",
    convention: str = "adjusted",
) -> xr.Dataset:
    """Measure what each item adds to the imbalance between two spaces, both ways.

    Parameters
    ----------
    a, b : array of shape (N, ...), or a space
        As for `information_imbalance`.
    k, metric, convention
        As for `information_imbalance`.

    Returns
    -------
    xarray.Dataset
        Along direction and item: `imbalance`, whose mean over items is that of `information_imbalance`, 0 where an
        item's neighbours are the same in both spaces and about 1 where they are any; `neighbour`, the place of the
        item's nearest in the space that neighbours are taken in (of tied ones the first); and `neighbour_rank`, its
        rank in the other.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    TieOrderWarning
        For ties with ``convention="glielmo"``, which breaks them by the order of the items.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((60, 32))
    >>> y = x.copy()
    >>> y[[3, 40]] = x[[40, 3]]  # two pairs have changed places
    >>> of_items = item_imbalance(x, y)["imbalance"].sel(direction="a_to_b").values
    >>> bool(of_items[[3, 40]].mean() > 0.3 > 0.1 > of_items.mean())
    True
    """
    import xarray as xr

    options = Options.checked(metric=metric, convention=convention, errors=False)
    inputs = [as_input(side, metric, name) for name, side in (("a", a), ("b", b))]
    size = check_spaces({"a": inputs[0]}, {"b": inputs[1]})
    k = checked_neighbours(k, size - 1, size)
    # A space against itself has the ranks of its own neighbours, which `adjusted` takes off.
    request = Request(inputs, Layout.everyone(size), [k], np.arange(size))
    found = measure(request, [(0, 1), (0, 0), (1, 1)], options)[k]
    pairs = [(0, 1), (1, 0)]
    for name, space, pair in zip("ab", inputs, [(1, 0), (0, 1)], strict=True):
        if np.isnan(found[pair].estimate.value):
            raise InputError(alike(name, space))
    own = {pair: found[pair[1], pair[1]] if convention == "adjusted" else None for pair in pairs}
    over = ("direction", "item")
    first = {pair: found[pair].neighbours.start[:-1] for pair in pairs}
    variables = {
        "imbalance": np.stack([_of_items(found[pair], own[pair], size) for pair in pairs]),
        "neighbour": np.stack([found[pair].neighbours.candidate[first[pair]] for pair in pairs]),
        "neighbour_rank": np.stack([found[pair].rank[first[pair]] for pair in pairs]),
    }
    items = np.array(item_names(inputs, request.layout), dtype=object)
    attributes = {
        "n": size - 1,
        "n_items": size,
        "T": [x.n_tokens for x in inputs],
        "k": k,
        "metric": metric,
        "convention": convention,
        "backend": options.backend,
    }
    return xr.Dataset(
        {name: (over, values) for name, values in variables.items()},
        {"direction": list(DIRECTIONS), "item": items},
        result_attributes(attributes),
    )


def _of_items(measured: Measured, own: Measured | None, size: int) -> Floats:
    """What every item adds to a value; `own` are the other space's neighbours, where a convention needs them."""
    rank_sum, weight_sum = _sums(measured, size)
    least = _sums(own, size)[0] if own is not None else measured.estimate.offset * weight_sum
    return np.asarray((rank_sum - least) * measured.estimate.factor / weight_sum.mean())


def _sums(measured: Measured, size: int) -> tuple[Floats, Floats]:
    of = measured.neighbours
    rank_sum, weight_sum = (np.bincount(of.query, x, size) for x in (of.weight * measured.rank, of.weight))
    return rank_sum.astype(np.float64), weight_sum.astype(np.float64)
