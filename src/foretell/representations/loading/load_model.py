"""One way to any model: by what its items are, on the device and in the type that were asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretell.exceptions import OptionError, check_option
from foretell.representations.builtin.efficientnet_lite import LITE0, load_lite0
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.text_loading import from_folder, load_text_model, placement
from foretell.representations.models.base import Modality, Model
from foretell.representations.models.convolutional import CONVOLUTIONAL, convolutional
from foretell.representations.models.image import ImageModel
from foretell.representations.models.model_options import DEFAULTS, ModelOptions
from foretell.representations.models.vision_transformers import image_gpt, patch_transformer

__all__ = ["load", "load_image_model", "load_model"]


def load_model(
    name: str | os.PathLike[str],
    *,
    modality: Modality = "text",
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    device_map: str | Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    random_weights: int | None = None,
    cache: Path | None = None,
) -> Model:
    """Load a model for texts or for images; what is missing is fetched and decoded on first use.

    Parameters
    ----------
    name : str or path
        A built-in name (``foretell data`` lists them); the path of a folder in the hub's layout, which has config.json,
        safetensors, and a tokenizer or preprocessor_config.json; or an id of the Hugging Face hub,
        ``organisation/model``. Of texts also a GGUF file, or ``package:NAME``: an installed package that carries
        either. A path that exists is a path.
    modality : {"text", "image"}
        What it is to read: a model with a tower for each has both.
    revision : str, optional
        Of a hub model: a commit, branch or tag; ``main`` by default.
    dtype : {"float32", "bfloat16", "float16", "auto"}
        In which the model is run; "auto" as its weights are stored.
    device : str
        "cpu", "cuda", "cuda:1", "mps", ...; "auto" is a CUDA device where there is one, else the CPU.
    device_map : str or mapping, optional
        Spreads the blocks over several devices, as accelerate does it: "auto" by what fits. In place of `device`.
    trust_remote_code : bool
        Whether Python code that comes with the model may run. It can do anything: read it first. Its files then count
        in the revision of a folder.
    allow_pickle : bool
        Whether pickled weights are read where there are no safetensors; even so nothing but tensors is unpickled.
    random_weights : int, optional
        Seed of weights to be drawn in place of the model's own, as it is initialised for training: what such a model
        shows is owed to its architecture and its reading alone. The same seed gives the same bits; torch's own
        generators are left as they are. Id and revision say so.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default. The hub's cache is where HF_HOME says.

    Returns
    -------
    Model
        With its weights, on its device, without an output head: what `foretell.extract` takes.

    Raises
    ------
    OptionError
        For an unknown name, dtype, device or seed, or an option that does not apply.
    InputError
        If the folder lacks a file, transformers cannot load it, or its layers cannot be read one by one.
    FetchError
        If what must be fetched cannot be.
    """
    options = ModelOptions(
        revision=revision,
        dtype=dtype,
        device=device,
        device_map=device_map,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        random_weights=random_weights,
        cache=cache,
    )
    return load(name, modality, options)


def load(name: str | os.PathLike[str], modality: Modality, options: ModelOptions) -> Model:
    """As `load_model`, of options that are one object."""
    check_option("modality", modality, ("text", "image"))
    return load_image_model(name, options) if modality == "image" else load_text_model(name, options)


def load_image_model(name: str | os.PathLike[str], options: ModelOptions = DEFAULTS) -> ImageModel:
    """Load a transformer (of one with two towers, the one for images) or a convolutional network, as `load_model`."""
    placed = placement(options)
    info = describe_model(name, "image", options)
    if name == LITE0:
        if options.device_map is not None:
            raise OptionError(
                f"device_map={options.device_map!r} is for models of transformers: give {LITE0} a device."
            )
        return load_lite0(info, options, device=placed[""])
    # The reader's other backend needs torchvision, and makes slightly other pixels.
    model, processor = from_folder(info, options, placed, reader="AutoImageProcessor", backend="pil")
    # A model of two towers has one for images.
    tower = getattr(model, "vision_model", model).eval()
    tower.config.use_cache = False  # keys and values are for generating
    if tower.config.model_type in CONVOLUTIONAL:
        return convolutional(info, model=tower, processor=processor)
    if tower.config.model_type == "imagegpt":
        return image_gpt(info, model=tower, processor=processor)
    return patch_transformer(info, model=tower, processor=processor)
