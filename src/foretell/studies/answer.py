"""What a study answers: results, words, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foretell.exceptions import InputError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from foretell.studies.summary import Summary

__all__ = ["Answer", "Table"]

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
    """

    results: Mapping[str, xr.Dataset]
    summary: Summary
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)

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

    def __repr__(self) -> str:
        return f"Answer({', '.join(self.results)})\n{self.summary.paragraph}"
