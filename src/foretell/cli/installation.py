"""Is this installation sound: what is there, what is missing, and whether it measures and stores rightly."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import MissingDependencyError, require
from foretell.measure.distances.backends import choose_backend
from foretell.measure.imbalance.information_imbalance import information_imbalance
from foretell.measure.results.two_spaces import Imbalance
from foretell.options import set_options
from foretell.version import __version__

_LIBRARIES = ("numpy", "numba", "xarray", "numkong", "zarr", "h5netcdf", "torch", "transformers", "datasets", "ray")
_ORACLE = "numpy"
_FOR_DEVELOPERS = ("dev", "docs")


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Parameters
    ----------
    name : str
    error : str
        What went wrong; "" where nothing did.
    """

    name: str
    error: str


def checks(usable: Sequence[str]) -> list[Check]:
    """Try out what is there: the backends that can be used, and stores."""
    tried = [_tried(f"{name} measures as {_ORACLE} does", _measures(name)) for name in usable if name != _ORACLE]
    if find_spec("zarr") is not None:
        tried.append(_tried("a store is written and read", _stores))
    return tried


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


def _tried(name: str, check: Callable[[], str]) -> Check:
    """Whatever fails here is what is looked for, so any error is an answer."""
    try:
        return Check(name, check())
    except Exception as error:
        return Check(name, f"{type(error).__name__}: {error}")


def _measures(backend: str) -> Callable[[], str]:
    def check() -> str:
        rng = np.random.default_rng(0)
        shared = rng.standard_normal((60, 8))
        a, b = shared @ rng.standard_normal((8, 70)), shared[:, :3] @ rng.standard_normal((3, 40))
        found, expected = (_measured_by(name, a, b) for name in (backend, _ORACLE))
        if not np.allclose([found.a_to_b, found.b_to_a], [expected.a_to_b, expected.b_to_a], rtol=1e-12, atol=0):
            return (
                f"{found.a_to_b!r} and {found.b_to_a!r} instead of {expected.a_to_b!r} and {expected.b_to_a!r}: "
                f"reinstall its library, and use another backend until then"
            )
        return ""

    return check


def _measured_by(backend: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Imbalance:
    with set_options(backend=backend):
        return information_imbalance(a, b, k=2)


def _stores() -> str:
    from foretell.representations.data.pairs import Pairs
    from foretell.representations.imported.import_activations import import_activations
    from foretell.representations.store.reader import open_store

    x = np.random.default_rng(0).standard_normal((2, 9, 3, 13)).astype(np.float32)
    ids = tuple(f"item {number}" for number in range(x.shape[1]))
    pairs = Pairs("check", {"side": ids}, ids, None, "CC0-1.0", "made here")
    with tempfile.TemporaryDirectory() as folder:
        for layer, of_layer in enumerate(x):
            np.save(Path(folder) / f"{layer}.npy", of_layer)
        files = {str(layer): Path(folder) / f"{layer}.npy" for layer in range(len(x))}
        place = Path(folder) / "store"
        import_activations(files, pairs=pairs, side="side", out=place, model_id="check", ids=ids, tokens="last 3")
        store = open_store(place)
        for layer, of_layer in enumerate(x):
            if not np.array_equal(store.space(layer).bits().unpack(), of_layer > 0):
                return f"layer {layer} does not read as it was written in {tempfile.gettempdir()}: look at that disk"
    return ""
