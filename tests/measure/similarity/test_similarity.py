"""CKA, common neighbours and RSA: the textbook's numbers, the oracle's, and the same however they are taken."""

from __future__ import annotations

import csv
import json
import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import foretell
from foretell.exceptions import AlignmentError, ConstantSpaceWarning, InputError, OptionError
from foretell.measure.distances.backends import distances
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.inference.standard_errors import critical
from foretell.measure.kernels.nearest import nearest
from foretell.measure.pairwise.reduction import PairwiseReduction
from foretell.measure.results.result_files import write_csv
from foretell.measure.similarity.correlations import DistanceCounts, SortedDistances
from foretell.measure.similarity.distance_products import Products, Values
from foretell.measure.similarity.measures import MEASURES, Measurement
from foretell.measure.similarity.shared_neighbours import Neighbourhoods
from foretell.measure.similarity.similarity_matrix import similarity_curve
from foretell.measure.spaces.inputs import as_input
from foretell.measure.spaces.queries import Layout
from tests.measure.imbalance.test_properties import spaces
from tests.measure.similarity import oracle as similar
from tests.options import call, under

RNG = np.random.default_rng(0)
METRICS = ("hamming", "euclidean", "cosine", "precomputed")


def related(n_items: int, *dims: int, noise: float = 0.7, seed: int = 0) -> list[NDArray[np.float64]]:
    """Spaces of different widths with something in common."""
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n_items, 6))
    return [latent @ rng.standard_normal((6, d)) + noise * rng.standard_normal((n_items, d)) for d in dims]


def values(a: Any, b: Any, **options: Any) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantSpaceWarning)
        found = call(foretell.similarity_matrix, [a], [b], **options).similarity
    return dict(zip(found.measure.values.tolist(), found.values[:, 0, 0].tolist(), strict=True))


def given_distances(x: NDArray[Any]) -> NDArray[np.float64]:
    """Distances that are not the same both ways."""
    return oracle.euclidean(x) + np.random.default_rng(len(x)).standard_normal((len(x), len(x)))


def u_centred(kernel: NDArray[Any]) -> NDArray[np.float64]:
    """The kernel less row and column means such that all sums off the diagonal are 0 (Szekely and Rizzo 2014)."""
    n = len(kernel)
    k = np.where(np.eye(n, dtype=bool), 0.0, kernel)
    k = k - k.sum(axis=1)[:, None] / (n - 2) - k.sum(axis=0) / (n - 2) + k.sum() / ((n - 1) * (n - 2))
    return np.where(np.eye(n, dtype=bool), 0.0, k)


# The oracle against formulas and libraries.


@pytest.mark.parametrize("n_bits", [5, 64, 333])
def test_cka_of_hamming_distances_is_that_of_the_products_of_signs(n_bits: int) -> None:
    a, b = (np.where(x > 0, 1.0, -1.0) for x in related(40, n_bits, 77))
    grams = [u_centred(x @ x.T) for x in (a, b)]
    textbook = (grams[0] * grams[1]).sum() / np.sqrt((grams[0] ** 2).sum() * (grams[1] ** 2).sum())
    assert values(a, b, measures=["cka"])["cka"] == pytest.approx(textbook, abs=1e-12)
    # Song's equation 5 is the same once more.
    h = similar.hsic
    song = h(a @ a.T, b @ b.T) / np.sqrt(h(a @ a.T, a @ a.T) * h(b @ b.T, b @ b.T))
    assert song == pytest.approx(textbook, abs=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_cka_of_squared_distances_is_that_of_inner_products(metric: str) -> None:
    a, b = related(40, 9, 30)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x for x in (a, b)]
    grams = [u_centred(x @ x.T) for x in unit]
    textbook = (grams[0] * grams[1]).sum() / np.sqrt((grams[0] ** 2).sum() * (grams[1] ** 2).sum())
    assert values(a, b, measures=["cka"], metric=metric)["cka"] == pytest.approx(textbook, abs=1e-12)


