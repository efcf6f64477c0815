"""Pairs of images: drawn within a class, each a folder or rows of a table; or of one name in a folder a view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from foretell.exceptions import InputError, OptionError
from foretell.representations.data.filters import draw, sifted
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture
from foretell.representations.data.table_cells import image_file

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


def pair_classes(
    folder: Path, sides: Sequence[str], *, pairs_per_class: int = 1, seed: int = 0, licence: str = "not stated"
) -> Pairs:
    """Pairs of images of one class, where every class is a folder in the folder.

    Parameters
    ----------
    folder : Path
        Folder of folders. Images may lie in further folders below these; other files are passed over.
    sides : sequence of str
        Names of the two sides.
    pairs_per_class, seed : int
        See `pair_within_classes`.
    licence : str
        Of the images.

    Raises
    ------
    OptionError
        If there are not two sides.
    InputError
        If no class has two images, or one is a link to somewhere else.
    """
    if len(sides) != 2:
        raise OptionError(f"sides={list(sides)!r}: images of a class are drawn in pairs, so give two names.")
    members: dict[str, list[tuple[str, Picture]]] = {}
    for name, picture in _images(folder):
        one, slash, rest = name.partition("/")
        if slash:
            members.setdefault(one, []).append((rest, picture))
    return pair_within_classes(
        members,
        sides=sides,
        pairs_per_class=pairs_per_class,
        seed=seed,
        name=folder.name,
        licence=licence,
        source=f"folder {folder.name}",
        dropped={},
    )


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


def pair_views(folders: Sequence[Path], sides: Sequence[str], *, licence: str = "not stated") -> Pairs:
    """Items drawn or taken several times: the images that have one name in several folders.

    Parameters
    ----------
    folders : sequence of Path
        One folder a side, in the order of the sides. The part of a file's name after its last dot may differ.
    sides : sequence of str
        Names of the sides.
    licence : str
        Of the images.

    Returns
    -------
    Pairs
        In order of name, which is the id.

    Raises
    ------
    OptionError
        If there are not as many folders as sides.
    InputError
        If no name is in all folders, one is twice in a folder, or a file is a link to somewhere else.
    """
    if len(folders) != len(sides):
        raise OptionError(f"{len(folders)} folders for {len(sides)} sides: give one a side, in the same order.")
    views: dict[str, dict[str, Picture]] = {}
    for side, folder in zip(sides, folders, strict=True):
        views[side] = {}
        for name, picture in _images(folder):
            stem = name.rpartition(".")[0]
            if stem in views[side]:
                raise InputError(f"{folder} has two images called {stem!r}: keep one, since names pair the folders.")
            views[side][stem] = picture

    def reason_of(stem: str) -> str | None:
        return next((f"no image on side {side}" for side in sides if stem not in views[side]), None)

    ids, dropped = sifted(sorted(set().union(*views.values())), reason_of)
    name = " + ".join(folder.name for folder in folders)
    if not ids:
        raise InputError(f"{name} have no image of the same name ({dict(dropped)}): names pair the folders.")
    return Pairs(
        name=name,
        texts={},
        pictures={side: tuple(views[side][stem] for stem in ids) for side in sides},
        ids=tuple(ids),
        groups=None,
        licence=licence,
        source=f"folders {name}",
        dropped=dropped,
    )


def _images(folder: Path) -> Iterator[tuple[str, Picture]]:
    """Images in a folder and below it, in order of their names, which start from the folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _IMAGES:
            name = path.relative_to(folder).as_posix()
            picture = image_file(name, roots=[folder], where=f"The image {name!r} of {folder.name}")
            if picture is not None:
                yield name, picture
