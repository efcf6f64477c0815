"""What a study tests: p values corrected together, verdicts, and how values and differences are written.

A kind of study says what it compares: as rows of a table, or as a mapping from keys of its own to `Verdict`.
`corrected` and `family` correct the p values of all of them. Tables, figures and sentences (`findings`) are read from
what these give, so that none can say more than another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeVar

from foretell.measure.inference.contrasts import contrast
from foretell.measure.inference.p_values import contrast_p_value, holm
from foretell.measure.inference.standard_errors import critical
from foretell.studies.words import how_many

if TYPE_CHECKING:
    pass

LEVEL = 0.05

Key = TypeVar("Key")


@dataclass(frozen=True)
class Verdict:
    """A value with its standard error, and what a test says of it.

    Parameters
    ----------
    value, stderr : float
        A difference on the same items, or a value that is tested against shuffled pairs.
    n_groups : int
        Groups of items, or items, that the error is from.
    p_value : float
        Of this test alone; NaN where there is none.
    corrected : float, optional
        The p value after correction for the family that it belongs to; None: it is the only one.
    """

    value: float
    stderr: float
    n_groups: int
    p_value: float
    corrected: float | None = None

    @classmethod
    def difference(cls, value: float, stderr: float, n_groups: int) -> Verdict:
        """A difference, tested against 0 (`foretell.measure.inference.p_values.contrast_p_value`)."""
        return cls(value, stderr, n_groups, contrast_p_value(value, stderr, n_groups))

    @classmethod
    def contrast(cls, results: Any, weights: Mapping[Any, float], **options: bool) -> Verdict:
        """A weighted sum of cells of results, tested against 0 (`foretell.contrast`)."""
        found = contrast(results, weights, **options)
        return cls(found.value, found.stderr, found.n_groups, found.p_value)

    @property
    def p_adjusted(self) -> float:
        """The p value after correction for its family."""
        return self.p_value if self.corrected is None else self.corrected

    @property
    def significant(self) -> bool:
        """Whether it is a finding after correction. Without an error nothing is."""
        return self.p_adjusted <= LEVEL

    @property
    def insignificant(self) -> bool:
        """Whether there was a test, and it found nothing."""
        return self.p_adjusted > LEVEL

    @property
    def margin(self) -> float:
        """Half the 95 % interval: the smallest difference that, tested alone, would have been significant."""
        return critical(self.n_groups) * self.stderr

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval, not corrected."""
        return self.value - self.margin

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval, not corrected."""
        return self.value + self.margin

    @property
    def z(self) -> float:
        """The value in standard errors; 0 where it is 0, whatever its error."""
        if self.value == 0:
            return 0.0
        if math.isnan(self.value):
            return math.nan
        return self.value / self.stderr if self.stderr else math.copysign(math.inf, self.value)

    def __str__(self) -> str:
        return plus_minus(self.value, self.stderr)

    def columns(self, value: str, *others: str) -> dict[str, Any]:
        """Columns of a table: the value, under a name, and others of its attributes, under theirs."""
        return {value: self.value, **{name: getattr(self, name) for name in others}}

    @property
    def size(self) -> str:
        """Its distance from 0 in words: `0.026 ± 0.010`."""
        return plus_minus(abs(self.value), self.stderr)

    @property
    def signed(self) -> str:
        """It with its sign in words: `+0.026 ± 0.010`."""
        return signed(self.value, self.stderr)


def family(tests: Mapping[Key, Verdict]) -> dict[Key, Verdict]:
    """The same tests, with p values corrected for how many there are (`foretell.holm`)."""
    p_values = holm([test.p_value for test in tests.values()])
    return {key: replace(test, corrected=float(p)) for (key, test), p in zip(tests.items(), p_values, strict=True)}


def corrected(
    rows: Sequence[Mapping[str, Any]], *, tests: Callable[[Mapping[str, Any]], bool] = lambda row: True
) -> list[dict[str, Any]]:
    """Rows of a table with a column `p_adjusted`: `p_value` corrected for how many there are (`foretell.holm`).

    Rows that are no tests (`tests`) do not count, and have NaN.
    """
    p_values = holm([row["p_value"] if tests(row) else math.nan for row in rows])
    return [{**row, "p_adjusted": float(p)} for row, p in zip(rows, p_values, strict=True)]


def findings(
    what: str, rows: Sequence[Mapping[str, Any]], value: str, stderr: str, name: Callable[[Mapping[str, Any]], str]
) -> str:
    """How many rows of a table are significant after correction, and these with what `name` calls them.

    `value` and `stderr` are columns of the table, as is `p_adjusted`.
    """
    significant = [row for row in rows if row["p_adjusted"] <= LEVEL]
    undefined = sum(math.isnan(row[value]) for row in rows)
    listing = ", ".join(f"{signed(row[value], row[stderr])} ({name(row)})" for row in significant)
    return (
        f"Of {len(rows)} {what} {how_many(len(significant), len(rows), ('is', 'are'))} significant"
        f"{f': {listing}' if listing else ''}{f'; {undefined} cannot be compared' if undefined else ''}."
    )


def plus_minus(value: SupportsFloat, stderr: SupportsFloat) -> str:
    """A value and its standard error in words: `0.201 ± 0.015`."""
    return f"{float(value):.3f} ± {float(stderr):.3f}"


def signed(value: float, stderr: float) -> str:
    """A difference and its standard error in words: `+0.026 ± 0.010`."""
    return f"{value:+z.3f} ± {stderr:.3f}"
