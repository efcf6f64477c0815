"""One way to load pairs, from wherever they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from foretell.exceptions import OptionError
from foretell.files import reading
from foretell.representations.builtin import emoji, home_assistant, vscode
from foretell.representations.data.filters import filtered
from foretell.representations.data.hub_sets import read_hub
from foretell.representations.data.image_pairs import pair_classes, pair_views
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.table_rows import Choice, Rows, check_sides, pairs_of
from foretell.representations.data.tables import TABLES, read_table, read_text_files
from foretell.representations.data.tmx import read_tmx

_Made = TypeVar("_Made")

BUILT_IN: Mapping[str, Callable[..., Pairs]] = {
    home_assistant.NAME: home_assistant.load,
    vscode.NAME: vscode.load,
    emoji.PICTURES: emoji.load_pictures,
    emoji.NAMES: emoji.load_names,
    emoji.CAPTIONS: emoji.load_captions,
}
"""Name of a built-in set -> the function that reads some of its sides."""

_HUB = "hub:"
_FILTERS = frozenset(inspect.signature(filtered).parameters) - {"pairs"}
_CHOICE = frozenset(one.name for one in fields(Choice)) - {"sides"}
_FORMS = f"a built-in set ({', '.join(BUILT_IN)}), 'hub:NAME', a file ({', '.join(TABLES)}, .tmx), or a folder"


def load_pairs(source: str | Path | Sequence[str | Path], sides: Sequence[str], **options: Any) -> Pairs:
    """Load pairs from a built-in set, the hub, a file, or folders.

    Parameters
    ----------
    source : str, Path, or sequence of these
        - the name of a built-in set, fetched on first use;
        - ``hub:NAME``: a set of the Hugging Face hub, or ``hub:FOLDER`` a folder laid out like one;
        - a table: ``.tsv``, ``.csv``, ``.jsonl``, ``.parquet``; or a translation memory, ``.tmx``;
        - a folder with one such table, whose columns name images in the folder;
        - a folder of folders, one a class: pairs of images of a class;
        - several text files, one a side: line n of each is item n;
        - several folders, one a side: images of one name are an item.
    sides : sequence of str
        Names of the sides: columns, languages, or for files and folders names of your own. One is enough to have two
        models read the same texts.
    **options
        Of the filters: ``min_words``, ``max_words``, ``max_characters``, ``duplicates``, ``limit``,
        ``seed``. ``duplicates`` is "drop" by default, but "keep" for built-in sets, which have rules of their own, and
        with ``captions="all"``.
        Of tables: ``columns``, ``id``, ``group``, ``pictures``, ``captions``, ``classes``, ``pairs_per_class``,
        ``header``, ``quotes``, ``licence``; of a folder with several tables ``table``; of the hub
        ``config``, ``split``, ``revision``. ``docs/data.md`` explains them, and has those of built-in sets.

    Returns
    -------
    Pairs
        Items that every side has, with the numbers of those dropped and why.

    Raises
    ------
    OptionError
        For an unknown source, side or option; the message lists the valid ones.
    InputError
        If what is there cannot be read, or nothing is left.
    FetchError
        If a built-in set is not in the cache and cannot be fetched.
    """
    sides = check_sides(sides)
    built_in = isinstance(source, str) and source in BUILT_IN
    filters = {name: options.pop(name) for name in _FILTERS & options.keys()}
    # With several captions an image, images are met before on purpose.
    filters.setdefault("duplicates", "keep" if built_in or options.get("captions") == "all" else "drop")
    with reading(source):
        if built_in:
            pairs = _call(BUILT_IN[str(source)], (sides,), options, what=str(source))
        elif not isinstance(source, str | Path):
            pairs = _from_several([_path(one) for one in source], sides, options)
        elif isinstance(source, str) and source.startswith(_HUB):
            pairs = _from_rows(read_hub, source.removeprefix(_HUB), sides, options, filters, what="a set of the hub")
        else:
            pairs = _from_path(_path(source), sides, options, filters)
    return filtered(pairs, **filters)


def _path(source: str | Path) -> Path:
    path = Path(source) if isinstance(source, str | Path) else None
    if path is None or not (path.is_file() or path.is_dir()):  # a pipe or a device might never end
        raise OptionError(f"{str(source)!r} is not there: name {_FORMS}.")
    return path


def _from_path(path: Path, sides: Sequence[str], options: dict[str, Any], filters: Mapping[str, Any]) -> Pairs:
    if not path.is_dir():
        reader = read_tmx if path.suffix.lower() == ".tmx" else read_table
        if reader is read_table and path.suffix.lower() not in TABLES:
            raise OptionError(f"{path} is of no kind that can be read: name {_FORMS}; or a list of text files.")
        return _from_rows(reader, path, sides, options, filters, what=f"a {path.suffix} file")
    tables = sorted(file.name for file in path.iterdir() if file.suffix.lower() in TABLES and file.is_file())
    if not tables and "table" not in options:
        seed = {"seed": filters["seed"]} if "seed" in filters else {}
        return _call(pair_classes, (path, sides), options | seed, what="a folder of classes")
    table = options.pop("table", tables[0] if len(tables) == 1 else None)
    if table not in tables:
        raise OptionError(f"table={table!r}: the folder {path} has {', '.join(tables) or 'no table'}; name one.")
    return _from_rows(read_table, path / table, sides, options, filters, what="a folder with a table")


def _from_several(paths: Sequence[Path], sides: Sequence[str], options: dict[str, Any]) -> Pairs:
    if all(path.is_dir() for path in paths):
        return _call(pair_views, (paths, sides), options, what="a list of folders")
    if any(path.is_dir() for path in paths):
        raise OptionError(f"{', '.join(map(str, paths))} are files and folders: give text files, or folders of images.")
    return pairs_of(_call(read_text_files, (paths, sides), options, what="a list of text files"), Choice(tuple(sides)))


def _from_rows(
    reader: Callable[..., Rows],
    source: str | Path,
    sides: Sequence[str],
    options: dict[str, Any],
    filters: Mapping[str, Any],
    *,
    what: str,
) -> Pairs:
    chosen = {name: options.pop(name) for name in _CHOICE & options.keys()}
    choice = Choice(tuple(sides), **chosen, seed=filters.get("seed", 0))
    return pairs_of(_call(reader, (source, choice), options, what=what, also=_CHOICE), choice)


def _call(
    function: Callable[..., _Made],
    given: tuple[Any, ...],
    options: Mapping[str, Any],
    *,
    what: str,
    also: Collection[str] = (),
) -> _Made:
    """Call a reader with its own options, or say which it has."""
    parameters = inspect.signature(function).parameters.values()
    own = {one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
    for name in options:
        if name not in own:
            valid = ", ".join(sorted(own | _FILTERS | set(also)))
            raise OptionError(f"{name!r} is not an option of {what}: choose among {valid}.")
    return function(*given, **options)