def test_u_centring_takes_away_what_an_item_adds_to_all_its_distances() -> None:
    kernel, own = RNG.standard_normal((20, 20)), RNG.standard_normal(20)
    np.testing.assert_allclose(u_centred(kernel + own[:, None] + own), u_centred(kernel), atol=1e-12)


@pytest.mark.parametrize("k", [2, 10, 37])
def test_cknna_is_the_mean_of_both_orders_of_the_authors_formula(k: int) -> None:
    a, b = related(40, 9, 30)
    kernels = []
    for x in (a, b):
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        kernels.append(unit @ unit.T - 2 * np.eye(len(x)))
    masks = [np.argsort(np.argsort(-kernel, axis=1), axis=1) < k for kernel in kernels]

    def h(left: int, right: int) -> float:
        n, mask = len(a), masks[left] & masks[right]
        u, v = (mask * kernels[side] for side in (left, right))
        return float(
            (u * v.T).sum() + u.sum() * v.sum() / ((n - 1) * (n - 2)) - 2 * (u.sum(axis=0) @ v.sum(axis=1)) / (n - 2)
        )

    expected = (h(0, 1) + h(1, 0)) / 2 / np.sqrt(h(0, 0) * h(1, 1))
    assert values(a, b, measures=["cknna"], metric="cosine", k=k)["cknna"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n_bits", [4, 33, 500])
def test_rsa_is_what_scipy_gives(n_bits: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    distance = pytest.importorskip("scipy.spatial.distance")
    a, b = related(70, n_bits, 77)
    for metric, name, sides in (
        ("hamming", "hamming", (a > 0, b > 0)),
        ("euclidean", "euclidean", (a, b)),
        ("cosine", "cosine", (a, b)),
    ):
        found = values(a, b, measures=["rsa_pearson", "rsa_spearman"], metric=metric)
        condensed = [distance.pdist(side, name) for side in sides]
        if name == "hamming":  # scipy divides by the bits, and makes ties that differ by rounding
            condensed = [np.rint(d * side.shape[1]) for d, side in zip(condensed, sides, strict=True)]
        assert found["rsa_pearson"] == pytest.approx(stats.pearsonr(*condensed).statistic, abs=1e-10)
        assert found["rsa_spearman"] == pytest.approx(stats.spearmanr(*condensed).statistic, abs=1e-10)


def test_ties_by_hand() -> None:
    # From item 0, items 1 and 2 are equally near in A; in B item 1 alone is nearest.
    d_a = np.array([[0, 1, 1, 5], [1, 0, 2, 5], [1, 2, 0, 5], [1, 2, 3, 0]])
    d_b = np.array([[0, 1, 2, 5], [1, 0, 2, 5], [1, 2, 0, 5], [1, 2, 3, 0]])
    found = values(d_a, d_b, metric="precomputed", k=1, measures=["mutual_knn", "overlap"])
    assert found["mutual_knn"] == (0.5 + 1 + 1 + 1) / 4
    assert found["overlap"] == pytest.approx((2 / 3 + 1 + 1 + 1) / 4, abs=1e-15)


@pytest.mark.parametrize("k", [1, 2, 10, 11, 12, 300])
@pytest.mark.parametrize("n_values", [3, 40, 60_000])
def test_nearest_among_many_candidates(k: int, n_values: int) -> None:
    n = 700  # 11 chunks of candidates: k up to that many are found among the chunks' minima
    d = np.random.default_rng(k).integers(0, n_values, (n, n)).astype(np.uint16)
    np.fill_diagonal(d, 2**16 - 1)
    found = np.zeros((n, n))
    start, candidate, weight = nearest(d, n, k, False)
    found[np.repeat(np.arange(n), np.diff(start)), candidate] = weight
    np.testing.assert_array_equal(found, similar.weights(d, k))


# Any input, however it is taken.


def all_measures(a: Any, b: Any, k: int, metric: str, **options: Any) -> dict[str, float] | str:
    sides = [given_distances(x.astype(np.float64)) if metric == "precomputed" else x for x in (a, b)]
    try:
        return values(*sides, k=k, metric=metric, **options)
    except InputError as error:
        return str(error)


def assert_same(one: dict[str, float] | str, other: dict[str, float] | str, atol: float) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert one.keys() == other.keys()
    for name, value in one.items():
        # Masked kernels of few items may all but cancel; then rounding is divided by next to nothing.
        assert value == pytest.approx(other[name], abs=atol, rel=1e-6 if name == "cknna" else 0, nan_ok=True), name


@settings(max_examples=100)
@given(spaces(), st.sampled_from(METRICS))
def test_walks_agree_with_the_oracle(given_spaces: tuple[Any, Any, int], metric: str) -> None:
    a, b, k = given_spaces
    found = all_measures(a, b, k, metric)
    if not isinstance(found, str):
        sides = [given_distances(x.astype(np.float64)) if metric == "precomputed" else x for x in (a, b)]
        assert_same(found, similar.similarities(sides[0], sides[1], k, metric), 1e-10)


def test_the_oracle_is_not_a_backend() -> None:
    with pytest.raises(OptionError, match="backend='numpy' is not an option"):
        under(backend="numpy").similarity_matrix(*([x] for x in related(20, 5, 6)))


@settings(max_examples=30)
@given(spaces(), st.sampled_from(METRICS[:3]))
def test_backends_agree(given_spaces: tuple[Any, Any, int], metric: str) -> None:
    a, b, k = given_spaces
    expected = all_measures(a, b, k, metric)
    if metric == "hamming":
        assert_same(all_measures(a, b, k, metric, backend="numkong"), expected, 0)
    pytest.importorskip("torch")
    # Floats that differ in the last digit may be tied in one and not in the other.
    names = ["cka", "rsa_pearson"] if metric != "hamming" else None
    other = all_measures(a, b, k, metric, backend="torch", measures=names)
    expected = all_measures(a, b, k, metric, measures=names)
    assert_same(other, expected, 0 if metric == "hamming" else 1e-9)


@settings(max_examples=30)
@given(spaces(), st.sampled_from(METRICS))
def test_threads_and_memory_change_no_bit(given_spaces: tuple[Any, Any, int], metric: str) -> None:
    a, b, k = given_spaces
    k = min(k, 16)  # neighbours take memory too: 150 items and 20 of them are beyond the least budget below
    expected = all_measures(a, b, k, metric, threads=1)
    memory = "700 KiB" if metric == "hamming" else "2 MiB"
    for options in ({"threads": 2}, {"threads": 3}, {"threads": 1, "memory": memory}):
        assert_same(all_measures(a, b, k, metric, **options), expected, 0)


@settings(max_examples=30)
@given(spaces(), st.sampled_from(METRICS), st.randoms(use_true_random=False))
def test_sides_and_item_order_change_nothing(given_spaces: tuple[Any, Any, int], metric: str, random: Any) -> None:
    a, b, k = given_spaces
    expected = all_measures(a, b, k, metric)
    assert_same(all_measures(b, a, k, metric), expected, 1e-12)
    if metric == "hamming":
        order = random.sample(range(len(a)), len(a))
        assert_same(all_measures(a[order], b[order], k, metric), expected, 1e-10)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("memory", ["600 KiB", "800 KiB", "2 MiB", "64 MiB"])
def test_maps_in_parts_have_the_same_bits(metric: str, memory: str) -> None:
    sides = related(200, 7, 90, 64, 33, 5)
    if metric == "precomputed":
        sides = [given_distances(x) for x in sides]
    names = [name for name, of in MEASURES.items() if metric in of.metrics]
    if metric != "hamming":
        names.remove("rsa_spearman")  # sorts, and so needs more
        memory = memory.replace("600", "1500").replace("800", "1600")
    whole = foretell.similarity_matrix(sides[:3], sides[2:], metric=metric, measures=names)
    part = under(memory=memory, threads=2).similarity_matrix(sides[:3], sides[2:], metric=metric, measures=names)
    xr.testing.assert_identical(part, whole)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_depends_on_how_high_blocks_are(metric: str) -> None:
    n, k = 200, 4
    sides = related(n, 40, 31, 90)
    inputs = [as_input(given_distances(x) if metric == "precomputed" else x, metric, "x") for x in sides]
    made = [distances(space, metric, "numba") for space in inputs]
    pairs = [(0, 1), (0, 2), (1, 2)]
    halved = metric != "precomputed"
    whole_numbers = metric == "hamming"

    def reducers() -> list[Any]:
        found: list[Any] = [
            Products(pairs, [Values(7.0)] * 3, halved=halved),
            Products(pairs, [Values(3.0, root=halved)] * 3, halved=halved),
            Neighbourhoods(pairs, 3, k=k, slopes=[0.1, 0.2, 0.3]),
            SortedDistances(pairs, 3, halved=halved),
        ]
        if whole_numbers:
            tables = [Values(table=np.arange(100.0) ** 2)] * 3
            found += [DistanceCounts([100] * 3), Products(pairs, tables, halved=True)]
        return found

    everyone = Layout.everyone(n)
    whole, by_tiles = reducers(), reducers()
    PairwiseReduction([made], everyone, memory=2**26, threads=1).run(whole)
    blocks: list[Any] = []

    class Catch:
        reads_distances = True

        def n_bytes(self, layout: Layout) -> int:
            return 0

        def update(self, block: Any, *, threads: int) -> None:
            blocks.extend(block.tiles())

    PairwiseReduction([made], everyone, memory=2**26, threads=1).run([Catch()])
    for block in blocks:
        for reducer in by_tiles:
            reducer.update(block, threads=2)
    for of_whole, of_tiles in zip(whole, by_tiles, strict=True):
        expected, found = of_whole.result(), of_tiles.result()
        if isinstance(of_whole, Products):
            assert found.products == expected.products
            np.testing.assert_array_equal(found.rows, expected.rows)
        elif isinstance(of_whole, DistanceCounts):
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
        else:
            assert found == expected


# What the numbers say.


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 3, 10, 78])
def test_identical_spaces_are_exactly_alike(metric: str, k: int) -> None:
    for n_bits in (3, 64):
        (x,) = related(80, n_bits)
        side = given_distances(x) if metric == "precomputed" else x
        for name, value in values(side, side.copy(), metric=metric, k=k).items():
            # The masked kernels of one neighbour need not have a length.
            assert value == 1 or (name == "cknna" and np.isnan(value)), name


