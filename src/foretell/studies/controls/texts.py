"""What texts tell without a model: distances by characters and words, and strata of texts that look alike."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from foretell.exceptions import InputError, check_option, checked_count

# Python knows no script of a character, but names begin with it. Of these scripts spaces do not part words.
_WITHOUT_SPACES = ("CJK ", "HIRAGANA ", "KATAKANA", "HALFWIDTH KATAKANA", "THAI ", "LAO ", "KHMER ", "MYANMAR ")


def lexical_distances(texts: Sequence[str], *, kind: str) -> NDArray[np.float64]:
    """Distances between all texts of one side, for ``metric="precomputed"``.

    Texts are compared in the normal form NFKC with case folded and each run of white space as one space.

    Parameters
    ----------
    texts : sequence of str
        N of them.
    kind : {"character 3-grams", "words"}
        For ``"character 3-grams"``, 1 - cosine of the counts of every three characters in a row, a space being put
        before and behind the text. For ``"words"``, 1 - Jaccard overlap of the sets of words, common words / all words
        of either. Words are runs of letters and digits with their marks (Unicode's categories L, N and M): "don't"
        has two. In scripts that do not part words by spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) a character
        with its marks stands for a word.

    Returns
    -------
    ndarray of float64, shape (N, N)
        From 0 to 1, exactly symmetric, and exactly 0 between texts that are alike in this way. Texts without any
        words are at 0 from each other and at 1 from all others.

    Raises
    ------
    OptionError
        For another kind.
    """
    check_option("kind", kind, KINDS)
    counts = [KINDS[kind](_normal(text)) for text in texts]
    common = _products(counts)
    own = np.diagonal(common)
    # The root of a product of whole numbers is exact where it is whole: equal counts give exactly 1.
    whole = own[:, None] + own - common if kind == "words" else np.sqrt(own[:, None] * own)
    alike = np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)
    alike[np.ix_(own == 0, own == 0)] = 1
    return np.asarray(np.maximum(1 - alike, 0))


def _normal(text: str) -> str:
    # Folding case may leave characters that are no longer in the normal form.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def _character_trigrams(text: str) -> Counter[str]:
    padded = f" {text} " if text else ""
    return Counter(padded[at : at + 3] for at in range(len(padded) - 2))


def _words(text: str) -> Counter[str]:
    """Each word once."""
    words: list[str] = []
    joins = False  # whether a letter would go on with the last word
    marks = False  # whether a mark would
    for character in text:
        sort = _sort(character)
        if sort == "other":
            joins = marks = False
        elif (sort == "mark" and marks) or (sort == "letter" and joins):
            words[-1] += character
        else:
            words.append(character)
            joins, marks = sort != "alone", True
    return Counter(set(words))


@cache
def _sort(character: str) -> str:
    category = unicodedata.category(character)[0]
    if category == "M":
        return "mark"
    if category not in "LN":
        return "other"
    return "alone" if unicodedata.name(character, "").startswith(_WITHOUT_SPACES) else "letter"


def _products(counts: Sequence[Counter[str]]) -> NDArray[np.float64]:
    """Inner products of counts, shape (N, N): whole numbers, so that sums are exact in any order."""
    column = {term: number for number, term in enumerate(dict.fromkeys(chain.from_iterable(counts)))}
    columns = [column[term] for of_text in counts for term in of_text]
    times = [float(count) for of_text in counts for count in of_text.values()]
    until = np.cumsum([0, *map(len, counts)])
    terms = csr_array((times, columns, until), shape=(len(counts), len(column)))
    return np.asarray((terms @ terms.T).toarray())


KINDS: Mapping[str, Callable[[str], Counter[str]]] = MappingProxyType(
    {"character 3-grams": _character_trigrams, "words": _words}
)
"""What texts are compared by, and how it is counted."""


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
