"""Best layers of several comparisons: their values without the winner's curse, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from foretell.measure.imbalance.cross_validation import CrossFit, difference
from foretell.measure.inference.multiple_testing import contrast_p_value, holm
from foretell.measure.inference.standard_errors import critical
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name
from foretell.studies.summaries.asymmetry import LEVEL
from foretell.studies.summaries.summary import how_many

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BestDifference", "best_differences", "differences_sentences", "rows_of_differences", "with_best"]


def with_best(result: xr.Dataset, fitted: Mapping[str, CrossFit]) -> xr.Dataset:
    """Add the cross-fitted value of the best cell in each direction to a result.

    `best_value`, `best_stderr` and `best_n` (direction): chosen on one half of the items and valued on the other, both
    ways, with so many candidates.
    """
    of = [fitted[str(direction)] for direction in result["direction"].to_numpy()]
    return result.assign(
        best_value=("direction", [one.value for one in of]),
        best_stderr=("direction", [one.stderr for one in of]),
        best_n=("direction", [min(one.n) for one in of]),
    )


@dataclass(frozen=True)
class BestDifference:
    """How the best layers of two comparisons differ in one direction, on common items and halves.

    Attributes
    ----------
    direction, first, second : str
        The direction, and the names of the comparisons.
    value, stderr : float
        Of the cross-fitted values, first less second.
    n_groups : int
    p_adjusted : float
        By Holm's method over all differences of the study.
    """

    direction: str
    first: str
    second: str
    value: float
    stderr: float
    n_groups: int
    p_adjusted: float


def best_differences(
    fitted: Mapping[str, Mapping[str, CrossFit]], results: Mapping[str, xr.Dataset]
) -> tuple[BestDifference, ...]:
    """Differences of the best layers of every two comparisons, in each direction."""
    found = []
    for first, second in combinations(fitted, 2):
        for direction in DIRECTIONS:
            value, stderr = difference(fitted[first][direction], fitted[second][direction])
            found.append((direction, first, second, value, stderr, int(results[first].attrs["n_groups"])))
    # Either half has half of the groups.
    p_values = holm([contrast_p_value(value, stderr, max(groups // 2, 2)) for *_, value, stderr, groups in found])
    return tuple(BestDifference(*one, float(p)) for one, p in zip(found, p_values, strict=True))


def differences_sentences(differences: Sequence[BestDifference], names: Mapping[tuple[str, str], str]) -> list[str]:
    """How many of them are resolved, and the largest; `names` are of (comparison, direction)."""
    resolved = [one for one in differences if one.p_adjusted <= LEVEL]
    said = (
        f"Of {len(differences)} differences between what is best in each, on common items, "
        f"{how_many(len(resolved), len(differences))} {'is' if len(resolved) == 1 else 'are'} resolved"
    )
    if resolved:
        largest = max(resolved, key=lambda one: abs(one.value))
        lower, higher = (largest.first, largest.second) if largest.value < 0 else (largest.second, largest.first)
        said += (
            f", the largest being {names[lower, largest.direction]} below {names[higher, largest.direction]} by "
            f"{abs(largest.value):.3f} ± {largest.stderr:.3f}"
        )
    return [f"{said}."]


def rows_of_differences(found: Sequence[BestDifference], results: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """Rows of a table of such differences."""
    return [
        {
            "first": f"{one.first}: {direction_name(results[one.first].attrs, one.direction)}",
            "second": f"{one.second}: {direction_name(results[one.second].attrs, one.direction)}",
            "difference": one.value,
            "stderr": one.stderr,
            "low": one.value - critical(one.n_groups // 2) * one.stderr,
            "high": one.value + critical(one.n_groups // 2) * one.stderr,
            "p_adjusted": one.p_adjusted,
            "n": int(results[one.first]["best_n"].min()),
        }
        for one in found
    ]
