"""A slow, plain reading of the definitions, and what two readings are compared by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foretell.measure.bits import Bits

Activations = dict[str, NDArray[np.float32]]


def reference(folder: Path, texts: tuple[str, ...], n_tokens: int, *, shift: int = 0) -> Activations:
    """Layer -> activations of the last tokens, shape (N, T, H): one text at a time, never padded.

    Transformers gives the final norm's output in place of the last block's, which is therefore not here.
    `shift` leaves out that many tokens at the end, for a planted error.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    items = []
    for text in texts:
        encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
        real = encoded.pop("special_tokens_mask")[0] == 0
        with torch.no_grad():
            states = model(**encoded, output_hidden_states=True).hidden_states
        end = int(real.sum()) - shift
        items.append([state[0][real][end - n_tokens : end].numpy() for state in states])
    names = [*map(str, range(len(items[0]) - 1)), "final"]
    return {name: np.stack([item[layer] for item in items]) for layer, name in enumerate(names)}


def disagreement(bits: Bits, activations: NDArray[np.float32], *, floor: float = 1e-4) -> tuple[float, float]:
    """Share of bits that are not the activations' signs: (of all, of those that are surely not 0).

    An activation is surely not 0 when it is above `floor` times the layer's median magnitude.
    """
    magnitude = np.abs(activations)
    differs = bits.unpack() != (activations > 0)
    sure = magnitude > floor * np.median(magnitude)
    return float(differs.mean()), float((differs & sure).mean())
