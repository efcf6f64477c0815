"""What extraction needs of a model, be it of text or of images, and how a model is found and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, check_option, checked_count

if TYPE_CHECKING:
    import torch


FINAL = "final"
"""Name of the layer after the final norm."""

Modality = Literal["text", "image"]

Visit = Callable[[str, "torch.Tensor"], None]
"""Called with a layer's name and its hidden states, shape (batch, width, H of the layer)."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before its weights are loaded.

    Parameters
    ----------
    id : str
        The name of a built-in model, the hub's id, or the last part of a folder's or file's path.
    revision : str
        Of the hub, the commit's hash. Of a package, its name, version and the sha256 of the published weights; of a
        GGUF file its sha256; of a folder, the sha256 of its configuration and weights, and of its code where that may
        run.
    tokenizer : str
        The sha256 of the tokenizer's files; of an image model, how pixels are prepared.
    licence : str
        SPDX identifier or name of the terms of use; what a model card states; or "not stated".
    folder : Path
        The model in the hub's layout: config.json, weights, a tokenizer's files.
    """

    id: str
    revision: str
    tokenizer: str
    licence: str
    folder: Path

    def with_random_weights(self, seed: int | None) -> ModelInfo:
        """The same model with weights drawn anew from `seed`; as it is for None.

        Which numbers are drawn is the libraries' doing, so that their versions are part of the revision.
        """
        if seed is None:
            return self
        named = f"random weights, seed {seed}"
        drawn_by = ", ".join(f"{library} {metadata.version(library)}" for library in ("torch", "transformers"))
        return replace(self, id=f"{self.id} ({named})", revision=f"{self.revision}, {named}, by {drawn_by}")


@dataclass(frozen=True, eq=False)
class Reading:
    """One item as a model reads it.

    Parameters
    ----------
    values : ndarray
        What the forward pass takes of this item: token numbers of shape (length,), special tokens included and no
        padding; or pixels of shape (channels, height, width).
    length : int
        Positions of the item in a layer's hidden states, padding aside: what it costs.
    places : ndarray of intp
        Positions of its tokens in their order: of a text those that are real, not the special ones that the tokenizer
        added; of an image its patches.
    class_place : int, optional
        Position of its class token, where it has one.
    """

    values: NDArray[Any]
    length: int
    places: NDArray[np.intp]
    class_place: int | None = None

    @property
    def n_tokens(self) -> int:
        """Number of its tokens: real ones, or patches."""
        return len(self.places)


class Model(Protocol):
    """A pretrained model that shows its hidden states layer by layer.

    Layers are named by number: "0" is what enters the first block, "l" is the output of block l (the residual stream,
    before any norm that a later block applies), and "final" the last one after the final norm, of models that have one.
    """

    @property
    def info(self) -> ModelInfo:
        """What is known without loading it: id, revision, licence."""
        ...

    @property
    def dtype(self) -> str:
        """In which it is run: "float32", "bfloat16" or "float16"."""
        ...

    @property
    def modality(self) -> Modality:
        """What it reads."""
        ...

    @property
    def n_blocks(self) -> int:
        """Number of blocks: relative depth is the layer over it."""
        ...

    @property
    def n_dimensions(self) -> Mapping[str, int]:
        """For each layer in order, H: the dimensions of one token."""
        ...

    @property
    def max_length(self) -> int | None:
        """The longest item that it takes, or None where there is no limit."""
        ...

    def read(self, contents: Sequence[Any]) -> list[Reading]:
        """Make of texts (str) or images (`Picture`) what the model reads: whole, nothing cut off or padded."""
        ...

    def hidden_states(self, batch: Sequence[Reading], visit: Visit) -> None:
        """Run one forward pass and show every layer's hidden states, first to last, as soon as they exist.

        Items are padded on the right where they must be, and the padding is masked: position p of a row is position p
        of its item. Nothing is kept: `visit` must take what it needs at once.
        """
        ...


DTYPES = ("float32", "bfloat16", "float16")
AS_STORED = "auto"


@dataclass(frozen=True)
class ModelOptions:
    """The options of `load_model`, which says what each is for.

    Parameters
    ----------
    revision, dtype, device, device_map, trust_remote_code, allow_pickle, random_weights, cache
        As `load_model` takes them.

    Raises
    ------
    OptionError
        For a dtype that models are not run in, a seed that is none, or a device and a device_map at once.
    """

    revision: str | None = None
    dtype: str = "float32"
    device: str = "auto"
    device_map: str | Mapping[str, Any] | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False
    random_weights: int | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        check_option("dtype", self.dtype, (*DTYPES, AS_STORED))
        if self.random_weights is not None:
            checked_count("random_weights", self.random_weights, least=0)
        if self.device != "auto" and self.device_map is not None:
            raise OptionError(
                f"device={self.device!r} and device_map={self.device_map!r} exclude each other: give one of them."
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ModelOptions:
        """The options that stand in a mapping.

        Raises
        ------
        OptionError
            For a name that none has.
        """
        valid = [field.name for field in fields(cls)]
        for name in given:
            if name not in valid:
                raise OptionError(f"{name!r} is not an option of models: choose among {', '.join(valid)}.")
        return cls(**given)


DEFAULTS = ModelOptions()
