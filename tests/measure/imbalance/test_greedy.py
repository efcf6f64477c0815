"""Positions chosen one by one: against brute force over all that remain, and values against other functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import foretell
from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure.imbalance.greedy_tokens import greedy_tokens
from foretell.measure.inference.halves import complementary_halves
from tests.options import call, under

DIRECTIONS = ("a_to_b", "b_to_a")


def hamming(x: NDArray[np.bool_]) -> NDArray[np.int64]:
    flat = x.reshape(len(x), -1)
    return np.array([[(p != q).sum() for q in flat] for p in flat])


def imbalance(d_a: NDArray[Any], d_b: NDArray[Any], k: int) -> float:
    """From A to B, as METHOD's `adjusted` is written: one item after the other."""
    n = len(d_a) - 1
    rho = beta = 0.0
    for i in range(n + 1):
        a, b = np.delete(d_a[i], i), np.delete(d_b[i], i)
        rank = np.array([(b < one).sum() + ((b == one).sum() + 1) / 2 for one in b])
        for d in (a, b):
            kth = np.sort(d)[k - 1]
            w = (d < kth) / k + (d == kth) * (k - (d < kth).sum()) / (k * (d == kth).sum())
            if d is a:
                rho += w @ rank / (n + 1)
            else:
                beta += w @ rank / (n + 1)
    return float((rho - beta) / ((n + 1) / 2 - beta))


def sides(seed: int, n: int, tokens: tuple[int, int], n_bits: int, noise: float) -> list[NDArray[np.bool_]]:
    """Bits of two sides, whose tokens know more or less of what is common."""
    rng = np.random.default_rng(seed)
    known = rng.standard_normal((n, 4))
    return [
        np.stack(
            [
                known @ rng.standard_normal((4, n_bits)) + noise * amount * rng.standard_normal((n, n_bits)) > 0
                for amount in rng.permutation(np.linspace(0.3, 3, t))
            ],
            axis=1,
        )
        for t in tokens
    ]


def bits(x: NDArray[np.bool_], **options: Any) -> foretell.BinarySpace:
    return foretell.BinarySpace(np.packbits(x, axis=-1), x.shape[-1], **options)


def taken(x: NDArray[np.bool_], positions: Any) -> NDArray[np.bool_]:
    return x[:, [x.shape[1] + int(position) for position in positions]]


def of_mean(one: float, other: float) -> object:
    return pytest.approx(np.sqrt(one**2 + other**2 + 2 / 3 * one * other) / 2, abs=1e-7)


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(4, 4), (4, 3), (1, 2)]),
    st.sampled_from([2, 5, 40]),
    st.sampled_from([0.3, 3.0]),
    st.integers(1, 4),
    st.booleans(),
)
def test_every_step_is_what_brute_force_gives(
    seed: int, tokens: tuple[int, int], n_bits: int, noise: float, k: int, grouped: bool
) -> None:
    a, b = sides(seed, 40, tokens, n_bits, noise)
    groups = [f"g{i // 3}" for i in range(40)] if grouped else None
    found = under(threads=1).greedy_tokens(bits(a), bits(b), k=k, groups=groups, seed=seed % 5)
    ((first, second),) = complementary_halves(40, splits=1, groups=groups, seed=seed % 5)
    halves = (first, second)
    steps = min(tokens)
    assert found["position"].shape == (2, 2, steps)
    assert found.attrs["n"] == [len(second) - 1, len(first) - 1]
    for direction, (source, target) in zip(DIRECTIONS, ((a, b), (b, a)), strict=True):
        held_out = np.zeros((2, 2, steps))
        for h, rows in enumerate(halves):
            path = found["position"].sel(direction=direction).values[h].tolist()
            assert len(set(path)) == steps
            d_target = hamming(target[rows])
            for step in range(steps):
                remaining = [p for p in range(-source.shape[1], 0) if p not in path[:step]]
                tried = {p: imbalance(hamming(taken(source[rows], [*path[:step], p])), d_target, k) for p in remaining}
                assert tried[path[step]] <= min(tried.values()) + 1e-12
            other = halves[1 - h]
            d_other = hamming(target[other])
            for step in range(steps):
                for kind, positions in enumerate((path[: step + 1], range(-step - 1, 0))):
                    d_source = hamming(taken(source[other], positions))
                    held_out[kind, h, step] = imbalance(d_source, d_other, k)
        of = found.sel(direction=direction)
        np.testing.assert_allclose(of["imbalance"], held_out[0].mean(axis=0), atol=1e-11)
        np.testing.assert_allclose(of["in_order"], held_out[1].mean(axis=0), atol=1e-11)
        np.testing.assert_allclose(of["gain"], (held_out[1] - held_out[0]).mean(axis=0), atol=1e-11)


