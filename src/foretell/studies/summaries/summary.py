"""What a study found, in words: only what its errors support."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foretell.measure.inference.contrasts import contrast
from foretell.measure.inference.multiple_testing import contrast_p_value
from foretell.measure.inference.standard_errors import critical
from foretell.studies.names import direction_name, direction_sentence

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Block", "Difference", "Summary", "asymmetry_sentence", "heading", "how_many", "listed", "runs"]


@dataclass(frozen=True)
class Difference:
    """A difference of two values on the same items, with its standard error."""

    value: float
    stderr: float
    n_groups: int

    @classmethod
    def of(cls, result: xr.Dataset, weights: Mapping[Any, float]) -> Difference:
        """Of cells of one result, by their weights (`foretell.contrast`)."""
        return cls(*contrast(result, weights), int(result.attrs["n_groups"]))

    @property
    def critical(self) -> float:
        """Standard errors in half a 95 % interval."""
        return critical(self.n_groups)

    @property
    def z(self) -> float:
        """The difference in standard errors; 0 where it is 0, whatever its error."""
        if self.value == 0:
            return 0.0
        if math.isnan(self.value):
            return math.nan
        return self.value / self.stderr if self.stderr else math.copysign(math.inf, self.value)

    @property
    def p_value(self) -> float:
        """Two-sided, of no difference; NaN without an error."""
        return contrast_p_value(self.value, self.stderr, self.n_groups)

    @property
    def resolved(self) -> bool:
        """Whether the 95 % interval excludes 0. Without an error nothing is."""
        return abs(self.z) >= self.critical


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


def asymmetry_sentence(attrs: Mapping[Any, Any], where: str, difference: Difference) -> str:
    """Say which direction is the better one there, if either is; the difference is of a to b less b to a."""
    value = f"{direction_name(attrs, 'a_to_b')} less the reverse is {difference.value:+z.3f}"
    if math.isnan(difference.stderr):
        return f"{where}: {value}, not resolved (too few items for an error)."
    if not difference.resolved:
        return (
            f"{where}: {value} ± {difference.stderr:.3f}, not resolved "
            f"({difference.critical * difference.stderr:.3f} or more would have been)."
        )
    better = "a_to_b" if difference.value < 0 else "b_to_a"
    return (
        f"{where}: {direction_sentence(attrs, better)} better than the reverse, by {abs(difference.value):.3f} ± "
        f"{difference.stderr:.3f} ({abs(difference.z):.1f} SE)."
    )


def listed(names: Any) -> str:
    """Names as a list in a sentence: `a, b and c`."""
    *most, last = [str(name) for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def how_many(count: int, of: int) -> str:
    """A count of several: `none`, `2`, `all 8`."""
    return "none" if count == 0 else f"all {of}" if count == of and of > 1 else str(count)


def runs(names: Sequence[str], positions: Sequence[int]) -> str:
    """Names at some positions, neighbours joined: `8, 12 to 15`."""
    found: list[list[int]] = []
    for position in sorted(positions):
        if found and found[-1][1] == position - 1:
            found[-1][1] = position
        else:
            found.append([position, position])
    return ", ".join(names[first] if first == last else f"{names[first]} to {names[last]}" for first, last in found)
