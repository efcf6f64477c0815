"""What a study found, in words: the heading, the paragraph, the facts behind it, and how to read them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foretell.studies.words import direction_name, direction_sentence, listed

if TYPE_CHECKING:
    import xarray as xr


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


def direction_block(result: xr.Dataset, direction: str, facts: Mapping[str, str], *, name: str | None = None) -> Block:
    """Facts of a direction of a result, under its name in words and in codes (`name`, where these are not enough)."""
    codes = direction_name(result.attrs, direction) if name is None else name
    return Block(f"{direction_sentence(result.attrs, direction)} ({codes})", facts)
