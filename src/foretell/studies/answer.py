"""What a study answers: results, words, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from foretell.exceptions import InputError, StudyError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from foretell.studies.preparation.compared import Compared
    from foretell.studies.summaries.summary import Summary

Found = TypeVar("Found")

Table = Sequence[Mapping[str, Any]]
"""Rows, each a value by column; all have the same columns."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a study answers.

    Attributes
    ----------
    results : mapping of str to Dataset
        By the name of the comparison (`docs/result.md`).
    summary : Summary
        The same in words.
    tables : mapping of str to rows
        What is read off several results together, such as asymmetries.
    figures : mapping of str to matplotlib Figure
    failed : mapping of str to str
        Comparisons that could not be measured, and why; the others stand.
    neighbours : mapping of str to Dataset
        Nearest items on either side where both foretell each other best, for the page.
    """

    results: Mapping[str, xr.Dataset]
    summary: Summary
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    neighbours: Mapping[str, xr.Dataset] = field(default_factory=dict)

    @property
    def result(self) -> xr.Dataset:
        """The result of a study with a single one.

        Raises
        ------
        InputError
            If there are several: `results` has them by name.
        """
        if len(self.results) > 1:
            raise InputError(f"This study has several results: choose one of results[...]: {', '.join(self.results)}.")
        return next(iter(self.results.values()))

    def text(self) -> str:
        """The summary as plain text, with what could not be measured."""
        failed = "".join(f"Not measured: {name}: {why}\n" for name, why in self.failed.items())
        return self.summary.text() + (f"\n{failed}" if failed else "")

    def __repr__(self) -> str:
        return f"Answer({', '.join(self.results)})\n{self.summary.paragraph}"


def measured_each(
    compared: Sequence[Compared], measure: Callable[[Compared], Found]
) -> tuple[dict[str, Found], dict[str, str]]:
    """What a function finds of each comparison, by name; and why others could not be measured.

    Raises
    ------
    StudyError
        If none could be.
    """
    found: dict[str, Found] = {}
    failed: dict[str, str] = {}
    for one in compared:
        try:
            found[one.comparison.name] = measure(one)
        except InputError as error:
            failed[one.comparison.name] = str(error)
    if not found:
        raise StudyError("\n".join(f"{name}: {why}" for name, why in failed.items()))
    return found, failed
