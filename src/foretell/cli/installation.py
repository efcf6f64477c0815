"""Is this installation sound: what is there, what is missing, and whether it measures rightly."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from foretell.exceptions import MissingDependencyError, require
from foretell.measure.distances.backends import choose_backend
from foretell.measure.imbalance.information_imbalance import information_imbalance
from foretell.measure.results.two_spaces import Imbalance
from foretell.options import set_options
from foretell.version import __version__

_LIBRARIES = ("numpy", "numba", "xarray", "numkong", "zarr", "h5netcdf", "torch", "transformers", "datasets", "ray")
_ORACLE = "numpy"
_FOR_DEVELOPERS = ("dev", "docs")


def versions() -> dict[str, str]:
    """Versions of Foretell, Python, and the libraries that are installed."""
    own = {"foretell": __version__, "python": platform.python_version()}
    return own | {name: importlib.metadata.version(name) for name in _LIBRARIES if find_spec(name) is not None}


def why_not(backend: str) -> str:
    """Why a backend cannot be used; "" where it can be."""
    try:
        choose_backend(backend, "hamming")
    except MissingDependencyError as error:
        return str(error)
    return ""


def devices() -> list[str]:
    """What torch sees, the processor aside."""
    if find_spec("torch") is None:
        return []
    torch = require("torch", "hf")
    found = [f"cuda:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count())]
    return [*found, *(["mps"] if torch.backends.mps.is_available() else [])]


def missing() -> dict[str, list[str]]:
    """Libraries of each extra that are not installed, by what the package says of itself."""
    found: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("foretell") or ():
        match = re.fullmatch(r"([A-Za-z0-9._-]+)[^;]*;.*extra == ['\"]([a-z]+)['\"].*", line)
        if match is None or match[2] in _FOR_DEVELOPERS:
            continue
        try:
            importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            found.setdefault(match[2], []).append(match[1])
    return found


def faults(usable: Sequence[str]) -> dict[str, str]:
    """What is tried out, and what is wrong with it: nothing where it works.

    Parameters
    ----------
    usable : sequence of str
        Backends whose libraries are there. Each measures two small spaces, and the oracle measures the same.
    """
    return {f"{name} measures as {_ORACLE} does": _fault(name) for name in usable if name != _ORACLE}


def _fault(backend: str) -> str:
    try:
        found, expected = _measured_by(backend), _measured_by(_ORACLE)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if np.allclose([found.a_to_b, found.b_to_a], [expected.a_to_b, expected.b_to_a], rtol=1e-12, atol=0):
        return ""
    return (
        f"{found.a_to_b!r} and {found.b_to_a!r} instead of {expected.a_to_b!r} and {expected.b_to_a!r}: reinstall its "
        "library, and use another backend until then"
    )


def _measured_by(backend: str) -> Imbalance:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((60, 8))
    a, b = shared @ rng.standard_normal((8, 70)), shared[:, :3] @ rng.standard_normal((3, 40))
    with set_options(backend=backend):
        return information_imbalance(a, b, k=2)
