"""Files of activations that something else made, of whichever layout."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from foretell.exceptions import InputError
from foretell.files import check_inside
from foretell.options import current_options
from foretell.representations.cache import sha256_of
from foretell.representations.imported.array_files import SUFFIXES, open_arrays
from foretell.representations.imported.layer_arrays import BESIDE, Ids, LayerArrays, layer_name, of_layers
from foretell.representations.imported.request_files import KEYS, RequestFiles, of_requests
from foretell.threads import in_order

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
