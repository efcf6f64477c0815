"""Which layers are semantic: where on a depth curve one side foretells the other best."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from foretell.exceptions import InputError, OptionError
from foretell.measure.inference.item_data import scores_of
from foretell.measure.inference.minimum import Region, minimum, regions

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class SemanticLayers:
    """What a depth curve says of semantic layers, in one direction.

    Attributes
    ----------
    direction : str
        "a_to_b" or "b_to_a".
    minimum : int
        Place of the lowest value on the curve.
    layer : str
        Its name.
    relative_depth : float
    imbalance, stderr : float
        Value there. It was chosen as the lowest, so it is a little low.
    p_value : float or None
        Of the minimum against shuffled pairs, the least value over all layers being the statistic; None where no
        null was drawn.
    confidence_set : tuple of int
        Places that hold the lowest layer of the expected curve with 95 % confidence.
    flat : bool
        Whether no two layers are told apart, at 95 % over all pairs: then no layer is semantic.
    regions : tuple of Region
        Runs of layers within `tau` of the way from the minimum to 1; none where the curve is flat, or its minimum is
        no lower than shuffled pairs give (p > .05).
    tau : float
    """

    direction: str
    minimum: int
    layer: str
    relative_depth: float
    imbalance: float
    stderr: float
    p_value: float | None
    confidence_set: tuple[int, ...]
    flat: bool
    regions: tuple[Region, ...]
    tau: float


def semantic_layers(result: xr.Dataset, *, tau: float = 0.05, seed: int = 0) -> dict[str, SemanticLayers]:
    """Find the semantic layers of a depth curve, each direction by itself.

    Parameters
    ----------
    result : Dataset
        A curve with errors (``docs/result.md``), as `foretell.imbalance_curve` or the depth study gives it.
    tau : float, default 0.05
        Share of the way from the minimum to 1 that still counts as semantic.
    seed : int, default 0
        Of the draws behind the confidence set.

    Returns
    -------
    dict of str to SemanticLayers
        By direction.

    Raises
    ------
    InputError
        If the result is no curve, has no scores, or no layer has a value.
    OptionError
        If `tau` is no share.
    """
    if isinstance(tau, bool) or not isinstance(tau, Real) or not 0 <= tau < 1:
        raise OptionError(f"tau={tau!r} is not an option: give a share of the way, 0 to below 1.")
    if "layer" not in result.dims:
        raise InputError("Semantic layers are read off a curve: give a result with a dimension `layer`.")
    scores, places = scores_of(result)
    layers = [str(name) for name in result["layer"].values]
    found = {}
    for direction in [str(name) for name in result["direction"].values]:
        rows = [places[direction, layer] for layer in layers]
        curve = scores.combine(np.eye(len(scores.values))[rows])
        if not np.isfinite(curve.values).any():
            raise InputError(f"No layer has a value in direction {direction}: all its spaces are constant.")
        lowest = int(np.nanargmin(curve.values))
        p = float(result["p_value_minimum"].sel(direction=direction)) if "p_value_minimum" in result else None
        where = minimum(curve, seed=seed)
        found[direction] = SemanticLayers(
            direction=direction,
            minimum=lowest,
            layer=layers[lowest],
            relative_depth=float(result["relative_depth"][lowest]) if "relative_depth" in result.coords else np.nan,
            imbalance=float(curve.values[lowest]),
            stderr=float(result["stderr"].sel(direction=direction)[lowest]),
            p_value=p,
            confidence_set=where.places,
            flat=where.flat,
            regions=() if where.flat or (p is not None and p > 0.05) else regions(curve, tau=tau),
            tau=tau,
        )
    return found


def with_regions(result: xr.Dataset, found: Mapping[str, SemanticLayers]) -> xr.Dataset:
    """A curve that says its semantic regions in an attribute: JSON, their first and last layers by direction."""
    layers = [str(name) for name in result["layer"].values]
    said = {
        direction: [[layers[region.start], layers[region.stop]] for region in of.regions]
        for direction, of in found.items()
    }
    return result.assign_attrs(semantic_regions=json.dumps(said))


def said_regions(result: xr.Dataset) -> dict[str, list[tuple[int, int]]]:
    """Places of the first and last layer of each region that a curve says, by direction."""
    if "semantic_regions" not in result.attrs:
        return {}
    place = {str(name): number for number, name in enumerate(result["layer"].values)}
    said = json.loads(str(result.attrs["semantic_regions"]))
    return {direction: [(place[first], place[last]) for first, last in of] for direction, of in said.items()}