@pytest.mark.parametrize("groups", [None, [f"g{i // 4}" for i in range(101)]])
def test_errors_are_those_of_the_halves(groups: list[str] | None) -> None:
    a, b = sides(1, 101, (5, 4), 30, 2.0)
    found = greedy_tokens(bits(a), bits(b), k=2, groups=groups, seed=3)
    ((first, second),) = complementary_halves(101, splits=1, groups=groups, seed=3)
    for direction, (source, target) in zip(DIRECTIONS, ((a, b), (b, a)), strict=True):
        for step in (1, 3, 4):
            errors = []
            for h, rows in enumerate((second, first)):
                path = found["position"].sel(direction=direction).values[h][:step]
                spaces = {"chosen": taken(source[rows], path), "order": taken(source[rows], range(-step, 0))}
                matrix = foretell.imbalance_matrix(
                    {name: bits(x) for name, x in spaces.items()},
                    {"all": bits(target[rows])},
                    k=2,
                    groups=None if groups is None else [groups[row] for row in rows],
                    named_cells=[("chosen", "all"), ("order", "all")],
                )
                one, other = (("a_to_b", name, "all") for name in ("chosen", "order"))
                contrasts: list[dict[Any, float]] = [{one: 1}, {other: 1}, {other: 1, one: -1}]
                errors.append([foretell.contrast(matrix, weights).stderr for weights in contrasts])
            of = found.sel(direction=direction, step=step)
            for kind, name in enumerate(("stderr", "in_order_stderr", "gain_stderr")):
                assert of[name].item() == of_mean(errors[0][kind], errors[1][kind]), (direction, step, name)
    assert found.attrs["n_groups"] == (101 if groups is None else 26)
    # All of A's tokens would be 5; of B's 4, all are taken at last, in whatever order.
    last = found.sel(direction="b_to_a", step=4)
    assert last["gain"] == 0
    assert last["gain_stderr"] < 1e-15


def test_the_token_that_knows_is_found_wherever_it_is() -> None:
    rng = np.random.default_rng(5)
    known = rng.standard_normal((300, 6))
    a = rng.standard_normal((300, 6, 64))
    for amount, position in ((0.3, -5), (1.0, -3)):  # the others are noise
        a[:, position] = known @ rng.standard_normal((6, 64)) + amount * a[:, position]
    b = (known @ rng.standard_normal((6, 3 * 64))).reshape(300, 3, 64)
    found = greedy_tokens(
        foretell.BinarySpace.from_activations(a), foretell.BinarySpace.from_activations(b), n_tokens=2
    )
    there = found.sel(direction="a_to_b")
    assert there["position"].values.tolist() == [[-5, -3]] * 2
    assert (there["imbalance"] < 0.4).all()
    assert there["in_order"].sel(step=1) > 0.9
    assert (there["gain"] > 4 * there["gain_stderr"]).all()
    assert found["step"].values.tolist() == [1, 2]


def test_of_equal_positions_the_last_is_taken() -> None:
    a, b = sides(2, 60, (1, 4), 9, 1.0)
    found = greedy_tokens(bits(np.repeat(a, 4, axis=1)), bits(b))
    assert found["position"].sel(direction="a_to_b").values.tolist() == [[-1, -2, -3, -4]] * 2
    assert (found["gain"].sel(direction="a_to_b") == 0).all()


