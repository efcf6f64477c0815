"""The controls study: whether a result stands when what should not matter is changed, and falls when what should is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import StudyError
from foretell.measure.imbalance.information_imbalance import imbalance_curve, imbalance_matrix
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.results.schema import DIRECTIONS, cell_of
from foretell.measure.similarity.similarity_matrix import similarity_curve
from foretell.studies.answer import Answer
from foretell.studies.controls.subsamples import subsampled_regions
from foretell.studies.controls.variants import LAST_LEFT_OUT, Variant, probes, recordings_of, variants
from foretell.studies.plotting.controls_figure import ControlRow, controls_figure
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.similarity_figure import beside_figure
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.notes import n_blocks_of
from foretell.studies.preparation.prepare import Arrangement, arrange
from foretell.studies.preparation.stores import Stores
from foretell.studies.summaries.best_layers import lowest_together
from foretell.studies.summaries.items import with_similarity
from foretell.studies.summaries.summary import Summary, direction_block, heading, note
from foretell.studies.summaries.verdicts import LEVEL, Verdict, corrected, findings, plus_minus, signed
from foretell.studies.words import direction_name, listed, runs

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config.study_file import ControlsStudy

_LOG = logging.getLogger(__name__)
_RANDOM = "random weights"
_ROLES = {
    "breaks": "what should take the relation away",
    "baseline": "what knows no meaning but may share form",
    "keeps": "what should not matter",
}


def arrange_controls(study: ControlsStudy, stores: Stores) -> Arrangement:
    """Choose the items of a controls study; they are kept in several ways, and of models with random weights too."""
    if len(study.comparisons) > 1:
        raise StudyError("study: controls are of one pair of sides and one pair of models: name one of each.")
    (one,) = study.comparisons
    if any(model.stores is not None for model in one.models):
        raise StudyError("study: controls runs its models itself: name models, not stores that were made elsewhere.")
    a, b = (model.model_copy(update={"random_weights": 0}) for model in one.models)
    random = replace(one, name=_RANDOM, models=(a, b))
    return arrange(
        study,
        stores,
        halves=True,
        paired=True,
        more=lambda model: recordings_of(study, n_blocks_of(model, stores.notes)),
        extra=[random],
    )


def answer_controls(study: ControlsStudy, compared: Sequence[Compared]) -> Answer:
    """Measure the study itself and every variant of it, and say what they show."""
    one, random = compared
    _LOG.info("Measuring %s and its variants on %d items", one.comparison.name, len(one.pairs))
    reference = one.labelled(_reference(study, one), study)
    found = list(variants(study, one, random))
    results = {"reference": reference}
    for variant in found:
        of = random if variant.control == "weights" else one
        name = f"{variant.control}_{variant.name}".replace(" = ", "-").replace(" ", "-")
        results[name] = of.labelled(variant.result, study).assign_attrs(of_null=int(variant.of_null))
    # Of the layers that are kept in several ways, the one where the study and what should not matter are lowest.
    alike = [variant.result for variant in found if variant.role == "keeps" and "layer" in variant.result.dims]
    layer = lowest_together([reference, *alike], probes(one.a.store.info.n_blocks))
    results["paper"] = _as_in_the_paper(study, one, layer)
    rows = rows_of_controls(reference, found, layer)
    subsamples = None
    if study.subsamples:
        spaces = one.a.spaces(), one.b.spaces()
        subsamples = subsampled_regions(*spaces, count=study.subsamples, **one.options(study))
    tables: dict[str, Any] = {"controls": rows}
    if subsamples is not None:
        tables["subsamples"] = rows_of_subsamples(subsamples)
    semantic = {"reference": semantic_layers(reference)}
    figures = {
        "controls": controls_figure(chart_rows(reference, rows, layer), of=[reference.attrs]),
        "reference": depths_figure({"reference": reference}, semantic),
        "beside": beside_figure(reference, semantic["reference"]),
    }
    summary = summarise_controls(reference, rows, layer, subsamples, results["paper"])
    return Answer(results, summary, tables, figures)


def _reference(study: ControlsStudy, one: Compared) -> xr.Dataset:
    """The study itself, and every other measure of the same layers."""
    spaces, options, measure = (one.a.spaces(), one.b.spaces()), one.options(study), study.measure
    curve = imbalance_curve(*spaces, null=measure.null, **options)
    similar = similarity_curve(*spaces, k=measure.beside_k, errors=True, groups=options["groups"], seed=measure.seed)
    return with_similarity(curve, similar)


def _as_in_the_paper(study: ControlsStudy, one: Compared, layer: str) -> xr.Dataset:
    """The authors' recipe at one layer: the last tokens left out, halves against halves."""
    without, *_ = recordings_of(study, one.a.store.info.n_blocks)
    a, b = (side.of(without).space(layer) for side in (one.a, one.b))
    found = imbalance_matrix({layer: a}, {layer: b}, preset="paper", seed=study.measure.seed)
    found = found.assign_attrs(tokens=without, last_left_out=LAST_LEFT_OUT)
    return one.labelled(found, study, tokens=without)


