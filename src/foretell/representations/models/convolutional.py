"""Convolutional networks of transformers: blocks as layers, positions of the feature maps as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import require
from foretell.representations.models.base import Visit
from foretell.representations.models.image import ImageModel, Run, sample_picture, shown
from foretell.representations.models.info import ModelInfo
from foretell.representations.models.vision_transformers import dtype_of, prepare, running

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

__all__ = ["CONVOLUTIONAL", "as_tokens", "convolutional"]

_STAGED = ("resnet", "regnet", "convnext", "convnextv2")
CONVOLUTIONAL = (*_STAGED, "efficientnet")
"""Transformers' names of the networks that can be read."""


def convolutional(info: ModelInfo, *, model: Any, processor: Any) -> ImageModel:
    """A network of one of the `CONVOLUTIONAL` types.

    Feature maps shrink with depth. So that every layer has the same tokens, each map is averaged over the cells of an
    even grid, as large as the last map, before anything else is done with it.
    """
    encoder = model.encoder
    staged = model.config.model_type in _STAGED
    blocks = [block for stage in encoder.stages for block in stage.layers] if staged else list(encoder.blocks)
    maps = running(model, blocks)

    def see(image: Image) -> NDArray[Any]:
        return prepare(processor, image, "pixel_values").astype(np.float32)

    rows, columns = shown(maps, see(sample_picture()), info.id)[str(len(blocks))].shape[-2:]
    return ImageModel(
        info,
        dtype=dtype_of(model),
        n_blocks=len(blocks),
        see=see,
        run=as_tokens(maps, (rows, columns)),
        places=np.arange(rows * columns),
    )


def as_tokens(maps: Run, grid: tuple[int, int]) -> Run:
    """The forward pass that shows, of each feature map, the means over the cells of a grid, row by row."""
    functional = require("torch", "hf").nn.functional

    def run(values: torch.Tensor, visit: Visit) -> None:
        def show(layer: str, feature_map: torch.Tensor) -> None:
            cells = functional.adaptive_avg_pool2d(feature_map, grid)
            visit(layer, cells.flatten(2).transpose(1, 2))

        maps(values, show)

    return run
