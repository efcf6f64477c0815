"""Emoji for training, and those whose meanings no model is shown before a study asks about them."""

from __future__ import annotations

from dataclasses import dataclass

import foretell
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.emoji import HANDS
from foretell.representations.data.filters import draw

__all__ = ["SHARE_HELD_OUT", "Split", "split"]

SHARE_HELD_OUT = 0.4
_SEED = 0


@dataclass(frozen=True)
class Split:
    """Pictures to learn from, and items that are kept from the models.

    Parameters
    ----------
    training : Pairs
        What a model may be trained on: every side of it, without regard to which pictures belong together.
    held_out : Pairs
        Items of other meanings: no hand's drawing of them, nor of a variant of them, is in `training`.
    data : str
        Which pictures these are, down to the last byte.
    """

    training: foretell.Pairs
    held_out: foretell.Pairs
    data: str

    def pictures(self) -> list[foretell.Picture]:
        """All pictures to learn from."""
        return [picture for side in self.training.sides for picture in self.training.pictures[side]]


def split() -> Split:
    """The emoji of all hands, parted by meaning.

    Each group of variants (a woman, a man, a person who cooks) draws a number from its name alone, so that it falls on
    the same side whichever hands or captions a study asks for.

    Raises
    ------
    FetchError
        If the pictures are not in the cache and cannot be fetched.
    """
    pairs = foretell.load_pairs("emoji-pictures", HANDS)
    rows: dict[bool, list[int]] = {False: [], True: []}
    for row, group in enumerate(pairs.groups or pairs.ids):
        rows[_is_held_out(group)].append(row)
    files = sorted(PARTS[f"emoji-{hand}"].sha256 for hand in HANDS)
    return Split(
        training=pairs.take(rows[False]),
        held_out=pairs.take(rows[True]),
        data=f"{SHARE_HELD_OUT} of meanings held out (seed {_SEED}), {' '.join(files)}",
    )


def _is_held_out(group: str) -> bool:
    return int.from_bytes(draw(_SEED, group)[:8]) < SHARE_HELD_OUT * 2**64
