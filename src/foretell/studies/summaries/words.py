"""Phrases that kinds of study have in common: lists, counts, ranges, names of curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["curve_names", "from_to", "how_many", "listed", "null_range", "runs"]


def curve_names(results: Mapping[str, xr.Dataset]) -> dict[tuple[str, str], str]:
    """Curves or maps by comparison and direction: their model and tokens are named where there are several."""
    attrs = [result.attrs for result in results.values()]
    several_models, several_tokens = (len({str(one[key]) for one in attrs}) > 1 for key in ("model_a", "tokens"))
    names = {}
    for (name, result), direction in product(results.items(), DIRECTIONS):
        words = [direction_name(result.attrs, direction)]
        if several_models and result.attrs["model_a"] == result.attrs["model_b"]:
            words.append(str(result.attrs["model_a"]))
        if several_tokens:
            words.append(str(result.attrs["tokens"]))
        names[name, direction] = ", ".join(words)
    return names


def null_range(null: xr.DataArray) -> str:
    """Median of shuffled pairs, and where 95 % of them lie."""
    low, median, high = (float(null.sel(quantile=level)) for level in (0.025, 0.5, 0.975))
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def listed(names: Any) -> str:
    """Names as a list in a sentence: `a, b and c`."""
    *most, last = [str(name) for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def how_many(count: int, total: int, verb: tuple[str, str] | None = None) -> str:
    """A count of several: `none`, `2`, `all 8`; with a verb, its form for one and for many, `2 are`."""
    words = "none" if count == 0 else f"all {total}" if count == total and total > 1 else str(count)
    return words if verb is None else f"{words} {verb[count != 1]}"


def runs(names: Sequence[str], positions: Iterable[int]) -> str:
    """Names at some positions, neighbours joined: `8, 12 to 15`."""
    joined: list[list[int]] = []
    for position in sorted(positions):
        if joined and joined[-1][1] == position - 1:
            joined[-1][1] = position
        else:
            joined.append([position, position])
    return ", ".join(from_to(names[first], names[last]) for first, last in joined)


def from_to(first: str, last: str) -> str:
    """A range in words, or its only member."""
    return first if first == last else f"{first} to {last}"