def test_independent_spaces_have_next_to_nothing_in_common() -> None:
    a, b = np.random.default_rng(1).standard_normal((2, 400, 300))
    for name, value in values(a, b).items():
        chance = 10 / 399 if MEASURES[name].of_neighbours else 0
        assert abs(value - chance) < 0.02, name


def test_errors_come_from_complementary_halves() -> None:
    a, b = related(120, 30, 40)
    found = under(threads=1).similarity_matrix({"a": a}, {"b": b, "same": a}, errors=True, seed=3)
    again = under(threads=2, memory="1500 KiB").similarity_matrix({"a": a}, {"b": b, "same": a}, errors=True, seed=3)
    xr.testing.assert_identical(again, found)
    assert (found.stderr.sel(b="same") == 0).all()
    assert (found.stderr.sel(b="b") > 0.003).all()
    assert (found.stderr.sel(b="b") < 0.1).all()
    np.testing.assert_allclose(found.high - found.low, 2 * critical(120) * found.stderr, rtol=1e-6)
    groups = [str(item // 4) for item in range(120)]
    grouped = foretell.similarity_matrix({"a": a}, {"b": b}, errors=True, groups=groups)
    assert grouped.attrs["n_groups"] == 30
    assert (grouped.stderr != found.stderr.sel(b=["b"])).all()


def test_errors_are_about_those_of_fresh_data() -> None:
    fresh, errors = [], []
    for seed in range(30):
        # The weights that make the spaces are the same; only items are drawn afresh.
        rng = np.random.default_rng(0)
        w_a, w_b = rng.standard_normal((2, 6, 40))
        latent = np.random.default_rng(seed + 1).standard_normal((100, 6))
        noise = np.random.default_rng(seed + 2000).standard_normal((2, 100, 40))
        a, b = latent @ w_a + 1.5 * noise[0], latent @ w_b + 1.5 * noise[1]
        found = foretell.similarity_matrix([a], [b], errors=seed < 5)
        fresh.append(found.similarity.values.ravel())
        if seed < 5:
            errors.append(found.stderr.values.ravel())
    ratio = np.mean(errors, axis=0) / np.std(fresh, axis=0, ddof=1)
    assert (ratio > 0.5).all()
    assert (ratio < 2).all()


def test_the_dataset_says_what_it_holds(tmp_path: Any) -> None:
    a, b = related(50, 30, 40)
    found = foretell.similarity_matrix({"first": a}, {"x": b, "y": a}, k=3)
    assert found.similarity.dims == ("measure", "a", "b")
    assert found.measure.values.tolist() == list(MEASURES)
    assert found.a.values.tolist() == ["first"]
    assert found.b.values.tolist() == ["x", "y"]
    assert found.symmetric.all()
    assert found.larger_is_more_alike.all()
    assert {"n": 49, "n_items": 50, "k": 3, "metric": "hamming", "T": [1, 1]}.items() <= found.attrs.items()
    assert "numpy" in json.loads(found.attrs["versions"])
    path = foretell.save_result(found, tmp_path / "similar.nc")
    xr.testing.assert_equal(foretell.load_result(path), found)
    tokens = foretell.BinarySpace.from_activations(np.stack([a[:, :30], b[:, :30]], axis=1))
    assert foretell.similarity_matrix([tokens], [a], k=3).attrs["T"] == [2, 1]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("options", [{}, {"errors": True}, {"threads": 3, "memory": "4 MiB"}])
def test_a_curve_is_the_diagonal_of_the_matrix(metric: str, options: dict[str, Any]) -> None:
    sides = related(90, 30, 5, 90, 12, 64)
    if metric == "precomputed":
        sides = [given_distances(x) for x in sides]
    a, b = dict(zip("xyz", sides[:3], strict=True)), dict(zip("xyz", sides[2:], strict=True))
    curve = call(similarity_curve, a, b, metric=metric, k=3, **options)
    matrix = call(foretell.similarity_matrix, a, b, metric=metric, k=3, **options)
    assert curve.similarity.dims == ("measure", "layer")
    assert curve.layer.values.tolist() == ["x", "y", "z"]
    assert curve.attrs == matrix.attrs
    assert set(curve.data_vars) == set(matrix.data_vars)
    for name in curve.data_vars:
        np.testing.assert_array_equal(curve[name], np.diagonal(matrix[name], axis1=1, axis2=2), err_msg=str(name))
    xr.testing.assert_identical(curve.coords["symmetric"], matrix.coords["symmetric"])


def test_a_curve_measures_the_diagonal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    made = Measurement.__init__

    def noted(self: Measurement, inputs: Any, cells: Any, *rest: Any) -> None:
        asked.append(cells)
        made(self, inputs, cells, *rest)

    monkeypatch.setattr(Measurement, "__init__", noted)
    sides = related(30, 9, 8, 7)
    bits = [foretell.BinarySpace.from_activations(x) for x in sides]
    similarity_curve(bits, bits[::-1], k=3)
    assert asked == [[(0, 2), (1, 1)]]  # the third pair is the first the other way round
    with pytest.raises(InputError, match="same names in the same order"):
        similarity_curve(sides, sides[:2], k=3)
    with pytest.warns(ConstantSpaceWarning, match="space 1 of B are alike"):
        found = similarity_curve(sides, [sides[0], np.ones((30, 4)), sides[2]], k=3)
    assert np.isnan(found.similarity.sel(layer=1)).all()
    assert (found.similarity.sel(layer=[0, 2]) == 1).all()


def test_similarities_make_a_tidy_table(tmp_path: Any) -> None:
    a, b = related(40, 30, 40)
    sides = {"first": a, "last": b}
    matrix = foretell.similarity_matrix(sides, {"x": b}, measures=["cka", "overlap"], k=3, errors=True)
    curve = similarity_curve(sides, sides, measures=["cka"], k=3)
    curve = curve.assign_coords(relative_depth=("layer", [0.0, 1.0]))
    with write_csv(matrix, tmp_path / "matrix.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["measure", "a", "b", "similarity", "stderr", "low", "high", "n", "k"]
    assert len(rows) == 4
    assert [rows[3][name] for name in ("measure", "a", "b", "n", "k")] == ["overlap", "last", "x", "39", "3"]
    for name in ("similarity", "stderr", "low", "high"):
        assert [float(row[name]) for row in rows] == matrix[name].values.ravel().tolist()
    lines = write_csv(curve, tmp_path / "curve.csv").read_text().splitlines()
    assert lines[0] == "measure,layer,relative_depth,similarity,n,k"
    assert lines[1:] == ["cka,first,0.0,1.0,39,3", "cka,last,1.0,1.0,39,3"]


def test_a_space_of_one_value_is_told() -> None:
    a, b = related(30, 20, 9)
    constant = np.ones_like(b)
    with pytest.warns(ConstantSpaceWarning, match="space flat of B are alike"):
        found = foretell.similarity_matrix({"a": a}, {"b": b, "flat": constant}, k=3, errors=True)
    assert np.isnan(found.similarity.sel(b="flat")).all()
    assert not np.isnan(found.similarity.sel(b="b")).any()
    with pytest.warns(ConstantSpaceWarning):
        assert np.isnan(foretell.similarity_matrix([constant], [constant], k=3).similarity).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": ["ckaa"]}, "measures='ckaa' is not an option: choose one of 'cka', 'mutual_knn'"),
        ({"measures": []}, "give different ones of cka"),
        ({"measures": ["cka", "cka"]}, "give different ones of cka"),
        ({"measures": ["cknna"], "metric": "euclidean"}, "choose among cka, mutual_knn, overlap, rsa_pearson"),
        ({"measures": ["cka"], "metric": "precomputed"}, "choose among mutual_knn, overlap, rsa_pearson"),
        ({"metric": "manhattan"}, "choose one of 'hamming', 'euclidean'"),
        ({"backend": "jax"}, "choose one of 'auto'"),
        ({"errors": 1}, "errors=1"),
        ({"k": 29}, "with 30 items give a whole number from 1 to 28"),
        ({"k": 14, "errors": True}, "too few for k=14"),
        ({"seed": -1}, "seed=-1"),
        ({"threads": 0}, "threads=0"),
        ({"memory": "lots"}, "memory='lots'"),
        ({"measures": ["rsa_spearman"], "metric": "cosine", "memory": "1400 KiB", "n": 400}, "sorts all distances"),
    ],
)
def test_bad_options_are_told_in_one_line(options: dict[str, Any], message: str) -> None:
    n = options.pop("n", 30)
    a, b = related(n, 20, 9)
    if options.get("metric") == "precomputed":
        a, b = given_distances(a), given_distances(b)
    with pytest.raises(OptionError, match=r"^[^\n]*$") as caught:
        call(foretell.similarity_matrix, [a], [b], **options)
    assert message in str(caught.value)


def test_bad_spaces_are_told() -> None:
    a, b = related(30, 20, 9)
    with pytest.raises(InputError, match="3 items are too few"):
        foretell.similarity_matrix([a[:3]], [b[:3]], k=1)
    with pytest.raises(AlignmentError):
        foretell.similarity_matrix(
            [foretell.BinarySpace.from_activations(a, ids=[str(i) for i in range(30)])],
            [foretell.BinarySpace.from_activations(b, ids=[str(i + 1) for i in range(30)])],
            k=3,
        )
