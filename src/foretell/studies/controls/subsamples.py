"""Random halves of the items: how often each layer is semantic, and how often it is the lowest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.inference.standard_errors import FEWEST_GROUPS, group_codes
from foretell.measure.spaces.space import Space, select

if TYPE_CHECKING:
    import xarray as xr


def subsampled_regions(
    spaces_a: Mapping[str, Space],
    spaces_b: Mapping[str, Space],
    *,
    count: int,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Measure a curve on random halves of the items, and count in how many each layer is in a semantic region.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces
        Layers, with the same names and items on both sides.
    count : int
        Halves, each drawn without replacement from all items.
    groups : sequence of str, optional
        Group of each item. A half has all items of a group or none: groups are taken in random order, those left out
        that would exceed half of the items.
    seed : int, default 0
        Of the halves.
    **options
        As for `imbalance_curve`.

    Returns
    -------
    Dataset
        `in_region` and `is_minimum`, the shares of the halves in which a layer is in a region and is the lowest, along
        direction and layer; `imbalance` along subsample, direction and layer. Of halves of groups of unequal size the
        attributes `n` and `n_items` are those of the smallest.

    Raises
    ------
    InputError
        If a half has too few groups for errors.

    Notes
    -----
    The distances of each half are measured anew, which costs a quarter of the curve of all items.
    """
    size = next(iter(spaces_a.values())).n_items
    codes = group_codes(groups, size)
    curves = []
    for number in range(count):
        items = _half(codes, np.random.default_rng([seed, number]))
        n_groups = len(np.unique(codes[items]))
        if n_groups < FEWEST_GROUPS:
            raise InputError(f"A half of the {size} items has {n_groups} groups, and errors need {FEWEST_GROUPS}.")
        halves = ({name: select(space, items) for name, space in side.items()} for side in (spaces_a, spaces_b))
        of_half = None if groups is None else [groups[item] for item in items]
        curves.append(imbalance_curve(*halves, groups=of_half, seed=seed, **options))
    smallest = min(curves, key=lambda curve: int(curve.attrs["n"]))
    return _counted(curves, seed=seed).assign_attrs(smallest.attrs | {"subsamples": count})


def _half(codes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Items of whole groups, in order: half of all at most."""
    sizes = np.bincount(codes)
    taken, left = np.zeros(len(sizes), bool), round(len(codes) / 2)
    for group in rng.permutation(len(sizes)):
        if sizes[group] <= left:
            taken[group] = True
            left -= sizes[group]
    return np.flatnonzero(taken[codes])


def _counted(curves: Sequence[xr.Dataset], *, seed: int) -> xr.Dataset:
    import xarray as xr

    first = curves[0]["imbalance"]
    in_region, is_minimum = np.zeros(first.shape), np.zeros(first.shape)
    for curve in curves:
        for row, found in enumerate(semantic_layers(curve, seed=seed).values()):
            is_minimum[row, found.minimum] += 1
            for region in found.regions:
                in_region[row, region.start : region.stop + 1] += 1
    return xr.Dataset(
        {
            "in_region": (first.dims, in_region / len(curves)),
            "is_minimum": (first.dims, is_minimum / len(curves)),
            "imbalance": (("subsample", *first.dims), np.stack([curve["imbalance"].values for curve in curves])),
        },
        coords={name: first.coords[name] for name in first.dims},
    )
