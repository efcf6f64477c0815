"""What a store holds of every family: the signs of a plain reading, one item at a time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.extract import extract
from foretell.representations.loading.load_model import load_image_model, load_text_model
from foretell.representations.models.base import ModelOptions
from foretell.representations.store.reader import Store
from tests.representations.models.families import FAMILIES, WORDS, save_family
from tests.representations.models.reference import reference_states

pytest.importorskip("torch")

from tests.representations.models import vision

N_ITEMS, T = 17, 3


def pairs_of(**sides: Any) -> Pairs:
    return Pairs(
        name="made",
        texts={name: items for name, items in sides.items() if isinstance(items[0], str)},
        pictures={name: items for name, items in sides.items() if not isinstance(items[0], str)},
        ids=tuple(f"item {number}" for number in range(len(next(iter(sides.values()))))),
        groups=None,
        licence="CC0-1.0",
        source="made by the tests",
    )


def surely_differ(store: Store, layer: str, expected: NDArray[np.float32], **of: Any) -> float:
    """Share of bits that are not the signs of what was expected, where that is surely not 0."""
    bits = store.space(layer, **of).bits().unpack()
    magnitude = np.abs(expected)
    sure = (magnitude > 1e-4 * np.median(magnitude)) | (magnitude == 0)
    assert sure.mean() > 0.7  # a SiLU leaves many near 0
    return float((bits != (expected > 0))[sure].mean())


@pytest.mark.parametrize("family", FAMILIES)
def test_stored_bits_of_texts(family: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = tuple(" ".join(rng.choice(WORDS, size)) for size in rng.integers(T + 1, 12, N_ITEMS))
    folder = save_family(family, tmp_path / family)
    model = load_text_model(folder)
    store = extract(
        pairs_of(en=texts), model=model, side="en", out=tmp_path / "s", tokens=[f"last {T}", "mean"], batch_tokens=60
    )
    assert store.layers[0] == "0"
    assert store.space(0).relative_depth == 0
    assert store.space(model.n_blocks).relative_depth == 1
    public = reference_states(folder, list(texts))
    # The public list's last entry is after the final norm, of models that have one.
    names = [*map(str, range(model.n_blocks)), store.layers[-1]]
    expected = {name: np.stack([states[place][-T:] for states in public]) for place, name in enumerate(names)}
    for place, name in enumerate(names):
        assert surely_differ(store, name, expected[name]) == 0
        mean = np.stack([states[place].mean(axis=0, keepdims=True) for states in public])
        assert surely_differ(store, name, mean, tokens="mean") == 0
    # Planted: the token before, and the layer after.
    one_off = np.stack([states[0][-T - 1 : -1] for states in public])
    assert surely_differ(store, "0", one_off) > 0.1
    for name, after in pairwise(names):
        assert surely_differ(store, name, expected[after]) > 0.01


@pytest.mark.parametrize("family", vision.FAMILIES, ids=lambda family: family.name)
def test_stored_bits_of_pictures(family: vision.Family, tmp_path: Path) -> None:
    saved = vision.save(family, tmp_path / family.name)
    pictures = tuple(vision.scene(seed, (40 + seed, 33)) for seed in range(5))
    model = load_image_model(str(saved.folder), ModelOptions(device="cpu"))
    (first,) = model.read(pictures[:1])
    rules = ["all", "mean", "last 2"] + ([] if first.class_place is None else ["class"])
    store = extract(
        pairs_of(view=pictures), model=model, side="view", out=tmp_path / "s", tokens=rules, batch_tokens=40
    )
    whole = [vision.reference(saved, picture, special=True) for picture in pictures]
    assert store.info.modality == "image"
    assert store.thumbnails is not None
    assert all(thumbnail.startswith(b"\x89PNG") for thumbnail in store.thumbnails)
    assert store.texts == tuple(picture.name for picture in pictures)
    names = [name for name in store.layers if name in whole[0]]
    assert {"0", str(model.n_blocks - 1)} <= set(names)
    assert store.space(model.n_blocks).relative_depth == 1
    for name in names:
        patches = np.stack([states[name][first.places] for states in whole])
        assert surely_differ(store, name, patches) == 0
        assert surely_differ(store, name, patches[:, -2:], tokens="last 2") == 0
        assert surely_differ(store, name, patches.mean(axis=1, keepdims=True), tokens="mean") == 0
        if first.class_place is not None:
            of_class = np.stack([states[name][[first.class_place]] for states in whole])
            assert surely_differ(store, name, of_class, tokens="class") == 0
        shifted = np.roll(patches, 1, axis=1)
        assert surely_differ(store, name, shifted) > 0.01
    for name, after in pairwise(names):
        if whole[0][name].shape == whole[0][after].shape:
            patches = np.stack([states[after][first.places] for states in whole])
            assert surely_differ(store, name, patches) > 0.01
