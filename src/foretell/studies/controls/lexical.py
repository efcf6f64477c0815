"""How far texts lie apart by their characters and words alone: what a model has to do better than."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from foretell.exceptions import check_option

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
