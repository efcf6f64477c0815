"""The imbalance of Gaussians against what it has to be, in numbers.

Run it as ``.venv/bin/python -m benchmarks.method_checks`` (a minute on two cores): it prints the tables and writes them
into ``docs/method-checks.md``, each between its marks. Seeds are fixed. What the columns are is said there, and the
references are derived in ``tests/measure/gaussians.py``; the tests check the same with fewer draws.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from tests.measure.gaussians import CASES, Case, bound_of_entropy, copula_ranks, entropy, limit, reference

import foretell

PAGE = Path(__file__).parents[1] / "docs" / "method-checks.md"
N_ITEMS, RUNS, REPLICATES = 200, 100, 10_000
N_ITEMS_OF_PROXY, RUNS_OF_PROXY, DRAWS = 1000, 6, 20_000


def measured(case: Case, n_items: int, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean over fresh data sets each way, and its standard error."""
    values = []
    for run in range(runs):
        a, b = case.draw(np.random.default_rng([1, run]), (n_items,))
        ii = foretell.information_imbalance(a, b, metric=case.metric)
        values.append((ii.a_to_b, ii.b_to_a))
    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / math.sqrt(runs)


def known_values() -> Iterator[str]:
    """Every case both ways, beside its reference."""
    yield "| spaces | direction | Foretell | reference | apart, in errors |"
    yield "|---|---|---|---|---|"
    for case in CASES:
        values, errors = measured(case, N_ITEMS, RUNS)
        for back, direction in enumerate(("A to B", "B to A")):
            value, error = values[back], errors[back]
            expected, of_expected = reference(case, N_ITEMS - 1, REPLICATES, seed=2, back=bool(back))
            both = math.hypot(error, of_expected)
            apart = f"{(value - expected) / both:+.1f}" if both else "0, exactly"
            yield (
                f"| {case.name} | {direction} | {value:.4f} +- {error:.4f} | {expected:.4f} +- {of_expected:.4f} "
                f"| {apart} |"
            )


def linear(unexplained: float, axes: int, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple:
    """B of one axis, of which A of some axes leaves a share."""
    a = rng.standard_normal((*shape, axes))
    b = math.sqrt((1 - unexplained) / axes) * a.sum(axis=-1, keepdims=True)
    return a, b + math.sqrt(unexplained) * rng.standard_normal(b.shape)


def one_axis() -> Iterator[str]:
    """The imbalance against conditional entropy, where B has one axis."""
    yield f"| H(B given A) - H(B), nats | closed form | 1 axis in A, N = {N_ITEMS_OF_PROXY:,} | 5 axes in A |"
    yield "|---|---|---|---|"
    for unexplained in (1.0, 0.5, 0.2, 0.1, 0.03, 0.01):
        found = []
        for axes in (1, 5):
            values, errors = measured(Case("", partial(linear, unexplained, axes)), N_ITEMS_OF_PROXY, RUNS_OF_PROXY)
            found.append(f"{values[0]:.3f} +- {errors[0]:.3f}")
        yield f"| {math.log(unexplained) / 2:.2f} | {limit(unexplained):.3f} | {found[0]} | {found[1]} |"


def ranks() -> Iterator[str]:
    """Entropy of the ranks at infinite n, and the bound that the imbalance sets."""
    yield "| unexplained share of each axis of B | H(B given A) - H(B) | imbalance | entropy of ranks | bound |"
    yield "|---|---|---|---|---|"
    for unexplained in ((0.5,), (0.1,), (0.01,), (0.1, 0.1), (0.001, 1.0)):
        several = len(unexplained) > 1
        of_nearest = copula_ranks(unexplained, DRAWS // 5 if several else DRAWS, seed=6, others=DRAWS)
        imbalance = 2 * float(of_nearest.mean())
        yield (
            f"| {', '.join(map(str, unexplained))} | {sum(map(math.log, unexplained)) / 2:.2f} | {imbalance:.3f} "
            f"| {entropy(of_nearest, 100):.2f} | {bound_of_entropy(imbalance):.2f} |"
        )


def main() -> None:
    """Make the tables."""
    page = PAGE.read_text()
    for name, rows in (("known values", known_values), ("one axis", one_axis), ("ranks", ranks)):
        table = "\n".join(rows())
        print(f"{name}\n{table}\n", flush=True)
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, n_found = marked.subn(lambda marks, table=table: f"{marks[1]}{table}\n{marks[2]}", page)
        assert n_found == 1, name
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
