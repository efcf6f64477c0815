"""How commands print."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from foretell.representations.store.reader import Store

_UNBROKEN = 400
"""Width of lines that go to a file or another program, which would not know where a broken one goes on."""


def console() -> Console:
    """Where results are printed: as they are, since brackets in a name are not markup."""
    # Of its own accord rich leaves out colours for NO_COLOR, but not bold print.
    made = Console(markup=False, highlight=False, force_terminal=False if _is_plain() else None)
    if not made.is_terminal:
        made.file = cast(IO[str], _Unpadded(made.file))
        if "COLUMNS" not in os.environ:
            made.width = _UNBROKEN
    return made


class _Unpadded:
    """A stream that takes the lines of tables without the blanks that fill their last cell up."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write whole lines, which is how they come from rich."""
        return self._stream.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and what is said of them, in two columns."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(name, said)
    console().print(table)


@contextmanager
def progress(quiet: bool = False) -> Iterator[bool]:
    """Show what the library logs while it works, on stderr, unless it is to be quiet; give whether to draw bars."""
    if quiet:
        yield False
        return
    logger = logging.getLogger("foretell")
    handler, level = logging.StreamHandler(), logger.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield sys.stderr.isatty() and not _is_plain()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _is_plain() -> bool:
    """Whether nothing but text is to be written: https://no-color.org, and terminals that know no more."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def print_made(store: Store) -> None:
    """Print what was put into a store, and which items were left out."""
    left_out = "".join(f"\nLeft out: {number}, {reason}" for reason, number in store.info.dropped.items())
    print(f"{store.name}: {store.n_items} items, {len(store.layers)} layers, {store.info.tokens}{left_out}")
