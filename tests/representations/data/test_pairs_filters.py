"""Filters: what passes, what is counted, and what stays as it was."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.exceptions import InputError, OptionError
from foretell.representations.data.filters import choose, draw, filtered
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture


def made(en: list[str], de: list[str] | None = None, **changes: Any) -> Pairs:
    texts = {"en": tuple(en)} | ({} if de is None else {"de": tuple(de)})
    values: dict[str, Any] = {
        "name": "made",
        "texts": texts,
        "ids": tuple(f"line {row + 2}" for row in range(len(en))),
        "groups": None,
        "licence": "CC0-1.0",
        "source": "here",
        "dropped": {"no text on side de": 2},
    }
    return Pairs(**values | changes)


def test_lengths_are_counted_for_every_side_or_by_side() -> None:
    pairs = made(["one two", "one two three", "four"], ["eins", "eins zwei", "vier fünf sechs"])
    both = filtered(pairs, min_words=2)
    assert both.ids == ("line 3",)
    assert both.dropped == {
        "no text on side de": 2,
        "fewer than 2 words on side de": 1,
        "fewer than 2 words on side en": 1,
    }
    assert filtered(pairs, min_words={"en": 2}).ids == ("line 2", "line 3")
    assert filtered(pairs, max_words={"de": 2}, max_characters={"en": 7}).ids == ("line 2",)
    assert filtered(pairs, max_words=2).dropped["more than 2 words on side en"] == 1


def test_a_text_met_before_on_any_side_goes() -> None:
    pairs = made(["a", "b", "a", "c"], ["w", "x", "y", "x"])
    chosen = filtered(pairs)
    assert chosen.ids == ("line 2", "line 3")
    assert chosen.dropped["met before on side en"] == 1
    assert chosen.dropped["met before on side de"] == 1
    assert filtered(pairs, duplicates="keep") is pairs


def test_what_was_dropped_is_no_reason_to_drop_others() -> None:
    # The second item goes for its German, so its English has not been met when the third comes.
    assert filtered(made(["a", "b", "b"], ["x", "x", "y"])).ids == ("line 2", "line 4")


def test_images_are_compared_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"same")
    pictures = (Picture("a", tmp_path / "a.png"), Picture("b", b"same"), Picture("c", b"other"))
    pairs = made(["one", "two", "three"], pictures={"image": pictures})
    assert filtered(pairs).ids == ("line 2", "line 4")
    assert filtered(pairs).dropped["met before on side image"] == 1


def test_a_choice_is_part_of_a_larger_one_and_follows_seed_and_ids_alone() -> None:
    pairs = made([f"text {number}" for number in range(20)])
    chosen = [filtered(pairs, limit=limit, seed=5).ids for limit in range(1, 21)]
    for smaller, larger in itertools.pairwise(chosen):
        assert set(smaller) < set(larger)
    assert filtered(pairs.take(range(19, -1, -1)), limit=4, seed=5).ids == chosen[3][::-1]
    assert filtered(pairs, limit=4, seed=6).ids != chosen[3]
    assert filtered(pairs, limit=4, seed=5).dropped["not in the choice of 4 items (seed 5)"] == 16


def test_the_draw_is_the_same_on_every_machine() -> None:
    # Written out: stores made with one version must be found again by the next.
    assert draw(0, "item/1").hex()[:16] == "13b513307a3a0fa9"
    assert choose([f"item/{number}" for number in range(23)], 4, seed=0) == [1, 3, 17, 18]


@given(
    rows=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), min_size=1, max_size=12),
    limit=st.integers(1, 12),
    seed=st.integers(0, 3),
)
def test_items_keep_order_ids_and_texts_and_none_is_lost_unsaid(
    rows: list[tuple[str, str]], limit: int, seed: int
) -> None:
    pairs = made([en for en, _ in rows], [de for _, de in rows])
    chosen = filtered(pairs, limit=limit, seed=seed)
    places = [pairs.ids.index(item) for item in chosen.ids]
    assert places == sorted(places)
    assert [(chosen.texts["en"][row], chosen.texts["de"][row]) for row in range(len(chosen))] == [
        rows[place] for place in places
    ]
    assert len(chosen) + sum(chosen.dropped.values()) == len(pairs) + sum(pairs.dropped.values())
    for side in chosen.sides:
        assert len(set(chosen.texts[side])) == len(chosen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_words": 0}, "min_words"),
        ({"min_words": "six"}, "min_words"),
        ({"max_words": True}, "max_words"),
        ({"max_characters": {"fr": 5}}, "'en'"),
        ({"min_words": {"en": None}}, "min_words of side 'en'"),
        ({"duplicates": True}, "'drop', 'keep'"),
        ({"limit": 0}, "limit=0"),
        ({"seed": None}, "seed=None"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        filtered(made(["a b"]), **options)


def test_nothing_left_says_why() -> None:
    with pytest.raises(InputError, match="fewer than 6 words on side en"):
        filtered(made(["a b"]), min_words=6)
