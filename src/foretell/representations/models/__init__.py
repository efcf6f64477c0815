"""Pretrained models: found, described without loading, loaded, and run layer by layer."""

from foretell.representations.models.base import Model, Reading
from foretell.representations.models.builtin import BUILT_IN
from foretell.representations.models.describing import describe_model
from foretell.representations.models.dispatch import load_model
from foretell.representations.models.image import ImageModel
from foretell.representations.models.image_loading import load_image_model
from foretell.representations.models.image_source import BUILT_IN_IMAGE
from foretell.representations.models.info import ModelInfo
from foretell.representations.models.loading import load_text_model
from foretell.representations.models.options import ModelOptions
from foretell.representations.models.text import TextModel

__all__ = [
    "BUILT_IN",
    "BUILT_IN_IMAGE",
    "ImageModel",
    "Model",
    "ModelInfo",
    "ModelOptions",
    "Reading",
    "TextModel",
    "describe_model",
    "load_image_model",
    "load_model",
    "load_text_model",
]
