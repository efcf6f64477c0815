"""The cache of what is fetched or made once: where it is, how it is written, and whether anything may be fetched."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from foretell.exceptions import WriteError
from foretell.files import reading

ORIGIN = "foretell.json"
"""File that says what a made folder was made from; written last."""

_READ_BYTES = 2**20


def cache_dir() -> Path:
    """Folder of fetched parts: FORETELL_CACHE, else XDG_CACHE_HOME/foretell, else ~/.cache/foretell."""
    chosen = os.environ.get("FORETELL_CACHE")
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if chosen:
            return Path(chosen).expanduser()
        # A relative one is to be ignored, says the specification of these folders.
        return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "foretell"
    except RuntimeError as error:
        raise WriteError("There is no home folder for the cache: set FORETELL_CACHE to a folder.") from error


def is_offline() -> bool:
    """Whether FORETELL_OFFLINE, or HF_HUB_OFFLINE as the hub's library reads it, forbids to fetch anything."""
    of_hub = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    return of_hub or os.environ.get("FORETELL_OFFLINE", "") not in ("", "0")


@contextmanager
def writing_cache(folder: Path) -> Iterator[None]:
    """Make a folder of the cache, and raise `WriteError` for what the operating system refuses while it is filled."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno is None:  # a library's own
            raise
        raise WriteError(
            f"The cache {folder} cannot be written to ({error.strerror}): make room, or set FORETELL_CACHE to another."
        ) from error


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


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file; raises `InputError` if it cannot be read."""
    digest = hashlib.sha256()
    with reading(path), path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
