"""Image models loaded by name: safe by default, on the device and in the type that were asked for."""

from __future__ import annotations

import os

from foretell.exceptions import OptionError
from foretell.representations.models.convolutional import CONVOLUTIONAL, convolutional
from foretell.representations.models.describing import describe_model
from foretell.representations.models.efficientnet_lite import load_lite0
from foretell.representations.models.image import ImageModel
from foretell.representations.models.image_source import LITE0
from foretell.representations.models.loading import from_folder, placement
from foretell.representations.models.options import DEFAULTS, ModelOptions
from foretell.representations.models.vision_transformers import image_gpt, patch_transformer

__all__ = ["load_image_model"]


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
