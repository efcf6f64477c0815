"""A slow, plain reading of the definitions, and what two readings are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foretell.measure.spaces.bits import BinarySpace

Activations = dict[str, NDArray[np.float32]]


def reference_states(folder: Path, texts: Sequence[str]) -> list[list[NDArray[np.float32]]]:
    """For each text the entries of the public `hidden_states`, its real tokens only: shape (tokens, H) each.

    One text at a time, never padded. Transformers gives the final norm's output in place of the last block's, for
    models that have one.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    items = []
    for text in texts:
        encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
        real = encoded["special_tokens_mask"][0] == 0
        with torch.no_grad():
            states = model(input_ids=encoded["input_ids"], output_hidden_states=True).hidden_states
        items.append([state[0][real].numpy() for state in states])
    return items


def reference(folder: Path, texts: tuple[str, ...], n_tokens: int, *, shift: int = 0) -> Activations:
    """Layer -> activations of the last tokens, shape (N, T, H), of a model with a final norm.

    `shift` leaves out that many tokens at the end, for a planted error.
    """
    items = reference_states(folder, texts)
    names = [*map(str, range(len(items[0]) - 1)), "final"]
    return {
        name: np.stack([item[layer][len(item[layer]) - shift - n_tokens :][:n_tokens] for item in items])
        for layer, name in enumerate(names)
    }


def disagreement(bits: BinarySpace, activations: NDArray[np.float32], *, floor: float = 1e-4) -> tuple[float, float]:
    """Share of bits that are not the activations' signs: (of all, of those that are surely not 0)."""
    return sign_disagreement(bits.unpack(), activations, floor=floor)


def sign_disagreement(
    positive: NDArray[np.bool_], activations: NDArray[np.float32], *, floor: float = 1e-4
) -> tuple[float, float]:
    """Share of signs that are not the activations': (of all, of those that are surely not 0).

    An activation is surely not 0 when it is above `floor` times the layer's median magnitude.
    """
    magnitude = np.abs(activations)
    differs = positive != (activations > 0)
    sure = magnitude > floor * np.median(magnitude)
    return float(differs.mean()), float((differs & sure).mean())
