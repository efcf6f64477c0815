"""What a store holds, as docs/store.md specifies it: attributes, array names, text columns."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, StoreError, UnfinishedStoreError
from foretell.representations.store.checks import fault_of_attributes
from foretell.representations.store.recordings import Recording

__all__ = [
    "FORMAT",
    "VERSION",
    "Kept",
    "StoreInfo",
    "decode_bytes",
    "decode_texts",
    "encode_bytes",
    "fingerprint_of",
    "sha256_of_texts",
]

FORMAT = "foretell-activations"
VERSION = 2


@dataclass(frozen=True)
class Kept:
    """A recording in a store.

    Parameters
    ----------
    recording : Recording
    n_tokens : int
        T, tokens kept of each item.
    n_bits : mapping of str to int
        For each layer that it keeps, bits of one token; of the numbers themselves, how many there are.
    """

    recording: Recording
    n_tokens: int
    n_bits: Mapping[str, int]

    @property
    def is_full(self) -> bool:
        """Whether it holds numbers instead of bits."""
        return self.recording.binarize == "full"

    @property
    def comes_as_numbers(self) -> bool:
        """Whether numbers are what the model's run gives of it: to be kept, or for bits that wait for all items."""
        return self.is_full or self.recording.needs_all_items

    def item_shape(self, layer: str) -> tuple[int, int]:
        """Shape of an item in its array: tokens and bytes, or tokens and numbers."""
        n_bits = self.n_bits[layer]
        return self.n_tokens, n_bits if self.is_full else -(-n_bits // 8)

    def empty(self, n_items: int, layer: str) -> NDArray[Any]:
        """Room for what the model's run gives of some items."""
        if self.comes_as_numbers:
            return np.empty((n_items, self.n_tokens, self.n_bits[layer]), np.float32)
        return np.empty((n_items, *self.item_shape(layer)), np.uint8)


@dataclass(frozen=True)
class StoreInfo:
    """The attributes of a store.

    Parameters
    ----------
    model_id, model_revision, model_licence : str
        The model that was run.
    preprocessing : str
        What makes the model's input of an item, by hash: its tokenizer, or its image processor.
    modality : {"text", "image"}
        What the items are.
    dtype : str
        In which the model was run.
    n_blocks : int
        Blocks of the model.
    layers : tuple of str
        Names of the layers, first to last.
    kept : tuple of Kept
        What is kept of them, in the order it was asked for.
    n_items : int
        N.
    chunk_items : int
        Items of a chunk.
    near_zero : float
        Activations are counted as near to 0 that are below this share of the root mean square of their token.
    pairs_name, side, source, licence : str
        The pairs, and which side of them.
    dropped : mapping of str to int
        Reason to number of items left out of the pairs.
    versions : mapping of str to str
        Libraries that the bits depend on.
    made_of : mapping of str to (str or int)
        What `fingerprint` is the hash of.
    fingerprint : str
        Two stores with one fingerprint hold the same bits, rounding aside.
    """

    model_id: str
    model_revision: str
    model_licence: str
    preprocessing: str
    modality: str
    dtype: str
    n_blocks: int
    layers: tuple[str, ...]
    kept: tuple[Kept, ...]
    n_items: int
    chunk_items: int
    near_zero: float
    pairs_name: str
    side: str
    source: str
    licence: str
    dropped: Mapping[str, int]
    versions: Mapping[str, str]
    made_of: Mapping[str, str | int]
    fingerprint: str

    @property
    def n_chunks(self) -> int:
        """Chunks of items: ceil(N / chunk_items)."""
        return -(-self.n_items // self.chunk_items)

    @property
    def tokens(self) -> str:
        """What is kept, as it was asked for."""
        return "; ".join(str(kept.recording) for kept in self.kept)

    def span(self, chunk: int) -> tuple[int, int]:
        """First item of a chunk, and one past its last."""
        first = chunk * self.chunk_items
        return first, min(first + self.chunk_items, self.n_items)

    def to_attrs(self) -> dict[str, Any]:
        """Attributes of the group, ready for JSON."""
        kept = [
            {"recording": str(one.recording), "n_tokens": one.n_tokens, "n_bits": dict(one.n_bits)} for one in self.kept
        ]
        return {"format": FORMAT, "version": VERSION, **asdict(self), "layers": list(self.layers), "kept": kept}

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any], where: str) -> StoreInfo:
        """Read the attributes of a group, or say why it is not a store that this version reads."""
        if attrs.get("format") != FORMAT:
            raise StoreError(f"{where} is not a foretell store: give the path of one that extract wrote.")
        if attrs.get("creating"):
            raise UnfinishedStoreError(f"{where} was not made to the end: run the same extract again.")
        version = attrs.get("version")
        if version == 1:
            attrs = _of_version_1(attrs, where)
        elif version != VERSION:
            raise StoreError(
                f"{where} is a foretell store of version {version!r} and this foretell reads versions 1 to "
                f"{VERSION}: upgrade foretell."
            )
        _check_attributes(attrs, [field.name for field in fields(cls)], where)
        values = {field.name: attrs[field.name] for field in fields(cls)}
        fault = fault_of_attributes(values)
        if fault:
            raise StoreError(f"{where} is damaged, its attribute {fault}: delete it and extract again.")
        try:
            recordings = [Recording.parse(one["recording"]) for one in values["kept"]]
        except OptionError as error:
            raise StoreError(f"{where} is damaged, a recording of its attribute 'kept' is none: {error}") from error
        kept = tuple(
            Kept(recording, one["n_tokens"], one["n_bits"])
            for recording, one in zip(recordings, values["kept"], strict=True)
        )
        return cls(**values | {"layers": tuple(values["layers"]), "kept": kept})


