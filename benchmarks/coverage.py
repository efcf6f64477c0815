"""How right the stated errors are: 95 % intervals against the truth, and what is read off planted curves.

Run it as ``.venv/bin/python benchmarks/coverage.py values``, and with ``curves`` for the second table;
``--runs 50 --truth 200`` is a quick look. Each writes its section of ``benchmarks/coverage.md`` and prints
it. All draws have fixed seeds, one a run, so the tables do not depend on ``--jobs`` (processes of one thread each).

**values.** A process is a distribution of items: of what two layers A and A' of one model and one layer B of another
make of them. The estimand is the expectation of a value over fresh samples of as many items, taken as the mean over
``--truth`` samples with seeds of their own; the true standard deviation is theirs. On each of ``--runs`` other samples
the value and its standard error are computed: II(A -> B), II(B -> A), their difference, and II(A -> B) - II(A' -> B).
Coverage is the share of runs whose interval (value -+ `Scores.critical` standard errors, 1.96 of them but for few
groups) holds the estimand; SE / SD is the root mean square standard error over the true standard deviation.

**curves.** A curve of 30 layers has a plateau of 5 that are equal and lowest; the layers beside it lie 4 standard
errors (of their difference to a plateau layer) higher, at each number of items, and those beyond well above the
region's threshold. A run is right where the confidence set holds all 5, and where there is one region whose ends are
at most one layer off those of the plateau. On a flat curve of 30 equal layers it is right to call it flat.
"""

from __future__ import annotations

if __name__ not in ("__main__", "__mp_main__"):
    # Numba imports a module of this name if there is one: it means that which measures code, not this script.
    raise ImportError("benchmarks/coverage.py is a script")

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import foretell
from foretell.measure.imbalance.information_imbalance import imbalance_matrix
from foretell.measure.inference import item_data
from foretell.measure.inference.minimum import minimum, regions
from foretell.measure.inference.standard_errors import Scores

REPORT = Path(__file__).with_suffix(".md")
Floats = NDArray[np.float64]
Activations = NDArray[np.float32]


Sides = tuple[Sequence[Activations], Activations]
"""Layers of A, and the one layer of B that all are compared with."""


def scores_of(sides: Sides, *, k: int = 1, groups: Sequence[str] | None = None) -> Scores:
    """Scores of II(A -> B) for every layer of A, and then of II(B -> A)."""
    layers, b = sides
    cells = [(str(layer), "0") for layer in range(len(layers))]
    scores, places = item_data.scores_of(imbalance_matrix(layers, [b], k=k, groups=groups, named_cells=cells))
    order = [places[direction, *cell] for direction in ("a_to_b", "b_to_a") for cell in cells]
    return scores.combine(np.eye(len(order))[order])


def values_of(sides: Sides, *, k: int = 1) -> Floats:
    """Values alone, which cost less."""
    layers, b = sides
    found: Floats = imbalance_matrix(layers, [b], k=k, errors=False)["imbalance"].values
    return found.reshape(-1)


# --- processes ----------------------------------------------------------------------------------

PLAN = np.random.default_rng(20)  # of what a process holds fixed
MIX = PLAN.standard_normal((3, 8, 200), dtype=np.float32)
CENTRES = PLAN.standard_normal((3, 20, 64), dtype=np.float32)
TEMPLATES = PLAN.standard_normal((3, 3000, 8), dtype=np.float32)
TEMPLATE_SHARES = 1 / np.arange(1, 3001)
TEMPLATE_SHARES /= TEMPLATE_SHARES.sum()


@dataclass(frozen=True)
class Sample:
    """Items as layers A and A' of one model and layer B of another see them, with their groups."""

    a: Activations
    other_a: Activations
    b: Activations
    groups: NDArray[np.int64] | None = None

    @property
    def sides(self) -> Sides:
        """Both layers of A, and B."""
        return (self.a, self.other_a), self.b


