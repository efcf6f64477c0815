"""Which of two sides predicts the other better, where both do so best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.inference.item_data import scores_of
from foretell.measure.inference.minimum import regions
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.summaries.verdicts import Verdict, family
from foretell.studies.words import direction_name, direction_sentence, from_to, how_many, side_name, sides_of

if TYPE_CHECKING:
    import xarray as xr

_SIGNS = dict(zip(DIRECTIONS, (1, -1), strict=True))


@dataclass(frozen=True)
class Asymmetry:
    """II(A -> B) minus II(B -> A) of one comparison, averaged over some cells.

    Attributes
    ----------
    name : str
        Of the comparison.
    attrs : mapping
        Of its result.
    cells : tuple of str
        Names of the layers, or of the two layers of a pair.
    test : Verdict
        Below 0: A predicts B better.
    """

    name: str
    attrs: Mapping[Any, Any]
    cells: tuple[str, ...]
    test: Verdict

    @property
    def better(self) -> str:
        """The direction that is lower."""
        return DIRECTIONS[0] if self.test.value < 0 else DIRECTIONS[1]

    @property
    def sentence(self) -> str:
        """Which side predicts the other better, or that the difference is not significant."""
        test = self.test
        if test.significant:
            return f"{direction_sentence(self.attrs, self.better)} better than the reverse, by {test.size}"
        difference = " minus ".join(direction_name(self.attrs, direction) for direction in DIRECTIONS)
        if np.isnan(test.stderr):
            return f"{difference} is {test.value:+z.3f}, not significant (too few items for an error)"
        # One of many may be insignificant though its own interval leaves out 0.
        alone = f"; {test.margin:.3f} or more would have been" if abs(test.value) < test.margin else ", not corrected"
        return f"{difference} is {test.signed}, not significant (95 % CI {test.low:+z.3f} to {test.high:+z.3f}{alone})"


def asymmetry_of_curve(name: str, result: xr.Dataset) -> Asymmetry | None:
    """Asymmetry over the layers that are semantic for both directions together: a choice that favours neither.

    These are the layers whose mean over directions lies within .05 of the way from its minimum to 1. None where there
    are none, as where no layer has a value in both directions.
    """
    scores, places = scores_of(result)
    layers = [str(layer) for layer in result["layer"].to_numpy()]
    weights = np.zeros((len(layers), len(scores.values)))
    for direction in DIRECTIONS:
        weights[np.arange(len(layers)), [places[direction, layer] for layer in layers]] = 0.5
    together = scores.combine(weights)
    if np.isnan(together.values).all():
        return None
    chosen = tuple(
        layers[number]
        for region in regions(together)
        for number in range(region.start, region.stop + 1)
        if np.isfinite(together.values[number])
    )
    if not chosen:
        return None
    cells = {(direction, layer): sign / len(chosen) for direction, sign in _SIGNS.items() for layer in chosen}
    return Asymmetry(name, result.attrs, chosen, Verdict.contrast(result, cells))


def asymmetry_of_map(name: str, result: xr.Dataset) -> Asymmetry:
    """Asymmetry at the pair of layers where both directions together are lowest."""
    value, stderr = float(result["asymmetry"]), float(result["asymmetry_stderr"])
    cells = tuple(str(layer) for layer in result["together"].to_numpy())
    return Asymmetry(name, result.attrs, cells, Verdict.difference(value, stderr, int(result.attrs["n_groups"])))


def asymmetry_of_all(asymmetries: Sequence[Asymmetry], results: Mapping[str, xr.Dataset]) -> Verdict | None:
    """The mean of several asymmetries of curves with the same first side and models.

    None where these differ, or there is no error. On common items, so its error needs no assumption of independence.
    """
    first = {(one.attrs["side_a"], one.attrs["model_a"], one.attrs["model_b"]) for one in asymmetries}
    if len(asymmetries) < 2 or len(first) > 1 or len({one.attrs["side_b"] for one in asymmetries}) < len(asymmetries):
        return None
    weights = {
        (one.name, direction, layer): sign / len(one.cells) / len(asymmetries)
        for one in asymmetries
        for direction, sign in _SIGNS.items()
        for layer in one.cells
    }
    mean = Verdict.contrast({one.name: results[one.name] for one in asymmetries}, weights)
    return None if np.isnan(mean.stderr) else mean


def adjusted(asymmetries: Sequence[Asymmetry]) -> tuple[Asymmetry, ...]:
    """The same with p values corrected for their number, by Holm's method."""
    tests = family({number: one.test for number, one in enumerate(asymmetries)})
    return tuple(replace(one, test=test) for one, test in zip(asymmetries, tests.values(), strict=True))


