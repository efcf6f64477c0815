"""Members of the gzipped tars that npm brings: read in one pass, never unpacked."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from foretell.exceptions import InputError

__all__ = ["read_members"]

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
