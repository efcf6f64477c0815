"""Tiny random vision models in the hub's layout, and what their layers are by a plain reading."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from foretell.representations.data.pictures import Picture

SIDE = 32
NARROW = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 2}
PATCHES = {"image_size": SIDE, "patch_size": 8}
N_COLOURS = 12


@dataclass(frozen=True)
class Family:
    """A kind of model, and what is true of it."""

    name: str
    n_blocks: int
    n_tokens: int
    final: bool
    make: Callable[[Any], tuple[Any, Any]]  # transformers -> model, image processor
    class_place: int | None = None
    n_special: int = 0


def _fixed(transformers: Any, kind: str, **settings: Any) -> Any:
    return getattr(transformers, f"{kind}ImageProcessorPil")(size={"height": SIDE, "width": SIDE}, **settings)


def _cropped(transformers: Any, kind: str) -> Any:
    return getattr(transformers, f"{kind}ImageProcessorPil")(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )


def _vit(t: Any) -> tuple[Any, Any]:
    return t.ViTModel(t.ViTConfig(**NARROW, **PATCHES)), _fixed(t, "ViT")


def _dinov2(t: Any) -> tuple[Any, Any]:
    # Trained on larger pictures than it is shown, as the published ones are.
    config = t.Dinov2Config(**{**NARROW, **PATCHES, "image_size": 56})
    return t.Dinov2Model(config), _cropped(t, "Bit")


def _registers(t: Any) -> tuple[Any, Any]:
    config = t.Dinov2WithRegistersConfig(**NARROW, **PATCHES, num_register_tokens=4)
    return t.Dinov2WithRegistersModel(config), _cropped(t, "Bit")


def _clip(t: Any) -> tuple[Any, Any]:
    text = {**NARROW, "vocab_size": 60, "max_position_embeddings": 20, "bos_token_id": 0, "eos_token_id": 1}
    config = t.CLIPConfig(text_config={**text, "pad_token_id": 1}, vision_config={**NARROW, **PATCHES})
    return t.CLIPModel(config), _cropped(t, "CLIP")


def _siglip(t: Any) -> tuple[Any, Any]:
    config = t.SiglipConfig(text_config={**NARROW, "vocab_size": 40}, vision_config={**NARROW, **PATCHES})
    return t.SiglipModel(config), _fixed(t, "Siglip")


def _image_gpt(t: Any) -> tuple[Any, Any]:
    config = t.ImageGPTConfig(vocab_size=N_COLOURS + 1, n_positions=64, n_embd=24, n_layer=3, n_head=2)
    colours = np.random.default_rng(0).uniform(-1, 1, (N_COLOURS, 3))
    return t.ImageGPTModel(config), t.ImageGPTImageProcessorPil(clusters=colours, size={"height": 8, "width": 8})


def _staged(kind: str, **settings: Any) -> Callable[[Any], tuple[Any, Any]]:
    def make(t: Any) -> tuple[Any, Any]:
        config = getattr(t, f"{kind}Config")(hidden_sizes=[8, 16, 24], depths=[1, 2, 1], **settings)
        processor = t.ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875)
        return getattr(t, f"{kind}Model")(config), processor

    return make


def _efficientnet(t: Any) -> tuple[Any, Any]:
    shape = {"kernel_sizes": [3, 5], "in_channels": [32, 16], "out_channels": [16, 24], "strides": [1, 2]}
    config = t.EfficientNetConfig(
        **shape,
        width_coefficient=1.0,
        depth_coefficient=1.0,
        num_block_repeats=[1, 2],
        expand_ratios=[1, 4],
        depthwise_padding=[],
        hidden_dim=1280,
    )
    return t.EfficientNetModel(config), _fixed(t, "EfficientNet")


FAMILIES = (
    Family("vit", 3, 16, True, _vit, 0, 1),
    Family("dinov2", 3, 16, True, _dinov2, 0, 1),
    Family("dinov2_with_registers", 3, 16, True, _registers, 0, 5),
    Family("clip", 3, 16, False, _clip, 0, 1),
    Family("siglip", 3, 16, True, _siglip),
    Family("imagegpt", 3, 63, True, _image_gpt, None, 1),
    Family("resnet", 4, 16, False, _staged("ResNet", embedding_size=8, layer_type="basic")),
    Family("regnet", 4, 16, False, _staged("RegNet", embedding_size=8, groups_width=4)),
    Family("convnext", 4, 16, False, _staged("ConvNext", num_stages=3, layer_scale_init_value=1.0)),
    Family("convnextv2", 4, 16, False, _staged("ConvNextV2", num_stages=3)),
    Family("efficientnet", 3, 64, True, _efficientnet),
)


@dataclass(frozen=True)
class Saved:
    """A family's model, and the folder that it was saved in."""

    family: Family
    folder: Path
    tower: Any
    processor: Any


