"""Every backend against the oracle: one fixture, all shapes and forms of input, metrics, layouts and budgets."""

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
from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, TieOrderWarning
from foretell.measure.distances.backends import distances
from foretell.measure.imbalance.estimation import oracle
from foretell.measure.imbalance.estimation.conventions import CONVENTIONS
from foretell.measure.inference.item_data import items_of, scores_of
from foretell.measure.spaces.floats import FloatSpace
from foretell.options import current_options
from tests.options import call, under

BACKENDS = ("numba", "numkong", "torch")
LAYOUTS: dict[str, dict[str, Any]] = {
    "everyone": {},
    "queries": {"queries": 7},
    "split": {"candidates": "split"},
    "subsample": {"subsample": 12},
}


@pytest.fixture(params=BACKENDS, scope="module")
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def metrics_of(backend: str) -> list[str]:
    return ["hamming", "precomputed"] if backend == "numkong" else ["hamming", "euclidean", "cosine", "precomputed"]


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[NDArray[Any]], list[NDArray[Any]], int]:
    """Two related spaces for each side, of small whole numbers, so that floats have exact ties too; and a k."""
    n_items = draw(st.integers(14, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    latent = rng.standard_normal((n_items, 4))
    found: list[list[NDArray[Any]]] = [[], []]
    for side in found:
        for _ in range(2):
            n_dimensions = draw(st.sampled_from([1, 3, 8, 9, 31, 64, 65, 200, 513]))
            x = np.rint(
                2 * latent @ rng.standard_normal((4, n_dimensions)) + rng.standard_normal((n_items, n_dimensions))
            )
            if draw(st.booleans()):
                x[rng.integers(0, n_items, n_items // 2)] = x[0]
            side.append(x.astype(draw(st.sampled_from([np.float16, np.float32, np.float64]))))
    return found[0], found[1], draw(st.sampled_from([1, 1, 2, 5, n_items - 2]))


def measured(a: Any, b: Any, **options: Any) -> Any:
    """The dataset, or the error's message."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        warnings.simplefilter("ignore", ConstantSpaceWarning)
        try:
            return call(foretell.imbalance_matrix, a, b, **options)
        except InputError as error:
            return str(error)


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert set(one.variables) == set(other.variables)
    names = [name for name in ("imbalance", "null", "neighbour", "neighbour_rank") if name in one]
    scores = [(scores_of(one)[0].psi, scores_of(other)[0].psi)] if items_of(one).scores is not None else []
    for mine, its in [*((one[name], other[name]) for name in names), *scores]:
        # With nearly all as neighbours `adjusted` divides by nearly nothing: rounding grows as values do.
        atol = 1e-8 * max(1.0, float(np.nanmax(np.abs(its), initial=0)))
        np.testing.assert_allclose(mine, its, rtol=1e-8, atol=atol)
    # A variance of 0 but for rounding has a root far above rounding.
    np.testing.assert_allclose(one["stderr"], other["stderr"], atol=2e-6)


def given_metric(x: NDArray[Any], metric: str) -> NDArray[Any]:
    if metric == "precomputed":
        y = x.astype(np.float64)
        return np.asarray(((y[:, None] - y[None]) ** 2).sum(-1) + np.eye(len(x)))
    if metric == "cosine":
        return np.asarray(x + (x == 0).all(axis=1, keepdims=True))  # no item without a direction
    return x


@settings(max_examples=25)
@given(sides(), st.sampled_from(sorted(CONVENTIONS)), st.sampled_from(sorted(LAYOUTS)), st.sampled_from([1, 2, 3]))
def test_equals_the_oracle(
    backend: str, given_sides: tuple[Any, Any, int], convention: str, layout: str, threads: int
) -> None:
    a, b, k = given_sides
    options: dict[str, Any] = {"k": k, "convention": convention, "seed": 3, **LAYOUTS[layout]}
    options["null"] = 3 if layout in ("everyone", "subsample") else 0
    for metric in metrics_of(backend):
        # Cosine distances of whole numbers have ties that rounding breaks: they are looked at by themselves below.
        if metric == "cosine":
            continue
        spaces = [[given_metric(x, metric) for x in side] for side in (a, b)]
        oracle, fast = (
            measured(*spaces, metric=metric, backend=name, threads=threads, **options) for name in ("numpy", backend)
        )
        assert_same(fast, oracle)


@settings(max_examples=20)
@given(st.integers(5, 90), st.sampled_from([2, 7, 8, 40, 129]), st.integers(0, 2**31), st.sampled_from([1, 3]))
def test_floats_without_ties_equal_the_oracle(backend: str, n_items: int, n_dimensions: int, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n_items, 2))
    a, b = (
        latent @ rng.standard_normal((2, n_dimensions)) + rng.standard_normal((n_items, n_dimensions)) for _ in "ab"
    )
    a, b = a.astype(np.float32), b + 1e3  # far from 0, where products of norms cancel
    for metric in set(metrics_of(backend)) & {"euclidean", "cosine"}:
        oracle, fast = (
            under(backend=name).information_imbalance(a, b, metric=metric, k=k) for name in ("numpy", backend)
        )
        assert fast.a_to_b == pytest.approx(oracle.a_to_b, abs=1e-12)
        assert fast.b_to_a == pytest.approx(oracle.b_to_a, abs=1e-12)
        assert fast.stderr_asymmetry == pytest.approx(oracle.stderr_asymmetry, abs=1e-7, nan_ok=True)


@settings(max_examples=20)
@given(st.integers(3, 40), st.sampled_from([1, 7, 8, 130, 4000]), st.integers(0, 2**31))
def test_parallel_items_are_at_zero(backend: str, n_items: int, n_dimensions: int, seed: int) -> None:
    """Items in the same direction are at 0 from each other, whatever their lengths, though scaling them rounds."""
    if backend == "numkong":
        return
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_items, n_dimensions))
    x[n_items // 2 :] = x[0] * rng.uniform(1e-3, 1e3, (n_items - n_items // 2, 1))
    everyone = np.arange(n_items)
    found = np.zeros((n_items, n_items))
    distances(FloatSpace(x), "cosine", backend).fill(
        found, everyone, everyone, triangle=True, threads=1, panel_bytes=2**20
    )
    parallel = np.r_[0, n_items // 2 : n_items]
    assert not found[np.ix_(parallel, parallel)].any()
    np.testing.assert_allclose(found, oracle.cosine(x), rtol=1e-9, atol=1e-25)
    if n_dimensions > 1:
        assert (found + np.eye(n_items))[: n_items // 2, 1 : n_items // 2].all()


def test_near_duplicates_do_not_cancel(backend: str) -> None:
    """Pairs that are 1e-9 apart beside others 1e3 from 0 keep their order, and duplicates tie."""
    if backend == "numkong":
        with pytest.raises(OptionError, match="numkong"):
            under(backend=backend).information_imbalance(np.eye(5), np.eye(5), metric="euclidean")
        return
    rng = np.random.default_rng(0)
    base = 1e3 + rng.standard_normal((20, 50))
    step = rng.standard_normal((20, 50))
    a = np.concatenate([base, base + 1e-9 * step, base + 3e-9 * step, base])
    ii = under(backend=backend).information_imbalance(a, a.copy(), metric="euclidean")
    assert (ii.a_to_b, ii.b_to_a) == (0, 0)
    result = under(backend=backend).imbalance_matrix([a], [a[::-1][::-1]], metric="euclidean", per_item=True, k=3)
    nearest = result["neighbour"].values[0, 0, 0]
    # Of the first 20: the copy at 60, then the one 1e-9 away, then that 3e-9 away.
    assert nearest[:20].tolist() == [[60 + i, 20 + i, 40 + i] for i in range(20)]


def test_forms_of_input_make_no_difference(backend: str, tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = np.rint(4 * rng.standard_normal((2, 67, 33)))
    a[3], a[5, 2], a[6, 1] = a[4], -0.0, 5e-324
    pandas, torch, xarray = (pytest.importorskip(name) for name in ("pandas", "torch", "xarray"))
    read_only = a.copy()
    read_only.flags.writeable = False
    np.save(tmp_path / "a.npy", a)
    forms = {
        "fortran": np.asfortranarray(a),
        "strided": np.repeat(a, 2, axis=1)[:, ::2],
        "reversed": a[::-1][::-1],
        "read-only": read_only,
        "big-endian": a.astype(">f8"),
        "memory-mapped": np.load(tmp_path / "a.npy", mmap_mode="r"),
        "more axes": a.reshape(67, 3, 11),
        "list": a.tolist(),
        "pandas": pandas.DataFrame(a),
        "xarray": xarray.DataArray(a, dims=("item", "dimension")),
        "torch": torch.from_numpy(a),
        "torch with gradients": torch.from_numpy(a).requires_grad_(),
    }
    half = a.copy()
    half[6, 1] = 0  # too small for half precision
    narrow = {
        "float32": half.astype(np.float32),
        "float16": half.astype(np.float16),
        "bfloat16": torch.from_numpy(half).to(torch.bfloat16),
    }
    for metric in set(metrics_of(backend)) - {"precomputed", "cosine"}:
        expected = under(backend=backend).information_imbalance(a, b, metric=metric)
        for name, form in forms.items():
            found = under(backend=backend).information_imbalance(form, b, metric=metric)
            assert found == expected, (metric, name)
        expected = under(backend=backend).information_imbalance(half, b, metric=metric)
        for name, form in narrow.items():
            assert under(backend=backend).information_imbalance(form, b, metric=metric) == expected, (metric, name)


def test_tables_and_labelled_arrays_bring_their_ids() -> None:
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    x = np.random.default_rng(0).standard_normal((30, 20))
    names = [f"item {i}" for i in range(30)]
    table = pandas.DataFrame(x, index=names)
    labelled = xarray.DataArray(x, dims=("item", "dimension"), coords={"item": names})
    for metric in ("hamming", "euclidean"):
        result = foretell.imbalance_matrix({"t": table}, {"l": labelled}, metric=metric)
        assert list(items_of(result).ids) == names
        with pytest.raises(InputError, match="same ids in another order"):
            foretell.information_imbalance(table, labelled[::-1], metric=metric)


class Elsewhere:
    """Points that are read when asked."""

    ids = None
    n_tokens = 1

    def __init__(self, data: Any) -> None:
        self.data, self.n_items = data, len(data)

    def points(self, rows: Any = slice(None)) -> Any:
        """Copies, column by column in memory."""
        return np.asfortranarray(self.data[rows])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n_dimensions", [2, 7, 8, 40])
def test_a_space_may_give_columns_next_to_each_other(n_dimensions: int, metric: str) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 60, n_dimensions))
    for backend in ("numba", "torch", "numpy"):
        found = under(backend=backend).information_imbalance(Elsewhere(a), Elsewhere(b), metric=metric)
        assert found == under(backend=backend).information_imbalance(a, b, metric=metric)


@pytest.mark.parametrize("backend", ["numba", "torch", "numpy"])
def test_opposite_directions_are_equally_far(backend: str) -> None:
    """Of one dimension there are two directions, and all in the other one tie, however long they are."""
    a, b = np.random.default_rng(3).standard_normal((2, 60, 1))
    found = under(backend=backend).information_imbalance(a, b, metric="cosine")
    exact = foretell.information_imbalance(np.sign(a), np.sign(b), metric="euclidean")
    assert (found.a_to_b, found.b_to_a) == pytest.approx((exact.a_to_b, exact.b_to_a), abs=1e-12)


def test_what_is_wrong_with_floats() -> None:
    x = np.random.default_rng(0).standard_normal((30, 20))
    holed, flat = x.copy(), x.copy()
    holed[7, 3], flat[9] = np.inf, 0
    for metric in ("hamming", "euclidean", "cosine"):
        with pytest.raises(InputError, match="a: NaN or infinity in the activations of item 7"):
            foretell.information_imbalance(holed, x, metric=metric)
    for of_dtype in (np.float16, np.float32, np.float64):
        with pytest.raises(InputError, match="b: Item 9 is all zeros, or nearly, and has no direction"):
            foretell.information_imbalance(x, flat.astype(of_dtype), metric="cosine")
    with pytest.raises(InputError, match=r"spaces_a\['layer 2'\]: Item 9 is all zeros"):
        foretell.imbalance_curve({"layer 1": x, "layer 2": flat}, {"layer 1": x, "layer 2": x}, metric="cosine")
    with pytest.raises(InputError, match="Item 9 is all zeros"):  # of a space that is read when asked, in panels
        under(memory="1 MiB").information_imbalance(Elsewhere(flat), x, metric="cosine")
    with pytest.raises(InputError, match="All items of b are alike"):
        foretell.information_imbalance(x, np.ones((30, 4)), metric="euclidean")
    for scale in (1e160, 1e-160):
        for metric in ("euclidean", "cosine"):
            with pytest.raises(InputError, match=r"b: The greatest number is .* beyond float64: divide the whole"):
                foretell.information_imbalance(x, x * scale, metric=metric)


# --- budgets ------------------------------------------------------------------------------------


class Lazy:
    """A space that is read when asked, and tells how much was asked for at a time."""

    def __init__(self, bits: foretell.BinarySpace) -> None:
        self._bits = bits
        self.read: list[int] = []
        self.n_items, self.ids, self.n_tokens = bits.n_items, bits.ids, bits.n_tokens

    def bits(self, rows: Any = slice(None)) -> foretell.BinarySpace:
        some = self._bits.bits(rows)
        self.read.append(some.data.nbytes)
        return some


@pytest.mark.parametrize("convention", ["adjusted", "glielmo"])
def test_no_budget_changes_a_bit(convention: str) -> None:
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((700, 6))
    a, b = (
        [
            foretell.BinarySpace.from_activations(
                latent @ rng.standard_normal((6, 300)) + rng.standard_normal((700, 300))
            )
            for _ in "12"
        ]
        for _ in "ab"
    )
    options: dict[str, Any] = {"convention": convention, "null": 200, "k": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        whole = under(threads=1).imbalance_matrix(a, b, **options)
        # 4 spaces of 700 items take 4.2 MiB: budgets in which the first walk fits and the second might not, too.
        for memory in ("2.6 MiB", "3 MiB", "6.5 MiB", "7.5 MiB", "8.5 MiB", "16 MiB"):
            for threads in (1, 3):
                part = under(memory=memory, threads=threads).imbalance_matrix(a, b, **options)
                xr.testing.assert_identical(part, whole)


def test_what_is_read_is_read_within_the_budget() -> None:
    rng = np.random.default_rng(0)
    bits = [foretell.BinarySpace(rng.integers(0, 256, (600, 1, 8000), dtype=np.uint8), 64000) for _ in "ab"]
    expected = foretell.information_imbalance(*bits)
    for memory, most, most_reads in (("64 MiB", 4_800_000, 1.2), ("5 MiB", 3_500_000, 4.5), ("3.6 MiB", 2_000_000, 9)):
        lazy = [Lazy(x) for x in bits]
        assert under(memory=memory).information_imbalance(*lazy) == expected
        for space in lazy:
            assert max(space.read) <= most, memory
            assert sum(space.read) <= most_reads * 4_800_000, memory


def test_a_budget_that_is_too_small_says_what_is_needed() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 500, 40))
    with pytest.raises(
        OptionError, match=r"memory=0.0 MiB is too little for 2 spaces of 500 candidates: give at least"
    ):
        under(memory="1 kB").information_imbalance(x, y)
    for wrong in ("a lot", "-3 GiB", True, "12 parsecs", ""):
        with pytest.raises(OptionError, match=r"memory=.* is not an option: give a size such as"):
            under(memory=wrong).information_imbalance(x, y)
    for size, n_bytes in (("512 MiB", 2**29), ("1GiB", 2**30), ("2 kB", 2000), (77, 77), ("1.5 MB", 1_500_000)):
        with foretell.set_options(memory=size):
            assert current_options().memory == n_bytes


def test_a_space_on_both_sides_is_read_once() -> None:
    rng = np.random.default_rng(0)
    spaces = [Lazy(foretell.BinarySpace.from_activations(rng.standard_normal((300, 64)))) for _ in range(3)]
    result = foretell.imbalance_matrix(spaces, spaces)
    assert all(sum(space.read) < 1.5 * 300 * 8 for space in spaces)
    assert (np.diagonal(result["imbalance"], axis1=1, axis2=2) == 0).all()
    assert np.array_equal(result["imbalance"][0], result["imbalance"][1].T)


def test_a_space_on_both_sides_has_one_null_whatever_the_budget() -> None:
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((400, 6))
    spaces = [
        foretell.BinarySpace.from_activations(latent @ rng.standard_normal((6, 60)) + rng.standard_normal((400, 60)))
        for _ in range(6)
    ]
    whole = foretell.imbalance_matrix(spaces, spaces, null=50)
    for memory in ("1100 kB", "1300 kB", "1800 kB"):
        xr.testing.assert_identical(under(memory=memory).imbalance_matrix(spaces, spaces, null=50), whole)


def test_a_store_is_read_once_for_all_tokens() -> None:
    rng = np.random.default_rng(0)
    bits = [foretell.BinarySpace(rng.integers(0, 256, (300, 20, 100), dtype=np.uint8), 800) for _ in "ab"]
    lazy = [Lazy(x) for x in bits]
    xr.testing.assert_identical(foretell.token_curve(*lazy), foretell.token_curve(*bits))
    assert all(sum(space.read) < 1.3 * 300 * 2000 for space in lazy)
    again = [Lazy(x) for x in bits]
    xr.testing.assert_identical(under(memory="2.2 MB").token_curve(*again), foretell.token_curve(*bits))


def test_identical_candidates_are_told_without_asking_every_query() -> None:
    rng = np.random.default_rng(0)
    alike, varied = (
        Lazy(foretell.BinarySpace(np.ones((300, 1, 40), np.uint8), 320)),
        Lazy(foretell.BinarySpace(rng.integers(0, 256, (300, 1, 40), dtype=np.uint8), 320)),
    )
    with pytest.warns(ConstantSpaceWarning):
        result = foretell.imbalance_matrix([alike], [varied], candidates="split")
    assert result["imbalance"].sel(direction="a_to_b").item() == 1
    assert sum(alike.read) < 4 * 300 * 40


def test_real_valued_duplicates_tie_beyond_one_product() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(rng.standard_normal((350, 37)), 2, axis=0)
    y = x + rng.standard_normal((700, 37))
    numba, torch = (under(backend=name).information_imbalance(x, y, metric="euclidean") for name in ("numba", "torch"))
    assert (torch.a_to_b, torch.b_to_a) == (numba.a_to_b, numba.b_to_a)
