"""What a study found, in words: the summary, and the phrases that kinds of study have in common."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name, direction_sentence
from foretell.studies.summaries.verdicts import Verdict, plus_minus

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CROSS_VALIDATED",
    "Block",
    "Summary",
    "best_facts",
    "curve_names",
    "direction_block",
    "from_to",
    "heading",
    "how_many",
    "listed",
    "lowest_to_highest",
    "note",
    "null_facts",
    "null_range",
    "runs",
]

CROSS_VALIDATED = (
    "A minimum reads a little low, since it was chosen as such. The cross-validated value (chosen on one half of the "
    "items, valued on the other, both ways) does not, at the n given beside it."
)


@dataclass(frozen=True)
class Block:
    """Facts of one thing, such as a direction: a line a fact, each under the name of what it tells."""

    title: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Summary:
    """What a study found, in words.

    Attributes
    ----------
    heading : tuple of str
        What was compared.
    paragraph : str
        The answer.
    blocks : tuple of Block
        The numbers behind it.
    note : str
        How they are to be read.
    """

    heading: tuple[str, ...]
    paragraph: str
    blocks: tuple[Block, ...]
    note: str

    def text(self, *, width: int = 100) -> str:
        """The summary as plain text, lines no wider than `width`."""
        blocks: list[list[str]] = [list(self.heading), [self.paragraph]]
        for one in self.blocks:
            blocks.append([one.title, *(f"  {name}: {fact}" for name, fact in one.facts.items())])
        blocks.append([self.note])
        wrapped = [
            [textwrap.fill(line, width, subsequent_indent="    " if line.startswith("  ") else "") for line in block]
            for block in blocks
        ]
        return "\n\n".join("\n".join(block) for block in wrapped) + "\n"


def heading(results: Sequence[xr.Dataset]) -> tuple[str, ...]:
    """What was compared: data, sides, models, how many items, and which were left out."""
    attrs = results[0].attrs
    models = listed(dict.fromkeys(str(one.attrs[f"model_{end}"]) for one in results for end in "ab"))
    sides = listed(dict.fromkeys(str(one.attrs[f"side_{end}"]) for one in results for end in "ab"))
    grouped = "" if attrs["n_groups"] == attrs["n_items"] else f" in {attrs['n_groups']} groups"
    dropped = {reason: count for reason, count in json.loads(attrs["drop_counts"]).items() if count}
    reasons = ", ".join(f"{reason} ({count})" for reason, count in dropped.items())
    tokens = listed(dict.fromkeys(str(one.attrs["tokens"]) for one in results))
    asked = f"tokens: {tokens}; k = {attrs['k']}, {attrs['convention']}"
    return (
        f"{attrs['data']} ({attrs['data_licence']}), {sides}, through {models}",
        f"{attrs['n_items']} items{grouped}, {asked}",
        f"Left out: {reasons or 'none'}",
    )


def note(result: xr.Dataset, *sentences: str, measure: str = "Information Imbalance") -> str:
    """How the numbers are to be read: what all studies say, then what this kind does."""
    return " ".join(
        [
            f"{measure}: 0 predicts, 1 says nothing; it falls as items are added, so compare at equal n "
            f"(here {result.attrs['n']}). ± is one standard error (SE).",
            *sentences,
        ]
    )


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


def direction_block(result: xr.Dataset, direction: str, facts: Mapping[str, str], *, name: str | None = None) -> Block:
    """Facts of a direction of a result, under its name in words and in codes (`name`, where these are not enough)."""
    codes = direction_name(result.attrs, direction) if name is None else name
    return Block(f"{direction_sentence(result.attrs, direction)} ({codes})", facts)


def best_facts(result: xr.Dataset, direction: str) -> dict[str, str]:
    """The value of the best cell on items that did not choose it."""
    if "best_value" not in result:
        return {}
    at = result.sel(direction=direction)
    return {"Cross-validated": f"{plus_minus(at['best_value'], at['best_stderr'])} (n = {int(at['best_n'])})"}


def null_facts(result: xr.Dataset, direction: str, **cell: Any) -> dict[str, str]:
    """What shuffled pairs give at a cell, and the p value of the minimum against them."""
    facts = {
        title: null_range(result[name].sel(direction=direction, **cell))
        for name, title in (("null", "Shuffled pairs"), ("null_of_groups", "Shuffled groups"))
        if name in result
    }
    if "p_value_minimum" in result:
        p, count = float(result["p_value_minimum"].sel(direction=direction)), result.attrs["null_permutations"]
        grouped = " of whole groups" if "null_of_groups" in result else ""
        facts["p of the minimum"] = f"{p:.2g} ({count} permutations{grouped})"
    return facts


def null_range(null: xr.DataArray) -> str:
    """Median of shuffled pairs, and where 95 % of them lie."""
    low, median, high = (float(null.sel(quantile=level)) for level in (0.025, 0.5, 0.975))
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def lowest_to_highest(values: Mapping[tuple[str, str], Verdict], names: Mapping[tuple[str, str], str]) -> str:
    """The lowest and the highest of several values, each with its name."""
    ends = (pick(values, key=lambda key: values[key].value) for pick in (min, max))
    return " to ".join(f"{values[key]} ({names[key]})" for key in ends)


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