def save(family: Family, folder: Path) -> Saved:
    """Make and save a family's model, with weights that leave no part of it idle."""
    import torch
    import transformers

    torch.manual_seed(0)
    model, processor = family.make(transformers)
    for name, weights in [*model.named_parameters(), *model.named_buffers()]:
        if not weights.is_floating_point():
            continue
        if name.endswith("running_var") or (weights.ndim == 1 and name.endswith("weight")):
            weights.data.uniform_(0.5, 2)
        else:
            weights.data.normal_(0, 0.3)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return Saved(family, folder, getattr(model, "vision_model", model), processor)


def reference(saved: Saved, picture: Picture, *, special: bool = False) -> dict[str, NDArray[np.float32]]:
    """Layer -> tokens of one picture, (T, H), by transformers' own interface, or a loop over what a network is made of.

    With `special`, the class and register tokens are there too, in front.
    Of image-gpt, transformers gives the final norm's output in place of the last block's, which is therefore not here.
    """
    import torch

    inputs = dict(saved.processor(images=picture.rgb(), return_tensors="pt"))
    if "input_ids" in inputs:
        start = torch.tensor([[N_COLOURS]])
        inputs["input_ids"] = torch.cat([start, inputs["input_ids"][:, :-1]], 1)
    with torch.no_grad():
        public = saved.tower(**inputs, output_hidden_states=True)
        if saved.family.name in ("resnet", "regnet", "convnext", "convnextv2", "efficientnet"):
            maps = _maps(saved.tower, inputs["pixel_values"])
            assert torch.equal(maps[-1], public.last_hidden_state)
            states = [_cells(state[0].numpy(), maps[-1].shape[-1]) for state in maps]
        else:
            states = [*(state[0].numpy() for state in public.hidden_states), public.last_hidden_state[0].numpy()]
    if saved.family.name == "imagegpt":
        del states[-1]
        names = ["0", "1", "2", "final"]
    else:
        names = [*map(str, range(saved.family.n_blocks + 1)), "final"]
    # Without a final norm the last two are one.
    first = 0 if special else saved.family.n_special
    return {name: state[first:] for name, state in zip(names, states, strict=False)}


def _maps(tower: Any, x: Any) -> list[Any]:
    x = tower.embeddings(x) if hasattr(tower, "embeddings") else tower.embedder(x)
    maps = [x]
    for part in getattr(tower.encoder, "stages", []):
        for between in getattr(part, "downsampling_layer", []):
            x = between(x)
        for block in part.layers:
            x = block(x)
            maps.append(x)
    for block in getattr(tower.encoder, "blocks", []):
        x = block(x)
        maps.append(x)
    if hasattr(tower.encoder, "top_conv"):
        maps.append(tower.encoder.top_activation(tower.encoder.top_bn(tower.encoder.top_conv(x))))
    return maps


def _cells(feature_map: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    channels, height, width = feature_map.shape
    cells = feature_map.reshape(channels, side, height // side, side, width // side).mean((2, 4))
    found: NDArray[np.float32] = cells.reshape(channels, -1).T
    return found


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    """The image as a file."""
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def scene(seed: int, size: tuple[int, int] = (SIDE, SIDE), *, mode: str = "RGB") -> Picture:
    """A picture of some coloured shapes."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, y = rng.integers((0, 0), size).tolist()
        draw.ellipse((x, y, x + size[0] // 2, y + size[1] // 2), fill=tuple(rng.integers(0, 256, 3).tolist()))
    return Picture(f"scene {seed}", file_of(image.convert(mode)))
