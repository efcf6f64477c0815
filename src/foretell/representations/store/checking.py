"""What attributes and arrays of a store must be before anything is made of them: a store may come from anyone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["fault_of_array", "fault_of_attributes"]

_NAME = re.compile(r"[\w-]{1,100}")  # of a layer: it is part of a path
_TEXTS = (
    "model_id",
    "model_revision",
    "model_licence",
    "preprocessing",
    "dtype",
    "pairs_name",
    "side",
    "source",
    "licence",
    "fingerprint",
)
_COUNTS = ("n_blocks", "n_items", "chunk_items")
_MOST = 2**40
_CODECS = ["bytes", "crc32c"]
_SMALL = 2**20  # values in a chunk of what is small


def fault_of_attributes(attrs: Mapping[str, Any]) -> str:
    """What is wrong with the attributes of a store (of version 2), or nothing."""
    for name in _TEXTS:
        if not isinstance(attrs[name], str):
            return f"{name!r} is no text"
    for name in _COUNTS:
        if not _is_count(attrs[name]):
            return f"{name!r} is no whole number from 1 up"
    if attrs["modality"] not in ("text", "image"):
        return "'modality' is neither 'text' nor 'image'"
    if not isinstance(attrs["near_zero"], int | float) or not math.isfinite(attrs["near_zero"]):
        return "'near_zero' is no number"
    for name, kinds in (("dropped", int), ("versions", str), ("made_of", str | int)):
        if not isinstance(attrs[name], Mapping) or not all(isinstance(one, kinds) for one in attrs[name].values()):
            return f"{name!r} is not what it should be"
    layers = attrs["layers"]
    if not isinstance(layers, Sequence) or not layers or not all(map(_is_name, layers)):
        return "'layers' are no names"
    if len(set(layers)) < len(layers):
        return "'layers' names one twice"
    kept = attrs["kept"]
    if not isinstance(kept, Sequence) or not kept or not all(_is_kept(one, layers) for one in kept):
        return "'kept' is not what it should be"
    return ""


def fault_of_array(array: Any, shape: tuple[int, ...] | None, dtype: DTypeLike, chunk: tuple[int, ...] | None) -> str:
    """What is wrong with an array as its metadata describe it, or nothing.

    Parameters
    ----------
    array : zarr.Array, or what stands in its place
    shape : tuple of int, optional
        That it must have; any of one dimension by default.
    dtype : dtype
    chunk : tuple of int, optional
        Shape of its chunks; small ones by default.
    """
    if not hasattr(array, "metadata") or not hasattr(array, "chunks"):
        return "it is no array"
    if [codec.to_dict()["name"] for codec in array.metadata.codecs] != _CODECS:
        return "it has other codecs"
    if array.dtype != np.dtype(dtype):
        return f"it is of {array.dtype}"
    if array.shape != shape if shape is not None else array.ndim != 1:
        return f"it is of shape {array.shape}"
    if array.chunks != chunk if chunk is not None else math.prod(array.chunks) > _SMALL:
        return f"it has chunks of shape {array.chunks}"
    return ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_kept(value: object, layers: Sequence[str]) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("recording"), str)
        and _is_count(value.get("n_tokens"))
        and isinstance(value.get("n_bits"), Mapping)
        and bool(value["n_bits"])
        and all(layer in layers and _is_count(n_bits) for layer, n_bits in value["n_bits"].items())
    )
