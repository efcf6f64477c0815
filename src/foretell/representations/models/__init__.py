"""Pretrained models: found, described without loading, loaded, and run layer by layer."""

from foretell.representations.models.base import Model, Reading
from foretell.representations.models.builtin import BUILT_IN
from foretell.representations.models.dispatch import describe, load_model
from foretell.representations.models.loading import load_text_model
from foretell.representations.models.source import ModelInfo, describe_model
from foretell.representations.models.text import TextModel

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
