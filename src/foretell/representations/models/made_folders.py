"""Model folders that Foretell makes itself: made once, kept in the cache, never seen half made."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from foretell.representations.cache import cache_dir, writing_cache

__all__ = ["ORIGIN", "made_folder", "origin_of"]

ORIGIN = "foretell.json"
"""File that says what a folder was made from; written last."""


def made_folder(name: str, make: Callable[[Path, Path], Mapping[str, str]], *, cache: Path | None = None) -> Path:
    """Folder of that name among the cache's models, made on first use.

    Parameters
    ----------
    name : str
        Of the folder; what is in it must follow from it.
    make : callable
        Called with an empty folder to fill in the hub's layout and one for what it needs on the way; gives what the
        folder was made from, such as the licence.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.

    Raises
    ------
    WriteError
        If the cache cannot be written to.
    """
    models = (cache or cache_dir()) / "models"
    folder = models / name
    if (folder / ORIGIN).is_file():
        return folder
    # Made beside its destination and renamed when whole, so a process that was killed leaves no model.
    with writing_cache(models), tempfile.TemporaryDirectory(prefix=".making-", dir=models) as temporary:
        made, scratch = Path(temporary) / "made", Path(temporary) / "scratch"
        made.mkdir()
        scratch.mkdir()
        origin = make(made, scratch)
        (made / ORIGIN).write_text(json.dumps(dict(origin), indent=2), encoding="utf-8")
        try:
            os.replace(made, folder)
        except OSError:
            # Another process was first; what it made is the same.
            if not (folder / ORIGIN).is_file():
                raise
    return folder


def origin_of(folder: Path) -> dict[str, str]:
    """What a made folder was made from."""
    origin: dict[str, str] = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    return origin