def rows_of_controls(reference: xr.Dataset, found: Sequence[Variant], layer: str) -> list[dict[str, Any]]:
    """A row a variant and direction: its value at a layer, and by how much it lies above the reference there."""
    rows: list[dict[str, Any]] = []
    n_groups = int(reference.attrs["n_groups"])
    for variant, direction in product(found, DIRECTIONS):
        result = variant.result
        if variant.of_null:
            low, median, high = cell_of(result, direction, layer)["null"].to_numpy().tolist()
            values = {"imbalance": median, "stderr": np.nan, "low": low, "high": high}
            # The layer was picked: the test is of the minimum over all layers.
            above = Verdict(np.nan, np.nan, n_groups, float(result["p_value_minimum"].sel(direction=direction)))
        else:
            # What has no layers is one cell.
            cell = (layer,) if "layer" in result.dims else (str(result["a"][0].item()), str(result["b"][0].item()))
            at = cell_of(result, direction, *cell)
            values = {name: float(at[name]) for name in ("imbalance", "stderr", "low", "high")}
            above = Verdict.contrast(
                {"variant": result, "reference": reference},
                {("variant", direction, *cell): 1, ("reference", direction, layer): -1},
                allow_different_settings=True,
            )
        rows.append(
            {
                "control": variant.control,
                "variant": variant.name,
                "direction": direction_name(reference.attrs, direction),
                "role": variant.role,
                "of_null": variant.of_null,
                "layer": layer,
                **values,
                "above_reference": above.value,
                "above_stderr": above.stderr,
                "p_value": above.p_value,
                "n": int(result.attrs["n"]),
                "k": int(result.attrs["k"]),
            }
        )
    # Contrasts with the study are one family of tests, the study against shuffled pairs is another.
    nulls, differences = ([row for row in rows if row["of_null"] == of_null] for of_null in (True, False))
    return corrected(nulls) + corrected(differences)


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
        imbalance, low, high = ((float(of[0][name]), float(of[1][name])) for name in ("imbalance", "low", "high"))
        return ControlRow(control, variant, imbalance, low, high, reference=is_reference)

    itself = [cell_of(reference, direction, layer) for direction in DIRECTIONS]
    found = [row("the study", f"layer {layer}", itself, is_reference=True)]
    for control, name in dict.fromkeys((one["control"], one["variant"]) for one in rows):
        found.append(row(control, name, [one for one in rows if (one["control"], one["variant"]) == (control, name)]))
    return found


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
    names = {direction: direction_name(reference.attrs, direction) for direction in DIRECTIONS}
    values = []
    for direction, name in names.items():
        at = cell_of(reference, direction, layer)
        values.append(f"{plus_minus(at['imbalance'], at['stderr'])} ({name})")
    sentences = [f"At layer {layer} the study itself gives {listed(values)}."]
    nulls = [row for row in rows if row["of_null"]]
    for variant in dict.fromkeys(row["variant"] for row in nulls):
        sentences.append(_shuffled([row for row in nulls if row["variant"] == variant]))
    for role, what in _ROLES.items():
        of_role = [row for row in rows if row["role"] == role and not row["of_null"]]
        if of_role:
            sentences.append(
                findings(
                    f"differences from the study itself by {what}",
                    of_role,
                    "above_reference",
                    "above_stderr",
                    lambda row: f"{row['control']}: {row['variant']}, {row['direction']}",
                )
            )
    sentences.append(_paper(paper, names))
    if subsamples is not None:
        sentences += [_subsampled(subsamples, direction, name) for direction, name in names.items()]
    return Summary(
        heading=heading([reference]),
        paragraph=" ".join(sentences),
        blocks=tuple(
            direction_block(reference, direction, _facts([row for row in rows if row["direction"] == name]))
            for direction, name in names.items()
        ),
        note=note(
            reference,
            "Differences are on the same items, and p is corrected for all "
            f"{len(rows) - len(nulls)} of them by Holm's method.",
            "Of shuffled pairs the median is given, and where 95 % of them lie; the study's minimum over all layers is "
            "tested against them.",
        ),
    )


def _shuffled(rows: Sequence[Mapping[str, Any]]) -> str:
    """What shuffled pairs give, both ways, and whether the study lies below."""
    values = listed(
        f"{row['imbalance']:.2f} ({row['low']:.2f} to {row['high']:.2f}, {row['direction']})" for row in rows
    )
    below = [row for row in rows if row["p_adjusted"] <= LEVEL]
    against = (
        "the study's minimum lies below, both ways"
        if len(below) == len(rows)
        else f"the study's minimum lies below one way ({below[0]['direction']})"
        if below
        else "the study's minimum does not lie below"
    )
    return f"Pairs {rows[0]['variant']} give {values}; {against}."


def _paper(paper: xr.Dataset, names: Mapping[str, str]) -> str:
    """What the authors' recipe gives."""
    values, spreads = (paper[key].to_numpy().reshape(2) for key in ("imbalance", "spread"))
    pairs = zip(values, spreads, names.values(), strict=True)
    said = listed(f"{value:.3f} with a spread of {spread:.3f} ({name})" for value, spread, name in pairs)
    return f"The authors' recipe gives {said}, at n = {paper.attrs['n']} and so not to be compared with the above."


def _subsampled(subsamples: xr.Dataset, direction: str, name: str) -> str:
    """Which layers are semantic whichever items are taken."""
    share = subsamples["in_region"].sel(direction=direction).to_numpy()
    layers = [str(layer) for layer in subsamples["layer"].to_numpy()]
    always = np.flatnonzero(share >= 0.95)
    count, n = subsamples.attrs["subsamples"], subsamples.attrs["n"]
    if not always.size:
        return f"In {count} random halves of the items (n = {n}) no layer is always semantic ({name})."
    return (
        f"In 95 % or more of {count} random halves of the items (n = {n}) layers {runs(layers, always.tolist())} are "
        f"semantic ({name})."
    )


def _facts(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The numbers of one direction."""
    facts = {}
    for row in rows:
        if row["of_null"]:
            fact = f"{row['imbalance']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        else:
            fact = (
                f"{plus_minus(row['imbalance'], row['stderr'])}; {signed(row['above_reference'], row['above_stderr'])} "
                f"against the study itself (p = {row['p_adjusted']:.2g})"
            )
        facts[f"{row['control']}: {row['variant']}"] = fact
    return facts
