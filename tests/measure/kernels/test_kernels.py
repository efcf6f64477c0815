"""The compiled kernels by themselves, at the edges that whole measurements seldom reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.measure.distances.cpu import euclidean, hamming
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.conventions import CONVENTIONS
from foretell.measure.kernels.compiled import compiled, compiled_sums
from foretell.measure.kernels.nearest import nearest
from foretell.measure.kernels.order_keys import TILE, empty_rows, order_dtype, put_places, put_self
from foretell.measure.kernels.outranking import add_ahead, add_ahead_of_long_rows
from foretell.measure.kernels.packing import pack_signs
from foretell.measure.kernels.ranks import rank_entries, rank_own, rank_rows
from tests.options import under

RNG = np.random.default_rng(0)
DTYPES = [np.uint16, np.uint32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_bytes", [1, 7, 63, 64, 65, 127, 128, 200, 1000])
@pytest.mark.parametrize("n_items", [1, 3, 4, 5, 66, 131])
def test_differing_bits(n_items: int, n_bytes: int, dtype: Any) -> None:
    x = RNG.integers(0, 256, (n_items, 2, n_bytes), dtype=np.uint8)[:, 1]  # rows apart in memory
    expected = np.bitwise_count(x[:, None] ^ x[None]).sum(-1, dtype=np.int64)
    everyone = np.arange(n_items)
    for triangle, threads in ((True, 1), (True, 3), (False, 1), (False, 3)):
        out = np.full((n_items, n_items + 3), 5, dtype)  # lines apart, and something there to add to
        hamming(x, everyone, x, everyone, out[:, :n_items], triangle=triangle, threads=threads)
        np.testing.assert_array_equal(out[:, :n_items], expected + 5)
        assert (out[:, n_items:] == 5).all()
    queries, candidates = RNG.permutation(n_items)[: n_items // 2 + 1], RNG.permutation(n_items)
    out = np.zeros((len(queries), n_items), dtype)
    hamming(x, queries, x, candidates, out, triangle=False, threads=2)
    np.testing.assert_array_equal(out, expected[np.ix_(queries, candidates)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 30, 100])
def test_squared_differences(n: int, dtype: Any) -> None:
    x = (1e4 + RNG.standard_normal((67, n))).astype(dtype)
    exact = ((x[:, None].astype(np.longdouble) - x[None].astype(np.longdouble)) ** 2).sum(-1)
    everyone, whole = np.arange(67), np.zeros((67, 67))
    euclidean(x, everyone, x, everyone, whole, triangle=True, threads=1)
    np.testing.assert_allclose(whole, exact.astype(float), rtol=2.0**-52 * max(n, 4))
    np.testing.assert_array_equal(whole, whole.T)
    some = np.zeros((5, 67))
    euclidean(x, everyone[31:36], x, everyone, some, triangle=False, threads=2)
    np.testing.assert_array_equal(some, whole[31:36])


@pytest.mark.parametrize("dtype", [bool, np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("n", [1, 8, 63, 64, 65, 129, 577])
def test_signs(n: int, dtype: Any) -> None:
    x = RNG.standard_normal((5, n)).astype(dtype)
    x[0, 0], x[1, n - 1] = 0, -0.0
    packed = np.empty((5, -(-n // 8)), np.uint8)
    for form in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        packed[:] = 77
        assert pack_signs(form, packed) == -1
        np.testing.assert_array_equal(packed, np.packbits(x > 0, axis=1))
    if dtype is bool:
        return
    for wrong in (np.nan, np.inf, -np.inf):
        for place in (0, n - 1):
            holed = x.copy()
            holed[3, place] = holed[4, 0] = wrong
            assert pack_signs(holed, packed) == 3


def rows_of(d: NDArray[Any], dtype: Any, own: NDArray[np.int64]) -> NDArray[Any]:
    order = empty_rows(len(d), d.shape[1], np.dtype(dtype))
    order[:, : d.shape[1]] = d
    order[:, d.shape[1] :] = RNG.integers(0, 9, order[:, d.shape[1] :].shape)  # never to be looked at
    put_self(order, own)
    return order


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", ["adjusted", "paper"])
@pytest.mark.parametrize(
    ("n", "greatest", "k"), [(150, 3, 1), (150, 40, 3), (150, 10**4, 1), (90, 10**4, 88), (300, 60000, 5)]
)
def test_ranks_and_what_stands_before(n: int, greatest: int, k: int, convention: str, dtype: Any) -> None:
    """Rows that are counted, looked up, and of many tied neighbours, against the oracle."""
    rule = CONVENTIONS[convention]
    d_a, d_b = RNG.integers(0, greatest + 1, (2, 70, n))
    own = RNG.permutation(n)[:70].astype(np.int64)
    own[RNG.random(70) < 0.3] = -1
    a, b = (rows_of(d, dtype, own) for d in (d_a, d_b))
    start, candidate, weight = nearest(a, n, k, rule.all_tied)
    expected = oracle.tally(d_a, d_b, k, rule, own=own)
    np.testing.assert_array_equal(start, expected.neighbours.start)
    np.testing.assert_array_equal(candidate, expected.neighbours.candidate)
    np.testing.assert_allclose(weight, expected.neighbours.weight, rtol=1e-15)
    for copies in (1, 40):  # few and many neighbours to rank in a row
        rank, rank_sum = np.empty(copies * len(candidate)), np.empty((copies, 70))
        starts = np.stack([start + copy * len(candidate) for copy in range(copies)])
        many = (np.tile(candidate, copies), np.tile(weight, copies))
        rank_entries(b, n, own, rule.tie_share, starts, *many, rank, rank_sum, 0, 70)
        np.testing.assert_array_equal(rank.reshape(copies, -1), np.tile(expected.rank, (copies, 1)))
        np.testing.assert_allclose(rank_sum, np.tile(expected.rank_sum, (copies, 1)), rtol=1e-13)
    ranks = rank_rows(b, n, own, rule.tie_share)
    np.testing.assert_array_equal(ranks[np.repeat(np.arange(70), np.diff(start)), candidate], expected.rank)

    ties = rule.tie_share > 0
    unit = np.rint(weight * 2**40 / (2 if ties else 1)).astype(np.int64)
    row = np.repeat(np.arange(70, dtype=np.int32), np.diff(start))
    # Every neighbour a run of its own, in parts of the candidates; and all rows as if they were long.
    bounds = np.append(np.arange(0, 70, TILE), 70)
    runs = np.arange(len(row))
    of_tile = np.where(row[:, None] < bounds[1:], runs[:, None] + 1, runs[:, None])
    by_tile = np.concatenate([runs[:, None], of_tile], axis=1)
    ahead, ahead_long = np.zeros((2, 1, n), np.int64)
    for first, stop in ((0, 256), (256, n)):
        if first < n:
            part = (first, min(stop, n))
            add_ahead(b, ties, np.zeros(len(row), np.int64), unit, by_tile, row, candidate, *part, ahead)
    for first, stop in ((0, 50), (50, n)):
        rows = np.arange(70, dtype=np.int32)
        add_ahead_of_long_rows(b, n, ties, 0, rows, start, candidate, unit, first, stop, ahead_long)
    np.testing.assert_array_equal(ahead, ahead_long)
    assert expected.ahead is not None
    np.testing.assert_allclose(ahead[0] / 2**40, expected.ahead, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", ["adjusted", "paper"])
@pytest.mark.parametrize(("greatest", "k"), [(3, 1), (3, 9), (40, 5), (10**4, 1), (10**4, 60)])
def test_own_neighbours_are_ranked_among_themselves(greatest: int, k: int, convention: str, dtype: Any) -> None:
    rule = CONVENTIONS[convention]
    d = RNG.integers(0, greatest + 1, (70, 70))
    own = np.arange(70)
    rows = rows_of(d, dtype, own)
    start, candidate, weight = nearest(rows, 70, k, rule.all_tied)
    unit = np.rint(weight * 2**40 / (2 if rule.tie_share else 1)).astype(np.int64)
    rank, rank_sum, ahead = np.empty(len(candidate)), np.empty(70), np.zeros(70, np.int64)
    rank_own(rows, rule.tie_share, rule.tie_share > 0, start, candidate, weight, unit, rank, rank_sum, ahead)
    expected = oracle.tally(d, d, k, rule)
    np.testing.assert_array_equal(rank, expected.rank)
    np.testing.assert_allclose(rank_sum, expected.rank_sum, rtol=1e-13)
    assert expected.ahead is not None
    np.testing.assert_allclose(ahead / 2**40, expected.ahead, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("by_order", [False, True])
def test_places_in_sorted_rows(by_order: bool) -> None:
    d = RNG.integers(-3, 4, (20, 50)) / 2
    own = np.arange(20)
    order = empty_rows(20, 50, np.dtype(np.uint16))
    assert put_places(np.ascontiguousarray(d), 50, own, by_order, order)
    for i in range(20):
        others = np.delete(np.arange(50), i)
        if by_order:
            assert sorted(others, key=lambda c: (d[i, c], c)) == list(others[np.argsort(order[i, others])])
        else:
            np.testing.assert_array_equal(order[i, others], np.unique(d[i, others], return_inverse=True)[1])
    assert not put_places(np.arange(50.0)[None].copy(), 50, np.array([-1]), by_order, order[:1].copy())


def test_the_mark_of_a_querys_own_place_is_beyond_every_distance() -> None:
    assert order_dtype(65534) == np.uint16
    assert order_dtype(65535) == np.uint32


@pytest.mark.parametrize("n_bits", [65534, 65535, 65536])
def test_distances_as_great_as_the_narrow_kind_holds(n_bits: int) -> None:
    x = RNG.integers(0, 2, (6, n_bits)).astype(bool)
    x[3:] = ~x[:3]
    y = x[RNG.permutation(6)]
    assert foretell.information_imbalance(x, y) == under(backend="numpy").information_imbalance(x, y)


def test_kernels_need_no_folder_that_can_be_written_to(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a container whose user owns nothing: they are compiled, and not kept."""

    def refused(*_: object) -> None:
        raise RuntimeError("cannot cache function 'doubled': no locator available for file '<stdin>'")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", refused)
    caplog.set_level("INFO", "foretell")

    def doubled(x: float) -> float:
        return 2 * x

    for kernel in (compiled(doubled), compiled_sums(doubled)):
        assert kernel(4.0) == 8
    assert caplog.text.count("NUMBA_CACHE_DIR says where to keep it") == 2
