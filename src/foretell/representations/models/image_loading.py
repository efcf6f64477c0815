"""Loading image models by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foretell.exceptions import InputError, OptionError, check_option, require
from foretell.representations.models.base import DTYPES
from foretell.representations.models.convolutional import CONVOLUTIONAL, convolutional
from foretell.representations.models.decoded import quiet_transformers
from foretell.representations.models.efficientnet_lite import load_lite0
from foretell.representations.models.image import ImageModel
from foretell.representations.models.image_source import LITE0, describe_image_model
from foretell.representations.models.source import ModelInfo, describe_model
from foretell.representations.models.text import TextModel
from foretell.representations.models.vision_transformers import image_gpt, patch_transformer

__all__ = ["load_clip_text", "load_image_model"]


def load_image_model(
    name: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    device_map: Any = None,
    trust_remote_code: bool = False,
    cache: Path | None = None,
) -> ImageModel:
    """Load an image model: a transformer (of CLIP and SigLIP the vision tower) or a convolutional network.

    Parameters
    ----------
    name : str
        ``"efficientnet-lite0"``, the path of a folder in the hub's layout (config.json, safetensors,
        preprocessor_config.json), or a hub id. No pickle is read, but of the built-in model's tensors.
    revision : str, optional
        Commit, tag or branch of a hub id.
    dtype : {"float32", "bfloat16", "float16"}
        In which the model is run.
    device : str
        "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
    device_map : str or dict, optional
        How transformers spreads a large model over devices, in place of `device`.
    trust_remote_code : bool
        Whether code that comes with a model may be run.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default.

    Raises
    ------
    OptionError
        For an option that does not apply.
    InputError
        If the folder lacks a file, transformers cannot load it, or its layers cannot be read one by one.
    FetchError
        If the model is not in the cache and cannot be fetched.
    """
    check_option("dtype", dtype, DTYPES)
    where = _chosen_device(device, device_map)
    info = describe_image_model(name, revision=revision, trust_remote_code=trust_remote_code, cache=cache)
    if name == LITE0:
        if where is None:
            raise OptionError(f"device_map={device_map!r} is for models of transformers: give {LITE0} a device.")
        return load_lite0(info, dtype=dtype, device=where, cache=cache)
    model, processor = _load(
        info,
        "AutoImageProcessor",
        {"backend": "pil"},  # the other one needs torchvision, and makes slightly other pixels
        dtype=dtype,
        device=where,
        device_map=device_map,
        trust_remote_code=trust_remote_code,
    )
    # A model of two towers has one for images.
    tower = getattr(model, "vision_model", model)
    made = {"dtype": dtype, "model": tower, "processor": processor}
    if tower.config.model_type in CONVOLUTIONAL:
        return convolutional(info, **made)
    if tower.config.model_type == "imagegpt":
        return image_gpt(info, **made)
    return patch_transformer(info, **made)


def load_clip_text(
    name: str,
    *,
    dtype: str = "float32",
    device: str = "auto",
    cache: Path | None = None,
) -> TextModel:
    """Load the text tower of CLIP, from the folder that has both towers.

    Parameters
    ----------
    name : str
        Path of a folder in the hub's layout (config.json, safetensors, tokenizer.json).
    dtype : {"float32", "bfloat16", "float16"}
        In which the model is run.
    device : str
        "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default.

    Raises
    ------
    OptionError
        For an unknown name, dtype or device.
    InputError
        If the folder lacks a file, transformers cannot load it, or it is not of CLIP.
    """
    check_option("dtype", dtype, DTYPES)
    where = _chosen_device(device, None)
    info = describe_model(name, cache=cache)
    model, tokenizer = _load(info, "AutoTokenizer", {}, dtype=dtype, device=where)
    tower = getattr(model, "text_model", model)
    if tower.config.model_type != "clip_text_model":
        raise InputError(
            f"{info.folder} is of type {model.config.model_type!r}, not CLIP: load_text_model loads other text models."
        )
    return TextModel(info, dtype=dtype, model=tower, tokenizer=tokenizer)


def _load(
    info: ModelInfo,
    reader: str,
    options: dict[str, Any],
    *,
    dtype: str,
    device: str | None,
    device_map: Any = None,
    trust_remote_code: bool = False,
) -> tuple[Any, Any]:
    """The model, complete and ready to run, and what prepares its input."""
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    local = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    spread = {} if device_map is None else {"device_map": device_map}
    try:
        with quiet_transformers():
            prepares = getattr(transformers, reader).from_pretrained(info.folder, **options, **local)
            model, loading = transformers.AutoModel.from_pretrained(
                info.folder,
                use_safetensors=True,
                dtype=getattr(torch, dtype),
                output_loading_info=True,
                **spread,
                **local,
            )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        require("safetensors", "hf").SafetensorError,
    ) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"transformers cannot load {info.folder} ({reason}): check its files.") from error
    # Transformers fills in what the files lack with random numbers. Nothing here looks at a pooled output.
    lacking = sorted(key for key in loading["missing_keys"] if "pooler" not in key)
    if lacking:
        raise InputError(
            f"The weights of {info.folder} lack {lacking[0]!r} ({len(lacking)} in all), which "
            f"{type(model).__name__} needs: check that config.json and the weights belong together."
        )
    if device is not None:
        model = model.to(device)
    model.config.use_cache = False  # nothing is generated
    return model.eval(), prepares


def _chosen_device(device: str, device_map: Any) -> str | None:
    """Where to run; None where transformers decides."""
    torch = require("torch", "hf")
    if device_map is not None:
        if device != "auto":
            raise OptionError(f"device={device!r} and device_map={device_map!r} exclude each other: give one.")
        return None
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise OptionError(f"device={device!r} cannot be used ({reason}): give 'auto', 'cpu' or a GPU's.") from error
    return device
