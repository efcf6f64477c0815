"""Vision models: which tensor is which layer, which positions are tokens, and what pictures they take."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foretell.exceptions import FetchError, InputError, OptionError
from foretell.representations.data.pictures import Picture
from foretell.representations.models.base import Visit
from foretell.representations.store.recordings import TokenRule

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from foretell.representations.loading.describe_model import describe_model  # noqa: E402
from foretell.representations.loading.load_model import load_image_model  # noqa: E402
from foretell.representations.models.base import ModelOptions  # noqa: E402
from foretell.representations.models.image import ImageModel  # noqa: E402
from tests.representations.models.vision import FAMILIES, SIDE, Family, Saved, file_of, reference, save, scene  # noqa: E402

PICTURES = (scene(0), scene(1, (50, 40)), scene(2, (40, 90)), scene(3, (300, 200), mode="L"))


@pytest.fixture(scope="module")
def saved_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Saved]:
    made: dict[str, Saved] = {}

    def saved(family: Family) -> Saved:
        if family.name not in made:
            made[family.name] = save(family, tmp_path_factory.mktemp("vision") / family.name)
        return made[family.name]

    return saved


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def saved(request: pytest.FixtureRequest, saved_of: Callable[[Family], Saved]) -> Saved:
    return saved_of(request.param)


@pytest.fixture
def model(saved: Saved) -> ImageModel:
    return load_image_model(str(saved.folder), ModelOptions(device="cpu"))


@pytest.fixture
def vit(saved_of: Callable[[Family], Saved]) -> Saved:
    return saved_of(FAMILIES[0])


def all_states(model: ImageModel, pictures: tuple[Picture, ...]) -> dict[str, NDArray[np.float32]]:
    seen: dict[str, NDArray[np.float32]] = {}
    model.hidden_states(model.read(pictures), lambda layer, hidden: seen.update({layer: hidden.float().numpy().copy()}))
    return seen


def tokens(model: ImageModel, pictures: tuple[Picture, ...], rule: str = "all") -> dict[str, NDArray[np.float32]]:
    places = [TokenRule.parse(rule).places(item) for item in model.read(pictures)]
    return {
        layer: np.stack([state[place] for state, place in zip(states, places, strict=True)])
        for layer, states in all_states(model, pictures).items()
    }


def surely_differ(ours: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Share of signs that differ, of activations that are surely not 0."""
    sure = np.abs(other) > 1e-4 * np.median(np.abs(other))
    return float(((ours > 0) != (other > 0))[sure].mean())


def assert_reference(saved: Saved, model: ImageModel) -> None:
    ours = tokens(model, PICTURES)
    for row, picture in enumerate(PICTURES):
        for layer, want in reference(saved, picture).items():
            if layer in ours:
                assert ours[layer][row].shape == want.shape
                assert surely_differ(ours[layer][row], want) == 0, (layer, picture)


def test_signs_are_those_of_a_plain_reading(saved: Saved, model: ImageModel) -> None:
    assert_reference(saved, model)
    absent = {"3"} if saved.family.name == "imagegpt" else set()
    assert model.n_dimensions.keys() - absent <= reference(saved, PICTURES[0]).keys()


def test_a_shifted_token_is_seen(saved: Saved, model: ImageModel) -> None:
    model.places = np.roll(model.places, 1)
    with pytest.raises(AssertionError):
        assert_reference(saved, model)


def test_a_shifted_layer_is_seen(saved: Saved, model: ImageModel) -> None:
    layers = [*model.n_dimensions]
    ours, want = tokens(model, PICTURES[:1]), reference(saved, PICTURES[0])
    for before, layer in pairwise(layers):
        # A norm without means and with positive weights, as image-gpt's last, leaves all signs alone.
        same_signs = (saved.family.name, layer) == ("imagegpt", "final")
        if layer in want and ours[before].shape[1:] == want[layer].shape and not same_signs:
            assert surely_differ(ours[before][0], want[layer]) > 0.01, (before, layer)
    run = model.run

    def late(values: Any, visit: Visit) -> None:
        shown: list[Any] = []

        def show(layer: str, hidden: Any) -> None:
            shown.append(hidden.clone())
            visit(layer, shown[max(len(shown) - 2, 0)])

        run(values, show)

    model.run = late
    with pytest.raises(AssertionError):
        assert_reference(saved, model)


