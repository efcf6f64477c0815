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

from foretell.exceptions import StoreError

__all__ = [
    "FORMAT",
    "VERSION",
    "StoreInfo",
    "decode_texts",
    "encode_texts",
    "fingerprint_of",
    "sha256_of_texts",
]

FORMAT = "foretell-activations"
VERSION = 1


@dataclass(frozen=True)
class StoreInfo:
    """The attributes of a store.

    Parameters
    ----------
    model_id, model_revision, model_licence : str
        The model that was run.
    tokenizer : str
        Its tokenizer, by hash.
    dtype : str
        In which the model was run.
    tokens : str
        The token rule.
    n_tokens : int
        T, tokens kept of each item.
    n_blocks : int
        Blocks of the model.
    hidden_size : int
        H, dimensions of one token.
    layers : tuple of str
        Names of the layers, in the order of the first axis of the bits.
    n_items : int
        N.
    chunk_items : int
        Items of a chunk.
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
    tokenizer: str
    dtype: str
    tokens: str
    n_tokens: int
    n_blocks: int
    hidden_size: int
    layers: tuple[str, ...]
    n_items: int
    chunk_items: int
    pairs_name: str
    side: str
    source: str
    licence: str
    dropped: Mapping[str, int]
    versions: Mapping[str, str]
    made_of: Mapping[str, str | int]
    fingerprint: str

    @property
    def n_bytes(self) -> int:
        """Bytes of one token: ceil(H / 8)."""
        return -(-self.hidden_size // 8)

    @property
    def n_chunks(self) -> int:
        """Chunks of items: ceil(N / chunk_items)."""
        return -(-self.n_items // self.chunk_items)

    def to_attrs(self) -> dict[str, Any]:
        """Attributes of the group, ready for JSON."""
        return {"format": FORMAT, "version": VERSION, **asdict(self), "layers": list(self.layers)}

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any], where: str) -> StoreInfo:
        """Read the attributes of a group, or say why it is not a store that this version reads."""
        if attrs.get("format") != FORMAT:
            raise StoreError(f"{where} is not a foretell store: give the path of one that extract wrote.")
        if attrs.get("version") != VERSION:
            raise StoreError(
                f"{where} is a foretell store of version {attrs.get('version')!r} and this foretell reads version "
                f"{VERSION}: upgrade foretell."
            )
        missing = [field.name for field in fields(cls) if field.name not in attrs]
        if missing:
            raise StoreError(
                f"{where} lacks the attribute {missing[0]!r}, so it is damaged: delete it and extract again."
            )
        values = {field.name: attrs[field.name] for field in fields(cls)}
        return cls(**values | {"layers": tuple(values["layers"])})


def fingerprint_of(made_of: Mapping[str, str | int]) -> str:
    """sha256 of `made_of` as JSON with sorted keys and no spaces."""
    text = json.dumps(dict(made_of), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_texts(texts: Sequence[str]) -> str:
    """sha256 of a list of texts as JSON, so that no two lists share a form."""
    return hashlib.sha256(json.dumps(list(texts), separators=(",", ":")).encode()).hexdigest()


def encode_texts(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """A column of texts as offsets, shape (N + 1,), into their UTF-8 bytes one after another."""
    pieces = [text.encode("utf-8") for text in texts]
    offsets = np.zeros(len(pieces) + 1, np.uint64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(pieces), np.uint8)


def decode_texts(offsets: NDArray[np.uint64], utf8: NDArray[np.uint8]) -> tuple[str, ...]:
    """The column of texts that `encode_texts` wrote."""
    data = utf8.tobytes()
    ends = [int(offset) for offset in offsets]
    return tuple(data[a:b].decode("utf-8") for a, b in itertools.pairwise(ends))
