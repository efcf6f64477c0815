"""Random parts of the items: how often each layer is semantic, and how often it is the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, checked_count
from foretell.measure.imbalance.cells import Cells, check_spaces, measure_cells
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.inference.standard_errors import FEWEST_GROUPS, group_codes
from foretell.measure.spaces.inputs import Spaces, check_same_names, named_sides
from foretell.measure.spaces.queries import Layout

if TYPE_CHECKING:
    import xarray as xr


def subsampled_regions(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    count: int = 20,
    share: float = 0.5,
    k: int = 1,
    convention: str = "adjusted",
    groups: Sequence[str] | None = None,
    seed: int = 0,
    tau: float = 0.05,
) -> xr.Dataset:
    """Measure a curve on random parts of the items, and count in how many each layer is in a semantic region.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        As for `imbalance_curve`.
    count : int, default 20
        Parts, each drawn without replacement from all items.
    share : float, default 0.5
        Share of the items in each, between 0 and 1.
    k, convention
        As for `imbalance_curve`.
    groups : sequence of str, optional
        Group of each item. A group is in a part with all its items or with none: groups are taken in random order,
        those left out that would exceed the share.
    seed : int, default 0
        Of the parts.
    tau : float, default 0.05
        As for `semantic_layers`, which says what a region is.

    Returns
    -------
    Dataset
        `in_region` and `is_minimum`, the shares of the parts in which a layer is in a region and is the lowest, along
        direction and layer; `is_flat`, the share in which no layer is told from another, so that there is no region,
        along direction; `imbalance` along subsample, direction and layer; and `n`, the candidates of a query, along
        subsample, of which the attribute `n` is the least.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Notes
    -----
    The distances of each part are made anew, which costs count x share^2 curves of all items: 5 by default.
    """
    options = Options.checked(metric="hamming", convention=convention)
    side_a, side_b = named_sides(spaces_a, spaces_b, "hamming")
    check_same_names(side_a, side_b)
    size = check_spaces(side_a, side_b)
    count, seed = checked_count("count", count, least=1), checked_count("seed", seed, least=0)
    if not 0 < share < 1:
        raise OptionError(f"share={share!r} is not an option: give a number between 0 and 1.")
    codes = group_codes(groups, size)
    curves = []
    for number in range(count):
        items = _part(codes, round(share * size), np.random.default_rng([seed, number]))
        if len(np.unique(codes[items])) < FEWEST_GROUPS:
            raise OptionError(
                f"share={share!r} is not an option: a part of the {size} items has {len(np.unique(codes[items]))} of "
                f"{codes.max() + 1} groups, and errors need {FEWEST_GROUPS}."
            )
        curve = measure_cells(
            Cells.diagonal(side_a, side_b),
            k=k,
            layout=Layout(items, items),
            options=options,
            seed=seed,
            groups=groups,
        )
        curves.append(curve)
    return _counted(curves, tau=tau, seed=seed).assign_attrs(
        curves[0].attrs
        | {"n": min(curve.attrs["n"] for curve in curves), "n_items": min(curve.attrs["n_items"] for curve in curves)}
        | {"subsamples": count, "share": share, "tau": tau, "seed": seed}
    )


def _part(codes: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Items of whole groups, in order, at most so many."""
    sizes = np.bincount(codes)
    taken = np.zeros(len(sizes), bool)
    for group in rng.permutation(len(sizes)):
        if sizes[group] <= most:
            taken[group] = True
            most -= sizes[group]
    return np.flatnonzero(taken[codes])


def _counted(curves: Sequence[xr.Dataset], *, tau: float, seed: int) -> xr.Dataset:
    import xarray as xr

    first = curves[0]["imbalance"]
    in_region, is_minimum = np.zeros(first.shape), np.zeros(first.shape)
    is_flat = np.zeros(len(first["direction"]))
    for curve in curves:
        for row, found in enumerate(semantic_layers(curve, tau=tau, seed=seed).values()):
            is_minimum[row, found.minimum] += 1
            is_flat[row] += found.flat
            for region in found.regions:
                in_region[row, region.start : region.stop + 1] += 1
    values = np.stack([curve["imbalance"].values for curve in curves])
    return xr.Dataset(
        {
            "in_region": (first.dims, in_region / len(curves)),
            "is_minimum": (first.dims, is_minimum / len(curves)),
            "is_flat": (("direction",), is_flat / len(curves)),
            "imbalance": (("subsample", *first.dims), values),
            "n": (("subsample",), [int(curve.attrs["n"]) for curve in curves]),
        },
        coords={name: first.coords[name] for name in first.dims},
    )
