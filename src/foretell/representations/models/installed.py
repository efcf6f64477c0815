"""Models that installed Python packages carry: found by what the package lists, without importing it."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path, PurePosixPath

from foretell.exceptions import OptionError

__all__ = ["PREFIX", "installed_model"]

PREFIX = "package:"
"""What a name begins with, to mean an installed package."""


def installed_model(name: str) -> tuple[Path, str, str]:
    """Where an installed package has its model: (GGUF file or folder in the hub's layout, version, stated licence).

    Parameters
    ----------
    name : str
        ``package:NAME`` where the package has one model, or ``package:NAME/PATH`` with the path of the file or folder
        as the package lists it.

    Raises
    ------
    OptionError
        If the package is not installed, or has no such model, or several.
    """
    package, _, wanted = name.removeprefix(PREFIX).partition("/")
    try:
        distribution = metadata.distribution(package)
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise OptionError(
            f"model={name!r}: no package {package!r} is installed here: pip install {package}."
        ) from error
    files = [PurePosixPath(file.as_posix()) for file in distribution.files or ()]
    weighty = {file.parent for file in files if file.suffix == ".safetensors"}
    found = [file for file in files if file.suffix == ".gguf"]
    found += [file.parent for file in files if file.name == "config.json" and file.parent in weighty]
    chosen = [path for path in found if not wanted or str(path) == wanted.rstrip("/")]
    if len(chosen) != 1:
        listed = ", ".join(f"{PREFIX}{package}/{path}" for path in found) or "none"
        raise OptionError(
            f"model={name!r}: the package has {len(chosen)} such models, not one. It carries these GGUF files and "
            f"folders with config.json and safetensors: {listed}."
        )
    said = distribution.metadata
    stated = next((said[key] for key in ("License-Expression", "License") if key in said), "not stated")
    return Path(str(distribution.locate_file(chosen[0]))), distribution.version, stated.splitlines()[0]
