"""Where a text model's files are and which revision they are, found out without loading it."""

from __future__ import annotations

import difflib
from pathlib import Path

from foretell.exceptions import InputError, OptionError
from foretell.representations.models.builtin import BUILT_IN, built_in_folder
from foretell.representations.models.gguf_file import decoded_gguf
from foretell.representations.models.hub import is_hub_id, snapshot, stated_licence
from foretell.representations.models.info import ModelInfo, combined_sha256, computing_files
from foretell.representations.models.installed import PREFIX, installed_model
from foretell.representations.models.options import ModelOptions

__all__ = ["find_text_model"]

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


def find_text_model(name: str, options: ModelOptions) -> ModelInfo:
    """What is known of a text model, of a name as `load_model` takes it."""
    path = Path(name).expanduser()
    cache = options.cache
    if name not in BUILT_IN and is_hub_id(name) and not path.exists():
        folder, commit = snapshot(name, options)
        _check_folder(folder)
        computing_files(folder, options)  # refuses weights that are not to be read; the commit is the revision
        return ModelInfo(name, commit, _tokenizer(folder), stated_licence(folder), folder)
    if options.revision is not None:
        raise OptionError(
            f"revision={options.revision!r} is for models of the hub ('organisation/model'), which {name!r} is not."
        )
    if name in BUILT_IN:
        built_in = BUILT_IN[name]
        folder = built_in_folder(built_in, cache=cache)
        return ModelInfo(name, built_in.revision, _tokenizer(folder), built_in.licence, folder)
    if name.startswith(PREFIX):
        path, version, licence = installed_model(name)
        info = _of_path(path, options)
        return ModelInfo(name, f"{version} {info.revision}", info.tokenizer, licence, info.folder)
    if path.is_dir() or path.is_file():
        return _of_path(path.resolve(), options)
    near = difflib.get_close_matches(name, BUILT_IN, n=1)
    raise OptionError(
        f"{name!r} is no model that reads this{f': did you mean {near[0]!r}?' if near else '.'} Give a built-in name "
        f"({', '.join(BUILT_IN)}), the path of a folder with config.json, safetensors and a tokenizer, the path of a "
        f"GGUF file, '{PREFIX}NAME', or a hub id with its organisation, such as 'google-bert/bert-base-uncased'."
    )


def _of_path(path: Path, options: ModelOptions) -> ModelInfo:
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise InputError(f"{path} is not a GGUF file: give one, or the folder in which config.json is.")
        folder, sha256, licence = decoded_gguf(path, cache=options.cache)
        return ModelInfo(path.stem, f"gguf sha256:{sha256}", _tokenizer(folder), licence, folder)
    _check_folder(path)
    revision = combined_sha256(computing_files(path, options))
    return ModelInfo(path.name, revision, _tokenizer(path), stated_licence(path), path)


def _check_folder(folder: Path) -> None:
    """Raise `InputError` unless a folder has a configuration and a tokenizer."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"The model folder {folder} has no config.json: save the model there with its save_pretrained, or give the "
            "GGUF file in it, if it has one."
        )
    if not any((folder / vocabulary).is_file() for vocabulary in _VOCABULARIES):
        raise InputError(
            f"The model folder {folder} has no tokenizer.json: save the tokenizer there with its save_pretrained."
        )


def _tokenizer(folder: Path) -> str:
    files = [folder / name for name in sorted(_TOKENIZER_FILES) if (folder / name).is_file()]
    return f"tokenizer {combined_sha256(files)}"
