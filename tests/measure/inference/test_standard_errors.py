"""Standard errors: against the formula written out, and against the truth by simulation."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.conventions import CONVENTIONS, estimate
from foretell.measure.inference.p_values import contrast_p_value
from foretell.measure.inference.standard_errors import Scores, critical
from foretell.measure.spaces.queries import Layout
from tests.options import under

Distances = NDArray[np.int64]
RNG = np.random.default_rng(3)


def formula(
    d_a: Distances, d_b: Distances, k: int, *, own_edges: bool, groups: NDArray[np.int64] | None = None
) -> tuple[float, float, float]:
    """Value of II(A -> B), and P and E of its variance, term by term as they are defined.

    `own_edges`: whether B's own neighbours have edges too. The formula is sometimes written without.
    """
    n_items = len(d_a)
    n = n_items - 1

    def parts(d: Distances) -> tuple[NDArray[np.float64], ...]:
        w, rank = np.zeros((n_items, n_items)), np.zeros((n_items, n_items))
        before = np.zeros(n_items)
        for i in range(n_items):
            others = [j for j in range(n_items) if j != i]
            w[i, others] = oracle.neighbour_weights(d[i, others], k, CONVENTIONS["adjusted"])
            for j in others:
                closer = sum(int(d_b[i, m] < d_b[i, j]) for m in others)
                tied = sum(int(d_b[i, m] == d_b[i, j]) for m in others if m != j)
                rank[i, j] = 1 + closer + tied / 2
                for m in others:
                    if m != j:
                        before[m] += w[i, j] * ((d_b[i, m] < d_b[i, j]) + (d_b[i, m] == d_b[i, j]) / 2)
        return w, rank, before

    w, rank, c = parts(d_a)
    w_own, rank_own, c_own = parts(d_b)
    rho, beta = (w * rank).sum(1), (w_own * rank_own).sum(1)
    scale = (n + 1) / 2 - beta.mean()
    value = (rho.mean() - beta.mean()) / scale
    e = w * (rank - rho.mean()) / scale
    if own_edges:
        e = e - (1 - value) * w_own * (rank_own - beta.mean()) / scale
    group = np.arange(n_items) if groups is None else groups
    of_group = np.eye(group.max() + 1)[group]
    # As a neighbour an item counts for queries of other groups alone.
    as_neighbour = (e * (group[:, None] != group)).sum(0)
    psi = (rho + c - beta - c_own - value * ((n + 1) / 2 - beta - c_own)) / scale + as_neighbour
    psi = of_group.T @ (psi - psi.mean())
    between = of_group.T @ e @ of_group
    pairs = (between + between.T)[np.triu_indices(len(psi), 1)]
    return value, (psi**2).sum() / n_items**2, (pairs**2).sum() / n_items**2


def bounded(p: float, e: float, n_groups: int) -> float:
    return max(p - e, p / 2) * n_groups / (n_groups - 1)


def distances(n_items: int, n_bits: int, noise: float = 1.0) -> tuple[Distances, Distances]:
    z = RNG.standard_normal((n_items, 4))
    sides = (z @ RNG.standard_normal((4, n_bits)) + noise * RNG.standard_normal((n_items, n_bits)) for _ in range(2))
    return tuple((x[:, None] > 0).__xor__(x[None] > 0).sum(-1) for x in sides)


@pytest.mark.parametrize(("n_bits", "k"), [(200, 1), (200, 3), (6, 1), (6, 4)])
def test_the_error_is_the_formula(n_bits: int, k: int) -> None:
    d_a, d_b = distances(25, n_bits)
    value, p, e = formula(d_a, d_b, k, own_edges=True)
    ii = foretell.information_imbalance(d_a, d_b, k=k, metric="precomputed")
    assert ii.a_to_b == pytest.approx(value, abs=1e-13)
    assert ii.stderr_a_to_b**2 == pytest.approx(bounded(p, e, 25), rel=1e-9)


@pytest.mark.parametrize("k", [1, 5])
def test_the_error_with_groups_is_the_formula(k: int) -> None:
    d_a, d_b = distances(24, 40, noise=0.3)
    group = np.repeat([0, 1, 2, 3, 4, 5], [2, 2, 6, 6, 3, 5])  # unequal, and with neighbours within
    value, p, e = formula(d_a, d_b, k, own_edges=True, groups=group)
    rule = CONVENTIONS["adjusted"]
    one = estimate(oracle.tally(d_a, d_b, k, rule), oracle.tally(d_b, d_b, k, rule), rule, Layout.everyone(24))
    found = Scores.of([one], group)
    assert (group[found.query] == group[found.candidate]).any()
    assert found.values[0] == pytest.approx(value, abs=1e-13)
    assert found.stderr()[0] ** 2 == pytest.approx(bounded(p, e, 6), rel=1e-9)


def test_the_variance_is_at_least_half_the_sum_of_squared_scores() -> None:
    """And that bound is needed: without it some errors of differences are roots of negative numbers."""
    negative = 0
    for _ in range(20):
        d_a, d_b = distances(30, 40)
        there, back = scores_of([(d_a, d_b), (d_b, d_a)], k=5).combine(np.eye(2)).psi
        scores = scores_of([(d_a, d_b), (d_b, d_a)], k=5)
        (error,) = scores.combine(np.array([1.0, -1.0])).stderr()
        p = ((there - back) ** 2).sum() / 30**2
        assert error**2 >= p / 2
        table = np.zeros((30, 30))
        np.add.at(table, (scores.query, scores.candidate), np.where(scores.cell == 0, 1, -1) * scores.edge)
        negative += ((table + table.T)[np.triu_indices(30, 1)] ** 2).sum() / 30**2 > p
    assert negative


def test_own_edges_are_nothing_at_one_neighbour_without_ties() -> None:
    d_a = np.abs(np.subtract.outer(*[RNG.permutation(4 ** np.arange(12))] * 2))
    d_b = np.abs(np.subtract.outer(*[RNG.permutation(5 ** np.arange(12))] * 2))
    with_edges, without = (formula(d_a, d_b, 1, own_edges=own) for own in (True, False))
    assert with_edges == pytest.approx(without, rel=1e-12)


def test_without_own_edges_the_variance_of_identical_spaces_is_negative() -> None:
    d, _ = distances(25, 200)
    _, p, e = formula(d, d, 3, own_edges=False)
    assert p - e < -1e-6
    assert formula(d, d, 3, own_edges=True)[1:] == pytest.approx((0, 0), abs=1e-18)


# --- against the truth --------------------------------------------------------------------------

PLAN = np.random.default_rng(11)
MIX_A, MIX_B = PLAN.standard_normal((8, 64)), PLAN.standard_normal((8, 96))
CENTRES = PLAN.standard_normal((2, 20, 64))


def projection(rng: np.random.Generator, n_items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z = rng.standard_normal((n_items, 8))
    return (
        z @ MIX_A + 0.7 * rng.standard_normal((n_items, 64)),
        z @ MIX_B + 1.0 * rng.standard_normal((n_items, 96)),
    )


def dense_ties(rng: np.random.Generator, n_items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z = rng.standard_normal((n_items, 8))
    noise = rng.standard_normal((2, n_items, 12))
    return z @ MIX_A[:, :12] + 0.3 * noise[0], z @ MIX_B[:, :12] + 0.6 * noise[1]


def clustered(rng: np.random.Generator, n_items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cluster = rng.integers(0, 20, n_items)
    noise = rng.standard_normal((2, n_items, 64))
    return CENTRES[0][cluster] + noise[0], CENTRES[1][cluster] + 1.5 * noise[1]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("process", [projection, dense_ties, clustered])
def test_ratio_to_the_true_standard_deviation(process: object, k: int) -> None:
    rng = np.random.default_rng(2)
    runs = [
        under(threads=1).information_imbalance(*process(rng, 200), k=k)  # type: ignore[operator]
        for _ in range(300)
    ]
    for value, error in (("a_to_b", "stderr_a_to_b"), ("b_to_a", "stderr_b_to_a"), ("asymmetry", "stderr_asymmetry")):
        truth = np.std([getattr(run, value) for run in runs], ddof=1)
        stated = np.sqrt(np.nanmean([getattr(run, error) ** 2 for run in runs]))
        assert 0.85 < stated / truth < 1.3, (value, stated / truth)


def test_ratio_with_groups() -> None:
    values, errors, naive = [], [], []
    for seed in range(300):
        rng = np.random.default_rng([4, seed])
        group = np.repeat(np.arange(50), 4)
        z = 0.6 * rng.standard_normal((50, 8))[group] + 0.8 * rng.standard_normal((200, 8))
        a = z @ MIX_A + 1.5 * rng.standard_normal((200, 64))
        b = z @ MIX_B + 2.0 * rng.standard_normal((200, 96))
        result = under(threads=1).imbalance_curve([a], [b], groups=[f"g{g}" for g in group])
        assert result.attrs["n_groups"] == 50
        values.append(result["imbalance"].values[0, 0])
        errors.append(result["stderr"].values[0, 0])
        naive.append(under(threads=1).information_imbalance(a, b).stderr_a_to_b)
    truth = np.std(values, ddof=1)
    assert 0.85 < np.sqrt(np.nanmean(np.square(errors))) / truth < 1.3
    assert np.sqrt(np.mean(np.square(naive))) < np.sqrt(np.nanmean(np.square(errors)))


def test_errors_of_differences_with_few_tight_groups_and_several_neighbours() -> None:
    """Without the bound on the variance two in five are missing, and intervals hold the truth half the time."""
    values, errors = [], []
    group = np.repeat(np.arange(30), 5)
    for seed in range(200):
        rng = np.random.default_rng([6, seed])
        z = rng.standard_normal((30, 8))[group] + 0.3 * rng.standard_normal((150, 8))
        a = z @ MIX_A + 1.5 * rng.standard_normal((150, 64))
        b = z @ MIX_B + 2.0 * rng.standard_normal((150, 96))
        result = under(threads=1).imbalance_curve([a], [b], k=5, groups=[f"g{g}" for g in group])
        tested = foretell.contrast(result, {("a_to_b", "0"): 1, ("b_to_a", "0"): -1})
        value, error = tested.value, tested.stderr
        values.append(value)
        errors.append(error)
    assert np.isfinite(errors).all()
    assert 0.85 < np.sqrt(np.mean(np.square(errors))) / np.std(values, ddof=1) < 1.3
    assert np.mean(np.abs(np.array(values)) < 2.05 * np.array(errors)) > 0.9  # Student's t for 30 groups


# --- scores -------------------------------------------------------------------------------------


def scores_of(pairs: list[tuple[Distances, Distances]], k: int = 1) -> Scores:
    rule = CONVENTIONS["adjusted"]
    n_items = len(pairs[0][0])
    return Scores.of(
        [
            estimate(oracle.tally(a, b, k, rule), oracle.tally(b, b, k, rule), rule, Layout.everyone(n_items))
            for a, b in pairs
        ],
        np.arange(n_items),
    )


def test_covariances_are_those_of_every_contrast() -> None:
    d = [*distances(40, 30), *distances(40, 9)]
    scores = scores_of([(d[0], d[1]), (d[1], d[0]), (d[2], d[3])], k=2)
    # With edges so small that the bound on the variance is never reached, a covariance is bilinear.
    scores = Scores(**{**vars(scores), "edge": scores.edge / 3})
    covariance = scores.covariance()
    assert np.allclose(covariance, covariance.T)
    for weights in ([1, -1, 0], [0.3, 0, 2], [1, 1, 1], [0, 0, 1]):
        w = np.array(weights, float)
        combined = scores.combine(w)
        assert combined.values[0] == pytest.approx(w @ scores.values)
        assert combined.stderr()[0] ** 2 == pytest.approx(w @ covariance @ w, rel=1e-9)


def test_a_covariance_bounds_every_contrast() -> None:
    d = [*distances(40, 30), *distances(40, 9)]
    scores = scores_of([(d[0], d[1]), (d[1], d[0]), (d[2], d[3]), (d[0], d[0])], k=5)
    covariance = scores.covariance()
    assert np.linalg.eigvalsh(covariance).min() > -1e-15
    for w in RNG.standard_normal((50, 4)):
        assert scores.combine(w).stderr()[0] ** 2 <= w @ covariance @ w * (1 + 1e-9)
    assert np.abs(covariance[3]).max() < 1e-15  # a space against itself
    assert scores.stderr()[3] == 0


def test_covariance_does_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    d = distances(40, 9)
    scores = scores_of([d, d[::-1]], k=3)
    whole = scores.covariance()
    monkeypatch.setattr("foretell.measure.inference.standard_errors._CHUNK", 10)
    assert np.allclose(scores.covariance(), whole, rtol=1e-12)


def test_half_an_interval_is_a_quantile_of_students_t() -> None:
    scores = scores_of([distances(40, 9)])
    for groups, quantile in ((4, 3.1824), (5, 2.7764), (20, 2.0930), (40, 2.0227)):
        of = Scores(**{**vars(scores), "groups": np.arange(40) % groups})
        assert of.n_groups == groups
        assert of.critical == pytest.approx(quantile, abs=5e-5)


def test_contrast_reads_everything_from_the_result() -> None:
    a, b, c = RNG.standard_normal((3, 60, 40))
    b = b + a
    one = foretell.imbalance_curve({"0": a, "1": a}, {"0": b, "1": c})
    ii = foretell.information_imbalance(a, b)
    tested = foretell.contrast(one, {("a_to_b", "0"): 1, ("b_to_a", "0"): -1})
    value, error = tested.value, tested.stderr
    assert value == pytest.approx(ii.asymmetry)
    assert error == pytest.approx(ii.stderr_asymmetry, rel=1e-12)
    for direction, alone in (("a_to_b", ii.stderr_a_to_b), ("b_to_a", ii.stderr_b_to_a)):
        assert foretell.contrast(one, {(direction, "0"): 1}).stderr == pytest.approx(alone, rel=1e-12)
    # The same difference over two results as within one.
    other = foretell.imbalance_curve({"0": a}, {"0": c})
    within = foretell.contrast(one, {("a_to_b", "0"): 1, ("a_to_b", "1"): -1})
    across = foretell.contrast({"x": one, "y": other}, {("x", "a_to_b", "0"): 1, ("y", "a_to_b", "0"): -1})
    assert astuple(across) == pytest.approx(astuple(within), rel=1e-9)
    numbered = {1: one, 2: other}
    assert foretell.contrast(numbered, {(1, "a_to_b", 0): 1, (2, "a_to_b", 0): -1}) == across  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no result"):
        foretell.contrast({}, {})
    # And from a matrix: its diagonal, and cells that were named.
    matrix = foretell.imbalance_matrix({"p": a, "q": c}, {"p": b, "q": c}, named_cells=[("p", "q")])
    of_matrix = foretell.contrast(matrix, {("a_to_b", "p", "p"): 1, ("a_to_b", "p", "q"): -1})
    assert astuple(of_matrix) == pytest.approx(astuple(within), rel=1e-9)


def test_a_contrast_has_its_interval_and_p_value() -> None:
    a, b = RNG.standard_normal((2, 90, 40))
    groups = [str(item // 3) for item in range(90)]
    found = foretell.contrast(
        foretell.imbalance_curve([a], [a + b], groups=groups), {("a_to_b", 0): 1, ("b_to_a", 0): -1}
    )
    assert found.n_groups == 30
    margin = critical(30) * found.stderr
    assert (found.low, found.high) == (found.value - margin, found.value + margin)
    assert found.p_value == contrast_p_value(found.value, found.stderr, 30)
    assert (found.low > 0) | (found.high < 0) == (found.p_value < 0.05)


def test_there_is_no_error_from_a_handful() -> None:
    x, y = RNG.standard_normal((2, 60, 40))
    one_group = foretell.imbalance_curve([x], [y], groups=["g"] * 60)
    assert np.isnan(one_group["stderr"]).all()
    assert all(found.flat and not found.regions for found in foretell.semantic_layers(one_group).values())
    three = foretell.information_imbalance(x[:3], y[:3])
    assert np.isnan(three.stderr_a_to_b)
    assert "too few items for an error" in repr(three) or three.asymmetry == 0


def test_contrast_refuses_what_cannot_be_compared() -> None:
    a, b = RNG.standard_normal((2, 30, 40))
    result = foretell.imbalance_curve([a], [b])
    with pytest.raises(OptionError, match=r"no scores of .*'9'"):
        foretell.contrast(result, {("a_to_b", "9"): 1})
    with pytest.raises(InputError, match="errors=True"):
        foretell.contrast(foretell.imbalance_curve([a], [b], errors=False), {("a_to_b", "0"): 1})
    fewer = foretell.imbalance_curve([a[:20]], [b[:20]])
    with pytest.raises(InputError, match=r"n=29 and 'y' n=19.*subsample=.*allow_different_n=True"):
        foretell.contrast({"x": result, "y": fewer}, {("x", "a_to_b", "0"): 1, ("y", "a_to_b", "0"): -1})
    weights = {("x", "a_to_b", "0"): 1.0, ("y", "a_to_b", "0"): -1.0}
    for options, message in (
        ({"k": 2}, "k=1 and 'y' k=2"),
        ({"convention": "paper"}, "convention=adjusted and 'y' convention=paper"),
        ({"groups": ["g", "h"] * 15}, "different groups"),
    ):
        with pytest.raises(InputError, match=message):
            foretell.contrast({"x": result, "y": foretell.imbalance_curve([a], [b], **options)}, weights)
    ids = [f"item {i}" for i in range(30)]
    named = foretell.imbalance_curve([foretell.BinarySpace.from_activations(a, ids)], [b])
    with pytest.raises(AlignmentError, match="same items"):
        foretell.contrast({"x": result, "y": named}, {("x", "a_to_b", "0"): 1, ("y", "a_to_b", "0"): -1})


def test_different_n_is_compared_only_when_asked() -> None:
    """Halves that share no item are independent; a part of the items is no news beside all of them."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 90, 40))
    b = b + a
    ids = [f"item {i}" for i in range(90)]

    def measured(rows: slice) -> object:
        return foretell.imbalance_curve(
            [foretell.BinarySpace.from_activations(a[rows], ids[rows])],
            [foretell.BinarySpace.from_activations(b[rows], ids[rows])],
        )

    first, second, whole = measured(slice(0, 40)), measured(slice(40, 90)), measured(slice(0, 90))
    weights = {("x", "a_to_b", "0"): 1.0, ("y", "a_to_b", "0"): -1.0}
    with pytest.raises(InputError, match="allow_different_n=True"):
        foretell.contrast({"x": first, "y": second}, weights)  # type: ignore[dict-item]
    tested = foretell.contrast({"x": first, "y": second}, weights, allow_different_n=True)  # type: ignore[dict-item]
    value, error = tested.value, tested.stderr
    one, other = (foretell.contrast(part, {("a_to_b", "0"): 1}) for part in (first, second))  # type: ignore[arg-type]
    assert value == pytest.approx(one.value - other.value)
    # But for G / (G - 1) and the bound from below, which are of both together.
    assert error == pytest.approx(np.hypot(one.stderr, other.stderr), rel=0.04)
    shared = foretell.contrast({"x": whole, "y": second}, weights, allow_different_n=True)  # type: ignore[dict-item]
    of_whole = foretell.contrast(whole, {("a_to_b", "0"): 1})  # type: ignore[arg-type]
    assert shared.stderr < np.hypot(of_whole.stderr, other.stderr)
    same = foretell.contrast({"x": whole, "y": whole}, weights, allow_different_n=True)  # type: ignore[dict-item]
    assert (same.value, same.stderr, same.p_value) == (0, 0, 1)
