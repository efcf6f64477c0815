"""What is wrong with a store is found, and a sound one is left in peace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.exceptions import StoreError
from foretell.representations.data.pairs import Pairs
from foretell.representations.store.health import Health, LayerHealth, check_health
from foretell.representations.store.reader import Store
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter

N, H, T = 60, 64, 3

Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture
def x() -> Array:
    return np.random.default_rng(0).standard_normal((3, N, T, H)).astype(np.float32)


def stored(x: Array, folder: Path, *, tokens: Any = f"last {T}") -> Store:
    ids = tuple(f"item {i}" for i in range(N))
    pairs = Pairs("made", {"left": ids}, ids, None, "CC0-1.0", "here")
    np.savez(folder / "in.npz", ids=np.array(ids), **{str(layer): one for layer, one in enumerate(x)})
    options: dict[str, Any] = {"pairs": pairs, "side": "left", "model_id": "made", "tokens": tokens, "chunk_items": 7}
    return foretell.import_activations(folder / "in.npz", out=folder / "out.zarr", **options)


def test_a_sound_store_has_no_problems(x: Array, tmp_path: Path) -> None:
    found = check_health(stored(x, tmp_path))
    assert found.problems == ()
    assert (found.recording, found.n_items, found.n_missing, found.n_sampled) == ("last 3", N, 0, N)
    assert [one.layer for one in found.layers] == ["0", "1", "2"]
    for layer, one in enumerate(found.layers):
        assert one.positive == pytest.approx((x[layer] > 0).mean())
        scale = np.sqrt((x[layer] ** 2).mean(-1, keepdims=True))
        assert one.near_zero == pytest.approx((np.abs(x[layer]) <= 1e-4 * scale).mean())
        assert one.n_duplicates == 0


def test_ties_are_counted_as_they_are(x: Array, tmp_path: Path) -> None:
    x = x[:, :, :, :9]
    found = check_health(stored(x, tmp_path))
    for layer, one in enumerate(found.layers):
        signs = x[layer].reshape(N, -1) > 0
        apart = (signs[:, None] != signs[None]).sum(-1).astype(float)
        np.fill_diagonal(apart, np.inf)
        several = [(row == row.min()).sum() > 1 for row in apart]
        assert one.tied == pytest.approx(np.mean(several))
        assert one.tied > 0.25
        assert "many items have several nearest neighbours" in one.problems


@pytest.mark.parametrize("sign", [1, -1])
def test_a_collapsed_layer_is_found(sign: int, x: Array, tmp_path: Path) -> None:
    x[1] = sign * np.abs(x[1])
    x[1, :, 0, 0] *= np.where(np.arange(N) % 2, 1, -1)
    found = check_health(stored(x, tmp_path))
    assert "nearly all bits are alike (collapsed): layer 1" in found.problems


def test_identical_items_are_counted(x: Array, tmp_path: Path) -> None:
    x[2, 40:45] = x[2, 3]
    x[2, 50] = x[2, 30]
    found = check_health(stored(x, tmp_path))
    assert [one.n_duplicates for one in found.layers] == [0, 0, 6]
    assert "items have the bits of another: layer 2" in found.problems


def test_layers_of_one_problem_stand_together(x: Array, tmp_path: Path) -> None:
    x[:, 9] = x[:, 8]
    assert check_health(stored(x, tmp_path)).problems == ("items have the bits of another: layers 0 to 2",)


def test_missing_items_are_said_and_the_others_looked_at(x: Array, tmp_path: Path) -> None:
    store = stored(x, tmp_path)
    StoreWriter(Storage(store.name, read_only=False), store.info).forget(2)
    found = check_health(foretell.open_store(tmp_path / "out.zarr"))
    assert found.problems == (f"7 of {N} items are missing: run the same extract again",)
    there = np.r_[0:14, 21:N]
    assert found.layers[0].positive == pytest.approx((x[0][there] > 0).mean())
    assert found.n_sampled == N - 7


def test_damage_is_an_error(x: Array, tmp_path: Path) -> None:
    stored(x, tmp_path)
    (tmp_path / "out.zarr" / "bits" / "0" / "1" / "c" / "1" / "0" / "0").write_bytes(b"damaged")
    with pytest.raises(StoreError, match="layer 1, items 7 to 13"):
        check_health(foretell.open_store(tmp_path / "out.zarr"))


def test_numbers_have_no_bits_to_look_at(x: Array, tmp_path: Path) -> None:
    assert check_health(stored(x, tmp_path, tokens="last 1, full")) == Health("", (), N, 0, 0)


@pytest.mark.parametrize("tokens", [["last 1, full", "last 3"], ["last 3, 2bit"], ["last 3, projection 16"]])
def test_near_zero_is_of_the_first_recording(tokens: list[str], x: Array, tmp_path: Path) -> None:
    found = check_health(stored(x, tmp_path, tokens=tokens))
    of = x[0][:, -1:] if "full" in tokens[0] else x[0]
    scale = np.sqrt((of**2).mean(-1, keepdims=True))
    expected = None if "projection" in tokens[0] else (np.abs(of) <= 1e-4 * scale).mean()
    assert found.layers[0].near_zero == (None if expected is None else pytest.approx(expected))


def test_layers_that_follow_one_another_are_joined() -> None:
    whole, bad = LayerHealth("", 0.5, 0, 0.0, None), LayerHealth("", 0.01, 0, 0.0, None)
    layers = [replace(bad if place in (0, 2, 3, 5, 6, 7) else whole, layer=str(place)) for place in range(7)]
    layers.append(replace(bad, layer="final"))
    (problem,) = Health("last 1", tuple(layers), 9, 0, 9).problems
    assert problem == "nearly all bits are alike (collapsed): layers 0, 2, 3, 5 to final"
