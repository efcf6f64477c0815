"""Which items of a set are left out, whatever the set: too short, too long, met before, not in the choice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from foretell.exceptions import InputError, check_option, checked_count
from foretell.representations.data.pairs import Pairs

_Item = TypeVar("_Item")

_DUPLICATES = ("drop", "keep")


def filtered(
    pairs: Pairs,
    *,
    min_words: int | Mapping[str, int] | None = None,
    max_words: int | Mapping[str, int] | None = None,
    max_characters: int | Mapping[str, int] | None = None,
    duplicates: str = "drop",
    limit: int | None = None,
    seed: int = 0,
) -> Pairs:
    """The items of a set that pass some filters, in their order and with their ids.

    Parameters
    ----------
    pairs : Pairs
        The set.
    min_words, max_words : int or mapping of str to int, optional
        Fewest and most words of a text, parted by white space: one number for every side of texts, or numbers by
        side. Chinese, Japanese and Thai write few spaces: give such sides no number, or count characters.
    max_characters : int or mapping of str to int, optional
        Most characters of a text.
    duplicates : {"drop", "keep"}
        Whether an item goes whose text or image on any side is that of an item kept before it, character by character
        or byte by byte.
    limit : int, optional
        How many items to keep at most, chosen by chance among those that pass: the choice depends on seed and ids
        alone, and a smaller one is part of a larger one.
    seed : int
        Of that choice.

    Returns
    -------
    Pairs
        With the numbers of those left out, by reason, added to `dropped`. An item counts for the first reason found.

    Raises
    ------
    OptionError
        For a value that a filter cannot have, or a side that is not one of texts.
    InputError
        If no item is left.
    """
    check_option("duplicates", duplicates, _DUPLICATES)
    if limit is not None:
        checked_count("limit", limit, least=1)
    checked_count("seed", seed, least=0)
    fewest, most, longest = (
        _by_side(name, value, pairs)
        for name, value in (("min_words", min_words), ("max_words", max_words), ("max_characters", max_characters))
    )
    seen: dict[str, set[str]] = {side: set() for side in pairs.sides}

    def reason_of(row: int) -> str | None:
        return _wrong_length(pairs, row, fewest, most, longest) or (
            _met_before(pairs, row, seen) if duplicates == "drop" else None
        )

    kept, dropped = sifted(range(len(pairs)), reason_of)
    if not kept:
        raise InputError(f"No item of {pairs.name!r} passes the filters ({dict(dropped)}): loosen them.")
    return sampled(pairs.take(kept, dropped=dropped) if dropped else pairs, limit, seed=seed)


def sifted(items: Iterable[_Item], reason_of: Callable[[_Item], str | None]) -> tuple[list[_Item], Counter[str]]:
    """The items without a reason to leave them out, in their order, and how many others there are for each reason."""
    kept: list[_Item] = []
    dropped: Counter[str] = Counter()
    for item in items:
        reason = reason_of(item)
        if reason is None:
            kept.append(item)
        else:
            dropped[reason] += 1
    return kept, dropped


def sampled(pairs: Pairs, n_items: int | None, *, seed: int) -> Pairs:
    """A seeded choice of `n_items` of the pairs; all, if they are fewer or for None."""
    if n_items is None or len(pairs) <= n_items:
        return pairs
    rows = choose(pairs.ids, n_items, seed=seed)
    return pairs.take(rows, dropped={f"not in the choice of {n_items} items (seed {seed})": len(pairs) - n_items})


def draw(seed: int, item: str) -> bytes:
    """The number that an item draws: from the seed and its id alone, so the same on any machine."""
    return hashlib.sha256(f"{seed}\n{item}".encode()).digest()


def choose(ids: Sequence[str], count: int, *, seed: int) -> list[int]:
    """Positions, in order, of the `count` items that draw the smallest numbers.

    A choice is part of every larger one with the same seed.
    """
    return sorted(sorted(range(len(ids)), key=lambda row: draw(seed, ids[row]))[:count])


def _by_side(name: str, value: int | Mapping[str, int] | None, pairs: Pairs) -> dict[str, int]:
    if value is None:
        return {}
    numbers = dict(value) if isinstance(value, Mapping) else dict.fromkeys(pairs.texts, value)
    for side, number in numbers.items():
        check_option(f"{name}: side", side, pairs.texts)
        checked_count(f"{name} of side {side!r}", number, least=1)
    return numbers


def _wrong_length(
    pairs: Pairs, row: int, fewest: Mapping[str, int], most: Mapping[str, int], longest: Mapping[str, int]
) -> str | None:
    for side, number in fewest.items():
        if len(pairs.texts[side][row].split()) < number:
            return f"fewer than {number} words on side {side}"
    for side, number in most.items():
        if len(pairs.texts[side][row].split()) > number:
            return f"more than {number} words on side {side}"
    for side, number in longest.items():
        if len(pairs.texts[side][row]) > number:
            return f"more than {number} characters on side {side}"
    return None


def _met_before(pairs: Pairs, row: int, seen: Mapping[str, set[str]]) -> str | None:
    contents = {side: texts[row] for side, texts in pairs.texts.items()}
    contents |= {side: pictures[row].sha256 for side, pictures in pairs.pictures.items()}
    for side, content in contents.items():
        if content in seen[side]:
            return f"met before on side {side}"
    for side, content in contents.items():
        seen[side].add(content)
    return None
