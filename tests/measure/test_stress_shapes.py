"""Spaces at the edges: very few items, one dimension, odd widths, layers of one value, half of the items alike.

Every function that measures imbalances, by every backend, with errors and nulls, against the oracle.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import foretell
from foretell.exceptions import ConstantSpaceWarning, TieOrderWarning
from tests.options import call, under

BACKENDS = ("numba", "numkong", "torch")
METRICS = ("hamming", "euclidean", "cosine", "precomputed")

Layers = dict[str, NDArray[Any]]


def layers(n_items: int, widths: list[int], seed: int, alike: float = 0.0) -> Layers:
    """Layers of the given widths that share something, of whole numbers; a share of the items are one item."""
    rng = np.random.default_rng(seed)
    known = np.random.default_rng(99).standard_normal((n_items, 4))
    found = {}
    for place, width in enumerate(widths):
        x = np.rint(2 * known @ rng.standard_normal((4, width)) + rng.standard_normal((n_items, width)))
        x[rng.permutation(n_items)[: int(alike * n_items)]] = x[0]
        found[f"{place}: {width}"] = x
    return found


CASES: dict[str, tuple[Layers, Layers, int]] = {
    "three items": (layers(3, [40, 9], 0), layers(3, [40, 17], 1), 1),
    "four items": (layers(4, [40, 9], 0), layers(4, [40, 17], 1), 2),
    "one dimension": (layers(31, [1, 1], 2), layers(31, [1, 30], 3), 1),
    "widths beside those of bytes": (layers(29, [7, 9], 4), layers(29, [15, 17], 5), 3),
    "widths beside those of vectors": (layers(33, [63, 65], 6), layers(33, [127, 513], 7), 1),
    "half of the items alike": (layers(32, [70, 33], 8, 0.5), layers(32, [70, 9], 9, 0.5), 1),
    "half alike on one side": (layers(31, [70, 33], 8, 0.5), layers(31, [70, 9], 9), 2),
    "all but three alike": (layers(30, [70, 33], 10, 0.9), layers(30, [70, 9], 11, 0.9), 1),
}


def given(side: Layers, metric: str) -> Layers:
    """A side as the metric takes it."""
    if metric == "precomputed":
        return {name: np.asarray(np.abs(x[:, None] - x[None]).sum(-1)) for name, x in side.items()}
    if metric == "cosine":
        # Whole numbers have angles that are equal but for rounding. What is added is that of the whole numbers alone,
        # so that items which are alike stay so.
        return {
            name: x + np.sin(np.arange(1, 1 + x.shape[1]) * (1 + x.sum(axis=1, keepdims=True)))
            for name, x in side.items()
        }
    return side


def assert_same(found: xr.Dataset, expected: xr.Dataset) -> None:
    assert set(found.variables) == set(expected.variables)
    for name in set(found.data_vars) - {"stderr"}:
        if found[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=str(name))
        else:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=str(name))
    # A variance of 0 but for rounding has a root far above rounding.
    np.testing.assert_allclose(found["stderr"], expected["stderr"], atol=2e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("case", CASES)
def test_a_curve_and_a_matrix_are_those_of_the_oracle(case: str, metric: str) -> None:
    a, b, k = CASES[case]
    a, b = given(a, metric), given(dict(zip(a, b.values(), strict=True)), metric)
    asked: list[tuple[Any, dict[str, Any]]] = [
        (foretell.imbalance_curve, {"convention": "adjusted", "null": 3}),
        (foretell.imbalance_matrix, {"convention": "glielmo", "per_item": True}),
    ]
    for measure, options in asked:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TieOrderWarning)
            warnings.simplefilter("ignore", ConstantSpaceWarning)  # any two of three items may be as far apart
            expected = call(measure, a, b, k=k, metric=metric, backend="numpy", **options)
            for backend in BACKENDS:
                if backend == "numkong" and metric in ("euclidean", "cosine"):
                    continue
                found = call(measure, a, b, k=k, metric=metric, backend=backend, **options)
                assert_same(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("value", [-0.0, 1.0])
def test_a_layer_in_which_all_bits_are_equal(value: float, backend: str) -> None:
    """It foretells nothing, is not foretold, and leaves the other layers as they are without it."""
    a, b = layers(40, [30, 30, 30], 0), layers(40, [30, 30, 30], 1)
    (first, dull, last) = a
    b = dict(zip(a, b.values(), strict=True))
    under(backend=backend).imbalance_curve(a, b)  # skips where its library is missing: no warning would come either
    a[dull] = np.full((40, 30), value)
    for metric in ("hamming", "euclidean") if backend != "numkong" else ("hamming",):
        measures: tuple[Any, ...] = (foretell.imbalance_curve, foretell.imbalance_matrix)
        for measure in measures:
            with pytest.warns(ConstantSpaceWarning, match=dull):
                result = call(measure, a, b, metric=metric, null=5, backend=backend)
            over = ["layer"] if "layer" in result.dims else ["a", "b"]
            of_dull = result["imbalance"].sel({over[0]: dull})
            assert (of_dull.sel(direction="a_to_b") == 1).all()
            assert np.isnan(of_dull.sel(direction="b_to_a")).all()
            rest = call(
                measure,
                {name: a[name] for name in (first, last)},
                {name: b[name] for name in (b if over[0] == "a" else (first, last))},
                metric=metric,
                null=5,
                backend=backend,
            )
            for name in ("imbalance", "stderr", "null"):
                np.testing.assert_array_equal(result[name].sel({over[0]: [first, last]}), rest[name], err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_tokens_at_the_edges(backend: str) -> None:
    """Few items, tokens of one bit, tokens alike in all items, and half of the items alike."""
    rng = np.random.default_rng(0)
    for n_items, n_bits in ((3, 40), (30, 1), (33, 9), (30, 65)):
        sides = []
        for _ in "ab":
            x = rng.standard_normal((n_items, 4, n_bits))
            if n_items > 3:
                x[: n_items // 2] = x[0]
            x[:, -1] = 1 if n_bits == 65 else x[:, -1]  # the first step of such a curve has nothing to go by
            sides.append(foretell.BinarySpace.from_activations(x))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantSpaceWarning)
            found, expected = (under(backend=name).token_curve(*sides, null=5) for name in (backend, "numpy"))
        assert_same(found, expected)


def test_one_dimension_is_a_line() -> None:
    """The nearest on a line is one of two, whatever the backend says: ranks by hand."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 200, 1)).astype(np.float32)
    ranks = []
    for query in range(200):
        others = np.delete(np.arange(200), query)
        nearest = others[np.argmin(np.abs(a[others, 0].astype(float) - float(a[query, 0])))]
        d = np.abs(b[others, 0].astype(float) - float(b[query, 0]))
        ranks.append(1 + (d < abs(float(b[nearest, 0]) - float(b[query, 0]))).sum())
    for backend in ("numba", "torch", "numpy"):
        ii = under(backend=backend).information_imbalance(a, b, metric="euclidean")
        assert ii.a_to_b == pytest.approx(2 * (np.mean(ranks) - 1) / 198, abs=1e-12)
