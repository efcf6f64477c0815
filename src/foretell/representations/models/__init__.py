"""Pretrained models: found, described without loading, loaded, and run layer by layer."""

from foretell.representations.models.base import Model, Reading
from foretell.representations.models.load import describe, load_model
from foretell.representations.models.source import BUILT_IN, ModelInfo, describe_model
from foretell.representations.models.text import TextModel, load_text_model

__all__ = [
    "BUILT_IN",
    "Model",
    "ModelInfo",
    "Reading",
    "TextModel",
    "describe",
    "describe_model",
    "load_model",
    "load_text_model",
]
