"""The oracle and every backend against cases worked out by hand, and against DADApy."""

from __future__ import annotations

import json
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import foretell
from foretell.exceptions import TieOrderWarning
from tests.measure.golden import dadapy_reference
from tests.options import call, under

BACKENDS = ["numpy", "numkong"]


def symmetric(n: int, upper: list[int]) -> NDArray[np.int64]:
    d = np.zeros((n, n), np.int64)
    d[np.triu_indices(n, 1)] = upper
    return d + d.T


# Four points on a line, no ties: distances 01, 02, 03, 12, 13, 23.
LINE = symmetric(4, [1, 3, 7, 2, 6, 4])
OTHER_LINE = symmetric(4, [2, 3, 10, 1, 8, 7])
# Four points with ties in most rows.
TIED = symmetric(4, [1, 1, 2, 2, 2, 1])
ALSO_TIED = symmetric(4, [2, 1, 2, 3, 1, 3])
# Five points, two pairs of twins: A sees them (distance 0), B does not.
TWINS = symmetric(5, [0, 2, 2, 2, 2, 2, 2, 2, 2, 0])
APART = symmetric(5, [4, 1, 2, 3, 2, 3, 1, 4, 2, 1])

# (A, B, k, convention, II(A -> B), II(B -> A)), each rank read off the rows with pencil and paper.
CASES: list[tuple[Any, Any, int, str, Fraction, Fraction]] = [
    # A's neighbours 1 0 1 2 have ranks 1 2 1 1 in B.
    (LINE, OTHER_LINE, 1, "adjusted", Fraction(1, 4), Fraction(1, 4)),
    (LINE, OTHER_LINE, 1, "paper", Fraction(1, 4), Fraction(1, 4)),
    (LINE, OTHER_LINE, 1, "glielmo", Fraction(5, 8), Fraction(5, 8)),
    # The two nearest are the same two in both.
    (LINE, OTHER_LINE, 2, "adjusted", Fraction(0), Fraction(0)),
    (LINE, OTHER_LINE, 2, "paper", Fraction(1, 2), Fraction(1, 2)),
    (LINE, OTHER_LINE, 2, "glielmo", Fraction(3, 4), Fraction(3, 4)),
    # Ties in A alone, and (the other way) in B alone: rho = 3/2 against beta = 1; 13/8 against 5/4.
    (TIED, LINE, 1, "adjusted", Fraction(1, 2), Fraction(1, 2)),
    (LINE, TIED, 1, "adjusted", Fraction(1, 2), Fraction(1, 2)),
    # Ties in both: rho = 17/8 against beta = 1, and 2 against 5/4.
    (TIED, ALSO_TIED, 1, "adjusted", Fraction(9, 8), Fraction(1)),
    (TIED, ALSO_TIED, 1, "paper", Fraction(5, 6), Fraction(1, 2)),
    (TIED, ALSO_TIED, 1, "glielmo", Fraction(1), Fraction(9, 8)),
    # rho = 31/16 against beta = 13/8, and 2 against 13/8.
    (TIED, ALSO_TIED, 2, "adjusted", Fraction(5, 6), Fraction(1)),
    (TIED, ALSO_TIED, 2, "paper", Fraction(4, 5), Fraction(7, 10)),
    (TIED, ALSO_TIED, 2, "glielmo", Fraction(17, 16), Fraction(1)),
    # Twins 0-1 and 3-4, and 2 as far from each: rho = (4 + 4 + 5/2 + 1 + 3/2) / 5 against beta = 11/10;
    # the other way (3 + 3 + 5/2 + 1 + 2) / 5 against 13/10.
    (TWINS, APART, 1, "adjusted", Fraction(15, 14), Fraction(5, 6)),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("a", "b", "k", "convention", "a_to_b", "b_to_a"), CASES)
def test_hand_computed(
    a: Any, b: Any, k: int, convention: str, a_to_b: Fraction, b_to_a: Fraction, backend: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieOrderWarning)
        ii = under(backend=backend).information_imbalance(a, b, k=k, metric="precomputed", convention=convention)
    assert ii.a_to_b == pytest.approx(float(a_to_b), abs=1e-15)
    assert ii.b_to_a == pytest.approx(float(b_to_a), abs=1e-15)
    assert ii.asymmetry == pytest.approx(float(a_to_b - b_to_a), abs=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_glielmo_says_that_it_broke_ties(backend: str) -> None:
    options: dict[str, Any] = {"metric": "precomputed", "convention": "glielmo", "backend": backend}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(foretell.information_imbalance, LINE, OTHER_LINE, **options)
    with pytest.warns(TieOrderWarning, match="item order"):
        call(foretell.information_imbalance, TIED, LINE, **options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", range(len(dadapy_reference.DATA)))
def test_glielmo_is_what_dadapy_prints(number: int, backend: str) -> None:
    recorded = json.loads(dadapy_reference.RECORD.read_text())["cases"][number]
    a, b = dadapy_reference.data(recorded)
    d_a, d_b = (np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (a, b))
    ii = under(backend=backend).information_imbalance(
        d_a, d_b, k=recorded["k"], metric="precomputed", convention="glielmo"
    )
    assert ii.a_to_b == pytest.approx(recorded["a_to_b"], rel=1e-12)
    assert ii.b_to_a == pytest.approx(recorded["b_to_a"], rel=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("n_bits", [8, 32, 512])
@pytest.mark.parametrize("backend", BACKENDS)
def test_identical_spaces_are_exactly_0(k: int, n_bits: int, backend: str) -> None:
    x = np.random.default_rng(k).standard_normal((90, n_bits))
    ii = under(backend=backend).information_imbalance(x, x, k=k)
    assert (ii.a_to_b, ii.b_to_a, ii.asymmetry) == (0, 0, 0)
    assert (ii.stderr_a_to_b, ii.stderr_b_to_a, ii.stderr_asymmetry) == (0, 0, 0)


def test_identical_spaces_under_the_other_conventions() -> None:
    x = np.random.default_rng(0).standard_normal((101, 4096))
    n = 100
    for k in (1, 3, 10):
        paper = foretell.information_imbalance(x, x, k=k, convention="paper").a_to_b
        assert paper == pytest.approx((k - 1) / (n - 1), abs=0.02)  # a few ties stay at 4,096 bits
    d = np.abs(np.subtract.outer(*[np.random.default_rng(1).random(101)] * 2))
    assert foretell.information_imbalance(d, d, metric="precomputed", convention="glielmo").a_to_b == 2 / 101
    assert foretell.information_imbalance(d, d, k=3, metric="precomputed", convention="paper").a_to_b == pytest.approx(
        2 / 99
    )


@pytest.mark.parametrize("n_bits", [8, 32, 128, 4096])
def test_independent_spaces_are_1_within_error(n_bits: int) -> None:
    values, errors = [], []
    for seed in range(40):
        rng = np.random.default_rng([n_bits, seed])
        ii = foretell.information_imbalance(*rng.standard_normal((2, 250, n_bits)))
        values += [ii.a_to_b, ii.b_to_a]
        errors += [ii.stderr_a_to_b, ii.stderr_b_to_a]
    # 80 values, 40 of them independent of each other: their mean has this error, and no bias beyond it.
    error = np.sqrt(np.mean(np.square(errors)) / 40)
    assert np.mean(values) == pytest.approx(1, abs=3 * error)
    assert error < 0.012
    # The paper's convention is low where ties are dense: what `adjusted` is for.
    if n_bits == 8:
        assert (
            ii.a_to_b - foretell.information_imbalance(*rng.standard_normal((2, 250, 8)), convention="paper").a_to_b
            > 0.1
        )
