"""Items alike in length and final punctuation, within which pairs are shuffled."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foretell.exceptions import InputError, checked_count

# Parts of the names that Unicode has for the signs that end sentences: of Latin, Chinese, Arabic, Indian and other
# scripts, at full or half width.
_ENDS = (
    ("QUESTION MARK", "question mark"),
    ("EXCLAMATION MARK", "exclamation mark"),
    ("FULL STOP", "full stop"),
    ("ELLIPSIS", "full stop"),
    ("DANDA", "full stop"),
)
_OTHER, _NONE = "other punctuation", "no punctuation"
_CLASSES = ("full stop", "question mark", "exclamation mark", _OTHER, _NONE)


@dataclass(frozen=True)
class _Stratum:
    """Items in order, and what they end in."""

    items: tuple[int, ...]
    ends: frozenset[str]

    def joined(self, other: _Stratum) -> _Stratum:
        return _Stratum(tuple(sorted(self.items + other.items)), self.ends | other.ends)


def strata_of(token_counts: ArrayLike, texts: Sequence[str], *, bins: int = 5) -> tuple[str, ...]:
    """Name a stratum for each item: a bin of its number of tokens, and what its text ends in.

    A stratum of a single item, which has none to change places with, joins the one nearest in tokens that ends alike,
    or where there is none, the nearest of all.

    Parameters
    ----------
    token_counts : array of int, shape (N,)
        Tokens of each item, such as `Store.token_counts`.
    texts : sequence of str
        N of them.
    bins : int, default 5
        Most bins of token counts, about equally full: items with as many tokens are in one bin.

    Returns
    -------
    tuple of str
        Such as ``"8 to 11 tokens, full stop"``: the fewest and most tokens of its items, and `final_punctuation`.

    Raises
    ------
    InputError
        If there are not as many texts as counts.
    OptionError
        For a number of bins below 1.
    """
    counts = np.asarray(token_counts)
    if counts.shape != (len(texts),):
        raise InputError(f"There are token counts of shape {counts.shape} for {len(texts)} texts: give one each.")
    found: dict[tuple[int, str], list[int]] = {}
    of_bin = _bins(counts, checked_count("bins", bins, least=1))
    for item, text in enumerate(texts):
        found.setdefault((int(of_bin[item]), final_punctuation(text)), []).append(item)
    strata = [_Stratum(tuple(items), frozenset([end])) for (_, end), items in sorted(found.items())]
    names = [""] * len(texts)
    for stratum in _without_singles(strata, counts):
        for item in stratum.items:
            names[item] = _name(stratum, counts)
    return tuple(names)


def final_punctuation(text: str) -> str:
    """What a text ends in, white space, closing quotes and brackets aside.

    Returns
    -------
    {"full stop", "question mark", "exclamation mark", "other punctuation", "no punctuation"}
        By the name and category that Unicode gives the sign: a closing quote or bracket is looked through for a sign
        that ends a sentence, and is other punctuation itself where none stands before it.
    """
    behind = False
    for sign in reversed(text.rstrip()):
        category = unicodedata.category(sign)
        if category in ("Pe", "Pf", "Pi") or sign in "\"'":
            behind = True
            continue
        if category.startswith("P"):
            name = unicodedata.name(sign, "")
            return next((end for part, end in _ENDS if part in name), _OTHER)
        break
    return _OTHER if behind else _NONE


def _bins(counts: NDArray[np.integer], bins: int) -> NDArray[np.intp]:
    """Bin of each item: that of the middle of those with as many tokens, among all in order."""
    _, of_value, times = np.unique(counts, return_inverse=True, return_counts=True)
    middle = np.cumsum(times) - times / 2
    return np.asarray((bins * middle / max(len(counts), 1)).astype(np.intp)[of_value])


def _without_singles(strata: list[_Stratum], counts: NDArray[np.integer]) -> list[_Stratum]:
    def distance(one: _Stratum, other: _Stratum) -> float:
        return abs(float(counts[list(one.items)].mean() - counts[list(other.items)].mean()))

    left = list(strata)
    while len(left) > 1:
        singles = [stratum for stratum in left if len(stratum.items) == 1]
        if not singles:
            break
        # Those first that have others which end alike, so that no single takes their place with one that does not.
        alike = {single: [one for one in left if one is not single and one.ends & single.ends] for single in singles}
        single = next((one for one in singles if alike[one]), singles[0])
        left.remove(single)
        nearest = min(alike[single] or left, key=lambda stratum: distance(stratum, single))
        left[left.index(nearest)] = nearest.joined(single)
    return left


def _name(stratum: _Stratum, counts: NDArray[np.integer]) -> str:
    fewest, most = (int(end(counts[list(stratum.items)])) for end in (np.min, np.max))
    tokens = f"{fewest} to {most} tokens" if most > fewest else f"{fewest} token{'s' * (fewest != 1)}"
    return f"{tokens}, {' or '.join(end for end in _CLASSES if end in stratum.ends)}"