def chart_rows(asymmetries: Sequence[Asymmetry]) -> list[tuple[str, Verdict]]:
    """Rows of a figure of asymmetries, named by their sides, and by model and tokens where these differ."""
    parts = [
        [
            ", ".join(sides_of(one.attrs, "a_to_b")),
            # Arrays of one's own are of no model, and say nothing of tokens.
            "" if one.attrs.get("model_a") != one.attrs.get("model_b") else str(one.attrs.get("model_a", "")),
            str(one.attrs.get("tokens", "")),
        ]
        for one in asymmetries
    ]
    differing = [0, *(number for number in (1, 2) if len({part[number] for part in parts}) > 1)]
    return [
        ("; ".join(part[number] for number in differing if part[number]), one.test)
        for one, part in zip(asymmetries, parts, strict=True)
    ]


def rows_of(asymmetries: Sequence[Asymmetry]) -> list[dict[str, Any]]:
    """Rows of a table of asymmetries."""
    return [
        {
            "comparison": one.name,
            "a_to_b": direction_name(one.attrs, "a_to_b"),
            "layers": " ".join(one.cells),
            **one.test.columns("asymmetry", "stderr", "low", "high", "p_value", "p_adjusted"),
            "resolved": one.test.significant,
            "resolvable": one.test.margin,
            "better": direction_name(one.attrs, one.better) if one.test.significant else "",
            "n": int(one.attrs["n"]),
        }
        for one in asymmetries
    ]


def asymmetry_sentences(
    asymmetries: Sequence[Asymmetry], results: Mapping[str, xr.Dataset], *, where: str
) -> list[str]:
    """What a study's asymmetries show; of a single one, with the layers that it is of in words (`where`)."""
    if len(results) == 1:
        if not asymmetries:
            return ["Their asymmetry is undefined: no layer has both directions."]
        (one,) = asymmetries
        errors = f" ({abs(one.test.z):.1f} SE)" if one.test.significant else ""
        return [f"Asymmetry {where}: {one.sentence}{errors}."]
    significant = [one for one in asymmetries if one.test.significant]
    count = how_many(len(significant), len(asymmetries), ("is", "are"))
    listing = f": {'; '.join(one.sentence for one in significant)}" if significant else ""
    said = [f"Of {len(asymmetries)} asymmetries {count} significant after correction for their number{listing}."]
    said += _signs(significant, asymmetries)
    margins = [one.test.margin for one in asymmetries if not one.test.significant and np.isfinite(one.test.margin)]
    if margins:
        said.append(
            f"Tested alone, {'others' if significant else 'asymmetries'} of "
            f"{from_to(f'{min(margins):.3f}', f'{max(margins):.3f}')} or more would have been significant."
        )
    mean = asymmetry_of_all(asymmetries, results) if all("layer" in one.dims for one in results.values()) else None
    if mean is not None:
        side = side_name(str(asymmetries[0].attrs["side_a"]))
        claim = f"{side} predicts the others" if mean.value < 0 else f"the others predict {side}"
        said.append(
            f"On average, {claim} better than the reverse, by {mean.size}."
            if mean.significant
            else f"Their average is {mean.signed}, not significant."
        )
    return said


def _signs(significant: Sequence[Asymmetry], asymmetries: Sequence[Asymmetry]) -> list[str]:
    """Whether the sides of significant asymmetries are ordered alike: systematic, or particular to a model."""
    sides = {(str(one.attrs["side_a"]), str(one.attrs["side_b"])) for one in asymmetries}
    if not significant or len(sides) > 1:  # of several pairs of sides A and B mean nothing in common
        return []
    a, b = (side_name(side) for side in next(iter(sides)))
    if a == b:
        a, b = "the first model", "the second"
    a_better = sum(one.better == DIRECTIONS[0] for one in significant)
    b_better = len(significant) - a_better
    if a_better and b_better:
        only_models = len({str(one.attrs["tokens"]) for one in asymmetries}) == 1
        verdict = (
            "the sign is particular to the models, not systematic" if only_models else "the sign is not systematic"
        )
    elif len(significant) == len(asymmetries):
        verdict = "the sign is the same in all of them"
    else:
        verdict = "no significant sign contradicts another, but not all are significant"
    return [f"In {a_better} {a} predicts better, in {b_better} {b}: {verdict}."]
