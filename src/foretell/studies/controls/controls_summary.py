"""What a controls study found: rows of each variant against the study itself, and words for what its errors support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.inference.contrasts import contrast
from foretell.measure.inference.multiple_testing import contrast_p_value, holm
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.controls.variants import Variant
from foretell.studies.names import direction_name, direction_sentence
from foretell.studies.plotting.controls_figure import ControlRow
from foretell.studies.summaries.asymmetry import LEVEL
from foretell.studies.summaries.summary import Block, Summary, heading, listed, runs

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["chart_rows", "rows_of_controls", "rows_of_subsamples", "summarise_controls"]


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


_QUESTIONS = {
    "breaks": "Of what should take the relation away",
    "baseline": "Of what knows no meaning but may share form",
    "keeps": "Of what should not matter",
}


def summarise_controls(
    reference: xr.Dataset,
    rows: Sequence[Mapping[str, Any]],
    layer: str,
    subsamples: xr.Dataset | None,
    paper: xr.Dataset,
) -> Summary:
    """Say in words what a controls study found.

    Parameters
    ----------
    reference : Dataset
        The study itself, a curve.
    rows : sequence of mappings
        As `rows_of_controls` gives them.
    layer : str
        The layer that they are of.
    subsamples : Dataset, optional
        As `subsampled_regions` gives it.
    paper : Dataset
        The authors' recipe at that layer.
    """
    values = [reference["imbalance"].sel(direction=direction, layer=layer).item() for direction in DIRECTIONS]
    errors = [reference["stderr"].sel(direction=direction, layer=layer).item() for direction in DIRECTIONS]
    names = [direction_name(reference.attrs, direction) for direction in DIRECTIONS]
    itself = listed(f"{v:.3f} ± {e:.3f} ({name})" for v, e, name in zip(values, errors, names, strict=True))
    sentences = [f"At layer {layer} the study itself gives {itself}."]
    nulls = [row for row in rows if row["of_null"]]
    for variant in dict.fromkeys(row["variant"] for row in nulls):
        sentences.append(_shuffled([row for row in nulls if row["variant"] == variant]))
    sentences += [_against(rows, role, question) for role, question in _QUESTIONS.items()]
    sentences += _paper(paper, names)
    if subsamples is not None:
        sentences += [_subsampled(subsamples, reference, direction) for direction in DIRECTIONS]
    return Summary(
        heading=heading([reference]),
        paragraph=" ".join(filter(None, sentences)),
        blocks=tuple(
            Block(f"{direction_sentence(reference.attrs, direction)} ({name})", _facts(rows, name))
            for direction, name in zip(DIRECTIONS, names, strict=True)
        ),
        note="Information Imbalance: 0 foretells, 1 says nothing; it falls as items are added, so compare at equal n "
        f"(here {reference.attrs['n']}). ± is one standard error; differences are on the same items, and p is "
        f"corrected for all {sum(not row['of_null'] for row in rows)} of them by Holm's method. Of shuffled pairs the "
        "median is given, and where 95 % of them lie; the study's least over all layers is tested against them.",
    )


def _of_one_direction(rows: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["direction"] == name]


def _shuffled(rows: Sequence[Mapping[str, Any]]) -> str:
    """What shuffled pairs give, both ways, and whether the study lies below."""
    values = listed(
        f"{row['imbalance']:.2f} ({row['low']:.2f} to {row['high']:.2f}, {row['direction']})" for row in rows
    )
    below = [row for row in rows if row["p_adjusted"] <= LEVEL]
    against = (
        "the study's least lies below, both ways"
        if len(below) == len(rows)
        else f"the study's least lies below one way ({below[0]['direction']})"
        if below
        else "the study's least does not lie below"
    )
    return f"Pairs {rows[0]['variant']} give {values}; {against}."


def _against(rows: Sequence[Mapping[str, Any]], role: str, question: str) -> str:
    """Which variants lie above or below the reference, in both directions or one."""
    mine = [row for row in rows if row["role"] == role and not row["of_null"]]
    above, below, alike, undefined = [], [], [], []
    for control, variant in dict.fromkeys((row["control"], row["variant"]) for row in mine):
        both = [row for row in mine if (row["control"], row["variant"]) == (control, variant)]
        name = f"{control}: {variant}"
        size = ", ".join(f"{row['above_reference']:+.3f} ± {row['above_stderr']:.3f}" for row in both)
        resolved = [row for row in both if row["p_adjusted"] <= LEVEL]
        if any(np.isnan(row["above_reference"]) for row in both):
            undefined.append(name)
        elif not resolved:
            alike.append(name)
        elif all(row["above_reference"] > 0 for row in resolved):
            above.append(f"{name} ({size})")
        elif all(row["above_reference"] < 0 for row in resolved):
            below.append(f"{name} ({size})")
        else:
            above.append(f"{name} (one way; below the other: {size})")
    parts = [
        *([f"{listed(above)} {'lies' if len(above) == 1 else 'lie'} above it"] if above else []),
        *([f"{listed(below)} {'lies' if len(below) == 1 else 'lie'} below it"] if below else []),
        *([f"{listed(alike)} {'is' if len(alike) == 1 else 'are'} not told apart from it"] if alike else []),
        *([f"{listed(undefined)} cannot be compared: all items look alike there"] if undefined else []),
    ]
    return f"{question}, {'; '.join(parts)}." if parts else ""


def _paper(paper: xr.Dataset, names: Sequence[str]) -> list[str]:
    values = paper["imbalance"].to_numpy().reshape(2)
    spreads = paper["spread"].to_numpy().reshape(2)
    found = listed(
        f"{v:.3f} with a spread of {s:.3f} ({name})" for v, s, name in zip(values, spreads, names, strict=True)
    )
    return [f"The authors' recipe gives {found}, at n = {paper.attrs['n']} and so not to be compared with the above."]


def _subsampled(subsamples: xr.Dataset, reference: xr.Dataset, direction: str) -> str:
    """Which layers are semantic whichever items are taken."""
    share = subsamples["in_region"].sel(direction=direction).to_numpy()
    layers = [str(layer) for layer in subsamples["layer"].to_numpy()]
    always = np.flatnonzero(share >= 0.95)
    count, n = subsamples.attrs["subsamples"], subsamples.attrs["n"]
    name = direction_name(reference.attrs, direction)
    if not always.size:
        return f"In {count} random halves of the items (n = {n}) no layer is always semantic ({name})."
    return (
        f"In 95 % or more of {count} random halves of the items (n = {n}) layers {runs(layers, always.tolist())} are "
        f"semantic ({name})."
    )


def _facts(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, str]:
    facts = {}
    for row in _of_one_direction(rows, name):
        title = f"{row['control']}: {row['variant']}"
        if row["of_null"]:
            facts[title] = f"{row['imbalance']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        else:
            facts[title] = (
                f"{row['imbalance']:.3f} ± {row['stderr']:.3f}; {row['above_reference']:+.3f} ± "
                f"{row['above_stderr']:.3f} against the study itself (p = {row['p_adjusted']:.2g})"
            )
    return facts
