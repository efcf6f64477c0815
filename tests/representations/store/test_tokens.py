"""The token rule."""

from __future__ import annotations

import numpy as np
import pytest

from foretell.exceptions import OptionError
from foretell.representations.models.base import Reading
from foretell.representations.store.recordings import TokenRule


@pytest.mark.parametrize(
    "text",
    [
        "last 1",
        "last 20",
        "last 98",
        "last 20 before 2",
        "first 5",
        "all",
        "class",
        "mean",
        "mean last 4",
        "mean last 4 before 1",
    ],
)
def test_round_trip(text: str) -> None:
    rule = TokenRule.parse(text)
    assert str(rule) == text
    assert TokenRule.parse(rule) is rule


@pytest.mark.parametrize(
    "text",
    ["", "20", "last", "last 0", "last -1", "last 020", "first 5 before 2", "mean class", "last 2.5", "last 20 ", 20],
)
def test_anything_else_names_the_valid_form(text: str) -> None:
    with pytest.raises(OptionError, match="last 20"):
        TokenRule.parse(text)


def test_no_rule_keeps_nothing() -> None:
    with pytest.raises(OptionError, match="at least one token"):
        TokenRule("last")
    with pytest.raises(OptionError, match="at least one token"):
        TokenRule("all", 3)


def test_places_of_tokens() -> None:
    item = Reading(np.zeros(9), 9, np.array([1, 2, 4, 5, 7]), class_place=0)
    expected = {
        "last 2": [5, 7],
        "last 2 before 1": [4, 5],
        "first 3": [1, 2, 4],
        "all": [1, 2, 4, 5, 7],
        "class": [0],
        "mean": [1, 2, 4, 5, 7],
        "mean last 2": [5, 7],
    }
    for rule, places in expected.items():
        assert TokenRule.parse(rule).places(item).tolist() == places
    assert [TokenRule.parse(rule).n_tokens for rule in expected] == [2, 2, 3, None, 1, 1, 1]
    assert [TokenRule.parse(rule).needs for rule in expected] == [2, 3, 3, 1, 1, 1, 2]
