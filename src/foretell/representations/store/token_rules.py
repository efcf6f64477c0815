"""The token rule: which tokens of an item make up its space."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError

if TYPE_CHECKING:
    from foretell.representations.models.base import Reading

__all__ = ["TokenRule"]

_WINDOW = re.compile(r"(mean )?(last|first) ([1-9][0-9]{0,8})(?: before ([1-9][0-9]{0,8}))?")
_WHOLE = {"all": False, "mean": True}
_FORMS = "'last T', 'last T before M', 'first' or 'first T', 'all', 'class', 'mean' or 'mean last T', such as 'last 20'"


@dataclass(frozen=True)
class TokenRule:
    """Which tokens of an item are kept, in their order.

    The tokens of a text are its real ones: neither padding nor special tokens that the tokenizer added. Those of an
    image are its patches, or the positions of a convolution, row by row; the class token is not among them.

    Parameters
    ----------
    of : {"last", "first", "all", "class"}
        Which tokens.
    count : int
        T, for the last or the first T; else 0.
    skip : int
        Of the last T, how many tokens after them are left out.
    mean : bool
        Whether the tokens kept are averaged into one.
    """

    of: Literal["last", "first", "all", "class"]
    count: int = 0
    skip: int = 0
    mean: bool = False

    @classmethod
    def parse(cls, rule: str | TokenRule) -> TokenRule:
        """Read a rule such as ``"last 20"``; ``str(rule)`` writes it.

        Raises
        ------
        OptionError
            For anything else.
        """
        if isinstance(rule, cls):
            return rule
        if rule == "class":
            return cls("class")
        if rule == "first":
            return cls("first", 1)
        if isinstance(rule, str) and rule in _WHOLE:
            return cls("all", mean=_WHOLE[rule])
        match = _WINDOW.fullmatch(rule) if isinstance(rule, str) else None
        if match is None or (match[2] == "first" and match[4]):
            raise OptionError(f"tokens={rule!r:.60} is not a token rule: write {_FORMS}.")
        return cls("last" if match[2] == "last" else "first", int(match[3]), int(match[4] or 0), bool(match[1]))

    def __post_init__(self) -> None:
        if (self.count < 1) == (self.of in ("last", "first")) or self.skip < 0:
            raise OptionError(f"A token rule keeps at least one token, not {self.count} of {self.of!r}.")

    def __str__(self) -> str:
        if self.of == "all":
            return "mean" if self.mean else "all"
        window = self.of + (f" {self.count}" if self.count else "") + (f" before {self.skip}" if self.skip else "")
        return f"mean {window}" if self.mean else window

    @property
    def needs(self) -> int:
        """Tokens that an item must have."""
        return self.count + self.skip if self.count else 1

    @property
    def n_tokens(self) -> int | None:
        """Tokens kept of every item: T, 1 of a mean or the class; None where it depends on the item."""
        if self.mean or self.of == "class":
            return 1
        return self.count or None

    def places(self, item: Reading) -> NDArray[np.intp]:
        """Positions in the item's hidden states that are kept, or averaged."""
        if self.of == "class":
            if item.class_place is None:
                raise OptionError("tokens='class' is for models with a class token, which this one has not.")
            return np.array([item.class_place], np.intp)
        if self.of == "first":
            return item.places[: self.count]
        stop = len(item.places) - self.skip
        return item.places[stop - self.count : stop] if self.of == "last" else item.places
