"""Image models: pictures in, every layer's hidden states out, one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, require
from foretell.representations.data.pictures import Picture
from foretell.representations.models.base import FINAL, Modality, ModelInfo, Reading, Visit
from foretell.representations.models.quiet import reason_of

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

See = Callable[["Image"], NDArray[Any]]
"""A model's own preprocessing of one RGB image."""

Run = Callable[["torch.Tensor", Visit], None]
"""One forward pass of a batch that shows every layer, each as (batch, positions, H), first to last."""

_NARROWEST = 100
_PIXELS = 3  # dimensions of (channels, height, width)


@dataclass(eq=False, repr=False, kw_only=True)
class ImageModel:
    """A pretrained network that reads pictures, made by `load_model`.

    Layers are named by number: "0" is what enters the first block, "l" is the output of block l, and "final" is the
    network's last hidden state, of networks that change it after their last block. The tokens of a picture are its
    patches, pixels or positions of a feature map, row by row; class, register and start tokens are not among them.

    Parameters
    ----------
    info : ModelInfo
        What is known without loading it.
    dtype : str
        In which it is run.
    n_blocks : int
        Number of blocks.
    see : callable
        Its preprocessing.
    run : callable
        Its forward pass; the layers that it shows of a sample picture are the layers of the model.
    places : ndarray of intp
        Positions of a picture's tokens in the hidden states.
    class_place : int, optional
        Position of the class token.
    """

    modality: ClassVar[Modality] = "image"
    max_length: ClassVar[int | None] = None

    info: ModelInfo
    dtype: str
    n_blocks: int
    see: See
    run: Run
    places: NDArray[np.intp]
    class_place: int | None = None

    def __post_init__(self) -> None:
        sample = self.see(sample_picture())
        self._shape = sample.shape
        states = shown(self.run, sample, self.info.id)
        lengths = {state.shape[1] for state in states.values()}
        if len(lengths) != 1 or states.keys() - {FINAL} != {str(number) for number in range(self.n_blocks + 1)}:
            raise InputError(
                f"{self.info.id} has layers of {sorted(lengths)} positions, or does not run each of its "
                f"{self.n_blocks} blocks once: only networks with the same tokens in every layer can be read."
            )
        self._length = lengths.pop()
        if FINAL in states and _same(states[str(self.n_blocks)], states[FINAL]):
            del states[FINAL]
        self.n_dimensions: dict[str, int] = {layer: state.shape[2] for layer, state in states.items()}

    def __repr__(self) -> str:
        return f"ImageModel({self.info.id!r}, n_blocks={self.n_blocks}, n_tokens={len(self.places)})"

    def read(self, contents: Sequence[Picture]) -> list[Reading]:
        """What the model's own preprocessing makes of each picture: of one shape for all.

        Raises
        ------
        InputError
            Naming the picture, if it cannot be read, is too narrow, or comes out in another shape than others do.
        """
        return [Reading(self._prepared(picture), self._length, self.places, self.class_place) for picture in contents]

    def _prepared(self, picture: Picture) -> NDArray[Any]:
        image = picture.rgb()
        if max(image.size) > _NARROWEST * min(image.size):
            # Made as high as a model wants it, such an image can fill the memory.
            raise InputError(
                f"The image {picture.name!r} has {image.width} x {image.height} pixels, more than {_NARROWEST} times "
                "longer than wide: leave the item out."
            )
        values = self.see(image)
        if values.shape != self._shape:
            raise InputError(
                f"{self.info.id} makes an array of {values.shape} of the image {picture.name!r} and of {self._shape} "
                "of a square one: give images of one shape, or let its preprocessing crop them."
            )
        return values

    def hidden_states(self, batch: Sequence[Reading], visit: Visit) -> None:
        """Run one forward pass and show every layer's hidden states as soon as they exist.

        `visit` must take what it needs at once: nothing is kept.

        Parameters
        ----------
        batch : sequence of Reading
            One or more pictures.
        visit : callable
            Called with each name of `n_dimensions`, in order, and a tensor of shape (len(batch), positions, H).
        """
        torch = require("torch", "hf")

        def show(layer: str, hidden: Any) -> None:
            if layer in self.n_dimensions:
                visit(layer, hidden)

        with torch.inference_mode():
            self.run(torch.from_numpy(np.stack([item.values for item in batch])), show)


def sample_picture() -> Image:
    """A square picture that no preprocessing turns into zeros."""
    image: Image = require("PIL.Image", "hf").linear_gradient("L").convert("RGB")
    return image


def shown(run: Run, values: NDArray[Any], name: str) -> dict[str, torch.Tensor]:
    """Every layer's hidden states of one picture as the model reads it.

    Raises
    ------
    InputError
        If the network does not take what its preprocessing gives.
    """
    torch = require("torch", "hf")
    states: dict[str, Any] = {}
    try:
        with torch.inference_mode():
            run(torch.from_numpy(values[None]), states.__setitem__)
    except (ValueError, RuntimeError, IndexError, TypeError) as error:
        raise InputError(
            f"{name} does not take what its preprocessing gives, an array of {values.shape} ({reason_of(error)}): "
            "check the sizes in preprocessor_config.json and config.json."
        ) from error
    return states


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    # On different devices where a model is spread over several.
    return bool(require("torch", "hf").equal(one.cpu(), other.cpu()))
