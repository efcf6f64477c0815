"""What came of every case, counted by fault, and the table of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

__all__ = ["PAGE", "Case", "Fault", "tables", "write"]

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- counts: written by `make test-faults FAULTS=--write` -->", "<!-- /counts -->"

Outcome = Literal["same result", "clear error, then the same result", "clear error"]


@dataclass
class Case:
    """One time that something was disturbed."""

    outcome: Outcome | None = None


@dataclass
class Fault:
    """A kind of disturbance, and what came of it.

    Parameters
    ----------
    name : str
        In the table.
    outcomes : Counter
        By outcome.
    failures : list of str
        What was neither resumed nor refused as it should be.
    before : int
        Kills that came before the first file was written.
    missed : int
        Kills that came when the work was over, which are no cases.
    """

    name: str
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    before: int = 0
    missed: int = 0

    @contextmanager
    def case(self, name: object) -> Iterator[Case]:
        """Count a case: an assertion that does not hold is a failure, and the next case follows."""
        one = Case()
        try:
            yield one
            assert one.outcome is not None
        except AssertionError as error:
            self.failures.append(f"{name}: {error}")
        else:
            self.outcomes[one.outcome] += 1

    @property
    def n_cases(self) -> int:
        """How many there were."""
        return self.outcomes.total() + len(self.failures)


def tables(faults: Sequence[Fault]) -> str:
    """What came of every fault; and of kills, which part of the work they hit."""
    outcomes = [
        [one.name, one.n_cases, *(one.outcomes[outcome] for outcome in get_args(Outcome)), len(one.failures)]
        for one in faults
    ]
    moments = [
        [one.name, one.before, one.n_cases - one.before, one.missed] for one in faults if one.name.startswith("kill")
    ]
    return "\n\n".join(
        [
            _table(["fault", "cases", *get_args(Outcome), "failures"], outcomes),
            _table(["of the kills", "before the first file", "later in the work", "too late, not counted"], moments),
        ]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write(faults: Sequence[Fault]) -> None:
    """Put the table into the page."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{tables(faults)}\n{END}{after}", encoding="utf-8")
