"""What a map study found, in words: only what its errors support."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from foretell.measure.inference import critical
from foretell.studies.names import direction_name, direction_sentence, short_names
from foretell.studies.summary import Difference, DirectionSummary, Summary, asymmetry_sentence, heading

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["summarise_map"]


def summarise_map(result: xr.Dataset) -> Summary:
    """Say in words what a map study found.

    Parameters
    ----------
    result : Dataset
        As `foretell.studies.map.measure_map` gives it.
    """
    directions = [str(direction) for direction in result["direction"].to_numpy()]
    return Summary(
        heading=heading(result),
        directions=tuple(_direction(result, direction) for direction in directions),
        asymmetry=_asymmetry(result),
        note="Information Imbalance: 0 foretells, 1 says nothing; it falls as items are added, so compare at "
        f"equal n (here {result.attrs['n']}). ± is one standard error (SE); p is that of the least over all pairs of "
        "layers. The least reads a little low, since it was chosen as such; chosen on one half of the items and valued "
        "on the other it does not, at the n given beside it.",
    )


def _direction(result: xr.Dataset, direction: str) -> DirectionSummary:
    of = result.sel(direction=direction)
    a, b = (str(name) for name in of["best"].to_numpy())
    at = of.sel(a=a, b=b)
    value, error = float(at["imbalance"]), float(at["stderr"])
    facts = {
        "Least imbalance": f"{value:.3f} ± {error:.3f}, {_pair(result, a, b)}",
        "Chosen on one half, valued on the other": (
            f"{float(of['best_value']):.3f} ± {float(of['best_stderr']):.3f} (n = {int(of['best_n'])})"
        ),
    }
    for name, s, t in (("At both first layers", 0, 0), ("At both last layers", -1, -1)):
        corner = float(of["imbalance"][s, t])
        facts[name] = f"{corner:.3f}" if math.isfinite(corner) else "undefined: all items look alike there"
    if "null" in result:
        low, median, high = (float(at["null"].sel(quantile=level)) for level in (0.025, 0.5, 0.975))
        facts["Shuffled pairs"] = f"{median:.2f} ({low:.2f} to {high:.2f})"
        grouped = " of whole groups" if "null_of_groups" in result else ""
        p, count = float(of["p_value_minimum"]), result.attrs["null_permutations"]
        facts["p of the least"] = f"{p:.2g} ({count} permutations{grouped})"
    return DirectionSummary(
        name=direction_name(result.attrs, direction), sentence=direction_sentence(result.attrs, direction), facts=facts
    )


def _pair(result: xr.Dataset, a: str, b: str) -> str:
    """A pair of layers with their depths, in the order of the sides."""
    depth_a, depth_b = (
        float(result[f"relative_depth_{side}"].sel({side: layer})) for side, layer in (("a", a), ("b", b))
    )
    first, second = short_names(result.attrs)
    return f"layer {a} of {first} (depth {depth_a:.2f}) and layer {b} of {second} (depth {depth_b:.2f})"


def _asymmetry(result: xr.Dataset) -> str:
    a, b = (str(name) for name in result["together"].to_numpy())
    difference = Difference(
        float(result["asymmetry"]), float(result["asymmetry_stderr"]), critical(result.attrs["n_groups"])
    )
    where = f"Asymmetry at {_pair(result, a, b)}, where both directions together are least"
    return asymmetry_sentence(result, where, difference)
