"""Which columns of a table make pairs, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foretell.exceptions import OptionError, check_option
from foretell.representations.data.filters import check_count

__all__ = ["Choice", "check_sides"]


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
        check_count("pairs_per_class", self.pairs_per_class, least=1)
        check_count("seed", self.seed, least=0)
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
