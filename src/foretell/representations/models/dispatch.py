"""One way to any model: by what its items are."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from foretell.exceptions import OptionError, check_option
from foretell.representations.models.base import Modality, Model
from foretell.representations.models.image_loading import load_image_model
from foretell.representations.models.image_source import describe_image_model
from foretell.representations.models.loading import load_text_model
from foretell.representations.models.source import ModelInfo, describe_model

__all__ = ["describe", "load_model"]


def load_model(name: str, *, modality: Modality = "text", cache: Path | None = None, **options: Any) -> Model:
    """Load a model for texts or for images.

    Parameters
    ----------
    name : str
        A built-in name, a folder in the hub's layout, a GGUF file, or a hub id.
    modality : {"text", "image"}
        What it is to read: a model with a tower for each has both.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.
    **options
        Of `load_text_model` or `load_image_model`.

    Returns
    -------
    Model
        With its weights, on its device: what `foretell.extract` takes.

    Raises
    ------
    OptionError
        For an unknown name, option, or value of one.
    InputError
        If the files are not those of such a model.
    FetchError
        If what must be fetched cannot be.
    """
    check_option("modality", modality, ("text", "image"))
    load = load_image_model if modality == "image" else load_text_model
    valid = list(inspect.signature(load).parameters)[1:]
    for option in options:
        if option not in valid:
            raise OptionError(f"{option!r} is not an option of {modality} models: choose among {', '.join(valid)}.")
    return load(name, cache=cache, **options)


def describe(name: str, *, modality: Modality = "text", cache: Path | None = None, **options: Any) -> ModelInfo:
    """What `load_model` would load, found out without loading it."""
    check_option("modality", modality, ("text", "image"))
    of = describe_image_model if modality == "image" else describe_model
    return of(name, cache=cache, **options)
