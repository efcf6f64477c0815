"""DADApy's own examples for the Information Imbalance, from data made by their recipes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from tests.measure.golden import dadapy_examples

COORDINATES = dadapy_examples.COORDINATES


def both_ways(x: NDArray[Any], k: int) -> NDArray[np.float64]:
    """All coordinates against each choice of them, and back, as DADApy counts; shape (2, choices)."""
    found = foretell.imbalance_matrix(
        [x], [x[:, one] for one in COORDINATES], k=k, metric="euclidean", convention="glielmo", errors=False
    )
    return np.asarray(found["imbalance"].values[:, 0])


@pytest.mark.parametrize("number", range(len(dadapy_examples.DATA)))
def test_the_tutorials_gaussian_is_what_dadapy_prints(number: int) -> None:
    recorded = json.loads(dadapy_examples.RECORD.read_text())["cases"][number]
    found = both_ways(dadapy_examples.data(recorded), recorded["k"])
    np.testing.assert_allclose(found, [recorded["from_all"], recorded["to_all"]], rtol=1e-12)
    # What the tutorial shows: x and y are as good as all three; all foretell x, but x and z do not foretell all.
    (from_x, from_xy), (to_x, to_xy) = found[:, [0, 3]]
    assert max(from_xy, to_xy) < 0.1
    assert from_x < 0.15
    assert to_x > 0.5
    assert found[1, 2] > 0.9


def test_what_dadapys_tests_expect_is_a_draw_of_its_recipe() -> None:
    """Its 100 points are in a file of its own: its 12 numbers lie within 4 standard deviations of 120 other draws."""
    draws = np.array(
        [both_ways(dadapy_examples.data({"seed": [7, seed], "n_items": 100, "thin": 0.01}), k=1) for seed in range(120)]
    )
    published = np.array([dadapy_examples.PUBLISHED["from_all"], dadapy_examples.PUBLISHED["to_all"]])
    spread = draws.std(axis=0, ddof=1)
    # That x and y are all there is holds in most draws exactly.
    assert (np.abs(published - draws.mean(axis=0)) <= 4 * spread + 1e-12).all()
    assert spread.max() < 0.1
