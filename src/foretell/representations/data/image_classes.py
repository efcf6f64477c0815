"""Pairs of images of one class, drawn by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from foretell.exceptions import InputError
from foretell.representations.data.filters import draw
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture

__all__ = ["pair_within_classes"]


def pair_within_classes(
    members: Mapping[str, Sequence[tuple[str, Picture]]],
    *,
    sides: Sequence[str],
    pairs_per_class: int,
    seed: int,
    name: str,
    licence: str,
    source: str,
    dropped: Mapping[str, int],
) -> Pairs:
    """Pairs of images of one class; the class is the group.

    An image is in one pair at most. The draw of a class depends on the seed and the names of its images alone, and
    fewer pairs a class are part of more. A pair is called by its class and the names of its images.

    Parameters
    ----------
    members : mapping of str to sequence of (str, Picture)
        Class to its images and their names.
    sides : sequence of str
        Names of the two sides.
    pairs_per_class : int
        How many pairs of each class, where it has images enough.
    seed : int
        Of the draw.
    name, licence, source, dropped
        What the pairs say of themselves.

    Raises
    ------
    InputError
        If no class has two images.
    """
    counts = Counter(dropped)
    drawn: list[tuple[str, tuple[str, Picture], tuple[str, Picture]]] = []
    for one, images in sorted(members.items()):
        if len(images) < 2:
            counts["the only image of its class"] += 1
            continue
        order = sorted(images, key=lambda image: draw(seed, image[0]))
        n_pairs = min(pairs_per_class, len(order) // 2)
        drawn += [(one, order[2 * pair], order[2 * pair + 1]) for pair in range(n_pairs)]
        if len(order) > 2 * n_pairs:
            counts[f"image not drawn for a pair (seed {seed})"] += len(order) - 2 * n_pairs
    if not drawn:
        raise InputError(f"{name!r} has no class of two images ({dict(counts)}): pairs are drawn within a class.")
    return Pairs(
        name=name,
        texts={},
        pictures={
            sides[0]: tuple(first[1] for _, first, _ in drawn),
            sides[1]: tuple(second[1] for _, _, second in drawn),
        },
        ids=tuple(f"{one}: {first[0]} + {second[0]}" for one, first, second in drawn),
        groups=tuple(one for one, _, _ in drawn),
        licence=licence,
        source=source,
        dropped=counts,
    )
