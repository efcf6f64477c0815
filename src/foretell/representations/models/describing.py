"""Models found by their names, without loading their weights."""

from __future__ import annotations

import os

from foretell.exceptions import check_option
from foretell.files import reading
from foretell.representations.models.base import Modality
from foretell.representations.models.image_source import find_image_model
from foretell.representations.models.info import ModelInfo
from foretell.representations.models.options import DEFAULTS, ModelOptions
from foretell.representations.models.source import find_text_model

__all__ = ["describe_model"]


def describe_model(
    name: str | os.PathLike[str], modality: Modality = "text", options: ModelOptions = DEFAULTS
) -> ModelInfo:
    """Find what `load_model` would load: weights are fetched, decoded and hashed at most, never loaded.

    Parameters
    ----------
    name : str or path
    modality : {"text", "image"}
    options : ModelOptions
        Those of how it is run decide nothing.

    Returns
    -------
    ModelInfo

    Raises
    ------
    OptionError
        For an unknown name, or a revision of what is not a hub id.
    InputError
        If the folder lacks a file that is needed.
    FetchError
        If what must be fetched cannot be.
    """
    check_option("modality", modality, ("text", "image"))
    find = find_image_model if modality == "image" else find_text_model
    with reading(name):
        found = find(os.fspath(name), options)
    return found.with_random_weights(options.random_weights)
