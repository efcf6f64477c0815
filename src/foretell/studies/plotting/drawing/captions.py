"""What a figure says in words: directions, sides, and what its numbers depend on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.studies.names import direction_name, direction_sentence, in_words, sides_of
from foretell.studies.plotting.drawing.sheet import text_width

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "LETTERED",
    "LETTERS",
    "codes_told",
    "conditions",
    "direction_label",
    "direction_labels",
    "letters_told",
    "models_of",
    "panel_titles",
    "short_direction",
    "sides_in_words",
]

LETTERS = {"a_to_b": "A → B", "b_to_a": "B → A"}
"""Directions where there is no room for names, or where they differ from panel to panel."""

LETTERED = {direction: f"{letters.replace('→', 'predicts')} ({letters})" for direction, letters in LETTERS.items()}
"""The same in words, for panels whose titles say what A and B are."""

_Attributes = Mapping[Any, Any]


def conditions(*results: _Attributes, tokens: bool = True) -> str:
    """What the numbers of results with these attributes depend on: N, n, T, k, convention, models, data.

    Parameters
    ----------
    *results : mapping
        Attributes of results (`docs/result.md`).
    tokens : bool, default True
        Whether to give T; not where an axis does.
    """
    if not results:
        return ""
    said = [f"N = {_each(results, 'n_items')} items{_groups(results)}", f"n = {_each(results, 'n')}"]
    if tokens:
        said.append(f"T = {_each(results, 'T')}")
    said += [f"k = {_each(results, 'k')}", _each(results, "convention")]
    models = _joined(attrs[key] for attrs in results for key in ("model_a", "model_b") if key in attrs)
    data = _joined(attrs[key] for attrs in results for key in ("data", "data_a", "data_b") if key in attrs)
    unequal = " Values at different n are not comparable." if len({str(attrs["n"]) for attrs in results}) > 1 else ""
    made_of = "; ".join(name for name in (models, data) if name)  # of results that no study made, neither is known
    return f"{', '.join(said)}.{f' {made_of}.' if made_of else ''}{unequal}"


def models_of(attrs: _Attributes) -> str:
    """The model that read both sides, or both models; nothing where they are not known."""
    return " and ".join(dict.fromkeys(str(attrs[key]) for key in ("model_a", "model_b") if key in attrs))


def sides_in_words(attrs: _Attributes) -> str:
    """Which side is A and which is B: `English (A), Spanish (B)`."""
    a, b = (in_words(name) for name in sides_of(attrs, "a_to_b"))
    return f"{a.removesuffix(' (A)')} (A), {b.removesuffix(' (B)')} (B)"


def panel_titles(results: Mapping[str, xr.Dataset]) -> list[str]:
    """What tells panels apart: sides, models or tokens where those differ, else, or besides, the results' names."""
    every = [result.attrs for result in results.values()]
    said: list[list[str]] = [[] for _ in every]
    # Where the models are what is compared, the sides are named by them already.
    for words in (sides_in_words, models_of):
        of_each = [words(attrs) for attrs in every]
        if len(set(of_each)) == 1 or (words is models_of and len({*map(sides_in_words, every)}) == len(every)):
            continue
        for title, word in zip(said, of_each, strict=True):
            title.append(word)
    tokens = [str(attrs.get("tokens", "")) for attrs in every]
    if len({*map(tuple, said)}) < len(results) and len(set(tokens)) > 1:
        for title, name in zip(said, tokens, strict=True):
            title.append(name)
    times = Counter(map(tuple, said))
    for title, name, is_shared in zip(said, results, [times[tuple(title)] > 1 for title in said], strict=True):
        if is_shared:
            title.append(name)
    return ["; ".join(title) for title in said]


def direction_labels(results: Iterable[xr.Dataset], inches: float) -> dict[str, str]:
    """Labels of directions for a legend of several panels: of sides where all have the same, else of A and B.

    In the latter case the panels' titles say what A and B are.
    """
    every = [result.attrs for result in results]
    if len({*map(sides_in_words, every)}) == 1:
        return {direction: direction_label(every[0], direction, inches) for direction in LETTERS}
    return LETTERED


def codes_told(attrs: _Attributes) -> str:
    """What A and B are, as codes, for a caption; nothing of a result that no study made, which names neither."""
    return "A: {}; B: {}.".format(*sides_of(attrs, "a_to_b")) if "side_a" in attrs else ""


def letters_told(results: Iterable[xr.Dataset], *labels: str) -> str:
    """What A and B are, for a caption, where labels are letters and the panels' titles do not say it."""
    sides = {sides_in_words(result.attrs) if "side_a" in result.attrs else "" for result in results} - {""}
    lettered = any(label in {*LETTERS.values(), *LETTERED.values()} for label in labels)
    return f" {sides.pop()}." if lettered and len(sides) == 1 else ""


def direction_label(attrs: _Attributes, direction: str, inches: float) -> str:
    """A direction in words where they fit, in codes where not, in letters where those do not either."""
    codes = direction_name(attrs, direction)
    for words in (f"{direction_sentence(attrs, direction)} ({codes})", codes.replace("→", "predicts")):
        if text_width(words) <= inches:
            return words
    return LETTERED[direction]


def short_direction(attrs: _Attributes, direction: str, inches: float) -> str:
    """A direction as codes, or in letters, which the caption explains, where the codes do not fit."""
    codes = [direction_name(attrs, one) for one in LETTERS]
    fits = max(text_width(name) for name in codes) <= inches
    return direction_name(attrs, direction) if fits else LETTERS[direction]


def _each(results: Sequence[_Attributes], key: str) -> str:
    return _joined(value for attrs in results for value in np.atleast_1d(attrs[key]).tolist())


def _groups(results: Sequence[_Attributes]) -> str:
    if all(attrs["n_groups"] == attrs["n_items"] for attrs in results):
        return ""
    return f" in {_each(results, 'n_groups')} groups"


def _joined(values: Iterable[Any]) -> str:
    """Different values once each; of many numbers the least and the greatest."""
    different = list(dict.fromkeys(values))
    if len(different) > 3 and not any(isinstance(value, str) for value in different):
        return f"{min(different)} to {max(different)}"
    *before, last = (str(value) for value in different or [""])
    return f"{', '.join(before)} and {last}" if before else last