def _check_attributes(attrs: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    missing = [name for name in names if name not in attrs]
    if missing:
        raise StoreError(f"{where} lacks the attribute {missing[0]!r}, so it is damaged: delete it and extract again.")


def _of_version_1(attrs: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Attributes as version 2 has them: signs of the last tokens, as many dimensions at every layer."""
    _check_attributes(attrs, ["tokens", "n_tokens", "hidden_size", "layers", "tokenizer"], where)
    layers = attrs["layers"] if isinstance(attrs["layers"], list) else []
    kept = {
        "recording": attrs["tokens"],
        "n_tokens": attrs["n_tokens"],
        "n_bits": {layer: attrs["hidden_size"] for layer in layers if isinstance(layer, str)},
    }
    return {
        **attrs,
        "preprocessing": attrs["tokenizer"],
        "modality": "text",
        "near_zero": 0.0,
        "kept": [kept],
    }


def fingerprint_of(made_of: Mapping[str, str | int]) -> str:
    """sha256 of `made_of` as JSON with sorted keys and no spaces."""
    text = json.dumps(dict(made_of), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_texts(texts: Sequence[str]) -> str:
    """sha256 of a list of texts as JSON, so that no two lists share a form."""
    return hashlib.sha256(json.dumps(list(texts), separators=(",", ":")).encode()).hexdigest()


def encode_bytes(pieces: Sequence[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """A column as offsets, shape (N + 1,), into its pieces one after another."""
    offsets = np.zeros(len(pieces) + 1, np.uint64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(pieces), np.uint8)


def decode_bytes(offsets: NDArray[np.uint64], data: NDArray[np.uint8]) -> tuple[bytes, ...]:
    """The column that `encode_bytes` wrote."""
    whole = data.tobytes()
    return tuple(whole[a:b] for a, b in itertools.pairwise(int(offset) for offset in offsets))


def decode_texts(offsets: NDArray[np.uint64], data: NDArray[np.uint8]) -> tuple[str, ...]:
    """A column of texts, written as their UTF-8 bytes."""
    return tuple(piece.decode("utf-8") for piece in decode_bytes(offsets, data))
