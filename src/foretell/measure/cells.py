"""Many cells in one go: values both ways, errors, scores and nulls, put into a labelled dataset."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import ConstantSpaceWarning, InputError
from foretell.measure.conventions import Floats
from foretell.measure.estimates import Measured, Options, Pair, measure, null
from foretell.measure.inference import Scores, group_codes, group_permutations, p_value, permutations
from foretell.measure.inputs import Input, check_sizes, n_items
from foretell.measure.result import QUANTILES, NullSummary, labelled
from foretell.measure.space import Space, check_same_items
from foretell.tasks import checked_count

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["gather_scores", "measure_cells"]


def measure_cells(
    spaces_a: Mapping[str, Space],
    spaces_b: Mapping[str, Space],
    cells: Sequence[Pair],
    kept: Sequence[Pair],
    *,
    curve: bool,
    options: Options,
    n_permutations: int,
    seed: int,
    groups: Sequence[str] | None,
) -> xr.Dataset:
    """Measure cells (place in A, place in B) both ways.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces
    cells : sequence of (int, int)
        All of a map, row by row, or the diagonal of a curve.
    kept : sequence of (int, int)
        Cells whose scores go into the result.
    curve : bool
        Whether the cells are a diagonal.
    options : Options
    n_permutations, seed : int
        Of the null; none for 0.
    groups : sequence of str, optional
        Of the items.
    """
    n_permutations = checked_count("null", n_permutations, least=0)
    seed = checked_count("seed", seed, least=0)
    names = (list(spaces_a), list(spaces_b))
    spaces = [*spaces_a.values(), *spaces_b.values()]
    if not names[0] or not names[1]:
        raise InputError("There are no spaces to measure: give at least one on either side.")
    check_same_items(spaces)
    inputs = [space.bits() for space in spaces]
    check_sizes(inputs, options.k)
    codes = group_codes(groups, n_items(inputs[0]))

    # Both directions of every cell, as ordered pairs of places in `inputs`.
    shift = len(names[0])
    directions = [[(a, b + shift) for a, b in cells], [(b + shift, a) for a, b in cells]]
    pairs = [*directions[0], *directions[1]]
    measured = measure(inputs, pairs, options)
    _warn_constant(measured, pairs, [*(f"{n} of A" for n in names[0]), *(f"{n} of B" for n in names[1])])

    shape = (2, len(cells)) if curve else (2, len(names[0]), len(names[1]))
    values = np.array([measured.estimates[pair].value for pair in pairs])
    stderr = scores = nulls = None
    if options.errors:
        stderr = np.concatenate([gather_scores(measured, [pair], codes).stderr() for pair in pairs]).reshape(shape)
        if kept:
            of_kept = [(a, b + shift) for a, b in kept] + [(b + shift, a) for a, b in kept]
            scores = (gather_scores(measured, of_kept, codes), kept)
    if n_permutations:
        free = permutations(len(codes), n_permutations, seed)
        draws = _null_values(inputs, measured, directions, free, options)
        grouped = None
        if codes.max() + 1 < len(codes):
            kept_together = group_permutations(codes, n_permutations, seed)
            grouped = _null_values(inputs, measured, directions, kept_together, options)
        nulls = _null_summary(values, draws, grouped, shape)
    return labelled(
        names,
        curve=curve,
        imbalance=values.reshape(shape),
        stderr=stderr,
        scores=scores,
        null=nulls,
        items=next((s.ids for s in spaces if s.ids is not None), [str(i) for i in range(n_items(inputs[0]))]),
        groups=groups,
        attributes={
            "n": n_items(inputs[0]) - 1,
            "n_items": n_items(inputs[0]),
            "n_groups": int(codes.max()) + 1,
            "T": [spaces[0].n_tokens, spaces[shift].n_tokens],
            "k": options.k,
            "metric": "hamming",
            "convention": options.convention.name,
            "candidates": "leave-one-out",
            "backend": options.backend,
            "seed": seed,
            "null_permutations": n_permutations,
        },
    )


def _null_values(
    inputs: Sequence[Input],
    measured: Measured,
    directions: Sequence[Sequence[Pair]],
    there: NDArray[np.int32],
    options: Options,
) -> Floats:
    """Values of all pairs, one direction after the other, under permutations: shape (P, pairs)."""
    # Item i of A goes with there[p, i] of B; read from B, item j goes with back[p, j] of A.
    back = np.argsort(there, axis=1).astype(np.int32)
    draws = [
        null(inputs, measured, pairs, moved, options) for pairs, moved in zip(directions, (there, back), strict=True)
    ]
    return np.stack([of[pair] for of, pairs in zip(draws, directions, strict=True) for pair in pairs], axis=1)


def _null_summary(values: Floats, free: Floats, grouped: Floats | None, shape: tuple[int, ...]) -> NullSummary:
    """Quantiles and p values from draws of shape (P, pairs); with groups the p values are against those of groups."""

    def quantiles(draws: Floats) -> Floats:
        return np.quantile(draws, QUANTILES, axis=0).reshape(len(QUANTILES), *shape)

    draws = free if grouped is None else grouped
    least, least_draws = (
        np.where(np.isnan(x), np.inf, x).reshape(*x.shape[:-1], 2, -1).min(axis=-1) for x in (values, draws)
    )
    return NullSummary(
        quantiles=quantiles(free),
        quantiles_of_groups=None if grouped is None else quantiles(grouped),
        p_value=np.where(np.isnan(values), np.nan, p_value(values, draws)).reshape(shape),
        p_value_minimum=p_value(least, least_draws),
    )


def gather_scores(measured: Measured, pairs: Sequence[Pair], groups: NDArray[np.int64]) -> Scores:
    """Scores of some of the pairs that were measured."""
    return Scores.of([measured.estimates[pair] for pair in pairs], groups)


def _warn_constant(measured: Measured, pairs: Sequence[Pair], labels: Sequence[str]) -> None:
    unforetold = {b for a, b in pairs if np.isnan(measured.estimates[a, b].value)}
    for place in sorted(unforetold):
        warnings.warn(
            f"All items of space {labels[place]} are alike: predicting from it is 1, predicting it is undefined (NaN).",
            ConstantSpaceWarning,
            stacklevel=4,
        )
