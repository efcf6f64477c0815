"""Which items take part."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from foretell.exceptions import InputError, OptionError
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.selection import select_pairs
from foretell.representations.loading.load_model import load_text_model
from foretell.representations.models.text import TextModel


@pytest.fixture(scope="module")
def model(tiny_model_folder: Path) -> TextModel:
    return load_text_model(str(tiny_model_folder))


def test_short_items_leave_all_sides_and_are_counted(tiny_pairs: Pairs, model: TextModel) -> None:
    chosen = select_pairs(tiny_pairs, models=[model], tokens="last 12")
    long_enough = [
        item
        for row, item in enumerate(tiny_pairs.ids)
        if all(len(tiny_pairs.texts[side][row].split()) >= 12 for side in tiny_pairs.sides)
    ]
    assert list(chosen.ids) == long_enough
    assert chosen.dropped == {"fewer tokens than 'last 12' needs": len(tiny_pairs) - len(long_enough)}


def test_only_the_sides_asked_for_count(tiny_pairs: Pairs, model: TextModel) -> None:
    chosen = select_pairs(tiny_pairs, models=[model], tokens="last 12", sides=["left"])
    assert chosen.sides == ("left",)
    assert list(chosen.ids) == [
        item for item, text in zip(tiny_pairs.ids, tiny_pairs.texts["left"], strict=True) if len(text.split()) >= 12
    ]


def test_a_smaller_choice_is_part_of_a_larger(tiny_pairs: Pairs, model: TextModel) -> None:
    choices = [select_pairs(tiny_pairs, models=[model], tokens="last 6", n_items=n, seed=3).ids for n in range(1, 24)]
    for smaller, larger in itertools.pairwise(choices):
        assert set(smaller) < set(larger)
    assert choices[-1] == tiny_pairs.ids


def test_the_choice_depends_on_seed_and_ids_alone(tiny_pairs: Pairs, model: TextModel) -> None:
    # The ids are written out: they must not change with the machine, the hash seed or the library.
    chosen = select_pairs(tiny_pairs, models=[model], tokens="last 6", n_items=4, seed=0)
    assert chosen.ids == EXPECTED
    backwards = tiny_pairs.take(range(len(tiny_pairs) - 1, -1, -1))
    again = select_pairs(backwards, models=[model], tokens="last 6", n_items=4, seed=0)
    assert again.ids == EXPECTED[::-1]
    other = select_pairs(tiny_pairs, models=[model], tokens="last 6", n_items=4, seed=1)
    assert other.ids != EXPECTED
    assert chosen.dropped == {"not in the choice of 4 items (seed 0)": 19}


EXPECTED = ("item/1", "item/3", "item/17", "item/18")


def test_items_too_long_for_the_model_leave(tiny_pairs: Pairs, model: TextModel) -> None:
    texts = dict(tiny_pairs.texts)
    texts["left"] = ("the " * 64, *texts["left"][1:])
    pairs = Pairs("long", texts, tiny_pairs.ids, None, "CC0-1.0", "made by the tests")
    chosen = select_pairs(pairs, models=[model], tokens="last 6")
    assert chosen.ids == tiny_pairs.ids[1:]
    assert chosen.dropped == {"more tokens than a model takes": 1}


def test_nothing_left_is_an_error(tiny_pairs: Pairs, model: TextModel) -> None:
    with pytest.raises(
        InputError, match=r"\(23 of 23\)\. .* 6 to 26 tokens, half of them 13 or fewer: ask for fewer, such as .last 6."
    ):
        select_pairs(tiny_pairs, models=[model], tokens="last 31")


def test_wrong_options(tiny_pairs: Pairs, model: TextModel) -> None:
    with pytest.raises(OptionError, match="'left', 'right'"):
        select_pairs(tiny_pairs, models=[model], sides=["middle"])
    with pytest.raises(OptionError, match="n_items=0"):
        select_pairs(tiny_pairs, models=[model], n_items=0)
    with pytest.raises(OptionError, match="models"):
        select_pairs(tiny_pairs, models=[])


def test_a_side_has_rules_of_its_own(tiny_pairs: Pairs, model: TextModel) -> None:
    chosen = select_pairs(tiny_pairs, models=[model], tokens={"left": "mean", "right": ["last 12", "mean"]})
    long_enough = [
        item for item, text in zip(tiny_pairs.ids, tiny_pairs.texts["right"], strict=True) if len(text.split()) >= 12
    ]
    assert list(chosen.ids) == long_enough
    assert list(chosen.dropped) == ["fewer tokens than 'last 12' needs"]
