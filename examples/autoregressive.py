"""A small image-gpt: it reads a picture pixel by pixel and learns to foretell the next one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from examples.emoji_split import Split
from examples.training import Recipe, batches, fit, save, stacked
from foretell import Picture

__all__ = ["AutoregressiveRecipe", "train"]

_CHUNK = 64  # pictures at a time where nothing is learnt


@dataclass(frozen=True, kw_only=True)
class AutoregressiveRecipe(Recipe):
    """The recipe of an image-gpt.

    Parameters
    ----------
    side : int
        Rows and columns of pixels that a picture is made into.
    colours : int
        How many colours a pixel can have.
    """

    steps: int = 1200
    batch: int = 16
    learning_rate: float = 2e-3
    side: int = 12
    colours: int = 64


def train(split: Split, folder: Path, recipe: AutoregressiveRecipe) -> dict[str, float]:
    """Train an image-gpt on the split's pictures and save it.

    Returns
    -------
    dict of str to float
        ``parameters``; of the held-out pictures the bits a pixel that the model needs ``bits_before`` and
        ``bits_after`` training, and ``bits_unigram``, those that the frequencies of colours in training alone need.
    """
    import transformers

    processor = _processor(split.pictures(), recipe)
    start = len(processor.clusters)
    config = transformers.ImageGPTConfig(
        # The last of the vocabulary is the token that stands before the first pixel.
        vocab_size=start + 1,
        n_positions=recipe.side**2,
        n_embd=recipe.width,
        n_layer=recipe.blocks,
        n_head=recipe.heads,
        # The pictures are seen a few times only.
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        initializer_range=recipe.first_weights,
    )
    pixels = stacked(split.pictures(), processor, "input_ids")
    held_out = stacked([one for side in split.held_out.pictures.values() for one in side], processor, "input_ids")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model: Any = transformers.ImageGPTForCausalImageModeling(config)
    found = {"parameters": model.num_parameters(), "bits_before": _bits(model, held_out)}
    rows = batches(len(pixels), recipe, torch.Generator().manual_seed(recipe.seed))
    fit(list(model.parameters()), lambda: _loss(model, pixels[next(rows)]), recipe)
    counts = np.bincount(pixels.flatten().numpy(), minlength=start) + 1  # no colour is impossible
    surprise = -np.log2(counts / counts.sum())
    found |= {"bits_after": _bits(model, held_out), "bits_unigram": float(surprise[held_out.numpy()].mean())}
    save(model, processor, folder)
    return found


def _processor(pictures: Sequence[Picture], recipe: AutoregressiveRecipe) -> Any:
    """The image processor, with the colours that stand best for all pixels of the pictures."""
    import transformers

    size = {"height": recipe.side, "width": recipe.side}
    unclustered = transformers.ImageGPTImageProcessorPil(size=size, do_color_quantize=False, do_normalize=False)
    pixels = np.stack([unclustered(images=one.rgb())["pixel_values"][0] for one in pictures])
    image = Image.fromarray((pixels * 255).round().astype(np.uint8).transpose(0, 2, 3, 1).reshape(-1, recipe.side, 3))
    # Median cut, and then k-means until no pixel changes its colour.
    palette = image.quantize(recipe.colours, method=Image.Quantize.MEDIANCUT, kmeans=1).getpalette() or []
    colours = np.unique(np.reshape(palette, (-1, 3)), axis=0)
    # Pixels are compared with them in the processor's own scale, -1 to 1.
    return transformers.ImageGPTImageProcessorPil(size=size, clusters=colours / 127.5 - 1)


def _loss(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats of every pixel, given those before it."""
    start = torch.full((len(pixels), 1), model.config.vocab_size - 1)
    logits = model(torch.cat([start, pixels[:, :-1]], 1)).logits
    return functional.cross_entropy(logits.flatten(0, 1), pixels.flatten())


def _bits(model: Any, pixels: torch.Tensor) -> float:
    with torch.inference_mode():
        parts = [pixels[row : row + _CHUNK] for row in range(0, len(pixels), _CHUNK)]
        nats = sum(_loss(model, part).item() * len(part) for part in parts) / len(pixels)
    return nats / math.log(2)
