"""What is known of a model before its weights are loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from foretell.exceptions import InputError
from foretell.representations.cache import sha256_of
from foretell.representations.models.model_options import ModelOptions

__all__ = ["ModelInfo", "combined_sha256", "computing_files", "pickled_weights"]


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before its weights are loaded.

    Parameters
    ----------
    id : str
        The name of a built-in model, the hub's id, the last part of a folder's or file's path, or ``package:NAME``.
    revision : str
        Of the hub, the commit's hash. Of a package, its name, version and the sha256 of the published weights; of a
        GGUF file its sha256; of a folder, the sha256 of its configuration and weights, and of its code where that may
        run.
    tokenizer : str
        The sha256 of the tokenizer's files; of an image model, how pixels are prepared.
    licence : str
        SPDX identifier or name of the terms of use; what a model card states; or "not stated".
    folder : Path
        The model in the hub's layout: config.json, weights, a tokenizer's files.
    """

    id: str
    revision: str
    tokenizer: str
    licence: str
    folder: Path

    def with_random_weights(self, seed: int | None) -> ModelInfo:
        """The same model with weights drawn anew from `seed`; as it is for None.

        Which numbers are drawn is the libraries' doing, so that their versions are part of the revision.
        """
        if seed is None:
            return self
        named = f"random weights, seed {seed}"
        drawn_by = ", ".join(f"{library} {metadata.version(library)}" for library in ("torch", "transformers"))
        return replace(self, id=f"{self.id} ({named})", revision=f"{self.revision}, {named}, by {drawn_by}")


def computing_files(folder: Path, options: ModelOptions) -> list[Path]:
    """The files of a folder that decide what its model computes: configuration, weights, and code where it may run.

    Raises
    ------
    InputError
        If the only weights are pickles and `options` do not allow them, or there are none.
    """
    pickles = sorted(folder.glob("pytorch_model*.bin")) if options.allow_pickle else []
    weights = sorted(folder.glob("*.safetensors")) or pickles
    if not weights:
        raise InputError(
            f"The model folder {folder} has no *.safetensors, and pickled weights (pytorch_model.bin) are only read "
            "with allow_pickle=True: save the model again with save_pretrained, which writes safetensors."
        )
    code = sorted(folder.glob("*.py")) if options.trust_remote_code else []
    return [folder / "config.json", *weights, *code]


def pickled_weights(folder: Path) -> bool:
    """Whether a folder's weights are only there as pickles."""
    return not any(folder.glob("*.safetensors"))


def combined_sha256(files: Iterable[Path]) -> str:
    """One hash of several files: of their names and hashes, so that moving bytes between them shows."""
    lines = "".join(f"{file.name} {sha256_of(file)}\n" for file in files)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
