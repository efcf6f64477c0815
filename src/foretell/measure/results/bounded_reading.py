"""Reads a netCDF4 file in a process of its own first, since no library of HDF5 ends, or lives, with every file.

A damaged file can make the library walk in circles or beyond its memory, where Python can stop it no more; and HDF5 has
links to other files, and data that lie in them. What is a result of Foretell's has none of these. The process runs this
very file, with h5py and nothing of Foretell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

__all__ = ["fault_of_file", "is_known", "now_known"]

_CPU_SECONDS = 4
_BYTES_A_SECOND = 2**24  # of a file, beyond that
_SPARE_BYTES = 2**31
_MOST_SECONDS = 600  # by the clock, on a machine that is busy

_known: set[tuple[str, int, int, frozenset[str]]] = set()


def is_known(path: Path, left_out: Collection[str] = ()) -> bool:
    """Whether this process wrote or tried this very file, all but some of its variables."""
    return bool({_state(path, ()), _state(path, left_out)} & _known)


def now_known(path: Path, left_out: Collection[str] = ()) -> None:
    """Note that a file is well."""
    _known.add(_state(path, left_out))


def fault_of_file(path: Path, left_out: Collection[str] = ()) -> tuple[str, int]:
    """Read a file in a process of its own.

    Parameters
    ----------
    path : Path
    left_out : collection of str
        Variables that are not read.

    Returns
    -------
    fault : str
        Why it is not to be read here, or nothing.
    n_bytes : int
        What its variables take in memory.
    """
    command = [sys.executable, "-P", __file__, str(path.resolve()), *left_out]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_MOST_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "reading it does not end", 0
    if done.returncode:
        return "reading it does not end, or breaks the library that reads it", 0
    said = json.loads(done.stdout)
    return str(said["fault"]), int(said["bytes"])


def _state(path: Path, left_out: Collection[str]) -> tuple[str, int, int, frozenset[str]]:
    found = path.stat()
    return str(path.resolve()), found.st_size, found.st_mtime_ns, frozenset(left_out)


def _bound(path: str, n_bytes: int) -> None:
    """Bound this process: seconds of processor by the file, memory by what the file says that it holds."""
    try:
        import resource
    except ImportError:  # a system without it
        return
    seconds = _CPU_SECONDS + Path(path).stat().st_size // _BYTES_A_SECOND
    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, _SPARE_BYTES + 2 * n_bytes)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _read(path: str, left_out: Collection[str]) -> tuple[str, int]:
    """Read all of a file, and say what is wrong with it and how large it is."""
    import h5py

    _bound(path, 0)
    n_bytes = 0
    with h5py.File(path, "r") as file:
        for name in file:
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                return f"{name!r} is a link", 0
            variable = file[name]
            if not isinstance(variable, h5py.Dataset):
                return f"{name!r} is no variable", 0
            if variable.is_virtual or variable.external:
                return f"{name!r} lies in another file", 0
            n_bytes += variable.nbytes
        packed = Path(path).stat().st_size
        if n_bytes > max(2**28, 100 * packed):  # as `foretell.files.check_unpacked` says: it is not read at all
            return "", n_bytes
        _bound(path, n_bytes)
        for one in (file, *file.values()):
            for attribute in one.attrs:
                one.attrs[attribute]
        for name, variable in file.items():
            if name not in left_out:
                variable[()]
    return "", n_bytes


def _main() -> None:
    path, *left_out = sys.argv[1:]
    try:
        fault, n_bytes = _read(path, left_out)
    # Whatever h5py says of the file.
    except Exception as error:
        fault, n_bytes = " ".join(str(error).split()) or type(error).__name__, 0
    sys.stdout.write(json.dumps({"fault": fault[:300], "bytes": n_bytes}))


if __name__ == "__main__":
    _main()
