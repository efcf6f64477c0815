"""What a cell of a table holds: a text, several, an image, or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from foretell.exceptions import InputError
from foretell.files import leads_inside, places_of
from foretell.representations.data.pairs import is_text
from foretell.representations.data.pictures import Picture

MISSING: Final = object()
"""What `find` gives where there is no such column; None is a cell without a value."""

_MOST_TEXTS = 1_000
"""Of a cell: far more than any image has captions, and each becomes an item."""


def find(cells: Mapping[str, Any], column: str) -> Any:
    """What a column holds, or `MISSING`.

    ``a.b`` is key b inside column a, unless a column has that very name. A column that is not there is looked for
    inside a column ``translation``, where the hub's sets of translations keep their languages.
    """
    if column in cells:
        return cells[column]
    outer, dot, inner = column.partition(".")
    if dot and isinstance(cells.get(outer), Mapping):
        return find(cells[outer], inner)
    if column != "translation" and isinstance(cells.get("translation"), Mapping):
        return cells["translation"].get(column, MISSING)
    return MISSING


def texts_in(cell: Any, where: str) -> str | list[str | None] | None:
    """The text of a cell, or those of its list; None for each that is missing, blank, or half a surrogate pair.

    Raises
    ------
    InputError
        If it holds something else, such as a number, or more texts than any image has captions; `where` is named.
    """
    if isinstance(cell, list | tuple):
        if len(cell) > _MOST_TEXTS:
            raise InputError(
                f"{where} holds {len(cell):,} texts, more than {_MOST_TEXTS:,}: give them rows of their own."
            )
        return [_text_in(one, where) for one in cell]
    return _text_in(cell, where)


def _text_in(cell: Any, where: str) -> str | None:
    if cell is MISSING or cell is None:
        return None
    if not isinstance(cell, str):
        raise InputError(f"{where} is {_shown(cell)}, which is no text: map the side to another column with columns=.")
    return cell if is_text(cell) else None


def name_in(cell: Any, where: str) -> str | None:
    """The id, group or class of a cell as a text; whole numbers are names too. None where it is blank or missing."""
    if cell is MISSING or cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise InputError(f"{where} is {_shown(cell)}, which is no name: give a column of texts or whole numbers.")
    return str(cell) if is_text(str(cell)) else None


def picture_in(cell: Any, where: str, *, roots: Sequence[Path]) -> Picture | None:
    """The image of a cell: the path of a file, or the hub's ``{"bytes": ..., "path": ...}``.

    None where it is blank or missing, or names a file that is not there.

    Raises
    ------
    InputError
        If it holds something else, or names a file outside the `roots`; `where` is named.
    """
    if isinstance(cell, Mapping):
        content, path = cell.get("bytes"), cell.get("path")
        if isinstance(content, bytes) and content:
            return Picture(path if isinstance(path, str) and is_text(path) else where, content)
        # A set that was read from files says where they are in full.
        return None if path is None else image_file(path, roots=roots, where=where, absolute=True)
    return None if cell is MISSING or cell is None else image_file(cell, roots=roots, where=where)


def image_file(path: Any, *, roots: Sequence[Path], where: str, absolute: bool = False) -> Picture | None:
    """The image file of a path that starts from the first of the `roots`; None where there is no such file.

    Whoever wrote the table does not choose which files of this machine are read: a path that leads out of the roots,
    by ``..``, from the root of the disk or through a link, is an `InputError`.
    """
    if not isinstance(path, str):
        raise InputError(f"{where} is {_shown(path)}, which is no path of an image: map the side to another column.")
    if not is_text(path):
        return None
    try:
        named = Path(os.path.normpath(Path(*roots[:1]).resolve() / path))
        folders = [folder for root in roots for folder in (root.resolve(), root.absolute())]
        folder = next((folder for folder in folders if named.is_relative_to(folder)), None)
        if folder is None or (Path(path).is_absolute() and not absolute) or not leads_inside(named, places_of(folder)):
            raise InputError(f"{where} is {_shown(path)}, outside the folder of the set: put the images inside it.")
        return Picture(named.relative_to(folder).as_posix(), named) if named.is_file() else None
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have, or links in a circle
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where} is {_shown(path)}, which is no path ({error}): give the path of a file.") from error


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
