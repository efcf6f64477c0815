"""Models found by their names, without loading their weights: where their files are, and which revision they are."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from foretell.exceptions import InputError, OptionError, check_option
from foretell.files import reading
from foretell.representations.builtin.efficientnet_lite import LITE0, find_lite0
from foretell.representations.builtin.model_folders import BUILT_IN, built_in_folder
from foretell.representations.models.base import DEFAULTS, Modality, ModelInfo, ModelOptions
from foretell.representations.models.gguf_file import decoded_gguf
from foretell.representations.models.model_files import (
    combined_sha256,
    computing_files,
    is_hub_id,
    snapshot,
    stated_licence,
)


def describe_model(
    name: str | os.PathLike[str], modality: Modality = "text", options: ModelOptions = DEFAULTS
) -> ModelInfo:
    """Find what `load_model` would load: weights are fetched, decoded and hashed at most, never loaded.

    Parameters
    ----------
    name : str or path
    modality : {"text", "image"}
    options : ModelOptions
        Those of how it is run decide nothing.

    Returns
    -------
    ModelInfo

    Raises
    ------
    OptionError
        For an unknown name, or a revision of what is not a hub id.
    InputError
        If the folder lacks a file that is needed.
    FetchError
        If what must be fetched cannot be.
    """
    check_option("modality", modality, ("text", "image"))
    find = find_image_model if modality == "image" else find_text_model
    with reading(name):
        found = find(os.fspath(name), options)
    return found.with_random_weights(options.random_weights)


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
        return _of_hub(name, options, _tokenizer)
    if options.revision is not None:
        raise OptionError(
            f"revision={options.revision!r} is for models of the hub ('organisation/model'), which {name!r} is not."
        )
    if name in BUILT_IN:
        built_in = BUILT_IN[name]
        folder = built_in_folder(built_in, cache=cache)
        return ModelInfo(name, built_in.revision, _tokenizer(folder), built_in.licence, folder)
    if path.is_dir() or path.is_file():
        return _of_path(path.resolve(), options)
    near = difflib.get_close_matches(name, BUILT_IN, n=1)
    raise OptionError(
        f"{name!r} is no model that reads this{f': did you mean {near[0]!r}?' if near else '.'} Give a built-in name "
        f"({', '.join(BUILT_IN)}), the path of a folder with config.json, safetensors and a tokenizer, the path of a "
        "GGUF file, or a hub id with its organisation, such as 'google-bert/bert-base-uncased'."
    )


def _of_path(path: Path, options: ModelOptions) -> ModelInfo:
    if path.is_file():
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise InputError(f"{path} is not a GGUF file: give one, or the folder in which config.json is.")
        folder, sha256, licence = decoded_gguf(path, cache=options.cache)
        return ModelInfo(path.stem, f"gguf sha256:{sha256}", _tokenizer(folder), licence, folder)
    return _of_folder(path, options, _tokenizer)


def _of_hub(name: str, options: ModelOptions, reads: Callable[[Path], str]) -> ModelInfo:
    """A model of the hub; `reads` says of its folder what makes its input."""
    folder, commit = snapshot(name, options)
    preprocessing = reads(folder)
    computing_files(folder, options)  # refuses weights that are not to be read; the commit is the revision
    return ModelInfo(name, commit, preprocessing, stated_licence(folder), folder)


def _of_folder(folder: Path, options: ModelOptions, reads: Callable[[Path], str]) -> ModelInfo:
    preprocessing = reads(folder)
    revision = combined_sha256(computing_files(folder, options))
    return ModelInfo(folder.name, revision, preprocessing, stated_licence(folder), folder)


def _tokenizer(folder: Path) -> str:
    """How texts are cut for a folder's model; raises `InputError` where nothing says so, or what the model is."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"The model folder {folder} has no config.json: save the model there with its save_pretrained, or give the "
            "GGUF file in it, if it has one."
        )
    if not any((folder / vocabulary).is_file() for vocabulary in _VOCABULARIES):
        raise InputError(
            f"The model folder {folder} has no tokenizer.json: save the tokenizer there with its save_pretrained."
        )
    files = [folder / name for name in sorted(_TOKENIZER_FILES) if (folder / name).is_file()]
    return f"tokenizer {combined_sha256(files)}"


BUILT_IN_IMAGE = (LITE0,)
"""Names of the image models that need no folder."""

# Of the two files either may say how pixels are prepared; transformers asks the second one first.
_PREPROCESSING = ("preprocessor_config.json", "processor_config.json")


def find_image_model(name: str, options: ModelOptions) -> ModelInfo:
    """What is known of an image model, of a name as `load_model` takes it.

    Its `tokenizer` says how pixels are prepared: the hash of the preprocessing's files.
    """
    folder = Path(name).expanduser()
    if name not in BUILT_IN_IMAGE and not folder.is_dir():
        if not is_hub_id(name):
            raise OptionError(
                f"{name!r} is not an image model: give a built-in name ({', '.join(BUILT_IN_IMAGE)}), the path of a "
                "folder with config.json, safetensors and preprocessor_config.json, or a hub id 'organisation/model'."
            )
        return _of_hub(name, options, _preprocessing)
    if options.revision is not None:
        raise OptionError(
            f"revision={options.revision!r} is for models of the hub ('organisation/model'), not {name!r}."
        )
    if name == LITE0:
        return find_lite0(options)
    return _of_folder(folder.resolve(), options, _preprocessing)


def _preprocessing(folder: Path) -> str:
    """How pixels are prepared for a folder's model; raises `InputError` where nothing says so, or what the model is."""
    how = [folder / file for file in _PREPROCESSING if (folder / file).is_file()]
    if not (folder / "config.json").is_file() or not how:
        missing = _PREPROCESSING[0] if (folder / "config.json").is_file() else "config.json"
        raise InputError(
            f"The model folder {folder} has no {missing}: save the model and its image processor there "
            "with their save_pretrained."
        )
    return f"{how[0].name} {combined_sha256(how)}"
