"""How commands print."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

__all__ = ["console", "facts", "progress"]


def console() -> Console:
    """Where results are printed: as they are, since brackets in a name are not markup."""
    return Console(markup=False, highlight=False)


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and what is said of them, in two columns."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(name, said)
    console().print(table)


@contextmanager
def progress() -> Iterator[None]:
    """Show what the library logs while it works, on stderr."""
    logger = logging.getLogger("foretell")
    handler, level = logging.StreamHandler(), logger.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
