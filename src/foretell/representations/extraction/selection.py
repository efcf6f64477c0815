"""Which items take part: those long enough for every model, then a seeded choice among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from foretell.exceptions import InputError, OptionError, check_option
from foretell.representations.data.filters import sampled
from foretell.representations.data.pairs import Pairs
from foretell.representations.store.recordings import Recording, TokenRule, Tokens

if TYPE_CHECKING:
    from foretell.representations.models.base import Model


def select_pairs(
    pairs: Pairs,
    *,
    models: Sequence[Model],
    tokens: Tokens | Mapping[str, Tokens] = "last 20",
    sides: Sequence[str] | None = None,
    n_items: int | None = None,
    seed: int = 0,
) -> Pairs:
    """Items with enough real tokens on every side for every model, or a seeded choice of them.

    Each item draws a number from the seed and its id alone; the `n_items` smallest are chosen. A choice is
    therefore part of every larger one with the same seed, on any machine.

    Parameters
    ----------
    pairs : Pairs
        Where to choose from.
    models : sequence of Model
        Every model of the comparison; each is asked about the sides that it can read. Items too long for one of them
        leave too. Images are all alike in this.
    tokens : str, sequence of str, or mapping of side to these
        What is to be kept, such as ``"last 20"``, of every side or of each.
    sides : sequence of str, optional
        Sides that take part, all by default. Others are left out of the answer.
    n_items : int, optional
        How many items to choose; all that pass, if they are fewer or by default.
    seed : int
        Of the choice.

    Returns
    -------
    Pairs
        In the order of `pairs`, with the numbers of those left out added to `dropped`.

    Raises
    ------
    OptionError
        For an unknown side, a wrong rule, no model, or `n_items` below 1.
    InputError
        If no item is left.
    """
    sides = pairs.sides if sides is None else tuple(sides)
    for side in sides:
        check_option("side", side, pairs.sides)
    asked = tokens if isinstance(tokens, Mapping) else dict.fromkeys(sides, tokens)
    rules = {side: [one.tokens for one in Recording.parse_all(asked[side])] for side in sides}
    if not models or not sides:
        raise OptionError("Items are chosen for one model and one side at least: give models and sides.")
    if n_items is not None and n_items < 1:
        raise OptionError(f"n_items={n_items} must be at least 1, or None for all.")
    dropped: Counter[str] = Counter()
    kept = list(range(len(pairs)))
    for model in models:
        for side in sides:
            if side in pairs.texts and model.modality == "text":
                kept = _long_enough(pairs, kept, model=model, side=side, rules=rules[side], dropped=dropped)
    if not kept:
        wanted = ", ".join(dict.fromkeys(str(rule) for of_side in rules.values() for rule in of_side))
        reasons = "; ".join(f"{reason} ({count} of {len(pairs)})" for reason, count in dropped.items())
        counts = sorted(_fewest_tokens(pairs, models, sides))
        raise InputError(
            f"No item of {pairs.name!r} is left for tokens={wanted!r}: {reasons}. On their shorter side they have "
            f"{counts[0]} to {counts[-1]} tokens, half of them {counts[len(counts) // 2]} or fewer: ask for fewer, "
            f"such as 'last {max(counts[0], 1)}', or for 'mean'."
        )
    return sampled(pairs.take(kept, dropped=dropped).only(sides), n_items, seed=seed)


def _fewest_tokens(pairs: Pairs, models: Sequence[Model], sides: Sequence[str]) -> list[int]:
    """Of each item, the tokens on the side and by the model where it has the fewest."""
    counts = [
        [read.n_tokens for read in model.read(pairs.texts[side])]
        for model in models
        for side in sides
        if side in pairs.texts and model.modality == "text"
    ]
    return [min(of_item) for of_item in zip(*counts, strict=True)]


def _long_enough(
    pairs: Pairs, rows: list[int], *, model: Model, side: str, rules: Sequence[TokenRule], dropped: Counter[str]
) -> list[int]:
    """Rows whose item has tokens enough for the rules and not too many for the model."""
    kept: list[int] = []
    needed = max(rules, key=lambda rule: rule.needs)
    for row, read in zip(rows, model.read([pairs.texts[side][row] for row in rows]), strict=True):
        if read.n_tokens < needed.needs:
            dropped[f"fewer tokens than {str(needed)!r} needs"] += 1
        elif model.max_length is not None and read.length > model.max_length:
            dropped["more tokens than a model takes"] += 1
        else:
            kept.append(row)
    return kept
