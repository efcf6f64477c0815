"""Pairs of items: the same meaning on two or more sides."""

from foretell.representations.data.filters import filtered
from foretell.representations.data.loading import load_pairs
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture

__all__ = ["Pairs", "Picture", "filtered", "load_pairs"]
