"""Standard errors: against the formula written out, and against the truth by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import AlignmentError, InputError, OptionError
from foretell.measure import oracle
from foretell.measure.conventions import CONVENTIONS, estimate
from foretell.measure.inference import Scores
from foretell.measure.layout import Layout

Distances = NDArray[np.int64]
RNG = np.random.default_rng(3)


def formula(d_a: Distances, d_b: Distances, k: int, *, own_edges: bool) -> tuple[float, float]:
    """Value and variance of II(A -> B), term by term as they are defined.

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
    psi = (rho + c - beta - c_own - value * ((n + 1) / 2 - beta - c_own)) / scale + e.sum(0)
    psi -= psi.mean()
    return value, ((psi**2).sum() - (e**2).sum() - (e * e.T).sum()) / n_items**2


def distances(n_items: int, n_bits: int, noise: float = 1.0) -> tuple[Distances, Distances]:
    z = RNG.standard_normal((n_items, 4))
    sides = (z @ RNG.standard_normal((4, n_bits)) + noise * RNG.standard_normal((n_items, n_bits)) for _ in range(2))
    return tuple((x[:, None] > 0).__xor__(x[None] > 0).sum(-1) for x in sides)


@pytest.mark.parametrize(("n_bits", "k"), [(200, 1), (200, 3), (6, 1), (6, 4)])
def test_the_error_is_the_formula(n_bits: int, k: int) -> None:
    d_a, d_b = distances(25, n_bits)
    value, variance = formula(d_a, d_b, k, own_edges=True)
    ii = foretell.information_imbalance(d_a, d_b, k=k, metric="precomputed")
    assert ii.a_to_b == pytest.approx(value, abs=1e-13)
    assert ii.stderr_a_to_b**2 == pytest.approx(variance, rel=1e-9)


def test_own_edges_are_nothing_at_one_neighbour_without_ties() -> None:
    d_a = np.abs(np.subtract.outer(*[RNG.permutation(4 ** np.arange(12))] * 2))
    d_b = np.abs(np.subtract.outer(*[RNG.permutation(5 ** np.arange(12))] * 2))
    with_edges, without = (formula(d_a, d_b, 1, own_edges=own) for own in (True, False))
    assert with_edges == pytest.approx(without, rel=1e-12)


def test_without_own_edges_the_variance_of_identical_spaces_is_negative() -> None:
    d, _ = distances(25, 200)
    assert formula(d, d, 3, own_edges=False)[1] < -1e-6
    assert formula(d, d, 3, own_edges=True)[1] == pytest.approx(0, abs=1e-18)


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
        foretell.information_imbalance(*process(rng, 200), k=k, threads=1)  # type: ignore[operator]
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
        result = foretell.imbalance_curve([a], [b], groups=[f"g{g}" for g in group], threads=1)
        assert result.attrs["n_groups"] == 50
        values.append(result["imbalance"].values[0, 0])
        errors.append(result["stderr"].values[0, 0])
        naive.append(foretell.information_imbalance(a, b, threads=1).stderr_a_to_b)
    truth = np.std(values, ddof=1)
    assert 0.85 < np.sqrt(np.nanmean(np.square(errors))) / truth < 1.3
    assert np.sqrt(np.mean(np.square(naive))) < np.sqrt(np.nanmean(np.square(errors)))


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
    covariance = scores.covariance()
    assert np.allclose(covariance, covariance.T)
    for weights in ([1, -1, 0], [0.3, 0, 2], [1, 1, 1], [0, 0, 1]):
        w = np.array(weights, float)
        combined = scores.combine(w)
        assert combined.values[0] == pytest.approx(w @ scores.values)
        assert combined.stderr()[0] ** 2 == pytest.approx(w @ covariance @ w, rel=1e-9)


def test_groups_are_summed_first_and_inner_edges_counted_as_the_formula_has_them() -> None:
    d = distances(24, 40)
    scores = scores_of([d])
    group = np.arange(24) // 3
    psi, e = np.zeros(8), np.zeros((8, 8))
    np.add.at(psi, group, scores.psi[0])
    np.add.at(e, (group[scores.query], group[scores.candidate]), scores.edge)
    assert np.diag(e).any()
    variance = ((psi**2).sum() - (e**2).sum() - (e * e.T).sum()) / 24**2
    grouped = Scores(scores.values, scores.psi, scores.cell, scores.query, scores.candidate, scores.edge, groups=group)
    assert grouped.covariance()[0, 0] == pytest.approx(variance, rel=1e-12)


def test_covariance_does_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    d = distances(40, 9)
    scores = scores_of([d, d[::-1]], k=3)
    whole = scores.covariance()
    monkeypatch.setattr("foretell.measure.inference._CHUNK", 10)
    assert np.allclose(scores.covariance(), whole, rtol=1e-12)


def test_contrast_reads_everything_from_the_result() -> None:
    a, b, c = RNG.standard_normal((3, 60, 40))
    b = b + a
    one = foretell.imbalance_curve({"0": a, "1": a}, {"0": b, "1": c})
    ii = foretell.information_imbalance(a, b)
    value, error = foretell.contrast(one, {("a_to_b", "0"): 1, ("b_to_a", "0"): -1})
    assert value == pytest.approx(ii.asymmetry)
    assert error == pytest.approx(ii.stderr_asymmetry, rel=1e-12)
    for direction, alone in (("a_to_b", ii.stderr_a_to_b), ("b_to_a", ii.stderr_b_to_a)):
        assert foretell.contrast(one, {(direction, "0"): 1})[1] == pytest.approx(alone, rel=1e-12)
    # The same difference over two results as within one.
    other = foretell.imbalance_curve({"0": a}, {"0": c})
    within = foretell.contrast(one, {("a_to_b", "0"): 1, ("a_to_b", "1"): -1})
    across = foretell.contrast({"x": one, "y": other}, {("x", "a_to_b", "0"): 1, ("y", "a_to_b", "0"): -1})
    assert across == pytest.approx(within, rel=1e-12)
    numbered = {1: one, 2: other}
    assert foretell.contrast(numbered, {(1, "a_to_b", 0): 1, (2, "a_to_b", 0): -1}) == across  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no result"):
        foretell.contrast({}, {})
    # And from a matrix: its diagonal, and cells that were named.
    matrix = foretell.imbalance_matrix({"p": a, "q": c}, {"p": b, "q": c}, named_cells=[("p", "q")])
    assert foretell.contrast(matrix, {("a_to_b", "p", "p"): 1, ("a_to_b", "p", "q"): -1}) == pytest.approx(
        within, rel=1e-12
    )


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
    with pytest.raises(InputError, match="n=29 and 'y' n=19"):
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
    named = foretell.imbalance_curve([foretell.Bits.from_activations(a, ids)], [b])
    with pytest.raises(AlignmentError, match="same items"):
        foretell.contrast({"x": result, "y": named}, {("x", "a_to_b", "0"): 1, ("y", "a_to_b", "0"): -1})
