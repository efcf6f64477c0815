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
_MOST_TOKENS = 2**20  # of an item: they are counted out, whatever is there of them
_CODECS = ["bytes", "crc32c"]
_KEYS = {"name": "default", "configuration": {"separator": "/"}}
_LONGEST_TEXT = 4096
_MOST_LAYERS = 10_000
_SMALL = 2**20  # values in a chunk of what is small


def fault_of_attributes(attrs: Mapping[str, Any]) -> str:
    """What is wrong with the attributes of a store (of version 2), or nothing."""
    checks: dict[str, bool] = {name: _is_text(attrs[name]) for name in _TEXTS}
    checks |= {name: _is_count(attrs[name]) for name in _COUNTS}
    checks["modality"] = attrs["modality"] in ("text", "image")
    checks["near_zero"] = isinstance(attrs["near_zero"], int | float) and 0 <= attrs["near_zero"] <= 1
    for name, kinds in (("dropped", int), ("versions", str), ("made_of", str | int)):
        value = attrs[name]
        checks[name] = isinstance(value, Mapping) and all(isinstance(one, kinds) for one in value.values())
    layers, kept = attrs["layers"], attrs["kept"]
    checks["layers"] = (
        _is_list(layers)
        and len(layers) <= _MOST_LAYERS
        and all(map(_is_name, layers))
        and len(set(layers)) == len(layers)
    )
    checks["kept"] = (
        checks["layers"] and _is_list(kept) and len(kept) <= _MOST_LAYERS and all(_is_kept(one, layers) for one in kept)
    )
    return next((f"{name!r} is not what docs/store.md says" for name, is_well in checks.items() if not is_well), "")


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
    return _fault_of_chunks(array) or _fault_of_shape(array, shape, np.dtype(dtype), chunk)


def _fault_of_chunks(array: Any) -> str:
    """What is wrong with how chunks are written, or nothing."""
    if [codec.to_dict()["name"] for codec in array.metadata.codecs] != _CODECS:
        return "it has other codecs"
    described = array.metadata.to_dict()
    # Where chunks have other names than those that are looked for, zarr finds none and makes zeros.
    if described["chunk_key_encoding"] != _KEYS or described.get("storage_transformers"):
        return "its chunks have other names"
    if array.fill_value != 0:
        return "what is not written is not 0"
    return ""


def _fault_of_shape(
    array: Any, shape: tuple[int, ...] | None, dtype: np.dtype[Any], chunk: tuple[int, ...] | None
) -> str:
    """What is wrong with what it holds and how much, or nothing."""
    if array.dtype != dtype:
        return f"it is of {array.dtype}"
    if array.shape != shape if shape is not None else array.ndim != 1:
        return f"it is of shape {array.shape}"
    if array.chunks != chunk if chunk is not None else not 1 <= math.prod(array.chunks) <= _SMALL:
        return f"it has chunks of shape {array.chunks}"
    return ""


def _is_text(value: object) -> bool:
    """Whether this is a text of some length, that can be written to a screen or file."""
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_kept(value: object, layers: Sequence[str]) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("recording"), str)
        and _is_count(value.get("n_tokens"))
        and value["n_tokens"] <= _MOST_TOKENS
        and isinstance(value.get("n_bits"), Mapping)
        and bool(value["n_bits"])
        and all(layer in layers and _is_count(n_bits) for layer, n_bits in value["n_bits"].items())
    )