def normal(rng: np.random.Generator, *shape: int) -> Activations:
    """Standard normal numbers."""
    return rng.standard_normal(shape, dtype=np.float32)


def views(
    rng: np.random.Generator,
    latent: Activations,
    noise: tuple[float, float, float],
    n_bits: tuple[int, int, int],
    groups: NDArray[np.int64] | None = None,
) -> Sample:
    """Three noisy linear views of what the items are."""
    n_items, known = latent.shape
    return Sample(
        *(
            latent @ MIX[side, :known, :bits] + amount * normal(rng, n_items, bits)
            for side, (amount, bits) in enumerate(zip(noise, n_bits, strict=True))
        ),
        groups,
    )


def projection(rng: np.random.Generator, n_items: int) -> Sample:
    """8 latent dimensions seen through 64 and 96 noisy bits."""
    return views(rng, normal(rng, n_items, 8), (0.7, 0.9, 1.0), (64, 64, 96))


def dense_ties(rng: np.random.Generator, n_items: int) -> Sample:
    """The same through 16 bits: most neighbours are tied."""
    return views(rng, normal(rng, n_items, 8), (0.3, 0.5, 0.6), (16, 16, 16))


def clustered(rng: np.random.Generator, n_items: int) -> Sample:
    """20 clusters, and nothing in common within one."""
    cluster = rng.integers(0, 20, n_items)
    sides = [CENTRES[side][cluster] + amount * normal(rng, n_items, 64) for side, amount in enumerate((1.0, 1.2, 1.5))]
    return Sample(*sides)


def independent(rng: np.random.Generator, n_items: int) -> Sample:
    """Nothing in common."""
    return Sample(*normal(rng, 3, n_items, 64))


def noisy(rng: np.random.Generator, n_items: int) -> Sample:
    """A code of 48 random bits, of which each side has its own 10 to 20 % flipped: no latent dimensions."""
    code = normal(rng, n_items, 48)
    return Sample(*(np.where(rng.random(code.shape) < share, -code, code) for share in (0.1, 0.15, 0.2)))


def duplicates(rng: np.random.Generator, n_items: int) -> Sample:
    """Items from a list of 3,000 texts, some of them common: about half of all items are copies."""
    text = rng.choice(3000, n_items, p=TEMPLATE_SHARES)
    mixed = (TEMPLATES[0][text] @ MIX[side, :, :64] for side in range(3))
    # What a side makes of a text is fixed, so copies are alike on both sides.
    return Sample(*(x + x[:, ::-1] * np.float32(amount) for x, amount in zip(mixed, (0.0, 0.3, 0.6), strict=True)))


def heavy_tailed(rng: np.random.Generator, n_items: int) -> Sample:
    """Latent dimensions of Student's t with 2 degrees of freedom, seen through products and saturation."""
    latent = (normal(rng, n_items, 8) / np.sqrt(rng.chisquare(2, (n_items, 1)) / 2)).astype(np.float32)
    bent = np.tanh(latent) * np.roll(latent, 1, axis=1)
    return Sample(
        np.tanh(latent @ MIX[0, :, :64]) + 0.6 * normal(rng, n_items, 64),
        np.tanh(latent @ MIX[1, :, :64]) + 0.8 * normal(rng, n_items, 64),
        bent @ MIX[2, :, :96] + latent @ MIX[1, :, :96] + 0.6 * normal(rng, n_items, 96),
    )


def unequal_bits(rng: np.random.Generator, n_items: int) -> Sample:
    """24 and 200 bits, and B knows 3 of the 8 latent dimensions."""
    latent = normal(rng, n_items, 8)
    a = views(rng, latent, (0.5, 0.7, 0.0), (24, 24, 1))
    return Sample(a.a, a.other_a, views(rng, latent[:, :3], (0, 0, 0.8), (1, 1, 200)).b)


