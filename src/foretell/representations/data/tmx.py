"""Translation memories: TMX, the XML of translators, read as a stream and without its dangers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.parsers import expat

from foretell.exceptions import InputError
from foretell.representations.cache import sha256_of
from foretell.representations.data.table_rows import Choice, Row, Rows
from foretell.representations.data.tables import MOST_BYTES

_READ_BYTES = 2**16

# Inside a segment these hold codes of the translator's program, not words.
_CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})


def read_tmx(path: Path, choice: Choice, *, licence: str = "not stated") -> Rows:
    """Read a translation memory.

    A row is a unit, called "unit 17" by its number from 1. Its columns are the languages of its variants: ``en`` also
    stands for ``en-US``, and capitals do not matter; of several variants the first counts. The column ``tuid`` holds
    the unit's own name, where it has one.

    Nothing is read but the file: a document type may be named in it but is not fetched, and entities, with which
    a file of some bytes can fill the memory, are refused.

    Parameters
    ----------
    path : Path
        The file.
    choice : Choice
        Which columns are wanted.
    licence : str
        Of what is in it.

    Raises
    ------
    InputError
        While it is read, if it is not well-formed XML, defines entities, or has a text that is far too long;
        the message names the line.
    """
    return Rows(
        name=path.stem,
        source=f"{path.name}, sha256 {sha256_of(path)[:16]}",
        licence=licence,
        rows=_rows(path, choice.wanted),
        all_alike=False,
    )


def _rows(path: Path, languages: Sequence[str]) -> Iterator[Row]:
    units = _Units(path, languages)
    n_bytes = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                units.parser.Parse(block, False)
                yield from units.taken()
                n_bytes += len(block)
                # What is no text, a comment or an attribute, is held by the parser until it ends.
                if n_bytes - units.parser.CurrentByteIndex > MOST_BYTES:
                    raise InputError(
                        f"Line {units.parser.CurrentLineNumber} of {path} begins something of more than "
                        f"{MOST_BYTES:,} bytes: leave it out."
                    )
            units.parser.Parse(b"", True)
            yield from units.taken()
    except (expat.ExpatError, LookupError, ValueError) as error:  # the others: of an encoding that is none
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not well-formed XML ({error}): write it again.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of yours.") from error


class _Units:
    """Collects units while the parser walks through the file."""

    def __init__(self, path: Path, languages: Sequence[str]) -> None:
        self.path, self.languages = path, languages
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        # Defaults of attributes would be put together anew for every element that has them.
        self.parser.specified_attributes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._refuse
        self.parser.AttlistDeclHandler = self._refuse_declaration
        self.parser.ElementDeclHandler = self._refuse_declaration
        self.parser.SkippedEntityHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.number = 0
        self.done: list[Row] = []
        self.cells: dict[str, str | None] = {}
        self.language = ""
        self.segment: list[str] | None = None
        self.length = 0
        self.codes = 0

    def taken(self) -> list[Row]:
        """The units that are whole, each given once."""
        done, self.done = self.done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "tu":
            self.number += 1
            self.cells = {"tuid": attributes.get("tuid")}
        elif name == "tuv":
            self.language = attributes.get("xml:lang", attributes.get("lang", ""))
        elif name == "seg":
            self.segment, self.length = [], 0
        elif name in _CODES:
            self.codes += 1

    def _end(self, name: str) -> None:
        if name == "tu":
            self.done.append(Row(f"unit {self.number}", self.cells))
        elif name == "seg" and self.segment is not None:
            text, self.segment = "".join(self.segment), None
            for column in self._columns():
                self.cells.setdefault(column, text)
        elif name in _CODES:
            self.codes -= 1

    def _columns(self) -> list[str]:
        """The wanted columns that the language stands for; else the language itself, so that errors can list it."""
        language = self.language.lower().replace("_", "-")
        found = [one for one in self.languages if language == one.lower() or language.startswith(f"{one.lower()}-")]
        return found or [self.language]

    def _text(self, text: str) -> None:
        if self.segment is None or self.codes:
            return
        self.length += len(text)
        if self.length > MOST_BYTES:
            raise InputError(
                f"Line {self.parser.CurrentLineNumber} of {self.path} is in a text of more than {MOST_BYTES:,} "
                "characters: leave the unit out."
            )
        self.segment.append(text)

    def _refuse_declaration(self, name: str, *_others: object) -> None:
        raise InputError(
            f"Line {self.parser.CurrentLineNumber} of {self.path} declares what {name!r} may have: a TMX names its "
            "document type and declares nothing itself; leave that out."
        )

    def _refuse(self, name: str | None, *_others: object) -> int:
        raise InputError(
            f"Line {self.parser.CurrentLineNumber} of {self.path} has the entity {name!r}: a TMX needs none but those "
            "of XML itself, and others are not read; write the characters instead."
        )