def test_tokens_alike_in_all_items_foretell_nothing_and_are_left_for_last() -> None:
    rng = np.random.default_rng(3)
    known = rng.standard_normal((200, 6))
    a, b = (
        np.stack([known @ rng.standard_normal((6, 20)) + rng.standard_normal((200, 20)) > 0 for _ in range(4)], axis=1)
        for _ in "ab"
    )
    a[:, [0, 3]] = a[0, [0, 3]]  # as the final point of every text
    found = greedy_tokens(bits(a), bits(b)).sel(direction="a_to_b")
    assert {tuple(sorted(path)) for path in found["position"].values[:, :2].tolist()} == {(-3, -2)}
    # A token that is alike in all items changes nothing: of two, the last comes first.
    assert found["position"].values[:, 2:].tolist() == [[-1, -4]] * 2
    assert found["in_order"].sel(step=1) == 1
    assert found["in_order_stderr"].sel(step=1) == 0
    assert found["in_order"].sel(step=2) < 1
    assert len(np.unique(found["imbalance"].values[1:])) == 1


def test_more_bits_than_narrow_sums_hold() -> None:
    """Single tokens fit into 16 bits, and the distances of all of them do not."""
    rng = np.random.default_rng(1)
    a, b = (foretell.BinarySpace(rng.integers(0, 256, (60, 3, 4000), dtype=np.uint8), 32000) for _ in "ab")
    found = greedy_tokens(a, b)
    ((first, second),) = complementary_halves(60, splits=1)
    whole = [foretell.information_imbalance(a.bits(rows), b.bits(rows)) for rows in (first, second)]
    for direction in DIRECTIONS:
        mean = np.mean([getattr(one, direction) for one in whole])
        assert found["imbalance"].sel(direction=direction, step=3).item() == pytest.approx(mean, abs=1e-12)


def test_nothing_depends_on_threads_or_on_where_bits_are(tmp_path: Any) -> None:
    a, b = sides(4, 150, (6, 5), 20, 2.0)
    ids = tuple(f"i{i}" for i in range(150))
    found = under(threads=1).greedy_tokens(bits(a, ids=ids), bits(b))
    for threads in (2, 5):
        xr.testing.assert_identical(under(threads=threads).greedy_tokens(bits(a, ids=ids), bits(b)), found)
    views = foretell.align(bits(a, ids=ids), bits(b, ids=ids))  # spaces that are read when asked
    xr.testing.assert_identical(greedy_tokens(*views), found)
    xr.testing.assert_identical(under(memory="1.2 MiB").greedy_tokens(*views), found)
    xr.testing.assert_identical(foretell.load_result(foretell.save_result(found, tmp_path / "g.nc")), found)
    other = greedy_tokens(bits(a, ids=ids), bits(b), seed=1)
    assert (other["imbalance"] != found["imbalance"]).any()


def test_what_greed_refuses() -> None:
    a, b = sides(6, 400, (4, 3), 20, 2.0)
    for options, message in (
        ({"n_tokens": 4}, "n_tokens=4 is not an option: there are 3 tokens"),
        ({"n_tokens": 0}, "n_tokens=0 is not an option"),
        ({"k": 199}, "k=199 is not an option: with 200 items give a whole number from 1 to 198"),
        ({"seed": -1}, "seed=-1"),
        ({"threads": 0}, "threads=0"),
        ({"memory": "1 MiB"}, "1 MiB is too little for the distances of 4 tokens of 200 items: give at least 2 MiB"),
    ):
        with pytest.raises(OptionError, match=message):
            call(greedy_tokens, bits(a), bits(b), **options)
    with pytest.raises(InputError, match="a: an array says nothing of tokens"):
        greedy_tokens(a, bits(b))
    with pytest.raises(AlignmentError, match="400 items and space 1 has 399"):
        greedy_tokens(bits(a), bits(b[1:]))
    with pytest.raises(InputError, match="too few to halve"):
        greedy_tokens(bits(a), bits(b), groups=["g", "h"] * 200)
    with pytest.raises(InputError, match="All items of b are alike on a half"):
        greedy_tokens(bits(a), bits(np.ones_like(b)))