def test_layers_and_depth(saved: Saved, model: ImageModel) -> None:
    family = saved.family
    numbered = [str(number) for number in range(family.n_blocks + 1)]
    assert [*model.n_dimensions] == [*numbered, "final"][: len(numbered) + family.final]
    assert (model.modality, model.dtype, model.n_blocks, model.max_length) == (
        "image",
        "float32",
        family.n_blocks,
        None,
    )
    depth = [int(layer) / model.n_blocks for layer in model.n_dimensions if layer != "final"]
    assert (depth[0], depth[-1]) == (0, 1)
    states = all_states(model, PICTURES[:2])
    assert [*states] == [*model.n_dimensions]
    (item, _) = model.read(PICTURES[:2])
    for layer, state in states.items():
        assert state.shape == (2, item.length, model.n_dimensions[layer])
    assert (item.n_tokens, item.class_place) == (family.n_tokens, family.class_place)
    assert item.values.dtype == (np.int64 if family.name == "imagegpt" else np.float32)


@pytest.mark.parametrize(
    ("number", "norm"), [(0, "layernorm"), (1, "layernorm"), (2, "layernorm"), (4, "post_layernorm"), (5, "ln_f")]
)
def test_the_last_blocks_state_is_what_the_final_norm_takes(
    saved_of: Callable[[Family], Saved], number: int, norm: str
) -> None:
    saved = saved_of(FAMILIES[number])
    states = all_states(load_image_model(str(saved.folder)), PICTURES)
    with torch.no_grad():
        normed = getattr(saved.tower, norm)(torch.from_numpy(states["3"])).numpy()
    np.testing.assert_allclose(normed, states["final"], rtol=1e-4, atol=1e-5)


def test_neither_batch_nor_order_matters(model: ImageModel) -> None:
    together = tokens(model, PICTURES)
    turned = tokens(model, PICTURES[::-1])
    for row, picture in enumerate(PICTURES):
        for layer, alone in tokens(model, (picture,)).items():
            assert surely_differ(together[layer][row], alone[0]) == 0
            assert surely_differ(turned[layer][-1 - row], alone[0]) == 0


def test_a_token_is_its_patch(saved: Saved, model: ImageModel) -> None:
    side = model.read(PICTURES[:1])[0].values.shape[-1]
    if saved.family.name == "imagegpt":
        side = 8
    per_row = round((saved.family.n_tokens + (saved.family.name == "imagegpt")) ** 0.5)
    patch = side // per_row
    plain = np.full((side, side, 3), 128, np.uint8)
    # The network preprocessings that crop take the picture as it is only where it is larger.
    margin = 4 if saved.family.name in ("resnet", "regnet", "convnext", "convnextv2") else 0

    def states(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        framed = np.pad(pixels, ((margin, margin + margin // 4), (margin, margin + margin // 4), (0, 0)), mode="edge")
        picture = Picture("patch", file_of(Image.fromarray(framed)))
        found: NDArray[np.float32] = all_states(model, (picture,))["0"][0]
        return found

    places = model.read(PICTURES[:1])[0].places
    before = states(plain)
    for token in (0, 1, per_row, per_row + 2, per_row * per_row - 2):
        row, column = divmod(token, per_row)
        changed = plain.copy()
        changed[row * patch : (row + 1) * patch, column * patch : (column + 1) * patch] = (255, 0, 30)
        moved = np.abs(states(changed) - before).sum(1)
        assert moved.argmax() == places[token], token
        if saved.family.n_blocks == 3 and saved.family.name != "efficientnet":
            assert np.count_nonzero(moved) == 1


def test_the_class_token_is_not_of_the_picture_before_the_blocks(saved: Saved, model: ImageModel) -> None:
    if saved.family.class_place is None:
        with pytest.raises(OptionError, match="class token"):
            tokens(model, PICTURES[:1], "class")
        return
    seen = tokens(model, PICTURES, "class")
    assert all(np.array_equal(seen["0"][0], other) for other in seen["0"])
    assert not np.array_equal(seen["1"][0], seen["1"][1])


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (5, 7), (33, 31), (400, 30), (30, 400)])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "LA", "RGBA", "CMYK"])
def test_pictures_of_all_kinds(vit: Saved, size: tuple[int, int], mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    picture = Picture("p", file_of(Image.linear_gradient("L").resize(size).convert("RGB").convert(mode), kind))
    (item,) = load_image_model(str(vit.folder)).read([picture])
    assert item.values.shape == (3, SIDE, SIDE)
    assert np.isfinite(item.values).all()


def test_what_is_transparent_is_white(vit: Saved) -> None:
    model = load_image_model(str(vit.folder))
    clear = Picture("clear", file_of(Image.new("RGBA", (40, 40), (0, 0, 0, 0))))
    white = Picture("white", file_of(Image.new("RGB", (40, 40), "white")))
    one, other = model.read([clear, white])
    np.testing.assert_array_equal(one.values, other.values)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + _chunk(b"IEND", b"")
    )


