"""Best layers of several comparisons: their values without the winner's curse, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from foretell.measure.imbalance.cross_validation import CrossFit, difference
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name
from foretell.studies.summaries.summary import how_many
from foretell.studies.summaries.verdicts import Verdict, family

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BestDifferences", "best_differences", "differences_sentence", "rows_of_differences", "with_best"]

BestDifferences = Mapping[tuple[str, str, str], Verdict]
"""By direction and the names of two comparisons: the cross-validated value of the first minus that of the second."""


def with_best(result: xr.Dataset, fitted: Mapping[str, CrossFit]) -> xr.Dataset:
    """Add the cross-fitted value of the best cell in each direction to a result.

    `best_value`, `best_stderr` and `best_n` (direction): chosen on one half of the items and valued on the other, both
    ways, with so many candidates.
    """
    fits = [fitted[str(direction)] for direction in result["direction"].to_numpy()]
    return result.assign(
        best_value=("direction", [fit.value for fit in fits]),
        best_stderr=("direction", [fit.stderr for fit in fits]),
        best_n=("direction", [min(fit.n) for fit in fits]),
    )


def best_differences(
    fitted: Mapping[str, Mapping[str, CrossFit]], results: Mapping[str, xr.Dataset]
) -> BestDifferences:
    """Differences of the best layers of every two comparisons, in each direction, on common items and halves."""
    tests = {}
    for first, second in combinations(fitted, 2):
        n_groups = max(int(results[first].attrs["n_groups"]) // 2, 2)  # either half has half of the groups
        for direction in DIRECTIONS:
            value, stderr = difference(fitted[first][direction], fitted[second][direction])
            tests[direction, first, second] = Verdict.difference(value, stderr, n_groups)
    return family(tests)


def differences_sentence(differences: BestDifferences, names: Mapping[tuple[str, str], str]) -> str:
    """How many of them are significant, and the largest; `names` are of (comparison, direction)."""
    significant = {key: test for key, test in differences.items() if test.significant}
    said = (
        f"Of {len(differences)} differences between what is best in each, on common items, "
        f"{how_many(len(significant), len(differences), ('is', 'are'))} significant"
    )
    if significant:
        (direction, *pair), test = max(significant.items(), key=lambda item: abs(item[1].value))
        lower, higher = pair if test.value < 0 else reversed(pair)
        said += f", the largest being {names[lower, direction]} below {names[higher, direction]} by {test.size}"
    return f"{said}."


def rows_of_differences(differences: BestDifferences, results: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """Rows of a table of such differences."""
    return [
        {
            "first": f"{first}: {direction_name(results[first].attrs, direction)}",
            "second": f"{second}: {direction_name(results[second].attrs, direction)}",
            "difference": test.value,
            "stderr": test.stderr,
            "low": test.low,
            "high": test.high,
            "p_adjusted": test.p_adjusted,
            "n": int(results[first]["best_n"].min()),
        }
        for (direction, first, second), test in differences.items()
    ]
