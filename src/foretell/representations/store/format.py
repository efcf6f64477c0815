"""What a store holds, as docs/store.md specifies it: attributes, array names, text columns."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, PlainValidator, TypeAdapter, ValidationError

from foretell.exceptions import InputError, OptionError, StoreError, UnfinishedStoreError, check_option
from foretell.representations.store.recordings import Recording, TokenRule

Window = slice | NDArray[np.intp]
"""Which of the tokens that a recording keeps."""

FORMAT = "foretell-activations"
VERSION = 1

# A store may come from anyone: what its attributes may hold at most.
_Text = Annotated[str, Field(max_length=4096)]
_Count = Annotated[int, Field(ge=1, le=2**40)]
_Layer = Annotated[str, Field(pattern=r"^[\w-]{1,100}$")]  # it is part of a path
_MOST_LAYERS = 10_000


def _distinct(layers: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(layers)) < len(layers):
        raise InputError("two layers have one name")
    return layers


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

    recording: Annotated[Recording, PlainValidator(Recording.parse)]
    n_tokens: Annotated[int, Field(ge=1, le=2**20)]  # they are counted out, whatever is there of them
    n_bits: Annotated[Mapping[_Layer, _Count], Field(min_length=1)]

    @property
    def is_full(self) -> bool:
        """Whether it holds numbers instead of bits."""
        return self.recording.binarize == "full"

    @property
    def comes_as_numbers(self) -> bool:
        """Whether numbers are what the model's run gives of it: to be kept, or for bits that wait for all items."""
        return self.is_full or self.recording.needs_all_items

    def item_form(self, layer: str, *, as_numbers: bool) -> tuple[tuple[int, int], np.dtype[Any]]:
        """Shape and dtype of an item in an array: tokens and numbers, or tokens and bytes of bits."""
        n_bits = self.n_bits[layer]
        if as_numbers:
            return (self.n_tokens, n_bits), np.dtype(np.float32)
        return (self.n_tokens, -(-n_bits // 8)), np.dtype(np.uint8)

    def empty(self, n_items: int, layer: str) -> NDArray[Any]:
        """Room for what the model's run gives of some items."""
        shape, dtype = self.item_form(layer, as_numbers=self.comes_as_numbers)
        return np.empty((n_items, *shape), dtype)


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

    model_id: _Text
    model_revision: _Text
    model_licence: _Text
    preprocessing: _Text
    modality: Literal["text", "image"]
    dtype: _Text
    n_blocks: _Count
    layers: Annotated[tuple[_Layer, ...], Field(min_length=1, max_length=_MOST_LAYERS), AfterValidator(_distinct)]
    kept: Annotated[tuple[Kept, ...], Field(min_length=1, max_length=_MOST_LAYERS)]
    n_items: _Count
    chunk_items: _Count
    near_zero: Annotated[float, Field(ge=0, le=1)]
    pairs_name: _Text
    side: _Text
    source: _Text
    licence: _Text
    dropped: Mapping[str, int]
    versions: Mapping[str, str]
    made_of: Mapping[str, str | int]
    fingerprint: _Text

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

    def chosen(
        self, where: str, layer: str, tokens: str | TokenRule | slice | Sequence[int] | None, *, full: bool = False
    ) -> tuple[int, Window]:
        """Which of what is kept serves, and which of its tokens: bits, or numbers at full precision.

        Parameters
        ----------
        where : str
            The store, for messages.
        layer : str
        tokens : str, TokenRule, slice or sequence of int, optional
            What `Store.space` takes.
        full : bool, default False
            Whether numbers are asked for.

        Raises
        ------
        OptionError
            If nothing that is kept serves; the message says what to extract.
        """
        check_option("layer", layer, self.layers)
        of_layer = [number for number, one in enumerate(self.kept) if layer in one.n_bits and one.is_full == full]
        asked = "numbers" if full else "bits"
        remedy = "last 20, full" if full else "last 20"
        if isinstance(tokens, str | TokenRule):
            wanted = Recording.parse(tokens)
            if full:
                wanted = replace(wanted, binarize="full")
            asked = remedy = str(wanted)
            for number in of_layer:
                found = self.kept[number].recording.serves(wanted, self.kept[number].n_tokens)
                if found is not None:
                    return number, found
        elif of_layer:
            window = slice(None) if tokens is None else tokens if isinstance(tokens, slice) else np.asarray(tokens, int)
            return of_layer[0], _checked(window, self.kept[of_layer[0]].n_tokens, where)
        raise OptionError(
            f"{where} keeps {self.tokens!r} and has no {asked!r} of layer {layer}. What is averaged or binarised "
            f"otherwise is made from activations, and these are not kept: extract with tokens=[..., {remedy!r}]."
        )

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
        if version != VERSION:
            raise StoreError(
                f"{where} is a foretell store of version {version!r} and this foretell reads version {VERSION}: "
                "upgrade foretell."
            )
        names = [field.name for field in fields(cls)]
        missing = next((name for name in names if name not in attrs), None)
        if missing is not None:
            raise StoreError(f"{where} lacks the attribute {missing!r}, so it is damaged: delete it and extract again.")
        try:
            info = _ATTRIBUTES.validate_json(json.dumps({name: attrs[name] for name in names}), strict=True)
            for one in info.kept:
                for layer in one.n_bits:
                    check_option("layer", layer, info.layers)
        except (ValidationError, OptionError) as error:
            place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ("kept",)
            name = place[0] if place else "text"
            raise StoreError(
                f"{where} is damaged, its attribute {name!r} is not what docs/store.md says: delete it and extract "
                "again."
            ) from error
        return info


_ATTRIBUTES = TypeAdapter(StoreInfo)


def _checked(window: Window, n_tokens: int, where: str) -> Window:
    try:
        some = np.arange(n_tokens)[window]
    except IndexError as error:
        raise OptionError(f"{where} keeps {n_tokens} tokens: {window!r} asks for others.") from error
    if not some.size:
        raise OptionError(f"{where} keeps {n_tokens} tokens: {window!r} asks for none of them.")
    return window


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
