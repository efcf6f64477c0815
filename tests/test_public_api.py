"""What is promised to users changes on purpose only, and is documented."""

from __future__ import annotations

import pytest

import foretell
from foretell import figures
from tests.public_api import GIVEN, GOLDEN, described, lacking


def test_the_public_interface_is_the_one_that_is_promised() -> None:
    """Where a change is meant: `python -m tests.public_api`, and a line in the changelog."""
    assert described() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        *(f"foretell.{name}" for name in foretell.__all__ if name != "__version__"),
        *GIVEN,
        *(f"foretell.figures.{name}" for name in figures.__all__),
    ],
)
def test_what_is_public_is_documented_whole(name: str) -> None:
    assert lacking(name) == []


def test_a_change_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def holm(p_values: list[float], *, method: str = "holm") -> None:
        """Adjust."""

    monkeypatch.setattr(foretell, "holm", holm, raising=False)
    paragraph = next(text for text in described().split("\n\n") if text.startswith("function foretell.holm"))
    assert paragraph.splitlines() == [
        "function foretell.holm",
        "    p_values: list[float]",
        "    *",
        "    method: str = 'holm'",
        "    -> None",
        "    documents nothing further",
    ]