def in_groups(rng: np.random.Generator, group: NDArray[np.int64], between: float, within: float) -> Sample:
    """Noisy views of items of which those of a group are alike."""
    latent = between * normal(rng, group[-1] + 1, 8)[group] + within * normal(rng, len(group), 8)
    return views(rng, latent, (1.5, 1.8, 2.0), (64, 64, 96), group)


def grouped(rng: np.random.Generator, n_items: int) -> Sample:
    """Groups of 4 alike items, given."""
    return in_groups(rng, np.arange(n_items) // 4, 0.6, 0.8)


def tight_groups(rng: np.random.Generator, n_items: int) -> Sample:
    """50 groups of nearly equal items, given."""
    return in_groups(rng, np.arange(n_items) * 50 // n_items, 0.95, 0.3)


def few_groups(rng: np.random.Generator, n_items: int) -> Sample:
    """20 groups of nearly equal items, given."""
    return in_groups(rng, np.arange(n_items) * 20 // n_items, 0.95, 0.3)


PROCESSES = {
    process.__name__: process
    for process in (
        projection,
        dense_ties,
        clustered,
        independent,
        noisy,
        duplicates,
        heavy_tailed,
        unequal_bits,
        grouped,
        tight_groups,
        few_groups,
    )
}
MORE_NEIGHBOURS = ("projection", "dense_ties", "grouped", "tight_groups")  # measured at k = 5 as well

# --- values -------------------------------------------------------------------------------------

QUANTITIES = {  # of II(A -> B), II(A' -> B), II(B -> A), II(B -> A')
    "A to B": (1, 0, 0, 0),
    "B to A": (0, 0, 1, 0),
    "directions": (1, 0, -1, 0),
    "layers": (1, -1, 0, 0),
}
WEIGHTS = np.array(list(QUANTITIES.values()), float)
BATCH = 50  # runs a task

Cell = tuple[str, int, int]
"""Process, N, k."""


def sample_of(cell: Cell, seed: int, run: int) -> Sample:
    """Items of one run."""
    name, n_items, k = cell
    return PROCESSES[name](np.random.default_rng([seed, n_items, k, run]), n_items)


def truths(cell: Cell, runs: range) -> Floats:
    """Quantities of fresh samples, shape (runs, 4)."""
    samples = (sample_of(cell, 1, run) for run in runs)
    return np.array([WEIGHTS @ values_of(s.sides, k=cell[2]) for s in samples])


def intervals(cell: Cell, runs: range) -> Floats:
    """Quantity, standard error and half of the interval in each run, shape (runs, 4, 3)."""
    rows = []
    for run in runs:
        s = sample_of(cell, 2, run)
        names = None if s.groups is None else [str(group) for group in s.groups]
        scores = scores_of(s.sides, k=cell[2], groups=names).combine(WEIGHTS)
        error = scores.stderr()
        rows.append(np.stack([scores.values, error, scores.critical * error], axis=1))
    return np.array(rows)


def gathered(pool: ProcessPoolExecutor | None, work: Callable[[range], Floats], runs: int) -> Floats:
    """What `work` gives for all runs, batch by batch."""
    batches = [range(first, min(first + BATCH, runs)) for first in range(0, runs, BATCH)]
    return np.concatenate(list(map(work, batches) if pool is None else pool.map(work, batches)))


def value_section(pool: ProcessPoolExecutor | None, runs: int, n_truth: int, sizes: Sequence[int]) -> Iterator[str]:
    """Lines of the section."""
    cells = [(name, n, 1) for name in PROCESSES for n in sizes] + [
        (name, n, 5) for name in MORE_NEIGHBOURS for n in sizes
    ]
    yield (
        f"Coverage of 95 % intervals in %, and SE / SD in brackets; {runs:,} runs a row, truth from {n_truth:,} others "
        "(half as many of both at k = 5)."
    )
    yield ""
    yield f"| process | N | k | II(A to B), II(B to A) | {' | '.join(QUANTITIES)} |"
    yield "|---|---|---|---|" + "---|" * len(QUANTITIES)
    rows, missing = [], 0
    for cell in cells:
        name, n_items, k = cell
        part = 1 if k == 1 else 2  # more neighbours take longer
        truth = gathered(pool, partial(truths, cell), n_truth // part)
        expected, deviation = truth.mean(axis=0), truth.std(axis=0, ddof=1)
        value, error, half = np.moveaxis(gathered(pool, partial(intervals, cell), runs // part), 2, 0)
        missing += int(np.isnan(error).sum())
        share = 100 * (np.abs(value - expected) <= half).mean(axis=0)
        ratio = np.sqrt(np.mean(error**2, axis=0)) / deviation
        rows.append([share, ratio])
        both = " | ".join(f"{s:.1f} ({r:.2f})" for s, r in zip(share, ratio, strict=True))
        yield f"| {name.replace('_', ' ')} | {n_items:,} | {k} | {expected[0]:.3f}, {expected[1]:.3f} | {both} |"
    yield ""
    share, ratio = np.moveaxis(np.array(rows), 1, 0)
    yield (
        f"- coverage {share.min():.1f} to {share.max():.1f} %, mean {share.mean():.1f} %; SE / SD {ratio.min():.2f} to "
        f"{ratio.max():.2f}, mean {ratio.mean():.2f}"
    )
    yield f"- runs without an error: {missing}"
    yield ""
    yield "Processes:"
    yield ""
    for name, process in PROCESSES.items():
        yield f"- {name.replace('_', ' ')}: {process.__doc__}"


# --- curves -------------------------------------------------------------------------------------

N_LAYERS = 30
PLATEAU = range(12, 17)
LOWEST = 2.0  # noise of the plateau's layers
NOISE = np.geomspace(LOWEST, 12.0, 14)  # over which the curve is calibrated
STEP = 4  # standard errors between the plateau and the layers beside it
TAU = 0.05
CALIBRATION = 400_000  # items in all, of which expected values and errors are found


def curve_sample(rng: np.random.Generator, n_items: int, noise: Floats) -> Sides:
    """As many layers of A as `noise` has amounts, and B."""
    latent = normal(rng, n_items, 8)
    there = latent @ MIX[0, :, :64]
    layers = [there + np.float32(amount) * normal(rng, n_items, 64) for amount in noise]
    return layers, latent @ MIX[2, :, :64] + normal(rng, n_items, 64)


def calibration(n_items: int, runs: range) -> Floats:
    """Values at `NOISE`, then the squared error of the difference of two plateau layers, shape (runs, 14 + 1)."""
    rows = []
    for run in runs:
        rng = np.random.default_rng([3, n_items, run])
        values = values_of(curve_sample(rng, n_items, NOISE))[: len(NOISE)]
        two = scores_of(curve_sample(rng, n_items, NOISE[[0, 0]])).combine(np.array([1.0, -1.0, 0.0, 0.0]))
        rows.append([*values, two.stderr()[0] ** 2])
    return np.array(rows)


def planted(found: Floats) -> tuple[Floats, Floats, float]:
    """Noise of each layer that plants the plateau, the expected values, and the error it was made with."""
    values, error = found[:, :-1].mean(axis=0), float(np.sqrt(found[:, -1].mean()))
    expected = np.full(N_LAYERS, values[0])
    expected[[PLATEAU[0] - 1, PLATEAU[-1] + 1]] += STEP * error
    beyond = values[0] + np.linspace(0.12, 0.35, N_LAYERS)  # the threshold is less than .05 above the plateau
    for side in (range(PLATEAU[0] - 2, -1, -1), range(PLATEAU[-1] + 2, N_LAYERS)):
        expected[list(side)] = beyond[: len(side)]
    return np.interp(expected, np.maximum.accumulate(values), NOISE), expected, error


def verdicts(n_items: int, noise: Floats, runs: range) -> Floats:
    """Set holds all of the plateau, share of it held, layers in the set, region right, regions, called flat."""
    rows = []
    for run in runs:
        rng = np.random.default_rng([4, n_items, int(np.ptp(noise) > 0), run])
        scores = scores_of(curve_sample(rng, n_items, noise)).combine(np.eye(N_LAYERS, 2 * N_LAYERS))  # A to B
        where = minimum(scores, seed=run)
        held = len(set(where.places) & set(PLATEAU)) / len(PLATEAU)
        found = () if where.flat else regions(scores, tau=TAU)
        right = len(found) == 1 and abs(found[0].start - PLATEAU[0]) <= 1 and abs(found[0].stop - PLATEAU[-1]) <= 1
        rows.append([held == 1, held, len(where.places), right, len(found), where.flat])
    return np.array(rows, float)


def curve_section(pool: ProcessPoolExecutor | None, runs: int, sizes: Sequence[int]) -> Iterator[str]:
    """Lines of the section."""
    yield (
        f"{N_LAYERS} layers, plateau of {len(PLATEAU)}, the layers beside it {STEP} standard errors higher, "
        f"tau = {TAU}; {runs:,} runs a row, right in % of them."
    )
    yield ""
    yield (
        "| N | II on the plateau | SE of a difference | set holds the plateau | a layer of it (mean) | "
        "layers in the set | region | flat curve called flat |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for n_items in sizes:
        found = gathered(pool, partial(calibration, n_items), max(20, CALIBRATION // n_items))
        noise, expected, error = planted(found)
        there = gathered(pool, partial(verdicts, n_items, noise), runs).mean(axis=0)
        flat = gathered(pool, partial(verdicts, n_items, np.full(N_LAYERS, LOWEST)), runs).mean(axis=0)
        yield (
            f"| {n_items:,} | {expected.min():.3f} | {error:.4f} | {100 * there[0]:.1f} | {100 * there[1]:.1f} | "
            f"{there[2]:.1f} | {100 * there[3]:.1f} | {100 * flat[5]:.1f} |"
        )


# --- report -------------------------------------------------------------------------------------


def write(title: str, lines: Iterator[str], settings: str) -> None:
    """Print a section and put it in place of the one with its title."""
    start = time.perf_counter()
    body = []
    for line in lines:
        print(line, flush=True)
        body.append(line)
    minutes = (time.perf_counter() - start) / 60
    section = f"## {title}\n\n" + "\n".join(body) + f"\n\nMade in {minutes:.1f} minutes by `{settings}`.\n"
    print(f"{minutes:.1f} minutes")
    old = REPORT.read_text().split("\n## ") if REPORT.exists() else ["# Errors against the truth\n"]
    head, sections = old[0], {part.split("\n")[0]: f"## {part.strip()}\n" for part in old[1:]}
    sections[title] = section
    REPORT.write_text("\n".join([head.strip() + "\n", *(sections[name] for name in sorted(sections, reverse=True))]))


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=("values", "curves"))
    parser.add_argument("--runs", type=int, help="1,000 for values, 500 for curves, if not given")
    parser.add_argument("--truth", type=int, default=4000)
    parser.add_argument("--sizes", type=int, nargs="+", help="300 1000 for values, 500 4000 for curves, if not given")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    one_thread = partial(foretell.set_options, threads=1)
    one_thread()
    pool = ProcessPoolExecutor(given.jobs, initializer=one_thread) if given.jobs > 1 else None
    if given.section == "values":
        runs, sizes = given.runs or 1000, given.sizes or (300, 1000)
        lines, more = value_section(pool, runs, given.truth, sizes), f" --truth {given.truth}"
    else:
        runs, sizes = given.runs or 500, given.sizes or (500, 4000)
        lines, more = curve_section(pool, runs, sizes), ""
    settings = f"benchmarks/coverage.py {given.section} --runs {runs}{more} --sizes {' '.join(map(str, sizes))}"
    title = {"values": "Values and differences", "curves": "Planted curves"}[given.section]
    write(title, lines, f"{settings} --jobs {given.jobs}")


if __name__ == "__main__":
    main()
