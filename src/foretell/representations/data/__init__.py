"""Pairs of items: the same meaning on two or more sides."""

from __future__ import annotations

from collections.abc import Sequence

from foretell.exceptions import check_option
from foretell.representations.data import home_assistant
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture

__all__ = ["Pairs", "Picture", "load_pairs"]

# Name of a built-in set -> the function that reads some of its sides.
_SETS = {"home-assistant": home_assistant.load}


def load_pairs(name: str, sides: Sequence[str]) -> Pairs:
    """Load a built-in set of pairs, fetching it on first use.

    Parameters
    ----------
    name : {"home-assistant"}
        The set.
    sides : sequence of str
        Two or more sides: language codes such as ``("en", "de")``.

    Returns
    -------
    Pairs
        Items that every side has, with the numbers of those dropped and why.

    Raises
    ------
    OptionError
        For an unknown name or side; the message lists the valid ones.
    FetchError
        If the set is not in the cache and cannot be fetched.
    """
    check_option("name", name, _SETS)
    return _SETS[name](sides)
