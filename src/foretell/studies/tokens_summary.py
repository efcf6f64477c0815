"""What a tokens study found, in words: only what its errors support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.measure.inference.contrasts import contrast
from foretell.measure.inference.multiple_testing import contrast_p_value, holm
from foretell.measure.inference.standard_errors import Scores
from foretell.measure.results.schema import DIRECTIONS
from foretell.studies.names import direction_name, direction_sentence
from foretell.studies.summaries.asymmetry import LEVEL
from foretell.studies.summaries.summary import Block, Summary, heading, listed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Enough", "OfTokens", "enough_tokens", "rows_of_greedy", "rows_of_means", "summarise_tokens"]


@dataclass(frozen=True, eq=False)
class OfTokens:
    """What a tokens study finds of one comparison.

    Attributes
    ----------
    layer : str
        Where the number of tokens is varied.
    concatenated, averaged : mapping of int to Dataset
        Curves over layers, by the number of tokens: concatenated, and averaged before the sign.
    by_count : Dataset
        The curve over 1 to T tokens at that layer.
    greedy : Dataset or None
        What positions chosen one by one foretell there (`foretell.greedy_tokens`).
    """

    layer: str
    concatenated: Mapping[int, xr.Dataset]
    averaged: Mapping[int, xr.Dataset]
    by_count: xr.Dataset
    greedy: xr.Dataset | None


TAU = 0.05


@dataclass(frozen=True)
class Enough:
    """How many tokens do nearly as well as all.

    Attributes
    ----------
    count : int
        From here on the value is within `TAU` of the way from that of all tokens to 1.
    least, most : int
        Where that may be: no fewer tokens are surely too few, as many are surely enough (95 %).
    """

    count: int
    least: int
    most: int


def enough_tokens(curve: xr.Dataset, direction: str) -> Enough:
    """Find how many tokens do nearly as well as all of them, in one direction of a curve over tokens."""
    scores, places = Scores.of_result(curve)
    counts = [int(count) for count in curve["tokens"].to_numpy()]
    rows = [places[direction, str(count)] for count in counts]
    weights = np.zeros((len(counts), len(scores.values)))
    weights[np.arange(len(counts)), rows] = 1
    weights[:, rows[-1]] -= 1 - TAU
    excess = scores.combine(weights)
    over = excess.values - TAU
    margin = scores.critical * excess.stderr()

    def first(good: Any) -> int:
        """Fewest tokens from which on all are good."""
        bad = np.flatnonzero(~good)
        return counts[bad[-1] + 1] if bad.size and bad[-1] + 1 < len(counts) else counts[-1 if bad.size else 0]

    return Enough(first(over <= 0), first(over - margin <= 0), first(over + margin < 0))


def rows_of_means(found: Mapping[str, OfTokens]) -> list[dict[str, Any]]:
    """A row a comparison, number of tokens and direction: averaged tokens less concatenated ones, at its layer."""
    rows: list[dict[str, Any]] = []
    for name, of in found.items():
        for count, direction in product(of.concatenated, DIRECTIONS):
            concatenated, averaged = of.concatenated[count], of.averaged[count]
            value, stderr = contrast(
                {"mean": averaged, "last": concatenated},
                {("mean", direction, of.layer): 1, ("last", direction, of.layer): -1},
            )
            rows.append(
                {
                    "comparison": name,
                    "direction": direction_name(concatenated.attrs, direction),
                    "layer": of.layer,
                    "tokens": count,
                    "concatenated": float(concatenated["imbalance"].sel(direction=direction, layer=of.layer)),
                    "averaged": float(averaged["imbalance"].sel(direction=direction, layer=of.layer)),
                    "averaged_less_concatenated": value,
                    "stderr": stderr,
                    "p_value": contrast_p_value(value, stderr, int(concatenated.attrs["n_groups"])),
                    "n": int(concatenated.attrs["n"]),
                }
            )
    # A single token is its own mean, so that there is nothing to test.
    p_values = holm([row["p_value"] if row["tokens"] > 1 else np.nan for row in rows])
    return [row | {"p_adjusted": float(p)} for row, p in zip(rows, p_values, strict=True)]


def rows_of_greedy(name: str, of: OfTokens) -> list[dict[str, Any]]:
    """A row a step and direction: the positions chosen, and what they foretell on the other half of the items."""
    if of.greedy is None:
        return []
    rows = []
    for direction in DIRECTIONS:
        for step in of.greedy["step"].to_numpy():
            at = of.greedy.sel(direction=direction, step=step)
            chosen = of.greedy["position"].sel(direction=direction).sel(step=slice(1, step)).to_numpy()
            rows.append(
                {
                    "comparison": name,
                    "direction": direction_name(of.greedy.attrs, direction),
                    "layer": of.layer,
                    "tokens": int(step),
                    "chosen_on_first_half": " ".join(map(str, chosen[0])),
                    "chosen_on_second_half": " ".join(map(str, chosen[1])),
                    **{
                        key: float(at[key])
                        for key in ("imbalance", "stderr", "in_order", "in_order_stderr", "gain", "gain_stderr")
                    },
                    "n": int(min(of.greedy.attrs["n"])),
                }
            )
    return rows


def summarise_tokens(found: Mapping[str, OfTokens]) -> Summary:
    """Say in words what a tokens study found.

    Parameters
    ----------
    found : mapping of name to OfTokens
        By comparison.
    """
    sentences, blocks = [], []
    spreads, gains, means = _spreads(found), _gains(found), rows_of_means(found)
    for name, of in found.items():
        for direction in DIRECTIONS:
            sentences.append(_spread(of, direction, *spreads[name, direction]))
            blocks.append(_block(of, direction))
        sentences.append(_means([row for row in means if row["comparison"] == name]))
        if of.greedy is not None:
            sentences += [_greedy(of, direction, gains[name, direction]) for direction in DIRECTIONS]
    first = next(iter(found.values()))
    return Summary(
        heading=heading([of.by_count for of in found.values()]),
        paragraph=" ".join(sentences),
        blocks=tuple(blocks),
        note="Information Imbalance: 0 foretells, 1 says nothing; it falls as items are added, so compare at equal n "
        f"(here {first.by_count.attrs['n']}). ± is one standard error. All numbers of tokens are measured on the same "
        f"items, those that have the most. Nearly as well: within {TAU} of the way from the value of all tokens to 1; "
        "in brackets where that number may lie (95 %). What is called a difference is one after correction, by Holm's "
        f"method, for all of its sort: {len(spreads)} between one token and all, "
        f"{sum(row['tokens'] > 1 for row in means)} between averaged and concatenated ones"
        + (f", {sum(map(len, gains.values()))} gains of choice." if gains else "."),
    )


def _spreads(found: Mapping[str, OfTokens]) -> dict[tuple[str, str], tuple[float, float]]:
    """One token less all of them, by comparison and direction: the difference, and p corrected for their number."""
    differences, p_values = {}, []
    for name, direction in product(found, DIRECTIONS):
        curve = found[name].by_count
        first, last = (str(count) for count in curve["tokens"].to_numpy()[[0, -1]])
        value, stderr = contrast(curve, {(direction, first): 1, (direction, last): -1} if first != last else {})
        differences[name, direction] = value
        p_values.append(contrast_p_value(value, stderr, int(curve.attrs["n_groups"])))
    return {key: (differences[key], float(p)) for key, p in zip(differences, holm(p_values), strict=True)}


def _gains(found: Mapping[str, OfTokens]) -> dict[tuple[str, str], list[float]]:
    """Corrected p values of the gain at every step, by comparison and direction."""
    p_values: dict[tuple[str, str], list[float]] = {}
    for (name, of), direction in product(found.items(), DIRECTIONS):
        if of.greedy is not None:
            greedy = of.greedy.sel(direction=direction)
            # Either half has half of the groups.
            n_groups = max(int(of.greedy.attrs["n_groups"]) // 2, 1)
            p_values[name, direction] = [
                contrast_p_value(float(value), float(stderr), n_groups)
                for value, stderr in zip(greedy["gain"], greedy["gain_stderr"], strict=True)
            ]
    corrected = iter(holm([p for of_one in p_values.values() for p in of_one]).tolist())
    return {key: [next(corrected) for _ in of_one] for key, of_one in p_values.items()}


def _spread(of: OfTokens, direction: str, difference: float, p: float) -> str:
    """Over how many tokens the meaning is spread."""
    curve = of.by_count.sel(direction=direction)
    values, errors = curve["imbalance"].to_numpy(), curve["stderr"].to_numpy()
    counts = [int(count) for count in curve["tokens"].to_numpy()]
    words = direction_sentence(of.by_count.attrs, direction)
    at = f"At layer {of.layer} {words} with {values[0]:.3f} ± {errors[0]:.3f} from the last token alone"
    if not np.isfinite(values[[0, -1]]).all():
        return f"At layer {of.layer} {words} to a degree that is undefined: all items look alike there."
    if not p <= LEVEL:
        return f"{at} and {values[-1]:.3f} ± {errors[-1]:.3f} from the last {counts[-1]}: no difference is resolved."
    if difference < 0:
        return f"{at} and worse, {values[-1]:.3f} ± {errors[-1]:.3f}, from the last {counts[-1]}."
    enough = enough_tokens(of.by_count, direction)
    return (
        f"{at} and {values[-1]:.3f} ± {errors[-1]:.3f} from the last {counts[-1]}; {enough.count} do nearly as well as "
        f"all ({enough.least} to {enough.most})."
    )


def _means(rows: Sequence[Mapping[str, Any]]) -> str:
    rows = [row for row in rows if row["tokens"] > 1]
    resolved = [row for row in rows if row["p_adjusted"] <= LEVEL]
    if not resolved:
        return "Whether tokens are concatenated or averaged makes no difference that is resolved there."
    parts = [
        f"{'higher' if row['averaged_less_concatenated'] > 0 else 'lower'} by "
        f"{abs(row['averaged_less_concatenated']):.3f} ± {row['stderr']:.3f} with {row['tokens']} tokens "
        f"({row['direction']})"
        for row in resolved
    ]
    return (
        f"Averaged in place of concatenated, the imbalance there is {listed(parts)}; {len(rows) - len(resolved)} of "
        f"{len(rows)} such differences are not resolved."
    )


def _greedy(of: OfTokens, direction: str, p_values: Sequence[float]) -> str:
    """What the choice of positions gains, on items that it was not made on."""
    assert of.greedy is not None  # noqa: S101 - asked before
    greedy = of.greedy.sel(direction=direction)
    steps = [int(step) for step in greedy["step"].to_numpy()]
    gains = [
        step for step, p, gain in zip(steps, p_values, greedy["gain"], strict=True) if p <= LEVEL and float(gain) > 0
    ]
    words = direction_sentence(of.greedy.attrs, direction)
    if not gains:
        return f"{words} no better, on held-out items, from positions chosen one by one than from as many in order."
    best = max(gains, key=lambda step: float(greedy["gain"].sel(step=step)))
    at = greedy.sel(step=best)
    return (
        f"{words}, on held-out items, with {float(at['imbalance']):.3f} ± {float(at['stderr']):.3f} from {best} "
        f"position{'s' if best > 1 else ''} chosen one by one, where the last {best} in order give "
        f"{float(at['in_order']):.3f} ± {float(at['in_order_stderr']):.3f}."
    )


def _block(of: OfTokens, direction: str) -> Block:
    curve = of.by_count.sel(direction=direction)
    facts = {}
    for count, concatenated in of.concatenated.items():
        for kind, result in (("last", concatenated), ("mean of the last", of.averaged[count])):
            if kind != "last" and count == 1:
                continue
            one = result.sel(direction=direction)
            least = int(np.nanargmin(one["imbalance"].to_numpy()))
            value, error = (float(one[what].sel(layer=of.layer)) for what in ("imbalance", "stderr"))
            facts[f"{kind} {count}"] = (
                f"{value:.3f} ± {error:.3f} at layer {of.layer}; least {float(one['imbalance'][least]):.3f} at layer "
                f"{one['layer'].to_numpy()[least]}"
            )
    enough = enough_tokens(of.by_count, direction)
    facts["Nearly as well as all"] = f"{enough.count} tokens ({enough.least} to {enough.most})"
    if "null" in curve:
        low, median, high = (float(curve["null"].sel(quantile=level)[-1]) for level in (0.025, 0.5, 0.975))
        facts["Shuffled pairs"] = f"{median:.2f} ({low:.2f} to {high:.2f})"
    attrs = of.by_count.attrs
    return Block(f"{direction_sentence(attrs, direction)} ({direction_name(attrs, direction)})", facts)
