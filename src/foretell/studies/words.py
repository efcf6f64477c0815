"""Words for people: sides and directions in place of codes; lists, counts and ranges in a sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING, Any

from foretell.measure.results.schema import DIRECTIONS

if TYPE_CHECKING:
    import xarray as xr


def side_name(side: str) -> str:
    """A side in words where it is the code of a well-known language, else as it is."""
    return _languages().get(side.lower(), side)


@cache
def _languages() -> dict[str, str]:
    return tomllib.loads(files("foretell.studies").joinpath("languages.toml").read_text(encoding="utf-8"))


def sides_of(attrs: Mapping[Any, Any], direction: str) -> tuple[str, str]:
    """What predicts and what is predicted, as codes, for a direction of a result with these attributes.

    Sides, where one model read both; models, where both read one side; else sides by their models. Of a result that no
    study made, which names neither, A and B.
    """
    if "side_a" not in attrs:
        return ("A", "B") if direction == "a_to_b" else ("B", "A")
    a, b = ((str(attrs[f"side_{side}"]), str(attrs.get(f"model_{side}", ""))) for side in "ab")
    if a == b:  # one model in two ways: in two dtypes, or by two token rules
        names = f"{a[0]} (A)", f"{b[0]} (B)"
    elif a[1] == b[1]:
        names = a[0], b[0]
    elif a[0] == b[0]:
        names = a[1], b[1]
    else:
        names = f"{a[0]} by {a[1]}", f"{b[0]} by {b[1]}"
    return names if direction == "a_to_b" else names[::-1]


def short_names(attrs: Mapping[Any, Any]) -> tuple[str, str]:
    """What is enough to tell A from B: the sides, or where both are one, the models."""
    sides = str(attrs["side_a"]), str(attrs["side_b"])
    return sides if sides[0] != sides[1] else (str(attrs["model_a"]), str(attrs["model_b"]))


def direction_name(attrs: Mapping[Any, Any], direction: str) -> str:
    """A direction as codes: `en → es`."""
    source, target = sides_of(attrs, direction)
    return f"{source} → {target}"


def direction_sentence(attrs: Mapping[Any, Any], direction: str) -> str:
    """A direction in words, which say what its arrow means: `English predicts Spanish`."""
    source, target = (in_words(name) for name in sides_of(attrs, direction))
    return f"{source} predicts {target}"


def in_words(name: str) -> str:
    """A side in words, and what follows its name as it is: its model, or a letter."""
    for sign in (" by ", " (A)", " (B)"):
        side, found, model = name.partition(sign)
        if found:
            return f"{side_name(side)}{found}{model}"
    return side_name(name)


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
