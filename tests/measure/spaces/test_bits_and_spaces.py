"""Bits as they are kept, and the proof that spaces hold the same items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import foretell
from foretell.exceptions import AlignmentError, InputError
from foretell.measure.spaces.space import check_same_items

RNG = np.random.default_rng(0)


@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 40), st.integers(0, 999))
def test_bit_order_is_fixed_and_tokens_are_byte_aligned(n_items: int, n_tokens: int, n_bits: int, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((n_items, n_tokens, n_bits))
    bits = foretell.BinarySpace.from_activations(x)
    assert bits.data.shape == (n_items, n_tokens, -(-n_bits // 8))
    for h in range(n_bits):
        assert ((bits.data[..., h // 8] & (128 >> h % 8) != 0) == (x[..., h] > 0)).all()
    padding = 8 * bits.data.shape[2] - n_bits
    assert not (bits.data[..., -1] & ((1 << padding) - 1)).any()
    assert (bits.unpack() == (x > 0)).all()


def test_signing_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG.standard_normal((50, 3, 21))
    whole = foretell.BinarySpace.from_activations(x)
    monkeypatch.setattr("foretell.measure.spaces.bits._BLOCK_BYTES", 200)
    assert (foretell.BinarySpace.from_activations(x).data == whole.data).all()
    x[41, 1, 1] = np.nan
    with pytest.raises(InputError, match="item 41"):
        foretell.BinarySpace.from_activations(x)


def test_bits_are_a_space() -> None:
    bits = foretell.BinarySpace.from_activations(RNG.standard_normal((5, 2, 9)), ids=["a", "b", "c", "d", "e"])
    assert isinstance(bits, foretell.Space)
    part = bits.bits(np.array([3, 1]))
    assert part.ids == ("d", "b")
    assert (part.data == bits.data[[3, 1]]).all()
    assert bits.bits(slice(1, 3)).ids == ("b", "c")
    assert repr(bits) == "BinarySpace(n_items=5, n_tokens=2, n_bits=9)"


@pytest.mark.parametrize(
    ("data", "n_bits", "ids", "message"),
    [
        (np.zeros((2, 3), np.uint8), 8, None, "shape .items, tokens, bytes., not uint8"),
        (np.zeros((2, 3, 1), np.int64), 8, None, "not int64"),
        (np.zeros((2, 3, 1), np.uint8), 9, None, "9 bits a token take 2 bytes"),
        (np.ones((2, 3, 1), np.uint8), 7, None, "padding and must be 0"),
        (np.zeros((2, 3, 1), np.uint8), 8, ["a"], "1 ids for 2 items"),
        (np.zeros((2, 3, 1), np.uint8), 8, ["a", "b\0"], "cannot be written"),
        (np.zeros((2, 3, 1), np.uint8), 8, ["a", "\ud800"], "cannot be written"),
        (np.zeros((2, 3, 1), np.uint8), 8, ["a", "a"], "Two items have the id 'a'"),
    ],
)
def test_bits_refuse_what_they_are_not(data: np.ndarray, n_bits: int, ids: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        foretell.BinarySpace(data, n_bits, ids)  # type: ignore[arg-type]


def named(ids: list[str], seed: int = 0) -> foretell.BinarySpace:
    rng = np.random.default_rng(seed)
    rows = {name: rng.standard_normal((1, 16)) for name in sorted({*ids, "e", "f"})}
    return foretell.BinarySpace.from_activations(np.stack([rows[name] for name in ids]), ids)


def test_other_order_and_other_items_are_refused() -> None:
    a = named(["a", "b", "c", "d"])
    check_same_items([a, named(["a", "b", "c", "d"])])
    with pytest.raises(AlignmentError, match="the same ids in another order: item 1 is 'b' in one and 'c'"):
        check_same_items([a, named(["a", "c", "b", "d"])])
    with pytest.raises(AlignmentError, match="other ids: item 3 is 'd' in one and 'e'"):
        check_same_items([a, named(["a", "b", "c", "e"])])
    with pytest.raises(AlignmentError, match="4 items and space 1 has 3"):
        check_same_items([a, named(["a", "b", "c"])])
    with pytest.raises(AlignmentError, match="another order"):
        foretell.imbalance_curve([a], [named(["a", "c", "b", "d"])])
    with pytest.raises(AlignmentError, match=r"foretell\.align puts"):
        foretell.information_imbalance(a, named(["a", "c", "b", "d"]))


def test_align_by_name() -> None:
    ids = [f"item {i}" for i in range(30)]
    a, b = named(ids, 1), named(ids, 2)
    order = np.random.default_rng(0).permutation(30)
    shuffled = b.bits(order[:25])
    aligned_a, aligned_b = foretell.align(a, shuffled)
    assert aligned_a.ids == aligned_b.ids == tuple(i for i in ids if i in set(shuffled.ids or ()))
    assert aligned_a.n_tokens == 1
    assert repr(aligned_b) == "<25 of BinarySpace(n_items=25, n_tokens=1, n_bits=16)>"
    assert aligned_a != aligned_b
    kept = np.sort(order[:25])
    assert foretell.information_imbalance(aligned_a, aligned_b) == foretell.information_imbalance(
        a.bits(kept), b.bits(kept)
    )
    assert aligned_b.bits(slice(0, 3)).ids == aligned_b.ids[:3]
    with pytest.raises(AlignmentError, match="Space 1 has no ids"):
        foretell.align(a, foretell.BinarySpace.from_activations(RNG.standard_normal((30, 4))))
    with pytest.raises(AlignmentError, match="No id is common"):
        foretell.align(a, named(["e", "f"]))
