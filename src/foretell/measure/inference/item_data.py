"""What a result holds of single items, beside its values: their ids and groups, and the scores that contrasts need.

A result is a `Dataset` over layers. Scores are over cells and items, and their edges over pairs of items: as variables
of the same dataset they would make its table (`Dataset.to_dataframe`) explode. So they are an attribute of it,
``result.attrs["items"]``, which xarray keeps where a part of a result is selected or copied. `foretell.save_result`
writes them into a group of the file (``docs/result.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.inference.standard_errors import Scores, group_codes

if TYPE_CHECKING:
    import xarray as xr

Cell = tuple[str, ...]
"""Names of a cell: direction and layer, or direction, layer of A and layer of B."""


@dataclass(frozen=True, repr=False, eq=False)
class ItemData:
    """Items of a result, and scores of its cells.

    Attributes
    ----------
    ids : tuple of str
    groups, strata : tuple of str, or None
        Of each item, where there are any.
    cells : tuple of tuples of str
        Names of the cells that have scores: direction and layer, or direction, a and b.
    scores : Scores or None
        Of these cells, in this order; None without errors.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    strata: tuple[str, ...] | None = None
    cells: tuple[Cell, ...] = ()
    scores: Scores | None = None

    def __repr__(self) -> str:
        scores = f", scores of {len(self.cells)} cells" if self.scores is not None else ""
        return f"{len(self.ids)} items{scores} (foretell.save_result writes them)"

    def __eq__(self, other: object) -> bool:
        """Whether all that is held is the same."""
        if not isinstance(other, ItemData):
            return False
        return self.cells == other.cells and self.to_dataset().identical(other.to_dataset())

    __hash__ = None  # type: ignore[assignment]

    def to_dataset(self) -> xr.Dataset:
        """As the group ``items`` of a file (``docs/result.md``)."""
        import xarray as xr

        variables: dict[str, Any] = {}
        for name, labels in (("group", self.groups), ("stratum", self.strata)):
            if labels is not None:
                variables[name] = ("item", np.array(labels, dtype=object))
        if self.scores is not None:
            scores = self.scores
            for number, name in enumerate(_names_of(len(self.cells[0]))):
                variables[name] = ("cell", np.array([cell[number] for cell in self.cells], dtype=object))
            variables |= {
                "value": ("cell", scores.values),
                "scores": (("cell", "item"), scores.psi),
                "edge_cell": ("edge", scores.cell.astype(np.int32)),
                "edge_query": ("edge", scores.query.astype(np.int32)),
                "edge_candidate": ("edge", scores.candidate.astype(np.int32)),
                "edge_score": ("edge", scores.edge),
            }
        return xr.Dataset(variables, {"item": np.array(self.ids, dtype=object)})

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> ItemData:
        """What `to_dataset` gave; raises `ValueError` where edges point at no item or cell."""

        def text(name: str) -> tuple[str, ...]:
            return tuple(map(str, dataset[name].to_numpy()))

        ids = text("item")
        groups, strata = (text(name) if name in dataset else None for name in ("group", "stratum"))
        if "scores" not in dataset:
            return cls(ids, groups, strata)
        scores = Scores(
            values=dataset["value"].to_numpy(),
            psi=dataset["scores"].to_numpy(),
            cell=dataset["edge_cell"].to_numpy().astype(np.int64),
            query=dataset["edge_query"].to_numpy().astype(np.int64),
            candidate=dataset["edge_candidate"].to_numpy().astype(np.int64),
            edge=dataset["edge_score"].to_numpy(),
            groups=group_codes(groups, len(ids)),
        )
        names = _names_of(2 if "layer" in dataset else 3)
        cells = tuple(zip(*(text(name) for name in names), strict=True))
        if scores.psi.shape != (len(cells), len(ids)):
            raise ValueError("scores are not of shape (cells, items)")
        for places, count in ((scores.cell, len(cells)), (scores.query, len(ids)), (scores.candidate, len(ids))):
            if places.size and not 0 <= places.min() <= places.max() < count:
                raise ValueError("an edge points at no item or cell")
        return cls(ids, groups, strata, cells, scores)


def _names_of(length: int) -> tuple[str, ...]:
    """What the parts of a cell's name are, of a curve or of a map."""
    return ("direction", "layer") if length == 2 else ("direction", "a", "b")


def items_of(result: xr.Dataset) -> ItemData:
    """The items of a result, and its scores.

    Raises
    ------
    InputError
        If the result does not hold them.
    """
    items = result.attrs.get("items")
    if not isinstance(items, ItemData):
        raise InputError(
            "This result does not hold its items: give it as it was measured, or as `foretell.load_result` reads it "
            "without values_only."
        )
    return items


def scores_of(result: xr.Dataset) -> tuple[Scores, dict[Cell, int]]:
    """The scores of a result, and where each cell stands among them.

    Raises
    ------
    InputError
        If the result has no scores.
    """
    items = items_of(result)
    if items.scores is None:
        raise InputError("This result holds no scores: measure it with errors=True.")
    return items.scores, {cell: place for place, cell in enumerate(items.cells)}
