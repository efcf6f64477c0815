"""Distances of texts by their characters and words, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

import foretell
from foretell.exceptions import OptionError
from foretell.studies.controls.texts import KINDS, lexical_distances
from tests.conftest import WORDS

TEXTS = (
    "The old house, the  OLD house",
    "the old house, the old house",
    "the old house the old house",
    "two dogs don't",
    "Straße",
    "STRASSE",
    "ﬁne",
    "fine",
    "我喜欢红色的房子。",
    "我喜欢红色的狗。",
    "東京タワーは高い",
    "สวัสดี",
    "que\u0301 pasa, q",
    "qué pasa, q",
    "",
    " \t ",
    "!",
    "?!",
)


@pytest.fixture(scope="module")
def random_texts() -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size)) for size in rng.integers(1, 12, 40)]


def trigrams(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    padded = f" {text} " if text else ""
    for start in range(len(padded) - 2):
        counts[padded[start : start + 3]] = counts.get(padded[start : start + 3], 0) + 1
    return counts


def test_trigrams_as_a_plain_loop_counts_them(random_texts: list[str]) -> None:
    found = lexical_distances(random_texts, kind="character 3-grams")
    for i, one in enumerate(map(trigrams, random_texts)):
        for j, other in enumerate(map(trigrams, random_texts)):
            dot = sum(count * other.get(term, 0) for term, count in one.items())
            norms = [math.sqrt(sum(count**2 for count in of.values())) for of in (one, other)]
            assert found[i, j] == pytest.approx(1 - dot / math.prod(norms), abs=1e-12)
    assert len(np.unique(found)) > 100


def test_words_as_a_plain_loop_counts_them(random_texts: list[str]) -> None:
    found = lexical_distances([f"{text.title()}." for text in random_texts], kind="words")
    for i, one in enumerate(random_texts):
        for j, other in enumerate(random_texts):
            common, whole = set(one.split()) & set(other.split()), set(one.split()) | set(other.split())
            assert found[i, j] == 1 - len(common) / len(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_distance_keeps_to(kind: str, random_texts: list[str]) -> None:
    texts = [*TEXTS, *random_texts, *random_texts[::-1]]
    found = lexical_distances(texts, kind=kind)
    np.testing.assert_array_equal(found, found.T)
    assert not np.diagonal(found).any()
    assert found.min() == 0
    assert found.max() == 1
    normal = [" ".join(text.casefold().split()) for text in texts]
    alike = np.array([[one == other for one in normal] for other in normal])
    assert alike.sum() > len(texts)
    assert not found[alike].any()


@pytest.mark.parametrize("kind", KINDS)
def test_normal_form(kind: str) -> None:
    found = lexical_distances(TEXTS, kind=kind)
    for one, other in ((0, 1), (4, 5), (6, 7), (12, 13), (14, 15)):
        assert found[one, other] == 0, (TEXTS[one], TEXTS[other])
    assert found[4, 7] == 1


def test_what_words_are() -> None:
    def distance(one: str, other: str) -> float:
        return float(lexical_distances([one, other], kind="words")[0, 1])

    assert distance("the old house, the old house", "House old; THE!") == 0
    assert distance("don't", "t don") == 0
    assert distance("mañana 3rd", "3rd manana") == pytest.approx(2 / 3)
    # 我喜欢红色的房子 and 我喜欢红色的狗 share 6 of 9 characters.
    assert distance("我喜欢红色的房子。", "我喜欢红色的狗。") == pytest.approx(1 / 3)
    assert distance("東京tower", "tower 京 東") == 0
    assert distance("タワー", "ーワタ") == 0
    assert distance("هذا بيت", "بيت هذا؟") == 0
    assert distance("한국 사람", "사람 한국") == 0
    # A mark stays with its letter: ко́т is no кот.
    assert distance("ко\u0301т", "кот") == 1
    # Without words: alike to each other, and to nothing else.
    assert distance("!", "") == 0
    assert distance("!", "a") == 1


def test_short_texts_have_trigrams() -> None:
    found = lexical_distances(["a", "b", "a", ""], kind="character 3-grams")
    np.testing.assert_array_equal(found, [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]])


def test_they_are_measured_as_a_space(random_texts: list[str]) -> None:
    found = foretell.information_imbalance(
        lexical_distances(random_texts, kind="words"),
        lexical_distances(random_texts, kind="character 3-grams"),
        metric="precomputed",
    )
    assert found.a_to_b < 0.2


def test_another_kind() -> None:
    with pytest.raises(OptionError, match=r"kind='bigrams' is not an option: choose one of 'character 3-grams'"):
        lexical_distances(["a"], kind="bigrams")
