"""Tables in files, read row by row: TSV, CSV, JSON lines and Parquet; and text files, each of them a column."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from foretell.exceptions import InputError, OptionError, check_option, one_line, require
from foretell.representations.cache import sha256_of
from foretell.representations.data.table_rows import Choice, Row, Rows

MOST_BYTES = 4 * 2**20
"""Of a line, and of a text in a TMX: far more than any model reads."""

TABLES = (".tsv", ".csv", ".jsonl", ".parquet")
"""Suffixes of the tables that can be read."""

_PICTURE_COLUMNS = frozenset({"image", "file_name"})
_MOST_COLUMNS = 10_000
_BATCH_ROWS = 200  # images may lie in them


def read_table(
    path: Path,
    choice: Choice,
    *,
    header: bool = True,
    quotes: bool | None = None,
    licence: str = "not stated",
) -> Rows:
    r"""Read a table.

    Columns called ``image`` or ``file_name`` hold paths of images, which start from the table's folder.

    Parameters
    ----------
    path : Path
        A file whose name ends in one of `TABLES`.
    choice : Choice
        Which columns are wanted.
    header : bool
        Whether the first line of a TSV or CSV names its columns. Without one they are called "1", "2" and so on.
    quotes : bool, optional
        Whether ``"`` around a cell of a TSV or CSV is no part of it, so that tabs, commas and line breaks may stand
        inside. By default in a CSV only: texts in a TSV begin with quotation marks of their own.
    licence : str
        Of what is in it.

    Returns
    -------
    Rows
        Called "line 17" by the line where they begin, or in Parquet "row 16" by their number from 0.

    Raises
    ------
    InputError
        While it is read, if the file is not what its name says; the message names the line.
    """
    check_option("header", header, (True, False))
    check_option("quotes", quotes, (True, False, None))
    suffix = path.suffix.lower()
    if suffix not in (".tsv", ".csv") and (not header or quotes is not None):
        raise OptionError(f"{path.name} has neither header nor quotes: leave these options to TSV and CSV.")
    if suffix == ".parquet":
        rows = _parquet(path, choice.wanted)
    elif suffix == ".jsonl":
        rows = _json_lines(path)
    else:
        quoted = suffix == ".csv" if quotes is None else quotes
        records = _quoted(path, "," if suffix == ".csv" else "\t") if quoted else _plain(path, suffix)
        rows = _with_header(path, records, choice.wanted, header=header)
    return Rows(
        name=path.stem,
        source=f"{path.name}, sha256 {sha256_of(path)[:16]}",
        licence=licence,
        rows=rows,
        all_alike=suffix != ".jsonl",
        picture_columns=_PICTURE_COLUMNS,
        roots=(path.parent,),
    )


def read_text_files(paths: Sequence[Path], sides: Sequence[str], *, licence: str = "not stated") -> Rows:
    """Read text files of which line n is item n of each side.

    Parameters
    ----------
    paths : sequence of Path
        One file a side, in the order of the sides.
    sides : sequence of str
        Names of the sides.
    licence : str
        Of what is in them.

    Raises
    ------
    OptionError
        If there are not as many files as sides.
    InputError
        While they are read, if they have different numbers of lines or one is not UTF-8.
    """
    if len(paths) != len(sides):
        raise OptionError(f"{len(paths)} files for {len(sides)} sides: give one file a side, in the same order.")
    return Rows(
        name=" + ".join(path.name for path in paths),
        source="; ".join(f"{path.name}, sha256 {sha256_of(path)[:16]}" for path in paths),
        licence=licence,
        rows=_aligned(paths, sides),
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Lines of a file with their numbers from 1, each with the ``\n`` that ends it.

    Nothing but ``\n`` ends a line, so that a text keeps whatever else Unicode calls a line break.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is longer than `MOST_BYTES` or not UTF-8; the message names the line.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MOST_BYTES + 1):
                number += 1
                if len(line) > MOST_BYTES:
                    raise InputError(f"Line {number} of {path} is longer than {MOST_BYTES:,} bytes: leave it out.")
                try:
                    # Some editors begin a file with a byte order mark, which is no part of its first line.
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"Line {number} of {path} is not UTF-8 ({error}): save the file as UTF-8."
                    ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of yours.") from error


def _aligned(paths: Sequence[Path], sides: Sequence[str]) -> Iterator[Row]:
    for number, lines in enumerate(zip_longest(*map(_lines, paths)), start=1):
        if None in lines:
            shorter = paths[lines.index(None)]
            raise InputError(
                f"{shorter} ends after {number - 1} lines, before the others: line n of every file must be the same "
                "item."
            )
        yield Row(
            f"line {number}",
            {side: line.removesuffix("\n").removesuffix("\r") for side, (_, line) in zip(sides, lines, strict=True)},
        )


def _plain(path: Path, suffix: str) -> Iterator[tuple[int, list[str]]]:
    """Cells between separators, whatever they hold."""
    separator = "," if suffix == ".csv" else "\t"
    for number, line in _lines(path):
        yield number, line.removesuffix("\n").removesuffix("\r").split(separator)


def _quoted(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((line for _, line in _lines(path)), delimiter=separator, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"Line {begins} of {path} cannot be read ({error}): look for a quotation mark that is not closed, "
                "or give quotes=False if they are part of the texts."
            ) from error
        yield begins, record


def _with_header(
    path: Path, records: Iterator[tuple[int, list[str]]], wanted: Sequence[str], *, header: bool
) -> Iterator[Row]:
    names: list[str] = []
    known: Sequence[str] = ()
    for number, cells in records:
        if header and not names:
            names = [cell.strip() for cell in cells]
            if len(names) > _MOST_COLUMNS:
                raise InputError(
                    f"{path} has more than {_MOST_COLUMNS:,} columns: leave out those that are not wanted."
                )
            repeated = next((name for name, times in Counter(names).items() if times > 1), None)
            if repeated is not None:
                raise InputError(f"{path} has two columns called {repeated!r}: name them apart, or give header=False.")
            continue
        names = names or [str(place + 1) for place in range(len(cells))]
        if len(cells) > len(names):
            raise InputError(f"Line {number} of {path} has {len(cells)} cells for {len(names)} columns: mend the line.")
        # The first row says which columns there are; of a later short one only those count that somebody asks for.
        row: dict[str, str | None] = dict.fromkeys(known or names) | dict(zip(names, cells, strict=False))
        known = known or [name for name in wanted if name in names]
        yield Row(f"line {number}", row)


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"Line {number} of {path} is not JSON ({error}): write one object a line.") from error
        if not isinstance(cells, dict):
            raise InputError(f"Line {number} of {path} is no JSON object: write one a line, column: value.")
        yield Row(f"line {number}", cells)


def _parquet(path: Path, wanted: Sequence[str]) -> Iterator[Row]:
    parquet = require("pyarrow.parquet", "hf")
    outer = {"translation", *wanted, *(column.partition(".")[0] for column in wanted)}
    try:
        with parquet.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name in outer]
            number = 0
            # Without any of the columns one row of all is enough to say which there are.
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names or None):
                for cells in batch.to_pylist():
                    yield Row(f"row {number}", cells)
                    number += 1
    except (OSError, ValueError, NotImplementedError) as error:  # the kinds of pyarrow's errors, and of texts not UTF-8
        raise InputError(f"{path} is not readable as Parquet ({one_line(error)}): write it again.") from error
