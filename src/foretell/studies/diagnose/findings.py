"""What a diagnosis says: findings, each with its evidence and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foretell.measure.array_types import Items

_SHOWN = 6

FAULTS = (
    "items_differ",
    "items_missing",
    "pairs_shifted",
    "pairs_scrambled",
    "nothing_shared",
    "collapsed_bits",
    "dead_dimensions",
    "duplicate_items",
    "wrong_metric",
    "directions_swapped",
    "other_result",
    "not_below_shuffled",
)
"""Everything that a finding may be of."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One fault, and why it is said.

    Parameters
    ----------
    fault : str
        One of `FAULTS`.
    said : str
        What is wrong, in one line.
    evidence : mapping of str to float, int or str
        The numbers that it rests on, by name.
    remedy : str
        What to do, in one line.
    repair : ndarray of int64, shape (2, M), optional
        Of pairs that go together otherwise than as given: places in A, and below them those in B.
    """

    fault: str
    said: str
    evidence: Mapping[str, float | int | str]
    remedy: str
    repair: Items | None = None

    @property
    def shown(self) -> dict[str, str]:
        """The evidence as text."""
        return {
            name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in self.evidence.items()
        }


def first_few(words: Sequence[str], between: str = ", ") -> str:
    """The first six of some words, and whether there are more."""
    return between.join([*words[:_SHOWN], *(["..."] if len(words) > _SHOWN else [])])


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was looked at, and what was found.

    Parameters
    ----------
    findings : tuple of Finding
        The gravest first; none where nothing is wrong.
    looked_at : tuple of str
        What was examined, a line each, so that "nothing found" can be judged.
    """

    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of what was found, of `FAULTS`."""
        return tuple(finding.fault for finding in self.findings)

    def text(self) -> str:
        """The diagnosis as plain text, a fact a line."""
        lines = []
        for finding in self.findings:
            lines.append(f"! {finding.said}")
            lines += [f"    {name}: {value}" for name, value in finding.shown.items()]
            lines.append(f"    remedy: {finding.remedy}")
        if not lines:
            lines.append("Nothing wrong was found.")
        return "\n".join([*lines, "Looked at:", *(f"    {line}" for line in self.looked_at)])

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.faults) or 'healthy'}>\n{self.text()}"
