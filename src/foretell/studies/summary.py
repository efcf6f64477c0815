"""What a depth study found, in words: only what its errors support."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from foretell.measure.contrasts import contrast
from foretell.measure.inference import critical
from foretell.studies.names import direction_name, direction_sentence

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.minimum import Region
    from foretell.studies.semantic import SemanticLayers

__all__ = ["Difference", "DirectionSummary", "Summary", "asymmetry_sentence", "heading", "summarise"]


@dataclass(frozen=True)
class Difference:
    """A difference of two values on the same items, with its standard error."""

    value: float
    stderr: float
    critical: float = 1.96
    """Standard errors in half a 95 % interval."""

    @property
    def z(self) -> float:
        """The difference in standard errors; 0 where it is 0, whatever its error."""
        if self.value == 0:
            return 0.0
        return self.value / self.stderr if self.stderr else math.copysign(math.inf, self.value)

    @property
    def resolved(self) -> bool:
        """Whether the 95 % interval excludes 0. Without an error nothing is."""
        return abs(self.z) >= self.critical


@dataclass(frozen=True)
class DirectionSummary:
    """What is said of one direction: a line a fact, each under the name of what it tells."""

    name: str
    sentence: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Summary:
    """The summary of a depth study."""

    heading: tuple[str, ...]
    directions: tuple[DirectionSummary, ...]
    asymmetry: str
    note: str

    def text(self, *, width: int = 100) -> str:
        """The summary as plain text, lines no wider than `width`."""
        blocks = [list(self.heading)]
        for one in self.directions:
            facts = [f"  {name}: {fact}" for name, fact in one.facts.items()]
            blocks.append([f"{one.sentence} ({one.name})", *facts])
        blocks += [[self.asymmetry], [self.note]]
        wrapped = [[textwrap.fill(line, width, subsequent_indent="    ") for line in block] for block in blocks]
        return "\n\n".join("\n".join(block) for block in wrapped) + "\n"


def summarise(result: xr.Dataset, semantic: Mapping[str, SemanticLayers]) -> Summary:
    """Say in words what a depth study found.

    Parameters
    ----------
    result : Dataset
        A curve with errors and scores (`docs/result.md`).
    semantic : mapping of direction to SemanticLayers
        Of that result.

    Returns
    -------
    Summary
        A difference of less than 1.96 standard errors is called unresolved, never a difference, and a curve
        that is flat within its errors has no layer that stands out.
    """
    directions = [str(direction) for direction in result["direction"].to_numpy()]
    return Summary(
        heading=heading(result),
        directions=tuple(_direction(result, semantic[direction]) for direction in directions),
        asymmetry=_asymmetry(result),
        note="Information Imbalance: 0 foretells, 1 says nothing; it falls as items are added, so compare at "
        f"equal n (here {result.attrs['n']}). ± is one standard error (SE); intervals, and the set of layers that "
        "may be the least, are 95 %; p is that of the least over all layers. A value chosen as the least reads "
        "a little low.",
    )


def heading(result: xr.Dataset) -> tuple[str, ...]:
    """What was compared: data, sides, models, how many items, and which were left out."""
    attrs = result.attrs
    models = " and ".join(dict.fromkeys((str(attrs["model_a"]), str(attrs["model_b"]))))
    grouped = "" if attrs["n_groups"] == attrs["n_items"] else f" in {attrs['n_groups']} groups"
    dropped = {reason: count for reason, count in json.loads(attrs["drop_counts"]).items() if count}
    reasons = ", ".join(f"{reason} ({count})" for reason, count in dropped.items())
    sides = f"{attrs['side_a']} and {attrs['side_b']}"
    asked = f"tokens: {attrs['tokens']}; k = {attrs['k']}, {attrs['convention']}"
    return (
        f"{attrs['data']} ({attrs['data_licence']}), {sides}, through {models}",
        f"{attrs['n_items']} items{grouped}, {asked}",
        f"Left out: {reasons or 'none'}",
    )


def _direction(result: xr.Dataset, layers: SemanticLayers) -> DirectionSummary:
    direction = layers.direction
    facts = {"Least imbalance": _least(result, layers)}
    if layers.flat:
        facts["Semantic layers"] = "none: the curve is flat within its errors, so no layer stands out"
        facts["May be the least"] = "any"
    else:
        regions = "; ".join(_region(result, region) for region in layers.regions)
        facts["Semantic layers"] = regions or "none: shuffled pairs are as low"
        facts["May be the least"] = _runs(result, layers.confidence_set)
    for position in (0, result.sizes["layer"] - 1):
        facts[f"At layer {_layer(result, position)}"] = _end(result, layers, position)
    if "null" in result:
        facts["Shuffled pairs"] = _null(result["null"], layers)
    if "null_of_groups" in result:
        facts["Shuffled groups"] = _null(result["null_of_groups"], layers)
    if layers.p_value is not None:
        of = " of whole groups" if "null_of_groups" in result else ""
        facts["p of the least"] = f"{layers.p_value:.2g} ({result.attrs['null_permutations']} permutations{of})"
    return DirectionSummary(
        name=direction_name(result.attrs, direction),
        sentence=direction_sentence(result.attrs, direction),
        facts=facts,
    )


def _least(result: xr.Dataset, layers: SemanticLayers) -> str:
    value = f"{layers.imbalance:.3f} ± {layers.stderr:.3f}"
    if layers.flat:
        return value
    return f"{value} at layer {layers.layer} (depth {layers.relative_depth:.2f})"


def _region(result: xr.Dataset, region: Region) -> str:
    depth = [f"{value:.2f}" for value in result["relative_depth"].to_numpy()]
    name = [_layer(result, position) for position in range(result.sizes["layer"])]
    start, stop = region.start_range, region.stop_range
    return (
        f"{_range(name[region.start], name[region.stop])}, depth {_range(depth[region.start], depth[region.stop])} "
        f"(begins {_range(name[start[0]], name[start[1]])}, ends {_range(name[stop[0]], name[stop[1]])})"
    )


def _end(result: xr.Dataset, layers: SemanticLayers, position: int) -> str:
    direction, layer = layers.direction, _layer(result, position)
    value = float(result["imbalance"].sel(direction=direction, layer=layer))
    if not math.isfinite(value):
        return "undefined: all items look alike there"
    if layers.flat:
        return f"{value:.3f}"
    if position == layers.minimum:
        return f"{value:.3f}, the least"
    difference = _difference(result, {(direction, layer): 1, (direction, layers.layer): -1})
    if math.isnan(difference.stderr):
        return f"{value:.3f}"
    # The least was picked among all layers, so 1.96 standard errors are too few: its set allows for the pick.
    if position in layers.confidence_set or not difference.resolved:
        return f"{value:.3f}, not told apart from the least ({difference.z:.1f} SE)"
    return f"{value:.3f}, {difference.value:.3f} above the least ({difference.z:.1f} SE)"


def _null(null: xr.DataArray, layers: SemanticLayers) -> str:
    at = null.sel(direction=layers.direction, layer=layers.layer)
    low, median, high = (float(at.sel(quantile=level)) for level in (0.025, 0.5, 0.975))
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def _asymmetry(result: xr.Dataset) -> str:
    """Compare the directions where both together are least: a choice that favours neither."""
    together = result["imbalance"].mean("direction", skipna=False)
    if bool(together.isnull().all()):
        return "Asymmetry: undefined, no layer has both directions."
    layer = _layer(result, int(np.nanargmin(together.to_numpy())))
    difference = _difference(result, {("a_to_b", layer): 1, ("b_to_a", layer): -1})
    return asymmetry_sentence(
        result, f"Asymmetry at layer {layer}, where both directions together are least", difference
    )


def asymmetry_sentence(result: xr.Dataset, where: str, difference: Difference) -> str:
    """Say which direction is the better one there, if either is; the difference is of a to b less b to a."""
    size = f"{abs(difference.value):.3f} ± {difference.stderr:.3f}"
    if math.isnan(difference.stderr):
        return f"{where}: {abs(difference.value):.3f}, not resolved (too few items for an error)."
    if not difference.resolved:
        return f"{where}: {size}, not resolved ({difference.critical * difference.stderr:.3f} or more would have been)."
    better = "a_to_b" if difference.value < 0 else "b_to_a"
    return (
        f"{where}: {direction_sentence(result.attrs, better)} better than the reverse, "
        f"by {size} ({abs(difference.z):.1f} SE)."
    )


def _difference(result: xr.Dataset, weights: dict[tuple[str, str], float]) -> Difference:
    return Difference(*contrast(result, weights), critical(result.attrs["n_groups"]))


def _layer(result: xr.Dataset, position: int) -> str:
    return str(result["layer"].to_numpy()[position])


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _runs(result: xr.Dataset, positions: tuple[int, ...]) -> str:
    """Layers as runs: `8, 12 to 15`."""
    runs: list[list[int]] = []
    for position in sorted(positions):
        if runs and runs[-1][1] == position - 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    return ", ".join(_range(_layer(result, first), _layer(result, last)) for first, last in runs)
