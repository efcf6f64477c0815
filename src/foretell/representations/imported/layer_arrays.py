"""Activations as one array a layer, and what stands beside them: ids, offsets, token_ids; which layer a name is of."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError
from foretell.representations.imported.array_files import Tensor, open_arrays, read_texts, texts_of
from foretell.representations.models.base import FINAL, Reading

BESIDE = ("ids", "offsets", "token_ids")
"""Names of what is no layer."""

Ids = Sequence[str] | Mapping[str, str] | str | Path
"""Names of the items in order, or of each request's file; or the file that has them."""

_LONGEST_NUMBER = 9  # digits of a layer


def layer_name(text: str) -> str:
    """The layer that a name such as "layer-12", "12" or "final" is of."""
    numbers = re.findall(r"[0-9]+", text)
    if len(numbers) == 1 and len(numbers[0]) <= _LONGEST_NUMBER:
        return str(int(numbers[0]))
    if not numbers and FINAL in text.lower():
        return FINAL
    raise OptionError(
        f"{text!r:.60} does not tell its layer: name it by its number, as in 12 or layer-12, or final; or give "
        "a mapping of layers to files."
    )


def first_to_last(names: Iterable[str]) -> list[str]:
    """Different layers, first to last."""
    return sorted(set(names), key=lambda name: (name == FINAL, int(name) if name.isdecimal() else 0))


def only_dtype(dtypes: Mapping[str, str]) -> str:
    """The dtype that all files share."""
    (first, dtype), *others = dtypes.items()
    for name, other in others:
        if other != dtype:
            raise InputError(f"{first!r} is {dtype} and {name!r} is {other}: save all in one of them.")
    return dtype


def reading_of(real: NDArray[np.bool_]) -> Reading:
    """An item whose tokens are real or not."""
    return Reading(np.empty(0), len(real), np.flatnonzero(real))


