"""Pretrained models: found, described without loading, loaded, and run layer by layer."""

from foretell.representations.models.source import BUILT_IN, ModelInfo, describe_model
from foretell.representations.models.text import TextModel, Tokens, load_text_model

__all__ = ["BUILT_IN", "ModelInfo", "TextModel", "Tokens", "describe_model", "load_text_model"]
