"""What the training of either model shares: a recipe, the loop, and a cache that holds whole models only."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from examples.emoji_split import Split
from foretell import Picture
from foretell.files import replacing
from foretell.representations.cache import cache_dir, sha256_of
from foretell.representations.models.image_networks import prepare
from foretell.representations.models.quiet import quiet_transformers

__all__ = ["REPORT", "Recipe", "batches", "fit", "is_whole", "save", "stacked", "trained"]

REPORT = "training.json"
"""File of a trained model's folder: the recipe, what came of it, and the hash of the weights."""

_WEIGHTS = "model.safetensors"
_FILES = (REPORT, _WEIGHTS, "config.json", "preprocessor_config.json")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a transformer is made: what both models have in common stands here, so that they are alike in size.

    Parameters
    ----------
    width, blocks, heads : int
        Of the transformer: dimensions of a token, blocks, attention heads in each.
    steps, batch : int
        Updates of the weights, and pictures for each of them.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises for a tenth of the steps and then falls to 0 as a cosine does.
    seed : int
        Of the first weights, the order of pictures and all else that is drawn.
    """

    width: int = 128
    blocks: int = 8
    heads: int = 4
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float = 0.05
    seed: int = 0

    @property
    def first_weights(self) -> float:
        """Standard deviation of the first weights: a sum over the width neither grows nor fades.

        The usual .02 is for widths of a thousand; at a tenth of that the encoder is slow to begin with.
        """
        return float(self.width**-0.5)


_Recipe = TypeVar("_Recipe", bound=Recipe)


def stacked(pictures: Sequence[Picture], processor: Any, name: str) -> torch.Tensor:
    """What an image processor makes of pictures, in the way in which foretell will read them later."""
    return torch.from_numpy(np.stack([prepare(processor, one.rgb(), name) for one in pictures]))


def save(model: Any, processor: Any, folder: Path) -> None:
    """Write a model and its image processor in the hub's layout."""
    with quiet_transformers():
        model.eval().save_pretrained(folder)
        processor.save_pretrained(folder)


def batches(n_items: int, recipe: Recipe, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Rows for each step: all items once in a new order, then again."""
    size = min(recipe.batch, n_items)
    while True:
        order = torch.randperm(n_items, generator=generator)
        yield from order[: n_items - n_items % size].reshape(-1, size)


def fit(parameters: list[torch.nn.Parameter], next_loss: Callable[[], torch.Tensor], recipe: Recipe) -> None:
    """Change parameters for as many steps as the recipe says, and tell of ten of them."""
    optimizer = torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.steps, pct_start=0.1, cycle_momentum=False
    )
    began = time.monotonic()
    total, since = 0.0, 0
    for step in range(1, recipe.steps + 1):
        loss: Any = next_loss()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        total, since = total + loss.item(), since + 1
        if step * 10 // recipe.steps > (step - 1) * 10 // recipe.steps:
            seconds = time.monotonic() - began
            print(f"  step {step:>5} of {recipe.steps}: loss {total / since:.3f}, {seconds:.0f} s", flush=True)
            total, since = 0.0, 0


def trained(
    name: str,
    recipe: _Recipe,
    train: Callable[[Split, Path, _Recipe], Mapping[str, Any]],
    split: Split,
    *,
    cache: Path | None = None,
) -> Path:
    """Folder of a trained model: found in the cache, or else trained and put there, whole or not at all.

    Parameters
    ----------
    name : str
        What the model is called; its folder adds a hash of the recipe, the pictures and the code.
    recipe : Recipe
        How it is made.
    train : callable
        Trains a model on a split, saves it into a folder, and says what came of it.
    split : Split
        The pictures.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default.
    """
    made_of = {"model": name, "recipe": asdict(recipe), "pictures": split.data}
    # A model is never taken for what other code would have made.
    code = [inspect.getsource(sys.modules[one.__module__]) for one in (train, trained, Split)]
    digest = hashlib.sha256(json.dumps([made_of, code], sort_keys=True).encode()).hexdigest()[:12]
    folder = (cache or cache_dir()) / "trained" / f"{name}-{digest}"
    if is_whole(folder):
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    began = time.monotonic()
    with replacing(folder) as made:
        made.mkdir()
        found = dict(train(split, made, recipe))
        how = {"seconds": round(time.monotonic() - began), "threads": torch.get_num_threads(), "cpus": os.cpu_count()}
        report = made_of | {"found": found} | how | {"torch": torch.__version__, _WEIGHTS: sha256_of(made / _WEIGHTS)}
        (made / REPORT).write_text(json.dumps(report, indent=2), encoding="utf-8")
    return folder


def is_whole(folder: Path) -> bool:
    """Whether a folder has all files of a trained model, with the weights that its report names."""
    if not all((folder / name).is_file() for name in _FILES):
        return False
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return bool(report[_WEIGHTS] == sha256_of(folder / _WEIGHTS))
