"""What each item adds: against the definition, one item after the other, and the mean against the whole value."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import foretell
import foretell.measure.imbalance.by_item
from foretell.exceptions import AlignmentError, InputError, OptionError, TieOrderWarning
from foretell.measure.imbalance.by_item import item_imbalance
from foretell.measure.imbalance.estimation.conventions import CONVENTIONS
from tests.measure.imbalance.test_properties import spaces
from tests.options import call, under

DIRECTIONS = ("a_to_b", "b_to_a")


def quiet(function: Any, *spaces: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        try:
            return call(function, *spaces, **options)
        except InputError as error:
            return str(error)


def by_definition(
    x: NDArray[Any], y: NDArray[Any], k: int, convention: str
) -> tuple[list[float], list[int], list[Any]]:
    """Contribution, nearest neighbour and its rank of every item, for neighbours in x and ranks in y."""
    n = len(x) - 1
    sums, least, sizes, nearest, ranks = [], [], [], [], []
    for i in range(n + 1):
        others = [j for j in range(n + 1) if j != i]
        d_x, d_y = ([int(((z[i] > 0) != (z[j] > 0)).sum()) for j in others] for z in (x, y))
        if convention == "glielmo":
            order_y = sorted(range(n), key=lambda j: (d_y[j], j))
            rank = {j: 1.0 + place for place, j in enumerate(order_y)}
            chosen = dict.fromkeys(sorted(range(n), key=lambda j: (d_x[j], j))[:k], 1 / k)
            own = {}
        else:
            tie = 0.5 if convention == "adjusted" else 0.0
            rank = {j: 1 + sum(d < d_y[j] for d in d_y) + tie * (d_y.count(d_y[j]) - 1) for j in range(n)}
            chosen, own = weights(d_x, k, convention), weights(d_y, k, convention)
        sums.append(sum(w * rank[j] for j, w in chosen.items()))
        least.append(sum(w * rank[j] for j, w in own.items()))
        sizes.append(sum(chosen.values()))
        first = min(range(n), key=lambda j: (d_x[j], j))
        nearest.append(others[first])
        ranks.append(rank[first])
    if convention == "adjusted":
        beta = sum(least) / (n + 1)
        return [(s - b) / ((n + 1) / 2 - beta) for s, b in zip(sums, least, strict=True)], nearest, ranks
    if convention == "paper":
        share = (n + 1) / sum(sizes)
        return [share * 2 * (s - w) / (n - 1) for s, w in zip(sums, sizes, strict=True)], nearest, ranks
    return [2 * s / (n + 1) for s in sums], nearest, ranks


def weights(d: list[int], k: int, convention: str) -> dict[int, float]:
    kth = sorted(d)[k - 1]
    if convention == "paper":
        return {j: 1.0 for j, one in enumerate(d) if one <= kth}
    share = (k - sum(one < kth for one in d)) / (k * d.count(kth))
    return {j: 1 / k if one < kth else share for j, one in enumerate(d) if one <= kth}


@settings(max_examples=40)
@given(spaces(), st.sampled_from(sorted(CONVENTIONS)), st.sampled_from(["numba", "numpy"]))
def test_items_are_what_the_definition_gives(given_spaces: Any, convention: str, backend: str) -> None:
    a, b, k = given_spaces
    a, b = a[:40], b[:40]
    k = min(k, len(a) - 2)
    found = quiet(item_imbalance, a, b, k=k, convention=convention, backend=backend)
    if isinstance(found, str):
        assert found.startswith("All items of ")
        return
    assert found["imbalance"].dims == ("direction", "item")
    for direction, sides in zip(DIRECTIONS, ((a, b), (b, a)), strict=True):
        values, nearest, ranks = by_definition(*sides, k, convention)
        of = found.sel(direction=direction)
        np.testing.assert_allclose(of["imbalance"], values, atol=1e-11)
        assert of["neighbour"].values.tolist() == nearest
        np.testing.assert_allclose(of["neighbour_rank"], ranks, atol=1e-6)


@settings(max_examples=80)
@given(spaces(), st.sampled_from(sorted(CONVENTIONS)), st.sampled_from(["hamming", "euclidean", "cosine"]))
def test_the_mean_over_items_is_the_imbalance(given_spaces: Any, convention: str, metric: str) -> None:
    a, b, k = given_spaces
    found = quiet(item_imbalance, a, b, k=k, convention=convention, metric=metric)
    whole = quiet(foretell.information_imbalance, a, b, k=k, convention=convention, metric=metric)
    if isinstance(found, str) or isinstance(whole, str):
        assert found == whole
        return
    means = found["imbalance"].mean("item")
    for direction in DIRECTIONS:
        assert means.sel(direction=direction).item() == pytest.approx(getattr(whole, direction), abs=1e-12)
    assert found["imbalance"].min() > -1e-12
    assert {"n": whole.n, "k": k, "convention": convention, "metric": metric}.items() <= found.attrs.items()
    for threads in (2, 5):
        again = quiet(item_imbalance, a, b, k=k, convention=convention, metric=metric, threads=threads)
        xr.testing.assert_identical(again, found)


def test_pairs_that_are_wrong_stand_out(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    known = rng.standard_normal((300, 6))
    a, b = (known @ rng.standard_normal((6, 200)) for _ in "ab")
    wrong = rng.choice(300, 12, replace=False)
    b[wrong] = b[np.roll(wrong, 1)]
    ids = [f"text {i}" for i in range(300)]
    found = under(memory="64 MiB").item_imbalance(foretell.BinarySpace.from_activations(a, ids), b)
    of_items = found["imbalance"].sel(direction="a_to_b")
    assert found["item"].values.tolist() == ids
    assert of_items[wrong].mean() > 10 * np.delete(of_items.values, wrong).mean()
    # Of two directions together; the rest have a wrong pair as their nearest.
    highest = found["imbalance"].sum("direction").values.argsort()[-12:]
    assert len(set(highest) & set(wrong)) >= 8
    tokens = foretell.BinarySpace.from_activations(a.reshape(300, 4, 50))
    assert item_imbalance(tokens, b).attrs["T"] == [4, 1]
    xr.testing.assert_identical(foretell.load_result(foretell.save_result(found, tmp_path / "items.nc")), found)


def test_identical_spaces_add_nothing() -> None:
    x = np.random.default_rng(1).standard_normal((50, 7))
    for k in (1, 4):
        assert (item_imbalance(x, x.copy(), k=k)["imbalance"] == 0).all()


def test_what_items_refuse() -> None:
    x = np.random.default_rng(1).standard_normal((20, 7))
    with pytest.raises(InputError, match="All items of b are alike"):
        item_imbalance(x, np.ones((20, 3)))
    with pytest.raises(InputError, match="All items of a are alike"):
        item_imbalance(np.ones((20, 3)), x)
    with pytest.raises(AlignmentError, match="20 items and space 1 has 19"):
        item_imbalance(x, x[1:])
    with pytest.raises(OptionError, match="k=19 is not an option"):
        item_imbalance(x, x, k=19)
    with pytest.raises(OptionError, match="convention='best' is not an option"):
        item_imbalance(x, x, convention="best")
