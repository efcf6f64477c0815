"""Transformers made to keep quiet, and its errors to be short."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from foretell.exceptions import require


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hold back transformers' progress bars and advice, and put its settings back."""
    log = require("transformers", "hf").utils.logging
    bars, verbosity = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def reason_of(error: Exception) -> str:
    """The first line that an error says, for a message of one line."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__).rstrip(".:")
