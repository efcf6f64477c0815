"""A progress bar for extractions, drawn on standard error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol

from foretell.cluster.workers import Crew
from foretell.exceptions import require
from foretell.representations.store.reader import Store

__all__ = ["Advance", "progress_bar"]


class Advance(Protocol):
    """Called when items are done."""

    def __call__(self, n_items: int, crew: Crew | None = None) -> None:
        """Take the number of items, and the crew on a cluster."""
        ...


@contextlib.contextmanager
def progress_bar(store: Store, *, enabled: bool) -> Iterator[Advance]:
    """A function to call with the number of items done, and the crew on a cluster; it draws a bar where wanted."""
    if not enabled:
        yield lambda _n_items, _crew=None: None
        return
    console = require("rich.console", "studies").Console(stderr=True)
    rich = require("rich.progress", "studies")
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[crew]}"),
    )
    started, n_done = time.monotonic(), 0
    # Chunks may take a minute each, which is longer than rich looks back by default.
    with rich.Progress(*columns, console=console, speed_estimate_period=3600) as bar:
        task = bar.add_task(
            f"{store.info.model_id} {store.info.side}",
            total=store.n_items,
            completed=store.n_items - store.n_missing,
            rate="",
            crew="",
        )

        def advance(n_items: int, crew: Crew | None = None) -> None:
            nonlocal n_done
            n_done += n_items
            rate = n_done / (time.monotonic() - started)
            bar.update(task, advance=n_items, rate=f"{rate:.1f} items/s", crew=str(crew or ""))

        yield advance
