"""What a study compares: each pair of sides, through each pair of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import PurePath

from foretell.studies.sections import ModelOf

__all__ = ["Comparison", "comparisons", "model_label"]


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
    """Every pair of sides through every pair of models, in every way, named by what differs."""
    made = []
    seen: Counter[str] = Counter()
    for of, pair, rules in product(models, sides, tokens):
        parts = []
        if len(models) > 1 or pair[0] == pair[1]:
            parts.append("-".join(dict.fromkeys(map(model_label, of))))
        if len(sides) > 1 or not parts:
            parts.append("-".join(dict.fromkeys(pair)))
        if len(tokens) > 1:
            parts.append("-".join(dict.fromkeys(rules)))
        name = _file_name("_".join(parts))
        seen[name] += 1
        made.append(Comparison(name if seen[name] == 1 else f"{name}-{seen[name]}", pair, of, rules))
    return tuple(made)


def model_label(model: ModelOf) -> str:
    """A model's name without its folder or organisation."""
    return PurePath(model.name).name or model.name


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)[:120].lstrip(".") or "_"
