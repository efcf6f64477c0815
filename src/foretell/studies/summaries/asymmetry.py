"""Which of two sides foretells the other better, where both do so best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.inference.contrasts import contrast
from foretell.measure.inference.minimum import regions
from foretell.measure.inference.multiple_testing import holm
from foretell.measure.inference.standard_errors import Scores
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name, direction_sentence, sides_of
from foretell.studies.plotting.asymmetry_figure import AsymmetryRow
from foretell.studies.summaries.summary import Difference

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Asymmetry",
    "adjusted",
    "asymmetry_of_all",
    "asymmetry_of_curve",
    "asymmetry_of_map",
    "chart_rows",
    "rows_of",
]

LEVEL = 0.05


@dataclass(frozen=True)
class Asymmetry:
    """II(A -> B) less II(B -> A) of one comparison, averaged over some cells.

    Attributes
    ----------
    name : str
        Of the comparison.
    attrs : mapping
        Of its result.
    cells : tuple of str
        Names of the layers, or of the two layers of a pair.
    difference : Difference
        Negative: A foretells B better.
    p_adjusted : float
        By Holm's method over all comparisons of the study.
    n_tested : int
        How many those are.
    """

    name: str
    attrs: Mapping[Any, Any]
    cells: tuple[str, ...]
    difference: Difference
    p_adjusted: float
    n_tested: int = 1

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.difference.value - self.difference.critical * self.difference.stderr

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.difference.value + self.difference.critical * self.difference.stderr

    @property
    def resolvable(self) -> float:
        """The smallest asymmetry that its 95 % interval, were it alone, would have told from 0."""
        return self.difference.critical * self.difference.stderr

    @property
    def resolved(self) -> bool:
        """Whether it differs from 0 after correction for the number tested."""
        return self.p_adjusted <= LEVEL

    def row(self, name: str) -> AsymmetryRow:
        """As a figure takes it."""
        return AsymmetryRow(
            name=name,
            value=self.difference.value,
            stderr=self.difference.stderr,
            low=self.low,
            high=self.high,
            p_value=self.p_adjusted,
            resolved=self.resolved,
            resolvable=self.resolvable,
        )

    @property
    def direction(self) -> str:
        """The direction that is lower."""
        return DIRECTIONS[0] if self.difference.value < 0 else DIRECTIONS[1]

    @property
    def sentence(self) -> str:
        """What foretells better, in words, or that it is not resolved."""
        value, stderr = self.difference.value, f"{self.difference.stderr:.3f}"
        if self.resolved:
            better = direction_sentence(self.attrs, self.direction)
            return f"{better} better than the reverse, by {abs(value):.3f} ± {stderr}"
        return f"{direction_name(self.attrs, 'a_to_b')}: {value:+z.3f} ± {stderr}, not resolved"


def asymmetry_of_curve(name: str, result: xr.Dataset) -> Asymmetry | None:
    """Asymmetry over the layers that are semantic for both directions together: a choice that favours neither.

    These are the layers whose mean over directions lies within .05 of the way from its minimum to 1. None where no
    layer has a value in both directions.
    """
    scores, places = Scores.of_result(result)
    layers = [str(layer) for layer in result["layer"].to_numpy()]
    weights = np.zeros((len(layers), len(scores.values)))
    for row, layer in enumerate(layers):
        for direction in DIRECTIONS:
            weights[row, places[direction, layer]] = 0.5
    together = scores.combine(weights)
    if np.isnan(together.values).all():
        return None
    chosen = tuple(
        layer
        for region in regions(together)
        for layer, value in zip(
            layers[region.start : region.stop + 1], together.values[region.start : region.stop + 1], strict=True
        )
        if np.isfinite(value)
    )
    share = 1 / len(chosen)
    difference = Difference.of(
        result,
        {
            (direction, layer): sign * share
            for direction, sign in zip(DIRECTIONS, (1, -1), strict=True)
            for layer in chosen
        },
    )
    return Asymmetry(name, result.attrs, chosen, difference, difference.p_value)


def asymmetry_of_map(name: str, result: xr.Dataset) -> Asymmetry:
    """Asymmetry at the pair of layers where both directions together are least."""
    cells = tuple(str(layer) for layer in result["together"].to_numpy())
    difference = Difference(
        float(result["asymmetry"]), float(result["asymmetry_stderr"]), int(result.attrs["n_groups"])
    )
    return Asymmetry(name, result.attrs, cells, difference, difference.p_value)


def asymmetry_of_all(found: Sequence[Asymmetry], results: Mapping[str, xr.Dataset]) -> Difference | None:
    """The mean of several asymmetries whose first side and model are one.

    None where these differ, or there is no error. On common items, so its error needs no assumption of independence.
    """
    first = {(one.attrs["side_a"], one.attrs["model_a"], one.attrs["model_b"]) for one in found}
    if len(found) < 2 or len(first) > 1 or len({one.attrs["side_b"] for one in found}) < len(found):
        return None
    weights = {
        (one.name, direction, layer): sign / len(one.cells) / len(found)
        for one in found
        for direction, sign in zip(DIRECTIONS, (1, -1), strict=True)
        for layer in one.cells
    }
    value, stderr = contrast({one.name: results[one.name] for one in found}, weights)
    if np.isnan(stderr):
        return None
    return Difference(value, stderr, int(found[0].attrs["n_groups"]))


def adjusted(found: Sequence[Asymmetry]) -> tuple[Asymmetry, ...]:
    """The same with p values corrected for their number, by Holm's method."""
    p_values = holm([one.difference.p_value for one in found])
    return tuple(replace(one, p_adjusted=float(p), n_tested=len(found)) for one, p in zip(found, p_values, strict=True))


def chart_rows(found: Sequence[Asymmetry]) -> list[AsymmetryRow]:
    """Rows of a figure of asymmetries, named by their sides, and by model and tokens where these differ."""
    parts = [
        [
            ", ".join(sides_of(one.attrs, "a_to_b")),
            "" if one.attrs["model_a"] != one.attrs["model_b"] else str(one.attrs["model_a"]),
            str(one.attrs["tokens"]),
        ]
        for one in found
    ]
    differing = [0, *(place for place in (1, 2) if len({part[place] for part in parts}) > 1)]
    return [
        one.row("; ".join(part[place] for place in differing if part[place]))
        for one, part in zip(found, parts, strict=True)
    ]


def rows_of(found: Sequence[Asymmetry]) -> list[dict[str, Any]]:
    """Rows of a table of asymmetries."""
    return [
        {
            "comparison": one.name,
            "a_to_b": direction_name(one.attrs, "a_to_b"),
            "layers": " ".join(one.cells),
            "asymmetry": one.difference.value,
            "stderr": one.difference.stderr,
            "low": one.low,
            "high": one.high,
            "p_value": one.difference.p_value,
            "p_adjusted": one.p_adjusted,
            "resolved": one.resolved,
            "resolvable": one.resolvable,
            "better": direction_name(one.attrs, one.direction) if one.resolved else "",
            "n": int(one.attrs["n"]),
        }
        for one in found
    ]
