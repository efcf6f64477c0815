"""The examples' two vision transformers: trained for a few steps on made-up pictures, they are whole models."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import foretell
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import cached
from tests.representations.models.vision import scene

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from examples import emoji_split, vision  # noqa: E402
from examples.autoregressive import AutoregressiveRecipe  # noqa: E402
from examples.encoder import EncoderRecipe, augmented, contrast  # noqa: E402
from examples.training import REPORT, Recipe, is_whole  # noqa: E402

N_ITEMS = 8
SMALL = {"width": 16, "blocks": 2, "heads": 2, "batch": 4}


def _pairs(first: int) -> foretell.Pairs:
    numbers = range(first, first + N_ITEMS)
    return foretell.Pairs(
        name="made up",
        texts={},
        pictures={
            "one": tuple(scene(number, (12, 12)) for number in numbers),
            "other": tuple(scene(1000 + number, (12, 12)) for number in numbers),
        },
        ids=tuple(map(str, numbers)),
        groups=None,
        licence="CC0-1.0",
        source="made by the tests",
    )


MADE_UP = emoji_split.Split(_pairs(0), _pairs(N_ITEMS), "made up by the tests")


def _by_pixels(**changes: Any) -> AutoregressiveRecipe:
    return AutoregressiveRecipe(**{**SMALL, "steps": 3, "side": 6, "colours": 8, **changes})


def _by_views(**changes: Any) -> EncoderRecipe:
    return EncoderRecipe(**{**SMALL, "steps": 3, "side": 12, "patch": 4, "compared": 8, **changes})


def _trained(cache: Path, **changes: Any) -> dict[str, Path]:
    return vision.trained_models(cache, emoji=MADE_UP, by_pixels=_by_pixels(**changes), by_views=_by_views(**changes))


def _report(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    return read


def test_both_are_loaded_as_any_model_is_and_are_alike_in_size(tmp_path: Path) -> None:
    by_pixels = replace(AutoregressiveRecipe(), steps=1, batch=2)
    by_views = replace(EncoderRecipe(), steps=1, batch=2)
    folders = vision.trained_models(tmp_path, emoji=MADE_UP, by_pixels=by_pixels, by_views=by_views)
    recipes: dict[str, Recipe] = {"autoregressive": by_pixels, "encoder": by_views}
    sizes = []
    for kind, folder in folders.items():
        assert folder.parent == tmp_path / "trained"
        model = foretell.load_model(str(folder), modality="image")
        assert model.n_blocks == recipes[kind].blocks
        assert set(model.n_dimensions.values()) == {recipes[kind].width}
        sizes.append(_report(folder)["found"]["parameters"])
    assert max(sizes) < 1.1 * min(sizes)


def test_tokens_are_pixels_but_one_and_patches(tmp_path: Path) -> None:
    pictures = MADE_UP.held_out.pictures["one"]
    tokens = {}
    for kind, folder in _trained(tmp_path).items():
        model = foretell.load_model(str(folder), modality="image")
        seen: dict[str, Any] = {}
        readings = model.read(pictures)
        model.hidden_states(readings, seen.__setitem__)
        assert list(seen) == ["0", "1", "2", "final"]
        tokens[kind] = readings[0].n_tokens
    assert tokens == {"autoregressive": 6 * 6 - 1, "encoder": 3 * 3}


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first = _trained(tmp_path / "first")
    torch.manual_seed(123)  # what else was drawn in the process does not matter
    torch.rand(7)
    second = _trained(tmp_path / "second")
    other = _trained(tmp_path / "first", seed=1)
    for kind, folder in first.items():
        weights = (folder / "model.safetensors").read_bytes()
        assert second[kind].name == folder.name
        assert (second[kind] / "model.safetensors").read_bytes() == weights
        assert other[kind].name != folder.name
        assert (other[kind] / "model.safetensors").read_bytes() != weights


def test_training_lowers_the_losses_on_held_out_pictures(tmp_path: Path) -> None:
    folders = _trained(tmp_path, steps=60, learning_rate=5e-3)
    pixels, views = (_report(folders[kind])["found"] for kind in ("autoregressive", "encoder"))
    assert pixels["bits_after"] < pixels["bits_before"]
    assert pixels["bits_unigram"] <= math.log2(8) * 1.1
    assert views["loss_after"] < views["loss_before"]
    assert views["chance"] == 1 / N_ITEMS


def test_a_model_in_the_cache_is_not_trained_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = _trained(tmp_path)
    assert "step" in capsys.readouterr().out
    assert _trained(tmp_path) == first
    assert "step" not in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "preprocessor_config.json", REPORT])
def test_a_folder_that_lacks_a_file_is_not_taken_for_a_model(tmp_path: Path, missing: str) -> None:
    folder = _trained(tmp_path)["encoder"]
    (folder / missing).unlink()
    assert not is_whole(folder)
    assert _trained(tmp_path)["encoder"] == folder
    assert is_whole(folder)


def test_weights_cut_off_are_not_taken_for_a_model(tmp_path: Path) -> None:
    weights = _trained(tmp_path)["autoregressive"] / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    assert not is_whole(weights.parent)
    _trained(tmp_path)
    assert weights.read_bytes() == whole


def test_training_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("examples.autoregressive.save", stopped)
    with pytest.raises(KeyboardInterrupt):
        _trained(tmp_path)
    assert list((tmp_path / "trained").iterdir()) == []


def test_contrast_is_the_cross_entropy_of_finding_the_other_view() -> None:
    views = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    # Of three candidates the right one has the cosine 1, the others have 0.
    assert contrast(views, 0.5).item() == pytest.approx(math.log(math.exp(2) + 2) - 2)
    assert contrast(views.roll(1, 0)[[0, 1, 3, 2]], 0.5).item() == pytest.approx(math.log(math.exp(2) + 2), rel=1e-6)


def test_augmented_pictures_stay_on_white_and_follow_the_generator() -> None:
    pictures = torch.full((5, 3, 12, 12), 0.0)
    pictures[:, :, 3:9, 3:9] = -1.0
    one, same, other = (augmented(pictures, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert one.shape == pictures.shape
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert -2 <= one.min() < one.max() <= 0
    assert len({picture.sum().item() for picture in one}) == len(pictures)


def test_emoji_held_out_share_no_meaning_with_those_of_training() -> None:
    for hand in ("google", "twitter", "fluent"):
        if cached(PARTS[f"emoji-{hand}"]) is None:
            pytest.skip("emoji-pictures is not in the cache: `foretell data fetch emoji-pictures` brings it")
    emoji = emoji_split.split()
    assert emoji.training.groups is not None
    assert emoji.held_out.groups is not None
    assert not set(emoji.training.groups) & set(emoji.held_out.groups)
    n_items = len(emoji.training) + len(emoji.held_out)
    assert n_items == len(foretell.load_pairs("emoji-pictures", ["google", "twitter", "fluent"]))
    assert len(emoji.held_out) / n_items == pytest.approx(emoji_split.SHARE_HELD_OUT, abs=0.05)
    assert len(emoji.pictures()) == 3 * len(emoji.training)