WHOLE = file_of(Image.linear_gradient("L"))
HOSTILE = {
    "empty.png": b"",
    "text.png": b"You are not a picture.\n",
    "bomb.png": _bomb(60_000, 60_000),
    "smaller bomb.png": _bomb(12_000, 12_000),
    "narrow.png": file_of(Image.new("L", (3000, 2))),
    **{f"cut at {end}.png": WHOLE[:end] for end in (8, 20, 33, 40, 60, len(WHOLE) // 2, len(WHOLE) - 60)},
    "cut.jpg": file_of(Image.linear_gradient("L"), "JPEG")[:300],
    "cut.webp": file_of(Image.linear_gradient("L"), "WEBP")[:100],
    "cut.gif": file_of(Image.linear_gradient("L"), "GIF")[:300],
    "no size.png": b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_clear_error(vit: Saved, name: str) -> None:
    model = load_image_model(str(vit.folder))
    with pytest.raises(InputError, match=name) as caught:
        model.read([PICTURES[0], Picture(name, HOSTILE[name])])
    assert "\n" not in str(caught.value)


def test_pictures_that_come_out_in_other_shapes(vit: Saved, tmp_path: Path) -> None:
    folder = _edited(vit, tmp_path, "preprocessor_config.json", size={"shortest_edge": SIDE})
    model = load_image_model(str(folder))
    assert len(model.read([scene(0, (90, 90))])) == 1
    with pytest.raises(InputError, match="'scene 1'"):
        model.read([scene(1, (90, 60))])


def test_preprocessing_for_another_size(vit: Saved, tmp_path: Path) -> None:
    folder = _edited(vit, tmp_path, "preprocessor_config.json", size={"height": 48, "width": 48})
    with pytest.raises(InputError, match=r"\(3, 48, 48\)"):
        load_image_model(str(folder))


def test_preprocessing_whose_settings_do_not_go_together(vit: Saved, tmp_path: Path) -> None:
    folder = _edited(vit, tmp_path, "preprocessor_config.json", size={"width": 48})
    with pytest.raises(InputError, match="cannot load"):
        load_image_model(str(folder))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_dtypes(saved: Saved, dtype: str) -> None:
    model = load_image_model(str(saved.folder), ModelOptions(dtype=dtype))
    kinds = set()
    model.hidden_states(model.read(PICTURES[:1]), lambda _layer, hidden: kinds.add(hidden.dtype))
    assert kinds == {getattr(torch, dtype)}
    exact, rough = tokens(load_image_model(str(saved.folder)), PICTURES[:1]), tokens(model, PICTURES[:1])
    assert np.mean((exact["1"] > 0) != (rough["1"] > 0)) < 0.1


def test_a_device_map(vit: Saved) -> None:
    spread = tokens(load_image_model(str(vit.folder), ModelOptions(device_map={"": "cpu"})), PICTURES[:1])
    for layer, state in tokens(load_image_model(str(vit.folder), ModelOptions(device="cpu")), PICTURES[:1]).items():
        np.testing.assert_array_equal(spread[layer], state)
    with pytest.raises(OptionError, match="give one"):
        load_image_model(str(vit.folder), ModelOptions(device="cpu", device_map="auto"))


def test_a_device_that_there_is_not(vit: Saved) -> None:
    with pytest.raises(OptionError, match="'cuda:77'"):
        load_image_model(str(vit.folder), ModelOptions(device="cuda:77"))


def test_a_vision_tower_saved_alone(saved_of: Callable[[Family], Saved], tmp_path: Path) -> None:
    both = saved_of(FAMILIES[3])
    both.tower.save_pretrained(tmp_path / "tower")
    both.processor.save_pretrained(tmp_path / "tower")
    alone = tokens(load_image_model(str(tmp_path / "tower")), PICTURES)
    for layer, state in tokens(load_image_model(str(both.folder)), PICTURES).items():
        np.testing.assert_array_equal(alone[layer], state)


def test_a_model_saved_with_its_classifier(vit: Saved, tmp_path: Path) -> None:
    from transformers import ViTForImageClassification

    folder = tmp_path / "classifier"
    whole = ViTForImageClassification(vit.tower.config)
    whole.vit.load_state_dict(vit.tower.state_dict(), strict=False)
    whole.save_pretrained(folder)
    vit.processor.save_pretrained(folder)
    found = tokens(load_image_model(str(folder)), PICTURES)
    for layer, state in tokens(load_image_model(str(vit.folder)), PICTURES).items():
        np.testing.assert_array_equal(found[layer], state)


def test_description(vit: Saved, tmp_path: Path) -> None:
    info = describe_model(str(vit.folder), "image")
    assert info == load_image_model(str(vit.folder)).info
    assert info.id == "vit"
    assert info == describe_model(str(vit.folder), "image", ModelOptions(dtype="float16", device_map="auto"))
    other = describe_model(str(_edited(vit, tmp_path, "preprocessor_config.json", resample=3)), "image")
    assert (other.revision, other.tokenizer == info.tokenizer) == (info.revision, False)


def test_names_that_are_no_model(vit: Saved) -> None:
    with pytest.raises(OptionError, match="efficientnet-lite0"):
        load_image_model("no-such-model")
    with pytest.raises(OptionError, match="'int8'"):
        load_image_model(str(vit.folder), ModelOptions(dtype="int8"))
    with pytest.raises(OptionError, match="'main'"):
        load_image_model(str(vit.folder), ModelOptions(revision="main"))
    with pytest.raises(FetchError, match="nobody/no-such-model at revision 'v1'"):
        load_image_model("nobody/no-such-model", ModelOptions(revision="v1"))


def test_a_hub_id(vit: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: dict[str, Any] = {}
    commit = shutil.copytree(vit.folder, tmp_path / "0123abc")

    def snapshot(name: str, **options: Any) -> str:
        asked.update(name=name, **options)
        return str(commit)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    model = load_image_model("somebody/vit", ModelOptions(revision="v1"))
    assert (model.info.id, model.info.revision) == ("somebody/vit", "0123abc")
    assert (asked["name"], asked["revision"]) == ("somebody/vit", "v1")
    assert not any(pattern.endswith((".bin", ".py", ".pt")) for pattern in asked["allow_patterns"])


@pytest.mark.parametrize("missing", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file(vit: Saved, tmp_path: Path, missing: str) -> None:
    copy = shutil.copytree(vit.folder, tmp_path / "broken")
    (copy / missing).unlink()
    (copy / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(InputError, match="safetensors" if "model." in missing else missing):
        load_image_model(str(copy))


def test_weights_that_are_not_all_there(vit: Saved, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(vit.folder, tmp_path / "broken")
    weights = load_file(copy / "model.safetensors")
    lost = next(name for name in weights if "layer" in name and name.endswith("weight"))
    del weights[lost]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="lacks 1 of the weights of a ViTModel"):
        load_image_model(str(copy))


def test_weights_cut_off(vit: Saved, tmp_path: Path) -> None:
    copy = shutil.copytree(vit.folder, tmp_path / "broken")
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot load"):
        load_image_model(str(copy))


def test_pickled_weights_only_when_allowed(vit: Saved, tmp_path: Path) -> None:
    folder = shutil.copytree(vit.folder, tmp_path / "pickled", ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(vit.tower.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="allow_pickle=True"):
        load_image_model(str(folder))
    found = tokens(load_image_model(str(folder), ModelOptions(allow_pickle=True)), PICTURES)
    for layer, state in tokens(load_image_model(str(vit.folder)), PICTURES).items():
        np.testing.assert_array_equal(found[layer], state)


def test_a_network_of_windows_is_refused(vit: Saved, tmp_path: Path) -> None:
    from transformers import SwinConfig, SwinModel

    config = SwinConfig(image_size=SIDE, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4)
    SwinModel(config).save_pretrained(tmp_path / "swin")
    vit.processor.save_pretrained(tmp_path / "swin")
    with pytest.raises(InputError, match="swin"):
        load_image_model(str(tmp_path / "swin"))


def test_a_network_that_hides_patches_is_refused(vit: Saved, tmp_path: Path) -> None:
    from transformers import ViTMAEConfig, ViTMAEModel

    small: dict[str, Any] = {
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
    }
    ViTMAEModel(ViTMAEConfig(**small, image_size=SIDE, patch_size=8)).save_pretrained(tmp_path / "mae")
    vit.processor.save_pretrained(tmp_path / "mae")
    with pytest.raises(InputError, match="positions for 16 patches"):
        load_image_model(str(tmp_path / "mae"))


def test_colours_that_are_not_the_vocabulary(saved_of: Callable[[Family], Saved], tmp_path: Path) -> None:
    folder = _edited(saved_of(FAMILIES[5]), tmp_path, "preprocessor_config.json", clusters=[[0.0, 0.0, 0.0]])
    with pytest.raises(InputError, match="clusters"):
        load_image_model(str(folder))


def test_code_in_a_folder_runs_only_when_trusted(vit: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.dynamic_module_utils as dynamic
    from safetensors.torch import save_file

    monkeypatch.setattr(dynamic, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    folder = _edited(
        vit,
        tmp_path,
        "config.json",
        model_type="mine",
        auto_map={"AutoConfig": "mine.MyConfig", "AutoModel": "mine.MyModel"},
    )
    ran = tmp_path / "ran"
    (folder / "mine.py").write_text(
        "from pathlib import Path\nfrom transformers import ViTConfig, ViTModel\n"
        f"Path({str(ran)!r}).touch()\n"
        "class MyConfig(ViTConfig):\n    model_type = 'mine'\n"
        "class MyModel(ViTModel):\n    config_class = MyConfig\n",
        encoding="utf-8",
    )
    # Transformers renames the weights of ViT as they are saved and loaded, but not those of what is not ViT.
    save_file(
        {name: value.contiguous() for name, value in vit.tower.state_dict().items()}, folder / "model.safetensors"
    )
    with pytest.raises(InputError, match="cannot load"):
        load_image_model(str(folder))
    assert not ran.exists()
    trusted = load_image_model(str(folder), ModelOptions(trust_remote_code=True))
    assert ran.exists()
    assert trusted.info.revision != describe_model(str(folder), "image").revision
    for layer, state in tokens(load_image_model(str(vit.folder)), PICTURES[:1]).items():
        np.testing.assert_array_equal(tokens(trusted, PICTURES[:1])[layer], state)


def _edited(saved: Saved, tmp_path: Path, file: str, **changes: Any) -> Path:
    folder = shutil.copytree(saved.folder, tmp_path / "edited")
    settings = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps({**settings, **changes}), encoding="utf-8")
    return folder
