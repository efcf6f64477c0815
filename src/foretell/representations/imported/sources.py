"""Files of activations of either layout: a file a layer, or a file a request as a vLLM server writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, OptionError
from foretell.files import check_inside
from foretell.options import current_options
from foretell.representations.cache import sha256_of
from foretell.representations.imported.array_files import SUFFIXES, Tensor, open_arrays
from foretell.representations.imported.layer_arrays import (
    BESIDE,
    Ids,
    LayerArrays,
    first_to_last,
    layer_name,
    of_layers,
    only_dtype,
    reading_of,
)
from foretell.representations.models.base import Reading
from foretell.threads import in_order

FILE_NAMES = "file names"
"""As ids of requests: a file NAME.safetensors is of item NAME."""

KEYS = frozenset({"hidden_states", "token_ids"})
"""Arrays of a request's file."""

_OPEN = 256  # files that are mapped at a time


class RequestFiles:
    """One safetensors file a request: `hidden_states` of shape (tokens, layers, H), and `token_ids` (tokens,).

    Parameters
    ----------
    requests : mapping of str to Path
        Item to its file.
    layers : sequence of str
        What the second axis is.
    special : frozenset of int
        Tokens by number that are not real ones.
    """

    def __init__(self, requests: Mapping[str, Path], layers: Sequence[str], special: frozenset[int]) -> None:
        self.ids, self.files = tuple(requests), requests
        self._paths = tuple(requests.values())
        self._places = {layer: place for place, layer in enumerate(layers)}
        self._open = lru_cache(_OPEN)(_hidden_states)
        self._readings: list[Reading] = []
        self._bytes: list[int] = []
        dtypes: dict[str, str] = {}
        shape: tuple[int, ...] = ()
        for item, path in requests.items():
            hidden, token_ids = self._open(path)
            shape = shape or hidden.shape[1:]
            if hidden.shape[1] != len(layers):
                raise OptionError(
                    f"{path} has {hidden.shape[1]} layers and layers= names {len(layers)}: name those that the server "
                    "was asked for, in order."
                )
            if hidden.shape[1:] != shape or token_ids.shape != hidden.shape[:1]:
                raise InputError(
                    f"{path} (item {item!r}): hidden_states of shape {hidden.shape} and token_ids of shape "
                    f"{token_ids.shape} do not fit to each other or to the other files: ask the server again."
                )
            dtypes[item] = hidden.dtype
            self.release()
            self._readings.append(reading_of(~np.isin(token_ids, list(special))))
            self._bytes.append(hidden.stored.nbytes)
        self.n_dimensions = dict.fromkeys(layers, shape[-1])
        self.dtype = only_dtype(dtypes)

    def reading(self, item: int) -> Reading:
        """Which positions of an item are real tokens."""
        return self._readings[item]

    def item_bytes(self, item: int) -> int:
        """Bytes of an item in the files, all layers together."""
        return self._bytes[item]

    def activations(self, layer: str, item: int, places: NDArray[np.intp]) -> NDArray[Any]:
        """Of some positions of an item, shape (len(places), H), in 32 or 64 bits."""
        return self._open(self._paths[item])[0].floats((places, self._places[layer]))

    def release(self) -> None:
        """Let go of files that are open for the items just read."""
        self._open.cache_clear()


def of_requests(
    files: Sequence[Path], ids: Ids | None, layers: Sequence[int | str] | None, special: frozenset[int]
) -> RequestFiles:
    """Open the files of a folder by the items that `ids` says they are of."""
    if not layers:
        raise OptionError("layers= is needed: a request's file does not say which layers the server was asked for.")
    names = [layer_name(str(layer)) for layer in layers]
    if names != first_to_last(names):
        raise OptionError(
            f"layers={list(layers)!r} must be in ascending order and different: a server keeps layers as it meets them."
        )
    if ids == FILE_NAMES:
        return RequestFiles({file.stem: file for file in files}, names, special)
    if isinstance(ids, str | Path):
        path = Path(ids)
        try:
            ids = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} is not read ({error}): give a JSON object of files and their items.") from error
    if not isinstance(ids, Mapping):
        raise OptionError(
            f"ids= is needed: which item each request's file is of, as {{file name: id}}, a JSON file of that, or "
            f"{FILE_NAMES!r} where files are named by their items."
        )
    here = {file.name: file for file in files}
    requests: dict[str, Path] = {}
    for given, item in ids.items():
        if not isinstance(item, str):
            raise InputError(f"ids= says that {given!r} is of {item!r}, which is no id: give texts.")
        name = Path(given).name
        if name not in here:
            raise InputError(
                f"Item {item!r} is to be in {name!r}, which is not in {files[0].parent}: ask for it again."
            )
        if item in requests:
            raise InputError(f"Item {item!r} is in {requests[item].name!r} and in {name!r}: give one file an item.")
        requests[item] = here[name]
    return RequestFiles(dict(sorted(requests.items())), names, special)


def _hidden_states(path: Path) -> tuple[Tensor, NDArray[Any]]:
    arrays, _ = open_arrays(path)
    if KEYS - arrays.keys():
        raise InputError(f"{path} has no hidden_states and token_ids: leave in the folder what the server wrote alone.")
    hidden = arrays["hidden_states"]
    if not hidden.is_float or len(hidden.shape) != 3 or 0 in hidden.shape:
        raise InputError(f"{path}: hidden_states is {hidden.dtype} of shape {hidden.shape}, not (tokens, layers, H).")
    return hidden, np.array(arrays["token_ids"].stored)


Source = LayerArrays | RequestFiles
"""Activations of some items at some layers, of whichever layout."""


def open_source(
    source: str | Path | Mapping[str, str | Path],
    *,
    ids: Ids | None,
    layers: Sequence[int | str] | None,
    special: Iterable[int],
) -> Source:
    """Find out what files hold, and open them; `foretell.import_activations` says what they may be."""
    numbers = frozenset(int(number) for number in special)
    if isinstance(source, Mapping):
        named = {layer_name(name): Path(path) for name, path in source.items()}
        if len(named) < len(source):
            raise InputError(f"Of {len(source)} files some are of one layer ({', '.join(source)}): give one a layer.")
        return of_layers(named, None, ids, layers, numbers)
    path = Path(source)
    if not path.is_dir():
        return of_layers({"": path}, None, ids, layers, numbers)
    read = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES or file.stem in BESIDE)
    for file in read:
        check_inside(file, path)
    files = [file for file in read if file.suffix in SUFFIXES and file.stem not in BESIDE]
    if not files:
        raise InputError(f"{path} has no {', '.join(SUFFIXES)} files: give the folder that has them.")
    if files[0].suffix == ".safetensors" and not KEYS - open_arrays(files[0])[0].keys():
        return of_requests(files, ids, layers, numbers)
    by_layer: dict[str, Path] = {}
    for file in files:
        layer = layer_name(file.stem)
        if layer in by_layer:
            raise InputError(f"{by_layer[layer].name} and {file.name} are both of layer {layer}: give one a layer.")
        by_layer[layer] = file
    return of_layers(by_layer, path, ids, layers, numbers)


def sha256_of_files(files: Mapping[str, Path]) -> str:
    """One sha256 of many files and their names."""
    found = in_order(sha256_of, files.values(), threads=current_options().threads)
    lines = sorted(f"{name} {digest}\n" for name, digest in zip(files, found, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
