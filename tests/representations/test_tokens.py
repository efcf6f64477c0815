"""The token rule."""

from __future__ import annotations

import pytest

from foretell.exceptions import OptionError
from foretell.representations.tokens import TokenRule


@pytest.mark.parametrize("text", ["last 1", "last 20", "last 98"])
def test_round_trip(text: str) -> None:
    rule = TokenRule.parse(text)
    assert str(rule) == text
    assert TokenRule.parse(rule) is rule


@pytest.mark.parametrize(
    "text", ["", "20", "last", "last 0", "last -1", "last 020", "first 20", "last 2.5", "last 20 ", 20]
)
def test_anything_else_names_the_valid_form(text: str) -> None:
    with pytest.raises(OptionError, match="last 20"):
        TokenRule.parse(text)


def test_no_rule_keeps_nothing() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        TokenRule(0)
