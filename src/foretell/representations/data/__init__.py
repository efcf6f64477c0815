"""Pairs of items: the same meaning on two or more sides, read from files of many kinds."""

from foretell.representations.data.filters import filtered
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture

__all__ = ["Pairs", "Picture", "filtered"]
