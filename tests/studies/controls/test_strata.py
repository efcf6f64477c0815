"""Strata: bins of length, what texts end in, and no stratum of one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from foretell.exceptions import InputError, OptionError
from foretell.studies.controls.texts import final_punctuation, strata_of


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("The door is open.", "full stop"),
        ("Wait...", "full stop"),
        ("Wait… ", "full stop"),
        ("门开着。", "full stop"),
        ("门开着．", "full stop"),
        ("الباب مفتوح۔", "full stop"),
        ("दरवाज़ा खुला है।", "full stop"),
        ("He said “it is open.”", "full stop"),
        ("Er sagte: „Die Tür ist auf.“", "full stop"),
        ("他说：「门开着。」", "full stop"),
        ("Is it open?", "question mark"),
        ("¿Está abierta?  ", "question mark"),
        ("هل الباب مفتوح؟", "question mark"),
        ("门开着吗？", "question mark"),
        ("Είναι ανοιχτή\u037e", "question mark"),
        ("(Is it open?)", "question mark"),
        ("Open!", "exclamation mark"),
        ("¡Abre la puerta!", "exclamation mark"),
        ("开门！", "exclamation mark"),
        ('"Open!"', "exclamation mark"),
        ("The following:", "other punctuation"),
        ("这些：", "other punctuation"),
        ("the door (open)", "other punctuation"),
        ("open 'door'", "other punctuation"),
        ("The door is open", "no punctuation"),
        ("门开着", "no punctuation"),
        ("open 🙂", "no punctuation"),
        ("Costs 3 €", "no punctuation"),
        ("", "no punctuation"),
        ("  ", "no punctuation"),
    ],
)
def test_what_texts_end_in(text: str, end: str) -> None:
    assert final_punctuation(text) == end


def test_bins_are_about_equally_full_and_keep_ties_together() -> None:
    counts = np.random.default_rng(0).permutation(np.repeat(np.arange(5, 45), 10))
    strata = strata_of(counts, ["."] * len(counts), bins=4)
    assert Counter(strata) == {
        "5 to 14 tokens, full stop": 100,
        "15 to 24 tokens, full stop": 100,
        "25 to 34 tokens, full stop": 100,
        "35 to 44 tokens, full stop": 100,
    }
    tied = strata_of([7] * 80 + [9] * 20, ["a"] * 100, bins=5)
    assert Counter(tied) == {"7 tokens, no punctuation": 80, "9 tokens, no punctuation": 20}
    assert set(strata_of(counts, ["."] * len(counts), bins=1)) == {"5 to 44 tokens, full stop"}


def test_items_of_a_stratum_are_alike() -> None:
    rng = np.random.default_rng(1)
    ends = np.array([".", "?", "!", ":", ""])
    texts = [f"a{end}" for end in rng.choice(ends, 400)]
    counts = rng.integers(3, 60, 400)
    strata = np.array(strata_of(counts, texts))
    assert len(set(strata)) == 25
    for name in set(strata):
        inside = np.flatnonzero(strata == name)
        assert len(inside) > 1
        (end,) = {final_punctuation(texts[item]) for item in inside}
        assert name == f"{counts[inside].min()} to {counts[inside].max()} tokens, {end}"
        # No other item that ends alike has a length in between.
        between = (counts >= counts[inside].min()) & (counts <= counts[inside].max())
        assert [item for item in np.flatnonzero(between) if texts[item] == texts[inside[0]]] == list(inside)


def test_a_single_item_joins_its_neighbour() -> None:
    counts = [3, 3, 10, 11, 11, 20, 20]
    # The question of 10 tokens is nearer to those of 3 than to those of 20, and ends as both do.
    strata = strata_of(counts, ["a?", "b?", "c?", "d.", "e.", "f?", "g?"], bins=3)
    assert strata == (
        *["3 to 10 tokens, question mark"] * 3,
        *["11 tokens, full stop"] * 2,
        *["20 tokens, question mark"] * 2,
    )
    # The one exclamation has none that ends alike: it joins what is nearest in tokens.
    strata = strata_of(counts, ["a?", "b?", "c!", "d.", "e.", "f?", "g?"], bins=3)
    assert strata[2:5] == ("10 to 11 tokens, full stop or exclamation mark",) * 3
    # Of two singles, one of which has a question to join, the other is left to join them all.
    strata = strata_of([3, 3, 10, 11, 20, 20], ["a?", "b?", "c?", "d.", "e?", "f?"], bins=3)
    assert strata[:4] == ("3 to 11 tokens, full stop or question mark",) * 4


@pytest.mark.parametrize("seed", range(20))
def test_no_stratum_has_one_item(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 25))
    strata = strata_of(rng.integers(1, 12, size), rng.choice(["a.", "a?", "a!", "a,", "a"], size).tolist())
    assert len(strata) == size
    assert min(Counter(strata).values()) > 1


def test_few_items() -> None:
    assert strata_of([], []) == ()
    assert strata_of([1], ["yes!"]) == ("1 token, exclamation mark",)


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match=r"token counts of shape \(2,\) for 1 texts: give one each"):
        strata_of([1, 2], ["a"])
    with pytest.raises(OptionError, match="bins=0 is not an option"):
        strata_of([1], ["a"], bins=0)
