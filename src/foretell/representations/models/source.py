"""Where a model's files are and which revision they are, found out without loading it."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from foretell.exceptions import InputError, OptionError
from foretell.files import reading
from foretell.representations.models.builtin import BUILT_IN, built_in_folder
from foretell.representations.models.gguf_file import decoded_gguf
from foretell.representations.models.hub import is_hub_id, snapshot, stated_licence
from foretell.representations.models.installed import PREFIX, installed_model
from foretell.representations.packages import sha256_of
from foretell.tasks import checked_count

__all__ = ["ModelInfo", "combined_sha256", "describe_model", "pickled_weights"]

_VOCABULARIES = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
)
# What else says how a tokenizer cuts texts: its merges, its special tokens, which of them it adds.
_TOKENIZER_FILES = (
    *_VOCABULARIES,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before its weights are loaded.

    Parameters
    ----------
    id : str
        The name of a built-in model, the hub's id, the last part of a folder's or file's path, or ``package:NAME``.
    revision : str
        Of the hub, the commit's hash. Of a package, its name, version and the sha256 of the published weights; of a
        GGUF file its sha256; of a folder, the sha256 of its configuration and weights files.
    tokenizer : str
        The sha256 of the tokenizer's files.
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

        Raises
        ------
        OptionError
            If the seed is no whole number of 0 or more.
        """
        if seed is None:
            return self
        named = f"random weights, seed {checked_count('random_weights', seed, least=0)}"
        drawn_by = ", ".join(f"{library} {metadata.version(library)}" for library in ("torch", "transformers"))
        return replace(self, id=f"{self.id} ({named})", revision=f"{self.revision}, {named}, by {drawn_by}")


def describe_model(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    random_weights: int | None = None,
    cache: Path | None = None,
) -> ModelInfo:
    """Find a model and name its revision; weights are fetched, decoded and hashed at most, never loaded.

    Parameters
    ----------
    name : str or path
        A built-in name (`BUILT_IN`); a folder in the hub's layout; a GGUF file; ``package:NAME``, an installed package
        that carries either; or an id of the Hugging Face hub, ``organisation/model``. A path that exists is a path.
    revision : str, optional
        Of a hub model: a commit, branch or tag.
    trust_remote_code : bool
        Whether Python files that come with the model are fetched too, and counted in a folder's revision.
    allow_pickle : bool
        Whether weights in pickled files will do where there are no safetensors.
    random_weights : int, optional
        Seed of weights to be drawn in place of the model's own, which id and revision then say.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default. The hub's cache is where HF_HOME says.

    Raises
    ------
    OptionError
        If `name` is none of these, `revision` is given for what has none, or the seed is none.
    InputError
        If the folder lacks a file that is needed.
    FetchError
        If what must be fetched cannot be.
    """
    with reading(name):
        found = _found(
            os.fspath(name),
            revision=revision,
            trust_remote_code=trust_remote_code,
            allow_pickle=allow_pickle,
            cache=cache,
        )
    return found.with_random_weights(random_weights)


def _found(
    name: str, *, revision: str | None, trust_remote_code: bool, allow_pickle: bool, cache: Path | None
) -> ModelInfo:
    path = Path(name).expanduser()
    # Python files are part of what the model computes only where they may run.
    checks = {"trust_remote_code": trust_remote_code, "allow_pickle": allow_pickle}
    if name not in BUILT_IN and is_hub_id(name) and not path.exists():
        folder, commit = snapshot(name, revision=revision, allow_pickle=allow_pickle, code=trust_remote_code)
        _folder_revision(folder, hashed=False, **checks)
        return ModelInfo(name, commit, _tokenizer(folder), stated_licence(folder), folder)
    if revision is not None:
        raise OptionError(
            f"revision={revision!r} is for models of the hub ('organisation/model'), which {name!r} is not."
        )
    if name in BUILT_IN:
        built_in = BUILT_IN[name]
        folder = built_in_folder(built_in, cache=cache)
        return ModelInfo(name, built_in.revision, _tokenizer(folder), built_in.licence, folder)
    if name.startswith(PREFIX):
        path, version, licence = installed_model(name)
        info = _of_path(path, cache, **checks)
        return ModelInfo(name, f"{version} {info.revision}", info.tokenizer, licence, info.folder)
    if path.is_dir() or path.is_file():
        return _of_path(path.resolve(), cache, **checks)
    near = difflib.get_close_matches(name, BUILT_IN, n=1)
    raise OptionError(
        f"{name!r} is no model that reads this{f': did you mean {near[0]!r}?' if near else '.'} Give a built-in name "
        f"({', '.join(BUILT_IN)}), the path of a folder with config.json, safetensors and a tokenizer, the path of a "
        f"GGUF file, '{PREFIX}NAME', or a hub id with its organisation, such as 'google-bert/bert-base-uncased'."
    )


def pickled_weights(folder: Path) -> bool:
    """Whether a folder's weights are only there as pickles."""
    return not any(folder.glob("*.safetensors"))


def _of_path(path: Path, cache: Path | None, *, trust_remote_code: bool, allow_pickle: bool) -> ModelInfo:
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise InputError(f"{path} is not a GGUF file: give one, or the folder in which config.json is.")
        folder, sha256, licence = decoded_gguf(path, cache=cache)
        return ModelInfo(path.stem, f"gguf sha256:{sha256}", _tokenizer(folder), licence, folder)
    revision = _folder_revision(path, hashed=True, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle)
    return ModelInfo(path.name, revision, _tokenizer(path), stated_licence(path), path)


def _folder_revision(folder: Path, *, hashed: bool, trust_remote_code: bool, allow_pickle: bool) -> str:
    """Check that a folder has what a model needs; one hash of it all, or "" where none is asked for."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"The model folder {folder} has no config.json: save the model there with its save_pretrained, or give the "
            "GGUF file in it, if it has one."
        )
    if not any((folder / vocabulary).is_file() for vocabulary in _VOCABULARIES):
        raise InputError(
            f"The model folder {folder} has no tokenizer.json: save the tokenizer there with its save_pretrained."
        )
    weights = sorted(folder.glob("*.safetensors"))
    pickles = sorted(folder.glob("pytorch_model*.bin"))
    if not weights and not (pickles and allow_pickle):
        raise InputError(
            f"The model folder {folder} has no *.safetensors, and pickled weights (pytorch_model.bin) are only read "
            "with allow_pickle=True: save the model again with save_pretrained, which writes safetensors."
        )
    code = sorted(folder.glob("*.py")) if trust_remote_code else []
    return combined_sha256([folder / "config.json", *(weights or pickles), *code]) if hashed else ""


def _tokenizer(folder: Path) -> str:
    files = [folder / name for name in sorted(_TOKENIZER_FILES) if (folder / name).is_file()]
    return f"tokenizer {combined_sha256(files)}"


def combined_sha256(files: Iterable[Path]) -> str:
    """One hash of several files: of their names and hashes, so that moving bytes between them shows."""
    lines = "".join(f"{file.name} {sha256_of(file)}\n" for file in files)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