class LayerArrays:
    """One array a layer: (items, H), (items, tokens, H), or (all tokens, H) with offsets of the items.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        By layer.
    beside : mapping of str to array
        `offsets` and `token_ids`, where there are any.
    ids : sequence of str
    special : frozenset of int
        Tokens by number that are not real ones.
    files : mapping of str to Path
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        beside: Mapping[str, NDArray[Any]],
        *,
        ids: Sequence[str],
        special: frozenset[int],
        files: Mapping[str, Path],
    ) -> None:
        self.ids, self.files, self._tensors = tuple(ids), files, tensors
        first_layer, first = next(iter(tensors.items()))
        offsets = _checked_offsets(beside["offsets"], first.shape[0]) if "offsets" in beside else None
        self._leading = first.shape[:-1]
        for layer, tensor in tensors.items():
            _check_floats(tensor, f"layer {layer}", dimensions=(2, 3) if offsets is None else (2,))
            if tensor.shape[:-1] != self._leading:
                raise InputError(
                    f"Layer {first_layer} is of shape {first.shape} and layer {layer} of shape {tensor.shape}: give "
                    "the same items and tokens at every layer."
                )
        if offsets is None:  # as many tokens of every item, one after another
            offsets = np.arange(self._leading[0] + 1) * math.prod(self._leading[1:])
        self._offsets, n_items = offsets, len(offsets) - 1
        if n_items != len(self.ids):
            raise InputError(f"There are {len(self.ids)} ids for {n_items} items in the arrays: give every item one.")
        self.n_dimensions = {layer: tensor.shape[-1] for layer, tensor in tensors.items()}
        self.dtype = only_dtype({layer: tensor.dtype for layer, tensor in tensors.items()})
        self._is_real = _real(beside.get("token_ids"), self._leading, special)

    def reading(self, item: int) -> Reading:
        """Which positions of an item are real tokens."""
        return reading_of(self._is_real[self._offsets[item] : self._offsets[item + 1]])

    def item_bytes(self, item: int) -> int:
        """Bytes of an item in the files, all layers together."""
        length = int(self._offsets[item + 1] - self._offsets[item])
        return sum(length * tensor.shape[-1] * tensor.stored.itemsize for tensor in self._tensors.values())

    def activations(self, layer: str, item: int, places: NDArray[np.intp]) -> NDArray[Any]:
        """Of some positions of an item, shape (len(places), H), in 32 or 64 bits."""
        return self._tensors[layer].floats(np.unravel_index(self._offsets[item] + places, self._leading))

    def release(self) -> None:
        """Nothing is open for some items alone: files of layers stay mapped."""


def _add_layers(tensors: dict[str, Tensor], own: Mapping[str, Tensor], layer: str, path: Path) -> None:
    for name, tensor in own.items():
        of = layer or layer_name(name or path.stem)
        if of in tensors:
            raise InputError(f"{path}: two arrays are of layer {of}: leave one of each.")
        tensors[of] = tensor


def of_layers(
    paths: Mapping[str, Path],
    folder: Path | None,
    ids: Ids | None,
    layers: Sequence[int | str] | None,
    special: frozenset[int],
) -> LayerArrays:
    """Open files of one layer each, or one of all layers, whose name is then "".

    Parameters
    ----------
    paths : mapping of str to Path
        By layer.
    folder : Path, optional
        Where ids, offsets and token_ids may stand beside them.
    ids, layers, special
        As for `open_source`.
    """
    tensors: dict[str, Tensor] = {}
    beside: dict[str, NDArray[Any]] = {}
    files = {f"{layer} {path.name}": path for layer, path in paths.items()}
    named = list(read_texts(Path(ids))) if isinstance(ids, str | Path) else ids
    if isinstance(named, Mapping):
        raise OptionError("ids= names files, and these are arrays of a layer each: give the items in order.")
    found_ids: dict[str, Sequence[str]] = {} if named is None else {"ids=": list(named)}
    for layer, path in paths.items():
        arrays, said = open_arrays(path)
        if "ids" in said or "ids" in arrays:
            found_ids[path.name] = texts_in(arrays, said, path)
        _note(beside, arrays, path)
        own = {name: tensor for name, tensor in arrays.items() if name not in BESIDE}
        if layer and len(own) != 1:
            raise InputError(f"{path} has {len(own)} arrays ({', '.join(own)}) and is of one layer: leave that one.")
        _add_layers(tensors, own, layer, path)
    if folder is not None:
        for file in sorted(file for file in folder.iterdir() if file.stem in BESIDE):
            if file.stem == "ids":
                found_ids[file.name] = read_texts(file)
            else:
                (tensor,) = open_arrays(file)[0].values()
                _note(beside, {file.stem: tensor}, file)
                files[file.name] = file
    if not found_ids:
        raise InputError(
            "Nothing says which items these are, and their order is never assumed: give ids=, or put them in ids.txt, "
            "ids.json, an array 'ids' of the .npz, or the metadata of the .safetensors."
        )
    (where, expected), *others = found_ids.items()
    for other, got in others:
        if list(got) != list(expected):
            raise InputError(f"{where} and {other} name other items, or the same in another order: give one of them.")
    names = first_to_last(tensors) if layers is None else [layer_name(str(layer)) for layer in layers]
    absent = [name for name in names if name not in tensors]
    if absent or not names:
        raise OptionError(f"layers={layers!r}: there are the layers {', '.join(first_to_last(tensors)) or 'none'}.")
    chosen = {name: tensors[name] for name in first_to_last(names)}
    return LayerArrays(chosen, beside, ids=expected, special=special, files=files)


def texts_in(arrays: Mapping[str, Tensor], said: Mapping[str, str], path: Path) -> list[str]:
    """The ids that a file itself has: an array of a .npz, or a JSON list in the metadata of a .safetensors."""
    if "ids" in arrays:
        try:
            return texts_of(arrays["ids"].stored)
        except ValueError as error:
            raise InputError(f"{path}: 'ids' is not read ({error}): give one string an item.") from error
    try:
        listed = json.loads(said["ids"])
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise InputError(f"{path}: its metadata's 'ids' are no JSON list: write json.dumps(ids) there.")
    return [str(one) for one in listed]


def _note(beside: dict[str, NDArray[Any]], arrays: Mapping[str, Tensor], path: Path) -> None:
    """Take offsets and token_ids of a file, which must be those of the other files."""
    for name in ("offsets", "token_ids"):
        if name not in arrays:
            continue
        values = np.array(arrays[name].stored)
        if values.dtype.kind not in "iu":
            raise InputError(f"{path}: {name!r} is {values.dtype}: give whole numbers.")
        if name in beside and not np.array_equal(beside[name], values):
            raise InputError(f"{path} has other {name!r} than a file before it: give the same at every layer.")
        beside[name] = values


def _checked_offsets(offsets: NDArray[Any], n_tokens: int) -> NDArray[np.int64]:
    values = offsets.astype(np.int64)
    if values.ndim != 1 or len(values) < 2 or values[0] or values[-1] != n_tokens or (np.diff(values) < 0).any():
        raise InputError(
            f"offsets must be (items + 1) numbers from 0 up to the {n_tokens} tokens of the arrays: item i is tokens "
            "offsets[i] to offsets[i + 1]."
        )
    return values


def _check_floats(tensor: Tensor, what: str, *, dimensions: Sequence[int]) -> None:
    if not tensor.is_float or len(tensor.shape) not in dimensions or 0 in tensor.shape:
        raise InputError(
            f"{what} is {tensor.dtype} of shape {tensor.shape}: give floats of shape (items, H) or (items, tokens, H), "
            "or (all tokens, H) with offsets."
        )


def _real(token_ids: NDArray[Any] | None, leading: tuple[int, ...], special: frozenset[int]) -> NDArray[np.bool_]:
    """Which tokens are real, item after item."""
    if not special:
        return np.ones(math.prod(leading), bool)
    if token_ids is None:
        raise OptionError("special_token_ids= needs token_ids beside the arrays, to know which tokens are special.")
    if token_ids.shape != leading:
        raise InputError(f"token_ids are of shape {token_ids.shape} and the arrays of {leading} tokens: give each one.")
    return ~np.isin(token_ids, list(special)).reshape(-1)
