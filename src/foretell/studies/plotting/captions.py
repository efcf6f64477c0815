"""What a figure says in words: directions, sides, what its numbers depend on; and how words are made to fit."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from foretell.studies.plotting.style import SIZE
from foretell.studies.words import direction_name, direction_sentence, in_words, sides_of

if TYPE_CHECKING:
    import xarray as xr

LETTERS = {"a_to_b": "A → B", "b_to_a": "B → A"}
"""Directions where there is no room for names, or where they differ from panel to panel."""

LETTERED = {direction: f"{letters.replace('→', 'predicts')} ({letters})" for direction, letters in LETTERS.items()}
"""The same in words, for panels whose titles say what A and B are."""

_LEGEND = 2.45
"""Inches of a label in a legend, at most."""

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
    grouped = any(attrs["n_groups"] != attrs["n_items"] for attrs in results)
    groups = f" in {_each(results, 'n_groups')} groups" if grouped else ""
    numbers = [f"N = {_each(results, 'n_items')} items{groups}", f"n = {_each(results, 'n')}"]
    if tokens:
        numbers.append(f"T = {_each(results, 'T')}")
    numbers += [f"k = {_each(results, 'k')}", _each(results, "convention")]
    models = _joined(name for attrs in results for name in _each_different(attrs, "model_a", "model_b"))
    data = _joined(name for attrs in results for name in _each_different(attrs, "data", "data_a", "data_b"))
    unequal = " Values at different n are not comparable." if len({str(attrs["n"]) for attrs in results}) > 1 else ""
    made_of = "; ".join(filter(None, (models, data)))  # of results that no study made, neither is known
    return f"{', '.join(numbers)}.{f' {made_of}.' if made_of else ''}{unequal}"


def _sides_in_words(attrs: _Attributes) -> str:
    """Which side is A and which is B: `English (A), Spanish (B)`."""
    a, b = (in_words(name) for name in sides_of(attrs, "a_to_b"))
    return f"{a.removesuffix(' (A)')} (A), {b.removesuffix(' (B)')} (B)"


def panel_titles(results: Mapping[str, xr.Dataset]) -> list[str]:
    """What tells panels apart: sides, models or tokens where those differ, else, or besides, the results' names."""
    every = [result.attrs for result in results.values()]
    titles = [""] * len(every)
    for words in (
        [_sides_in_words(attrs) for attrs in every],
        # Where the models are what is compared, the sides are named by them already.
        [" and ".join(_each_different(attrs, "model_a", "model_b")) for attrs in every],
        [str(attrs.get("tokens", "")) for attrs in every],
    ):
        if len(set(titles)) < len(every) and len(set(words)) > 1:
            titles = ["; ".join(filter(None, parts)) for parts in zip(titles, words, strict=True)]
    times = Counter(titles)
    return [
        "; ".join(filter(None, (title, name if times[title] > 1 else "")))
        for title, name in zip(titles, results, strict=True)
    ]


def direction_labels(results: Iterable[_Attributes]) -> Mapping[str, str]:
    """Directions for a legend: in words or codes, whichever fits; else, and where sides differ, in letters."""
    first, *others = results
    codes = {direction: direction_name(first, direction) for direction in LETTERS}
    if len({_sides_in_words(attrs) for attrs in (first, *others)}) == 1:
        for labels in (
            {direction: f"{direction_sentence(first, direction)} ({name})" for direction, name in codes.items()},
            {direction: name.replace("→", "predicts") for direction, name in codes.items()},
        ):
            if max(map(text_width, labels.values())) <= _LEGEND:
                return labels
    return LETTERED


def short_directions(results: Iterable[_Attributes], inches: float) -> Mapping[str, str]:
    """Directions as codes, or in letters where the codes do not fit or differ."""
    different = {tuple(direction_name(attrs, direction) for direction in LETTERS) for attrs in results}
    names = different.pop()
    fit = not different and max(map(text_width, names)) <= inches
    return dict(zip(LETTERS, names, strict=True)) if fit else LETTERS


def letters_told(results: Iterable[_Attributes], *labels: str) -> str:
    """A sentence that says what A and B are, where labels are letters and no titles of panels say it."""
    sides = {_sides_in_words(attrs) if "side_a" in attrs else "" for attrs in results}
    lettered = any(label in {*LETTERS.values(), *LETTERED.values()} for label in labels)
    return f"{''.join(sides)}." if lettered and len(sides) == 1 and sides != {""} else ""


def _each(results: Sequence[_Attributes], key: str) -> str:
    return _joined(value for attrs in results for value in np.atleast_1d(attrs[key]).tolist())


def _joined(values: Iterable[Any]) -> str:
    """Different values once each; of many numbers the least and the greatest."""
    different = list(dict.fromkeys(values))
    if len(different) > 3 and not any(isinstance(value, str) for value in different):
        return f"{min(different)} to {max(different)}"
    *before, last = (str(value) for value in different or [""])
    return f"{', '.join(before)} and {last}" if before else last


def _each_different(attrs: _Attributes, *keys: str) -> list[str]:
    """What an attribute or two say, where they are known, each once."""
    return list(dict.fromkeys(str(attrs[key]) for key in keys if key in attrs))


@lru_cache(4096)
def text_width(words: str, size: float = SIZE) -> float:
    """How many inches a line takes."""
    points, _, _ = text_to_path.get_text_width_height_descent(words, _font(size), ismath=False)
    return float(points) / 72


def wrapped(text: str, inches: float, size: float = SIZE) -> str:
    """A text in lines that are no wider; a word that is wider by itself is broken."""
    text = text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")
    lines = []
    for paragraph in text.splitlines():
        letters = len(paragraph) + 1
        part = [paragraph]
        while max(text_width(line, size) for line in part) > inches and letters > 1:
            # Most texts are cut by the first guess, which is too wide: so many letters of the mean width and half more.
            letters = min(letters - 1, int(1.5 * inches / text_width(paragraph, size) * len(paragraph)) + 1)
            part = textwrap.wrap(paragraph, letters, break_on_hyphens=False)
        lines += part
    return "\n".join(lines)


def shortened(words: str, inches: float, size: float = SIZE) -> str:
    """The words where they fit, else their beginning and end, which tell names of models apart."""
    short = words
    letters = min(len(words), int(4 * inches * 72 / size))  # even of the narrowest no more fit
    while text_width(short, size) > inches and letters > 2:
        letters -= 1
        short = f"{words[: (letters + 1) // 2].rstrip()}…{words[-(letters // 2) :].lstrip()}"
    return short


def shortened_apart(names: Sequence[str], inches: float) -> list[str]:
    """Names shortened, and numbered where different ones would read the same."""
    short = [shortened(name, inches) for name in names]
    if len(set(short)) == len(set(names)):
        return short
    number = {name: place for place, name in enumerate(dict.fromkeys(names), start=1)}
    return [shortened(f"{number[name]}: {name}", inches) for name in names]


@cache
def _font(size: float) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size)
