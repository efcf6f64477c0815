"""The command `doctor`: what is there, what is missing, and whether every backend measures as the oracle does."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

import importlib.metadata
import math
import platform
import re
from collections.abc import Sequence
from importlib.util import find_spec

import typer

from foretell.cli.output import facts
from foretell.exceptions import MissingDependencyError, install, require
from foretell.options import BACKENDS, current_options, set_options
from foretell.version import __version__

_LIBRARIES = ("numpy", "numba", "xarray", "numkong", "zarr", "h5netcdf", "torch", "transformers", "datasets", "ray")
_ORACLE = "numpy"
_FOR_DEVELOPERS = ("dev", "docs")


def doctor() -> None:
    """Try out what this installation has.

    Leaves with 1 if something does not work.
    """
    from foretell.measure.distances.backends import choose_backend
    from foretell.representations.builtin.catalogue import PARTS
    from foretell.representations.builtin.packages import cached
    from foretell.representations.cache import cache_dir

    facts(versions().items())
    print()
    why_not = {name: why_unusable(name) for name in BACKENDS if name != "auto"}
    usable = [name for name, why in why_not.items() if not why]
    auto = choose_backend("auto", "hamming")
    there = [part.name for part in PARTS.values() if cached(part)]
    facts(
        [
            ("backends", ", ".join(f"{name}{' (what auto takes)' if name == auto else ''}" for name in usable)),
            *(("", why) for why in why_not.values() if why),
            ("devices", ", ".join(["cpu", *devices()])),
            ("threads", str(current_options().threads)),
            ("cache", str(cache_dir())),
            ("", f"has {', '.join(there)}" if there else "is empty: `foretell data fetch` fills it"),
            *((f"extra {extra}", f"lacks {', '.join(names)}: {install(extra)}") for extra, names in missing().items()),
        ]
    )
    print()
    tried = faults(usable)
    facts([("FAILED", f"{what}: {fault}") if fault else ("ok", what) for what, fault in tried.items()])
    if any(tried.values()):
        raise typer.Exit(1)


def versions() -> dict[str, str]:
    """Versions of Foretell, Python, and the libraries that are installed."""
    own = {"foretell": __version__, "python": platform.python_version()}
    return own | {name: importlib.metadata.version(name) for name in _LIBRARIES if find_spec(name) is not None}


def why_unusable(backend: str) -> str:
    """Why a backend cannot be used; "" where it can be."""
    from foretell.measure.distances.backends import choose_backend

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
    if all(math.isclose(one, other, rel_tol=1e-12) for one, other in zip(found, expected, strict=True)):
        return ""
    return f"{found} instead of {expected}: reinstall its library, and use another backend until then"


def _measured_by(backend: str) -> tuple[float, float]:
    import numpy as np

    from foretell.measure.imbalance.information_imbalance import information_imbalance

    rng = np.random.default_rng(0)
    shared = rng.standard_normal((60, 8))
    a, b = shared @ rng.standard_normal((8, 70)), shared[:, :3] @ rng.standard_normal((3, 40))
    with set_options(backend=backend):
        found = information_imbalance(a, b, k=2)
    return found.a_to_b, found.b_to_a
