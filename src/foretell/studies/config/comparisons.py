"""What a study compares: each pair of sides, through each pair of models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import PurePath

from foretell.exceptions import InputError
from foretell.studies.config.sections import ModelOf

_MOST = 10_000


@dataclass(frozen=True)
class Comparison:
    """One pair of sides, each read by a model.

    Parameters
    ----------
    name : str
        Made of what differs among the comparisons of a study: sides, models or both. Fit for a file's name.
    sides : (str, str)
        Of the pairs, A and B.
    models : (ModelOf, ModelOf)
        That read them.
    tokens : (str, str)
        What is kept of either: a recording.
    """

    name: str
    sides: tuple[str, str]
    models: tuple[ModelOf, ModelOf]
    tokens: tuple[str, str]

    @property
    def is_of_itself(self) -> bool:
        """Whether both sides are the same, so that there is nothing to measure."""
        return self.sides[0] == self.sides[1] and self.models[0] == self.models[1] and self.tokens[0] == self.tokens[1]


def comparisons(
    sides: Sequence[tuple[str, str]],
    models: Sequence[tuple[ModelOf, ModelOf]],
    tokens: Sequence[tuple[str, str]],
) -> tuple[Comparison, ...]:
    """Every pair of sides through every pair of models, in every way, named by what differs.

    Raises
    ------
    InputError
        If these are more than 10,000: a few lines of a study can multiply to more than any memory holds.
    """
    count = len(models) * len(sides) * len(tokens)
    if count > _MOST:
        raise InputError(
            f"{len(sides)} pairs of sides, {len(models)} pairs of models and {len(tokens)} token rules are {count:,} "
            f"comparisons, and a study has {_MOST:,} at most: make several studies of it"
        )
    found = list(product(models, sides, tokens))
    names = []
    for of, pair, rules in found:
        parts = []
        if len(models) > 1 or pair[0] == pair[1]:
            parts.append("-".join(dict.fromkeys(map(model_label, of))))
        if len(sides) > 1 or not parts:
            parts.append("-".join(dict.fromkeys(pair)))
        if len(tokens) > 1:
            parts.append("-".join(dict.fromkeys(rules)))
        names.append(file_name("_".join(parts), most=100))
    return tuple(
        Comparison(name, pair, of, rules) for name, (of, pair, rules) in zip(unique(names), found, strict=True)
    )


def model_label(model: ModelOf) -> str:
    """A model's name without its folder or organisation."""
    return PurePath(model.name).name or model.name


def file_name(text: str, *, most: int) -> str:
    """Text as part of a file's name: letters, digits and `-_.`, no more bytes than that, and never hidden."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in text)
    return safe.encode()[:most].decode(errors="ignore").lstrip(".") or "_"


def unique(names: Iterable[str]) -> list[str]:
    """The same names, with a number where one was there before, in large letters or small."""
    taken: set[str] = set()
    last: dict[str, int] = {}  # number that a name was given: of many alike, none is counted from 1 again
    found = []
    for name in names:
        number, free = last.get(name.casefold(), 1), name
        while free.casefold() in taken:
            number += 1
            free = f"{name}-{number}"
        last[name.casefold()] = number
        taken.add(free.casefold())
        found.append(free)
    return found
