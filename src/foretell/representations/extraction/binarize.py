"""Activations to bits: what of a layer's hidden states outlives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import require
from foretell.measure.kernels.packing import pack_signs
from foretell.representations.models.base import Reading
from foretell.representations.store.format import Kept
from foretell.representations.store.recordings import Recording

NEAR_ZERO = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}
"""Share of the root mean square of a token below which an activation's sign may depend on what else is in its batch:
far above the rounding of a forward pass in each dtype."""


class Gather:
    """Which positions of a batch's hidden states a recording keeps.

    Parameters
    ----------
    recording : Recording
    batch : sequence of Reading
    """

    def __init__(self, recording: Recording, batch: Sequence[Reading]) -> None:
        torch = require("torch", "hf")
        rule = recording.tokens
        places = [rule.places(item) for item in batch]
        counts = np.array([len(of_item) for of_item in places])
        padded = np.zeros((len(batch), int(counts.max())), np.int64)
        for row, of_item in enumerate(places):
            padded[row] = of_item[0]  # weighs nothing below, and is finite if the item is
            padded[row, : len(of_item)] = of_item
        self._places = torch.from_numpy(padded)
        # A mean is over as many tokens as an item has.
        share = (np.arange(padded.shape[1]) < counts[:, None]) / counts[:, None]
        self._share = torch.from_numpy(share.astype(np.float32)) if rule.mean else None

    def __call__(self, hidden: Any) -> Any:
        """Activations of shape (batch, T, H): of a mean in 32 bits, T being 1."""
        torch = require("torch", "hf")
        rows = torch.arange(len(self._places), device=hidden.device)[:, None]
        chosen: Any = hidden[rows, self._places.to(hidden.device)]
        if self._share is None:
            return chosen
        share = self._share.to(hidden.device)[:, :, None]
        mean: Any = (chosen.float() * share).sum(dim=1, keepdim=True)
        return mean


def kept_values(activations: Any, kept: Kept, layer: str) -> Any:
    """What a recording keeps of activations, shape (batch, T, bytes), or (batch, T, H) of those it keeps as numbers.

    A tensor on the same device: bits are signed and packed there. Those that wait for all items are kept as numbers
    until then.
    """
    torch = require("torch", "hf")
    recording = kept.recording
    if kept.comes_as_numbers:
        return activations.float()
    if recording.binarize == "projection":
        directions = _directions(activations.shape[-1], kept.n_bits[layer], recording.seed)
        activations = activations.float() @ torch.from_numpy(directions).to(activations.device)
    if recording.binarize == "2bit":
        x = activations.float()
        t = x.abs().median(dim=-1, keepdim=True).values
        activations = torch.cat([x + t, x - t], dim=-1)
    return _packed_signs(activations)


def kept_of_array(activations: NDArray[Any], kept: Kept, layer: str) -> NDArray[Any]:
    """`kept_values` of an array of 32 or 64 bits, without torch."""
    recording = kept.recording
    if kept.comes_as_numbers:
        return activations.astype(np.float32)
    if recording.binarize == "projection":
        directions = _directions(activations.shape[-1], kept.n_bits[layer], recording.seed)
        activations = activations.astype(np.float32) @ directions
    if recording.binarize == "2bit":
        # The lower median, as torch takes it.
        middle = (activations.shape[-1] - 1) // 2
        t = np.partition(np.abs(activations), middle, axis=-1)[..., middle : middle + 1]
        activations = np.concatenate([activations + t, activations - t], axis=-1)
    return _packed(activations)


def packed_above(numbers: NDArray[np.float32], binarize: str) -> NDArray[np.uint8]:
    """Packed bits of whether numbers of shape (N, T, H) are above their median, or mean, over items."""
    threshold_of = np.median if binarize == "median" else np.mean
    packed = np.empty((*numbers.shape[:2], -(-numbers.shape[2] // 8)), np.uint8)
    for token in range(numbers.shape[1]):  # one by one, since 64 bits take twice the memory
        x = numbers[:, token].astype(np.float64)
        packed[:, token] = np.packbits(x > threshold_of(x, axis=0), axis=-1)
    return packed


def n_near_zero(activations: Any, share: float) -> Any:
    """For each item, how many activations are below a share of the root mean square of their token: a tensor."""
    x = activations.float()
    floor = share * x.square().mean(dim=-1, keepdim=True).sqrt()
    return (x.abs() <= floor).flatten(1).sum(dim=1)


def n_near_zero_of_array(activations: NDArray[Any], share: float) -> NDArray[np.uint64]:
    """`n_near_zero` of an array, without torch."""
    floor = share * np.sqrt(np.mean(np.square(activations), axis=-1, keepdims=True))
    return np.asarray((np.abs(activations) <= floor).sum(axis=(1, 2)), np.uint64)


def _packed(activations: NDArray[Any]) -> NDArray[np.uint8]:
    n_items, n_tokens, n_dimensions = activations.shape
    packed = np.empty((n_items * n_tokens, -(-n_dimensions // 8)), np.uint8)
    pack_signs(activations.reshape(-1, n_dimensions), packed)
    return packed.reshape(n_items, n_tokens, -1)


def _packed_signs(activations: Any) -> Any:
    torch = require("torch", "hf")
    if activations.device.type == "cpu":
        return torch.from_numpy(_packed(activations.float().numpy()))
    return packed_on_device(activations)


def packed_on_device(activations: Any) -> Any:
    """Signs packed by what a device can do: bits are all that cross to the host."""
    torch = require("torch", "hf")
    n_dimensions = activations.shape[-1]
    # On the device, so that bits are all that cross.
    signs = torch.nn.functional.pad((activations > 0).to(torch.uint8), (0, -n_dimensions % 8))
    places = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=activations.device)
    return (signs.unflatten(-1, (-1, 8)) * places).sum(dim=-1, dtype=torch.uint8)


def _directions(n_dimensions: int, n_bits: int, seed: int) -> NDArray[np.float32]:
    """Random directions, the same for every layer of as many dimensions."""
    return np.random.default_rng([seed, n_dimensions]).standard_normal((n_dimensions, n_bits), dtype=np.float32)
