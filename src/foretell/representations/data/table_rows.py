"""Rows of any table, which of its columns make pairs, and the pairs that are made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from foretell.exceptions import InputError, OptionError, check_option, checked_count
from foretell.representations.data.image_pairs import pair_within_classes
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture
from foretell.representations.data.table_cells import MISSING, find, name_in, picture_in, texts_in


@dataclass(frozen=True)
class Choice:
    """Which columns of a table make pairs, and how.

    Parameters
    ----------
    sides : sequence of str
        Names of the sides.
    columns : mapping of str to str
        Side to its column. Others are in the column of their own name. ``a.b`` is key b inside column a.
    id, group : str, optional
        Columns of ids and groups. By default an id is the place of the row, and there are no groups.
    pictures : sequence of str, optional
        Sides that are of images. By default those whose column is known to hold them.
    captions : {"first", "all"}
        What becomes of several texts for one image, be they a list in a cell or rows that name the same image: the
        first is kept, or each is an item, and the items of an image are a group.
    classes : str, optional
        Column of classes. With it, both sides are images of one column, drawn in pairs within a class.
    pairs_per_class : int
        How many pairs of each class.
    seed : int
        Of that draw.

    Raises
    ------
    OptionError
        For values that these cannot have.
    """

    sides: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    group: str | None = None
    pictures: Sequence[str] | None = None
    captions: str = "first"
    classes: str | None = None
    pairs_per_class: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sides", check_sides(self.sides))
        if not isinstance(self.columns, Mapping):
            raise OptionError(f"columns={self.columns!r} must say side: column, for each side of another name.")
        for side, column in self.columns.items():
            check_option("columns: side", side, self.sides)
            _check_name(f"columns: {side}", column)
        for name in ("id", "group", "classes"):
            if getattr(self, name) is not None:
                _check_name(name, getattr(self, name))
        if self.pictures is not None:
            if isinstance(self.pictures, str) or not isinstance(self.pictures, Sequence):
                raise OptionError(f"pictures={self.pictures!r} must be a list of sides.")
            for side in self.pictures:
                check_option("pictures: side", side, self.sides)
        check_option("captions", self.captions, ("first", "all"))
        checked_count("pairs_per_class", self.pairs_per_class, least=1)
        checked_count("seed", self.seed, least=0)
        if self.classes is not None and (len(self.sides) != 2 or len(set(map(self.column, self.sides))) != 1):
            raise OptionError(
                f"classes={self.classes!r} draws pairs of images: give two sides, both mapped to the one column of "
                "images with columns=."
            )
        if self.classes is not None and self.group is not None:
            raise OptionError("group= is for items of their own: pairs drawn with classes= are grouped by class.")

    def column(self, side: str) -> str:
        """Column of a side."""
        return self.columns.get(side, side)

    @property
    def grouping(self) -> str | None:
        """Column of the groups, or of the classes."""
        return self.classes or self.group

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every column that is looked at."""
        names = (*map(self.column, self.sides), self.id, self.grouping)
        return tuple(dict.fromkeys(name for name in names if name is not None))


def check_sides(sides: Sequence[str]) -> tuple[str, ...]:
    """Sides as a tuple, or an `OptionError` where they are not one or more different names."""
    if isinstance(sides, str) or not isinstance(sides, Sequence) or not sides:
        raise OptionError(f"sides={sides!r} must be a list of names, such as ['en', 'de'].")
    for side in sides:
        _check_name("sides", side)
    if len(set(sides)) != len(sides):
        raise OptionError(f"sides={list(sides)!r} names a side twice: give them different names.")
    return tuple(sides)


