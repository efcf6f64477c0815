"""Best layers, or pairs of layers, of a depth or a map study: minima, their cross-validated values, how they differ.

The minimum of a curve or a map was chosen as such and reads low. It is tested against the minimum of shuffled pairs;
its value, and differences between comparisons, are cross-validated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.imbalance.cross_validation import CrossValidated, difference
from foretell.measure.results.schema import DIRECTIONS, cell_of
from foretell.studies.summaries.asymmetry import Asymmetry, asymmetry_sentences
from foretell.studies.summaries.summary import Summary, direction_block, heading, note
from foretell.studies.summaries.verdicts import Verdict, family, plus_minus
from foretell.studies.words import curve_names, direction_name, how_many, null_range

if TYPE_CHECKING:
    import xarray as xr

Minima = Mapping[tuple[str, str], Verdict]
"""By comparison and direction."""

BestDifferences = Mapping[tuple[str, str, str], Verdict]
"""By direction and the names of two comparisons: the cross-validated value of the first minus that of the second."""


def lowest_together(curves: Sequence[xr.Dataset], layers: Sequence[str]) -> str:
    """The one of some layers where both directions of all these curves together are lowest.

    A choice by one curve alone would make it read low beside the others.
    """
    values = [
        curve["imbalance"].mean("direction", skipna=False).sel(layer=[int(layer) for layer in layers]).to_numpy()
        for curve in curves
    ]
    together = np.mean(values, axis=0)
    if np.isnan(together).all():
        raise InputError("No layer has a value both ways: all items look alike on one of the sides.")
    return layers[int(np.nanargmin(together))]


def with_best(result: xr.Dataset, fitted: Mapping[str, CrossValidated]) -> xr.Dataset:
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
    fitted: Mapping[str, Mapping[str, CrossValidated]], results: Mapping[str, xr.Dataset]
) -> BestDifferences:
    """Differences of the best layers of every two comparisons, in each direction, on common items and halves."""
    tests = {}
    for first, second in combinations(fitted, 2):
        n_groups = max(int(results[first].attrs["n_groups"]) // 2, 2)  # either half has half of the groups
        for direction in DIRECTIONS:
            value, stderr = difference(fitted[first][direction], fitted[second][direction])
            tests[direction, first, second] = Verdict.difference(value, stderr, n_groups)
    return family(tests)


def cross_fitted_columns(result: xr.Dataset, direction: str) -> dict[str, float]:
    """The cross-validated value of the best cell, as columns of a table."""
    at = result.sel(direction=direction)
    return {
        "cross_fitted": float(at["best_value"]),
        "cross_fitted_stderr": float(at["best_stderr"]),
        "cross_fitted_n": int(at["best_n"]),
    }


def best_facts(result: xr.Dataset, direction: str, *cell: str) -> dict[str, str]:
    """The cross-validated value of the best cell, what shuffled pairs give there, and the p value of the minimum."""
    at = cell_of(result, direction, *cell)
    facts = {}
    if "best_value" in result:
        facts["Cross-validated"] = f"{plus_minus(at['best_value'], at['best_stderr'])} (n = {int(at['best_n'])})"
    for name, title in (("null", "Shuffled pairs"), ("null_of_groups", "Shuffled groups")):
        if name in result:
            facts[title] = null_range(at[name])
    if "p_value_minimum" in result:
        grouped = " of whole groups" if "null_of_groups" in result else ""
        count = f"{result.attrs['null_permutations']} permutations{grouped}"
        facts["p of the minimum"] = f"{float(at['p_value_minimum']):.2g} ({count})"
    return facts


def minimum_sentence(words: str, minimum: Verdict, *, where: str, flat: bool = False) -> str:
    """What a curve or a map shows: where it is lowest, if it is lower there than elsewhere and than shuffled pairs."""
    if flat:
        return f"{words} alike at all layers within the errors (minimum {minimum}), so no layer stands out."
    if minimum.insignificant:
        return f"{words} no better than shuffled pairs do (minimum {minimum}, p = {minimum.p_adjusted:.2g})."
    return f"{words} best {where}, with an imbalance of {minimum}."


def summarise_best(
    results: Mapping[str, xr.Dataset],
    minima: Minima,
    asymmetries: Sequence[Asymmetry],
    differences: BestDifferences,
    *,
    of_one: Callable[[str, str], str],
    of_several: Callable[[Mapping[tuple[str, str], str]], list[str]],
    facts: Callable[[str, str], Mapping[str, str]],
    where: str,
    over: str,
) -> Summary:
    """The summary of a depth or a map study.

    Parameters
    ----------
    results : mapping of name to Dataset
        Curves or maps.
    minima : mapping
        Of these (`family`).
    asymmetries : sequence of Asymmetry
        Of these, those that have one, corrected for their number.
    differences : mapping
        Of the best cells of every two of them (`best_differences`).
    of_one, of_several, facts : callable
        What this kind says: a sentence on a comparison and direction, of a study of one; sentences on all of them, from
        their names; and the numbers of a comparison and direction.
    where : str
        Which layers the asymmetry of a single comparison is of.
    over : str
        What a minimum is taken over: "layers".
    """
    names, first = curve_names(results), next(iter(results.values()))
    several = len(results) > 1
    sentences = of_several(names) if several else [of_one(*key) for key in minima]
    sentences += asymmetry_sentences(asymmetries, results, where=where)
    corrected = ""
    if several:
        sentences.append(_differences_sentence(differences, names))
        corrected = f", corrected for all {len(minima)} by Holm's method where one is called lower than these"
    return Summary(
        heading=heading(list(results.values())),
        paragraph=" ".join(sentences),
        blocks=tuple(direction_block(results[key[0]], key[1], facts(*key), name=names[key]) for key in minima),
        note=note(
            first,
            "Intervals (CI), and the confidence set of a best layer, are 95 %.",
            f"p is that of the minimum over all {over} against shuffled pairs{corrected}.",
            "A minimum reads a little low, since it was chosen as such. The cross-validated value (chosen on one half "
            "of the items, valued on the other, both ways) does not, at the n given beside it.",
        ),
    )


def lowest_to_highest(values: Minima, names: Mapping[tuple[str, str], str]) -> str:
    """The lowest and the highest of several values, each with its name."""
    ends = (pick(values, key=lambda key: values[key].value) for pick in (min, max))
    return " to ".join(f"{values[key]} ({names[key]})" for key in ends)


def _differences_sentence(differences: BestDifferences, names: Mapping[tuple[str, str], str]) -> str:
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
            **test.columns("difference", "stderr", "low", "high", "p_adjusted"),
            "n": int(results[first]["best_n"].min()),
        }
        for (direction, first, second), test in differences.items()
    ]
