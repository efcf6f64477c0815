"""The token rule: which tokens of an item make up its space."""

from __future__ import annotations

import re
from dataclasses import dataclass

from foretell.exceptions import OptionError

__all__ = ["TokenRule"]

_VALID = re.compile(r"last ([1-9][0-9]*)")


@dataclass(frozen=True)
class TokenRule:
    """Keep the last T real tokens of an item, in their order.

    A token is real when it is neither padding nor a special token that the tokenizer added.

    Parameters
    ----------
    last : int
        T, at least 1.
    """

    last: int

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
        match = _VALID.fullmatch(rule) if isinstance(rule, str) else None
        if match is None:
            raise OptionError(
                f"tokens={rule!r} is not a token rule: write 'last T' with T a whole number from 1, such as 'last 20'."
            )
        return cls(int(match[1]))

    def __post_init__(self) -> None:
        if self.last < 1:
            raise OptionError(f"A token rule keeps the last T tokens, T at least 1, not {self.last}.")

    def __str__(self) -> str:
        return f"last {self.last}"