def _check_name(option: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise OptionError(f"{option}={value!r} must be a name.")


class Row(NamedTuple):
    """One row of a table: where it stands, such as "line 17", and what its columns hold."""

    place: str
    cells: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """A table that is read row by row.

    Parameters
    ----------
    name, source, licence : str
        What the pairs made of it say of themselves.
    rows : iterator of Row
        To be read once.
    all_alike : bool
        Whether every row has the same columns, so that the first one shows whether a column is there.
    picture_columns : frozenset of str
        Columns that hold images unless the caller says otherwise.
    roots : tuple of Path
        Folders that image files must lie in. Relative paths start from the first.
    """

    name: str
    source: str
    licence: str
    rows: Iterator[Row]
    all_alike: bool = True
    picture_columns: frozenset[str] = frozenset()
    roots: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Item:
    id: str
    group: str | None
    texts: Mapping[str, str]
    pictures: Mapping[str, Picture]

    @property
    def images(self) -> str:
        """What tells its images from others'."""
        keys = (one.name if isinstance(one.source, Path) else one.sha256[:16] for one in self.pictures.values())
        return " + ".join(keys)


def pairs_of(rows: Rows, choice: Choice) -> Pairs:
    """Read a table and make pairs of it.

    Rows with a blank or missing cell are left out and counted by reason.

    Raises
    ------
    OptionError
        For a column that there is not; the message lists those there are.
    InputError
        If a cell holds something that is neither text nor image where one must be, an image lies outside the
        table's folder, an id is there twice, or no item is left.
    """
    dropped: Counter[str] = Counter()
    items = _kept(_outcomes(rows, choice), choice, dropped)
    about = {"name": rows.name, "licence": rows.licence, "source": rows.source}
    if choice.classes is not None:
        members: dict[str, list[tuple[str, Picture]]] = {}
        for item in items:
            members.setdefault(str(item.group), []).append((item.id, item.pictures[choice.sides[0]]))
        return pair_within_classes(
            members,
            sides=choice.sides,
            pairs_per_class=choice.pairs_per_class,
            seed=choice.seed,
            dropped=dropped,
            **about,
        )
    kept = list(items)
    if not kept:
        raise InputError(f"{rows.name!r} has no row with something on every side ({dict(dropped)}): look at columns=.")
    return Pairs(
        texts={side: tuple(item.texts[side] for item in kept) for side in kept[0].texts},
        pictures={side: tuple(item.pictures[side] for item in kept) for side in kept[0].pictures},
        ids=tuple(item.id for item in kept),
        groups=None if kept[0].group is None else tuple(str(item.group) for item in kept),
        dropped=dropped,
        **about,
    )


def _kept(outcomes: Iterator[_Item | str], choice: Choice, dropped: Counter[str]) -> Iterator[_Item]:
    """The items among what rows came to; reasons are counted, and of an image's captions the first is kept."""
    captioned: set[str] = set()
    for outcome in outcomes:
        if isinstance(outcome, str):
            dropped[outcome] += 1
            continue
        if choice.captions == "first" and outcome.texts and outcome.pictures:
            if outcome.images in captioned:
                dropped["another caption of the same image"] += 1
                continue
            captioned.add(outcome.images)
        yield outcome


def _outcomes(rows: Rows, choice: Choice) -> Iterator[_Item | str]:
    """What each row comes to: items, or why there is none."""
    picture_sides = choice.pictures
    if choice.classes is not None:
        picture_sides = choice.sides
    elif picture_sides is None:
        picture_sides = [side for side in choice.sides if choice.column(side) in rows.picture_columns]
    for row in _checked(rows, choice):
        yield from _items(row, choice, picture_sides, rows)


def _checked(rows: Rows, choice: Choice) -> Iterator[Row]:
    """The rows, and an error as soon as it is known that a column is not there."""
    unseen = set(choice.wanted)
    present: dict[str, None] = {}
    for row in rows.rows:
        if unseen:
            present |= dict.fromkeys(row.cells)
            unseen -= {column for column in unseen if find(row.cells, column) is not MISSING}
            if unseen and rows.all_alike:
                break
        yield row
    if not present:
        raise InputError(f"{rows.name!r} ({rows.source}) has no rows: give a table with some.")
    if unseen:
        # Of a damaged file a name may hold anything: what does not print would break the line.
        columns = ", ".join(one if one.isprintable() else repr(one) for one in list(present)[:40])
        raise OptionError(
            f"{rows.name!r} has no column {min(unseen)!r}: it has {columns}. Name one of these; columns= "
            "(--data-option columns=...) says which column a side is."
        )


def _items(row: Row, choice: Choice, picture_sides: Collection[str], rows: Rows) -> Iterator[_Item | str]:
    """Items of one row: one, or as many as it has captions; or why there is none."""

    def cell(column: str) -> tuple[Any, str]:
        return find(row.cells, column), f"{row.place} of {rows.name!r}, column {column!r},"

    names = {column: name_in(*cell(column)) for column in (choice.id, choice.grouping) if column is not None}
    pictures = {side: picture_in(*cell(choice.column(side)), roots=rows.roots) for side in picture_sides}
    lacking = [f"no {column}" for column, name in names.items() if name is None]
    lacking += [f"no image on side {side}" for side, picture in pictures.items() if picture is None]
    if lacking:
        yield lacking[0]
        return
    whole_pictures = {side: picture for side, picture in pictures.items() if picture is not None}
    item = names[choice.id] if choice.id is not None else row.place
    group = names[choice.grouping] if choice.grouping is not None else None
    texts = {side: texts_in(*cell(choice.column(side))) for side in choice.sides if side not in picture_sides}
    several = choice.captions == "all" and any(isinstance(found, list) for found in texts.values())
    for place, version in enumerate(_versions(texts, choice.captions)):
        whole = {side: text for side, text in version.items() if text is not None}
        if len(whole) < len(version):
            yield f"no text on side {next(side for side in version if side not in whole)}"
            continue
        made = _Item(f"{item}/{place}" if several else str(item), group, whole, whole_pictures)
        if choice.captions == "all" and group is None:
            made = replace(made, group=made.images or item)
        yield made


def _versions(texts: Mapping[str, str | list[str | None] | None], captions: str) -> list[dict[str, str | None]]:
    """The texts of each item of a row: of the first of several on a side, or of one after the other."""
    if captions == "first":
        return [
            {
                side: next((text for text in found if text is not None), None) if isinstance(found, list) else found
                for side, found in texts.items()
            }
        ]
    length = max([1, *(len(found) for found in texts.values() if isinstance(found, list))])
    return [
        {
            side: (found[place] if place < len(found) else None) if isinstance(found, list) else found
            for side, found in texts.items()
        }
        for place in range(length)
    ]
