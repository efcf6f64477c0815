"""Image models loaded by name: safe by default, on the device and in the type that were asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretell.exceptions import OptionError, check_option
from foretell.representations.models.base import DTYPES
from foretell.representations.models.convolutional import CONVOLUTIONAL, convolutional
from foretell.representations.models.efficientnet_lite import load_lite0
from foretell.representations.models.image import ImageModel
from foretell.representations.models.image_source import LITE0, describe_image_model
from foretell.representations.models.loading import AS_STORED, from_folder, placement
from foretell.representations.models.vision_transformers import image_gpt, patch_transformer

__all__ = ["load_image_model"]


def load_image_model(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    device_map: str | Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    random_weights: int | None = None,
    cache: Path | None = None,
) -> ImageModel:
    """Load an image model: a transformer (of CLIP and SigLIP the vision tower) or a convolutional network.

    Parameters
    ----------
    name : str or path
        ``"efficientnet-lite0"``, a folder in the hub's layout (config.json, safetensors, preprocessor_config.json), or
        a hub id.
    revision : str, optional
        Of a hub model: a commit, branch or tag.
    dtype : {"float32", "bfloat16", "float16", "auto"}
        In which the model is run; "auto" as its weights are stored.
    device : str
        "cpu", "cuda", "cuda:1", "mps", ...; "auto" is a CUDA device where there is one, else the CPU.
    device_map : str or mapping, optional
        Spreads the blocks over several devices, as accelerate does it: "auto" by what fits. In place of `device`.
    trust_remote_code : bool
        Whether Python code that comes with the model may run. It can do anything: read it first.
    allow_pickle : bool
        Whether pickled weights are read where there are no safetensors; even so nothing but tensors is unpickled.
    random_weights : int, optional
        Seed of weights to be drawn in place of the model's own, as it is initialised for training: what such a model
        shows is owed to its architecture and its reading alone. The same seed gives the same bits; torch's own
        generators are left as they are.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default.

    Raises
    ------
    OptionError
        For an unknown name, dtype, device or seed, or an option that does not apply.
    InputError
        If the folder lacks a file, transformers cannot load it, or its layers cannot be read one by one.
    FetchError
        If what must be fetched cannot be.
    """
    check_option("dtype", dtype, (*DTYPES, AS_STORED))
    placed = placement(device, device_map)
    info = describe_image_model(
        name,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        random_weights=random_weights,
        cache=cache,
    )
    if name == LITE0:
        if device_map is not None:
            raise OptionError(f"device_map={device_map!r} is for models of transformers: give {LITE0} a device.")
        stored = "float32" if dtype == AS_STORED else dtype
        return load_lite0(info, dtype=stored, device=placed[""], random_weights=random_weights, cache=cache)
    model, processor = from_folder(
        info,
        dtype,
        placed,
        trust_remote_code=trust_remote_code,
        random_weights=random_weights,
        reader="AutoImageProcessor",
        # The other one needs torchvision, and makes slightly other pixels.
        backend="pil",
    )
    # A model of two towers has one for images.
    tower = getattr(model, "vision_model", model).eval()
    tower.config.use_cache = False  # keys and values are for generating
    if tower.config.model_type in CONVOLUTIONAL:
        return convolutional(info, model=tower, processor=processor)
    if tower.config.model_type == "imagegpt":
        return image_gpt(info, model=tower, processor=processor)
    return patch_transformer(info, model=tower, processor=processor)
