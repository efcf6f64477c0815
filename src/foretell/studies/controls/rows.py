"""Controls as rows: each variant at one layer, and how it differs from the study itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.contrasts import contrast
from foretell.measure.multiple import contrast_p_value, holm
from foretell.measure.result import DIRECTIONS
from foretell.studies.controls.variants import Variant
from foretell.studies.names import direction_name
from foretell.studies.reporting.controls import ControlRow

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["chart_rows", "rows_of_controls", "rows_of_subsamples"]


def rows_of_controls(reference: xr.Dataset, found: Sequence[Variant], layer: str) -> list[dict[str, Any]]:
    """A row a variant and direction: its value at a layer, and by how much it lies above the reference there."""
    rows: list[dict[str, Any]] = []
    for variant in found:
        result = variant.result
        for direction in DIRECTIONS:
            row: dict[str, Any] = {
                "control": variant.control,
                "variant": variant.name,
                "direction": direction_name(reference.attrs, direction),
                "role": variant.role,
                "of_null": variant.of_null,
                "layer": layer,
            }
            if variant.of_null:
                low, median, high = result["null"].sel(direction=direction, layer=layer).to_numpy().tolist()
                row |= {"imbalance": median, "stderr": np.nan, "low": low, "high": high}
                row |= {"above_reference": np.nan, "above_stderr": np.nan}
                # The layer was picked: the test is of the least over all layers.
                row["p_value"] = float(result["p_value_minimum"].sel(direction=direction))
            else:
                # What has no layers is one cell.
                cell = (layer,) if "layer" in result.dims else (str(result["a"][0].item()), str(result["b"][0].item()))
                at = result.sel(dict(zip(result["imbalance"].dims, (direction, *cell), strict=True)))
                row |= {name: float(at[name]) for name in ("imbalance", "stderr", "low", "high")}
                above = contrast(
                    {"variant": result, "reference": reference},
                    {("variant", direction, *cell): 1, ("reference", direction, layer): -1},
                    allow_different_settings=True,
                )
                row |= {"above_reference": above[0], "above_stderr": above[1]}
                row["p_value"] = contrast_p_value(*above, int(reference.attrs["n_groups"]))
            rows.append(row | {"n": int(result.attrs["n"]), "k": int(result.attrs["k"])})
    # Contrasts with the study are one family of tests, the study against shuffled pairs is another.
    adjusted = [0.0] * len(rows)
    for of_null in (False, True):
        places = [place for place, row in enumerate(rows) if row["of_null"] == of_null]
        for place, p in zip(places, holm([rows[place]["p_value"] for place in places]), strict=True):
            adjusted[place] = float(p)
    return [row | {"p_adjusted": p} for row, p in zip(rows, adjusted, strict=True)]


def rows_of_subsamples(subsamples: xr.Dataset) -> list[dict[str, Any]]:
    """A row a layer: in which share of the subsamples it is in a region, and the lowest."""
    return [
        {
            "layer": str(layer),
            **{
                f"{name}_{direction}": float(subsamples[name].sel(direction=direction, layer=layer))
                for name in ("in_region", "is_minimum")
                for direction in DIRECTIONS
            },
            "subsamples": int(subsamples.attrs["subsamples"]),
            "n": int(subsamples.attrs["n"]),
        }
        for layer in subsamples["layer"].to_numpy()
    ]


def chart_rows(reference: xr.Dataset, rows: Sequence[dict[str, Any]], layer: str) -> list[ControlRow]:
    """The rows of a figure: the reference first, then every variant with both directions."""

    def row(control: str, variant: str, of: Sequence[Any], *, is_reference: bool = False) -> ControlRow:
        imbalance, stderr, low, high = (
            (float(of[0][name]), float(of[1][name])) for name in ("imbalance", "stderr", "low", "high")
        )
        return ControlRow(control, variant, imbalance, stderr, low, high, reference=is_reference)

    itself = [reference.sel(direction=direction, layer=layer) for direction in DIRECTIONS]
    found = [row("the study", f"layer {layer}", itself, is_reference=True)]
    for control, name in dict.fromkeys((one["control"], one["variant"]) for one in rows):
        found.append(row(control, name, [one for one in rows if (one["control"], one["variant"]) == (control, name)]))
    return found
