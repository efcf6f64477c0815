"""Image networks of transformers, as models whose layers are shown.

Transformers read patches (ViT, DINOv2, the vision towers of CLIP and SigLIP) or pixels (image-gpt); of convolutional
networks blocks are the layers, and positions of the feature maps the tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, require
from foretell.representations.models.base import FINAL, ModelInfo, Visit
from foretell.representations.models.image import ImageModel, Run, See, sample_picture, shown
from foretell.representations.models.quiet import reason_of
from foretell.representations.models.transformer_blocks import blocks_of, blocks_shown, device_of, dtype_of

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

_STAGED = ("resnet", "regnet", "convnext", "convnextv2")
CONVOLUTIONAL = (*_STAGED, "efficientnet")
"""Transformers' names of the networks that can be read."""


def patch_transformer(info: ModelInfo, *, model: Any, processor: Any) -> ImageModel:
    """A transformer whose tokens are patches, after a class token and registers where it has them.

    Raises
    ------
    InputError
        If its blocks are not one list, or its positions are not those patches and special tokens.
    """
    config = model.config
    blocks = blocks_of(model, info.id)
    run = _running(model, blocks)
    see = _pixels_of(processor)

    sample = see(sample_picture())
    patch = np.broadcast_to(getattr(config, "patch_size", 0), 2)
    n_patches = int(np.prod(np.array(sample.shape[-2:]) // patch)) if patch.all() else 0
    length = shown(run, sample, info.id)["0"].shape[1]
    n_special = length - n_patches
    n_registers = int(getattr(config, "num_register_tokens", 0))
    if n_patches == 0 or n_special not in (0, 1 + n_registers):
        raise InputError(
            f"{info.id} ({type(model).__name__}) has {length} positions for {n_patches} patches: only a class token "
            "and registers may stand before the patches."
        )
    return ImageModel(
        info=info,
        dtype=dtype_of(model),
        n_blocks=len(blocks),
        see=see,
        run=run,
        places=np.arange(n_special, length),
        class_place=0 if n_special else None,
    )


def image_gpt(info: ModelInfo, *, model: Any, processor: Any) -> ImageModel:
    """image-gpt, whose tokens are the pixels of a small picture, each the nearest of some hundred colours.

    It was trained on a start token and then all pixels but the last, of which every state sees those up to its own:
    that is what it is given here. Transformers' own preprocessing leaves the start token to the user.

    Raises
    ------
    InputError
        If the vocabulary is not the colours and a start token.
    """
    start = int(model.config.vocab_size) - 1
    clusters = getattr(processor, "clusters", None)
    n_colours = 0 if clusters is None else len(clusters)
    if n_colours != start:
        raise InputError(
            f"{info.id} has a vocabulary of {start + 1} for {n_colours} colours and a start token: "
            "check `clusters` in preprocessor_config.json."
        )

    def see(image: Image) -> NDArray[Any]:
        pixels = prepare(processor, image, "input_ids").astype(np.int64)
        return np.concatenate([np.array([start]), pixels[:-1]])

    blocks = blocks_of(model, info.id)
    return ImageModel(
        info=info,
        dtype=dtype_of(model),
        n_blocks=len(blocks),
        see=see,
        run=_running(model, blocks),
        places=np.arange(1, see(sample_picture()).size),
    )


def convolutional(info: ModelInfo, *, model: Any, processor: Any) -> ImageModel:
    """A network of one of the `CONVOLUTIONAL` types.

    Feature maps shrink with depth. So that every layer has the same tokens, each map is averaged over the cells of an
    even grid, as large as the last map, before anything else is done with it.
    """
    encoder = model.encoder
    staged = model.config.model_type in _STAGED
    blocks = [block for stage in encoder.stages for block in stage.layers] if staged else list(encoder.blocks)
    maps = _running(model, blocks)
    see = _pixels_of(processor)

    rows, columns = shown(maps, see(sample_picture()), info.id)[str(len(blocks))].shape[-2:]
    return ImageModel(
        info=info,
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


def _pixels_of(processor: Any) -> See:
    def see(image: Image) -> NDArray[Any]:
        return prepare(processor, image, "pixel_values").astype(np.float32)

    return see


def prepare(processor: Any, image: Image, name: str) -> NDArray[Any]:
    """What an image processor of transformers makes of one image.

    Raises
    ------
    InputError
        If its settings do not go together.
    """
    try:
        values: NDArray[Any] = np.asarray(processor(images=image, return_tensors="np")[name][0])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{type(processor).__name__} makes no {name} of an image of {image.width} x {image.height} pixels "
            f"({reason_of(error)}): check preprocessor_config.json."
        ) from error
    return values


def _running(model: Any, blocks: Any) -> Run:
    """The forward pass of a model of transformers: its blocks' states, then its last hidden state."""

    def run(values: torch.Tensor, visit: Visit) -> None:
        # Pixels are numbers, colours are names of rows.
        values = values.to(device_of(model), model.dtype if values.is_floating_point() else None)
        with blocks_shown(blocks, visit):
            visit(FINAL, model(**{model.main_input_name: values}).last_hidden_state)

    return run
