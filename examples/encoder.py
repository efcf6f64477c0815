"""A small ViT: it sees a whole picture at once and learns to know it again, changed, among others.

No labels and no pairs are used: the two views that belong together are made of one picture (SimCLR's loss, Chen et
al. 2020, arXiv 2002.05709). It is a loss that small pictures, few of them and few steps suffice for; foretelling
masked patches, the other common way, spends most of that on details of drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from examples.emoji_split import Split
from examples.training import Recipe, batches, fit, save, stacked

__all__ = ["EncoderRecipe", "augmented", "contrast", "train"]

_CHUNK = 64  # pictures at a time where nothing is learnt


@dataclass(frozen=True, kw_only=True)
class EncoderRecipe(Recipe):
    """The recipe of a ViT.

    Parameters
    ----------
    side, patch : int
        Pixels of a side of a picture, and of a patch.
    compared : int
        Dimensions in which views are compared, after a head that is then thrown away.
    temperature : float
        Of the contrastive loss.
    """

    steps: int = 3000
    batch: int = 32
    learning_rate: float = 1e-3
    side: int = 48
    patch: int = 12
    compared: int = 64
    temperature: float = 0.1


def train(split: Split, folder: Path, recipe: EncoderRecipe) -> dict[str, float]:
    """Train a ViT on the split's pictures and save it.

    Returns
    -------
    dict of str to float
        ``parameters``; ``loss_before`` and ``loss_after`` training, on views of a batch of held-out pictures;
        how often the picture nearest to a held-out one among another hand's is that of the same emoji
        (``found_before``, ``found_after``), by comparing pixels (``found_pixels``) and by ``chance``.
    """
    import transformers

    processor = transformers.ViTImageProcessorPil(
        size={"height": recipe.side, "width": recipe.side},
        # White, of which most pictures have more than of all else, is 0, and black -2.
        image_mean=[1.0, 1.0, 1.0],
    )
    config = transformers.ViTConfig(
        hidden_size=recipe.width,
        intermediate_size=4 * recipe.width,
        num_hidden_layers=recipe.blocks,
        num_attention_heads=recipe.heads,
        image_size=recipe.side,
        patch_size=recipe.patch,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=recipe.first_weights,
    )
    pixels = stacked(split.pictures(), processor, "pixel_values")
    held_out = {
        side: stacked(pictures, processor, "pixel_values") for side, pictures in split.held_out.pictures.items()
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model: Any = transformers.ViTModel(config, add_pooling_layer=False)
        head = nn.Sequential(
            nn.Linear(2 * recipe.width, 2 * recipe.width),
            nn.ReLU(),
            nn.Linear(2 * recipe.width, recipe.compared),
        )
    drawn = torch.Generator().manual_seed(recipe.seed)

    def loss(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        views = torch.cat([augmented(pictures, generator), augmented(pictures, generator)])
        return contrast(head(_summary(model, views)), recipe.temperature)

    def held_out_loss() -> float:
        with torch.inference_mode():
            first = next(iter(held_out.values()))[: recipe.batch]
            return loss(first, torch.Generator().manual_seed(recipe.seed)).item()

    def found(summary: Any) -> float:
        return _found({side: _in_chunks(summary, pictures) for side, pictures in held_out.items()})

    report = {
        "parameters": model.num_parameters(),
        "loss_before": held_out_loss(),
        "found_before": found(lambda pictures: _summary(model, pictures)),
        "found_pixels": found(lambda pictures: pictures.flatten(1)),
        "chance": 1 / len(split.held_out),
    }
    rows = batches(len(pixels), recipe, drawn)
    fit([*model.parameters(), *head.parameters()], lambda: loss(pixels[next(rows)], drawn), recipe)
    report |= {"loss_after": held_out_loss(), "found_after": found(lambda pictures: _summary(model, pictures))}
    save(model, processor, folder)
    return report


def augmented(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pictures moved, turned, resized, mirrored and in other colours, each in its own way.

    Parameters
    ----------
    pictures : Tensor
        (pictures, 3, side, side), -2 (black) to 0 (white).
    generator : Generator
        What is drawn from.
    """
    n = len(pictures)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    angle, mirror = uniform(-0.35, 0.35), torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    # How much of the picture a view spans; what is asked for beyond its edge is white.
    zoom = uniform(0.7, 1.15)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    free = (1.1 - zoom).clamp(min=0)[:, None] * uniform(-1, 1, 2)
    turn = torch.stack([torch.stack([cos * mirror, -sin], 1), torch.stack([sin * mirror, cos], 1)], 1)
    grid = functional.affine_grid(torch.cat([turn, free[:, :, None]], 2), list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, align_corners=False)
    grey = uniform(0, 1, 1, 1, 1) < 0.2
    moved = torch.where(grey, moved.mean(1, keepdim=True), moved)
    # Each new colour is mostly itself and a little of the others.
    mixed = torch.einsum("nij,njhw->nihw", torch.eye(3) + uniform(-0.2, 0.2, 3, 3), moved)
    return (mixed * uniform(0.7, 1.2, 1, 1, 1) + uniform(-0.2, 0.2, 1, 1, 1)).clamp(-2, 0)


def contrast(views: torch.Tensor, temperature: float) -> torch.Tensor:
    """Cross-entropy of finding the other view of the same picture among all other views (NT-Xent).

    Parameters
    ----------
    views : Tensor
        (2 pictures, dimensions): first views of all pictures, then second ones.
    temperature : float
        By which cosines are divided.
    """
    n = len(views) // 2
    near = functional.normalize(views, dim=1)
    alike = (near @ near.T / temperature).masked_fill(torch.eye(2 * n, dtype=torch.bool), -math.inf)
    return functional.cross_entropy(alike, torch.arange(2 * n).roll(n))


def _summary(model: Any, pictures: torch.Tensor) -> torch.Tensor:
    """The class token beside the mean of the patches: trained together, neither is left idle."""
    states = model(pictures).last_hidden_state
    return torch.cat([states[:, 0], states[:, 1:].mean(1)], 1)


def _in_chunks(summary: Any, pictures: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([summary(pictures[row : row + _CHUNK]) for row in range(0, len(pictures), _CHUNK)])


def _found(summaries: Mapping[str, torch.Tensor]) -> float:
    """How often the nearest picture of another hand is that of the same item, over all ordered pairs of hands."""
    centred = {side: functional.normalize(rows - rows.mean(0), dim=1) for side, rows in summaries.items()}
    hits = [
        (centred[one] @ centred[other].T).argmax(1) == torch.arange(len(centred[one]))
        for one, other in permutations(centred, 2)
    ]
    return torch.cat(hits).double().mean().item()
