"""Tokens in a random order: of each item its own, and the same however it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell import BinarySpace
from foretell.measure.spaces.space import Space
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.extract import extract
from foretell.studies.controls.variants import ShuffledTokens
from tests.options import under

N, T, H = 300, 6, 20


@pytest.fixture(scope="module")
def whole() -> BinarySpace:
    x = np.random.default_rng(0).standard_normal((N, T, H))
    # The first dimensions number the tokens, so that their order shows.
    x[:, :, :3] = [[[1.0 if token >> bit & 1 else -1.0 for bit in range(3)] for token in range(T)]]
    return BinarySpace.from_activations(x, [f"item {i}" for i in range(N)])


def order(bits: BinarySpace) -> NDArray[np.int64]:
    return np.asarray(bits.unpack()[:, :, :3] @ np.array([1, 2, 4]), np.int64)


def test_each_item_keeps_its_tokens_in_an_order_of_its_own(whole: BinarySpace) -> None:
    space = ShuffledTokens(whole, seed=1)
    assert isinstance(space, Space)
    assert (space.n_items, space.n_tokens, space.ids) == (N, T, whole.ids)
    orders = order(space.bits())
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(T), (N, 1)))
    np.testing.assert_array_equal(space.bits().data, np.take_along_axis(whole.data, orders[:, :, None], axis=1))
    assert len(np.unique(orders, axis=0)) > 200
    # Every token comes to every place equally often.
    counts = np.array([np.bincount(orders[:, place], minlength=T) for place in range(T)])
    assert ((counts - N / T) ** 2 / (N / T)).sum() < 60  # 25 on average, 99.9 % below 53


def test_neither_rows_nor_blocks_nor_repeats_matter(whole: BinarySpace) -> None:
    # Ids differ, so that bits in memory cannot be read twice under theirs.
    space = ShuffledTokens(BinarySpace(whole.data, whole.n_bits), seed=1)
    data = space.bits().data
    rng = np.random.default_rng(2)
    for rows in (
        slice(17, 30),
        slice(None, None, -7),
        np.array([250, 3, 3, 250, 0]),
        rng.permutation(N),
        np.arange(N) % 2 == 1,
        np.array([], np.intp),
    ):
        some = space.bits(rows)
        np.testing.assert_array_equal(some.data, data[rows])
    assert ShuffledTokens(whole, seed=1).bits(slice(5, 8)).ids == ("item 5", "item 6", "item 7")
    # Of fewer items, those that are there are the same.
    np.testing.assert_array_equal(ShuffledTokens(whole.bits(slice(0, 40)), seed=1).bits().data, data[:40])


def test_the_seed_decides(whole: BinarySpace) -> None:
    one, again, other = (order(ShuffledTokens(whole, seed).bits()) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one == other).all(axis=1).mean() < 0.05


def test_a_signal_that_lies_in_positions_goes_and_one_in_items_stays() -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((N, T, 64))
    by_item = np.repeat(rng.standard_normal((N, 1, 64)), T, axis=1)

    def sides(signal: NDArray[np.float64]) -> list[BinarySpace]:
        return [BinarySpace.from_activations(signal + 0.02 * rng.standard_normal(signal.shape)) for _ in range(2)]

    def imbalance(a: Space, b: Space) -> float:
        return foretell.information_imbalance(a, b).a_to_b

    for signal, least, most in ((shared, 0.7, 1.3), (by_item, 0, 0.05)):
        a, b = sides(signal)
        assert imbalance(a, b) < 0.05
        assert least <= imbalance(ShuffledTokens(a, 1), ShuffledTokens(b, 2)) <= most


def test_of_a_store_and_whatever_the_memory(tiny_model_folder: Path, tiny_pairs: Pairs, tmp_path: Path) -> None:
    store = extract(
        tiny_pairs, model=str(tiny_model_folder), side="left", out=tmp_path / "s.zarr", tokens="last 6", chunk_items=5
    )
    of_store = {layer: ShuffledTokens(store.space(layer), 3) for layer in store.layers}
    of_memory = {layer: ShuffledTokens(store.space(layer).bits(), 3) for layer in store.layers}
    found = [
        under(memory=memory).imbalance_curve(spaces, {layer: store.space(layer) for layer in store.layers})
        for spaces, memory in ((of_store, None), (of_memory, None), (of_store, "1 MiB"))
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0]["imbalance"], other["imbalance"])
