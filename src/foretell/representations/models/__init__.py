"""Pretrained models: found, described without loading, loaded, and run layer by layer."""

from foretell.representations.models.base import Model, Reading
from foretell.representations.models.builtin import BUILT_IN
from foretell.representations.models.dispatch import describe, load_model
from foretell.representations.models.image import ImageModel
from foretell.representations.models.image_loading import load_image_model
from foretell.representations.models.image_source import BUILT_IN_IMAGE, describe_image_model
from foretell.representations.models.loading import load_text_model
from foretell.representations.models.source import ModelInfo, describe_model
from foretell.representations.models.text import TextModel

__all__ = [
    "BUILT_IN",
    "BUILT_IN_IMAGE",
    "ImageModel",
    "Model",
    "ModelInfo",
    "Reading",
    "TextModel",
    "describe",
    "describe_image_model",
    "describe_model",
    "load_image_model",
    "load_model",
    "load_text_model",
]
