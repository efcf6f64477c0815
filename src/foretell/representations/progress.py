"""A progress bar for extractions, drawn on standard error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from foretell.exceptions import require
from foretell.representations.store import Store

__all__ = ["progress_bar"]


@contextlib.contextmanager
def progress_bar(store: Store, *, enabled: bool) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of items done; it draws a bar where that is wanted."""
    if not enabled:
        yield lambda _n_items: None
        return
    console = require("rich.console", "studies").Console(stderr=True)
    rich = require("rich.progress", "studies")
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
    )
    started, n_done = time.monotonic(), 0
    # Chunks may take a minute each, which is longer than rich looks back by default.
    with rich.Progress(*columns, console=console, speed_estimate_period=3600) as bar:
        task = bar.add_task(
            f"{store.info.model_id} {store.info.side}",
            total=store.n_items,
            completed=store.n_items - store.n_missing,
            rate="",
        )

        def advance(n_items: int) -> None:
            nonlocal n_done
            n_done += n_items
            bar.update(task, advance=n_items, rate=f"{n_done / (time.monotonic() - started):.1f} items/s")

        yield advance
