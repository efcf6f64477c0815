"""The measures beside the imbalance, of many spaces in the same walk: CKA, common neighbours, RSA.

All of them are symmetric, and larger for spaces that are more alike (``docs/similarity.md``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, check_option
from foretell.measure import oracle
from foretell.measure import oracle_similarity as similar
from foretell.measure.backends import METRICS, distances, is_constant
from foretell.measure.cells import check_spaces
from foretell.measure.conventions import Floats
from foretell.measure.distances import Distances, Numbers
from foretell.measure.engine import Reducer, Walk
from foretell.measure.estimates import Options, _batches
from foretell.measure.halves import halves_stderr
from foretell.measure.inference import group_codes
from foretell.measure.inputs import Input, Spaces, checked_neighbours, named
from foretell.measure.layout import Layout
from foretell.measure.reducers.cka import debiased_cka
from foretell.measure.reducers.neighbours import Neighbourhoods
from foretell.measure.reducers.products import Pair, Products, Values
from foretell.measure.reducers.rsa import DistanceCounts, SortedDistances, cosines, pearson
from foretell.measure.result import Z_95, result_attributes
from foretell.tasks import checked_count

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MEASURES", "Measure", "similarity_matrix"]


@dataclass(frozen=True)
class Measure:
    """How a measure is to be read, and of what it can be taken."""

    symmetric: bool
    larger_is_more_alike: bool
    metrics: Sequence[str] = METRICS
    of_neighbours: bool = False


MEASURES: Mapping[str, Measure] = {
    # Distances that somebody else has made have no inner products behind them that we could know of.
    "cka": Measure(symmetric=True, larger_is_more_alike=True, metrics=("hamming", "euclidean", "cosine")),
    "mutual_knn": Measure(symmetric=True, larger_is_more_alike=True, of_neighbours=True),
    "overlap": Measure(symmetric=True, larger_is_more_alike=True, of_neighbours=True),
    # Euclidean distances do not tell inner products, which depend on where the origin is.
    "cknna": Measure(symmetric=True, larger_is_more_alike=True, metrics=("hamming", "cosine"), of_neighbours=True),
    "rsa_pearson": Measure(symmetric=True, larger_is_more_alike=True),
    "rsa_spearman": Measure(symmetric=True, larger_is_more_alike=True),
}

SPLITS = 40
_FEWEST = 4  # items that debiased CKA needs

_Found = dict[str, dict[Pair, float]]


def similarity_matrix(
    spaces_a: Spaces,
    spaces_b: Spaces,
    *,
    measures: Sequence[str] | None = None,
    k: int = 10,
    metric: str = "hamming",
    errors: bool = False,
    memory: str | None = None,
    threads: int | None = None,
    backend: str = "auto",
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how alike every space of A and every space of B are, by several measures in one walk over the items.

    Parameters
    ----------
    spaces_a, spaces_b : mapping of names to spaces, or sequence of spaces
        As for `foretell.imbalance_matrix`: over the same N items, 4 or more. An object on both sides is measured once.
    measures : sequence of {"cka", "mutual_knn", "overlap", "cknna", "rsa_pearson", "rsa_spearman"}, optional
        All that the metric allows, by default: "cka" is not of "precomputed" distances, "cknna" of bits and cosines.
    k : int, default 10
        Neighbours of "mutual_knn", "overlap" and "cknna", 1 <= k <= N - 2; with errors, up to N / 2 - 2.
    metric : {"hamming", "euclidean", "cosine", "precomputed"}
    errors : bool, default False
        Whether to compute standard errors from 40 splits into complementary halves: some 20 times the work.
    memory, threads, backend
        As for `foretell.imbalance_matrix`; "rsa_spearman" of floats needs 8 N^2 bytes a space.
    groups : sequence of str, optional
        Group of each item, where items of one group are not independent: no half splits one.
    seed : int, default 0
        Of the halves.

    Returns
    -------
    xarray.Dataset
        With dimensions measure, a, b (``docs/result.md``): ``similarity``, and with errors ``stderr``, ``low`` and
        ``high``.

    Raises
    ------
    AlignmentError, InputError, OptionError

    Warns
    -----
    ConstantSpaceWarning
        For a space whose items are all alike: its similarities are NaN.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> x = np.random.default_rng(0).standard_normal((100, 32))
    >>> found = foretell.similarity_matrix({"x": x}, {"x": x, "turned": -x, "other": x[::-1]}, measures=["cka"])
    >>> found.similarity.sel(measure="cka", a="x").values.round(1).tolist()
    [1.0, 1.0, -0.0]
    """
    options = Options.checked(
        metric=metric, convention="adjusted", errors=errors, backend=backend, threads=threads, memory=memory
    )
    wanted = _checked_measures(measures, metric)
    sides = named(spaces_a, metric, "spaces_a"), named(spaces_b, metric, "spaces_b")
    size = check_spaces(*sides)
    if size < _FEWEST:
        raise InputError(f"{size} items are too few: a similarity needs at least {_FEWEST}.")
    seed = checked_count("seed", seed, least=0)
    n_groups = int(group_codes(groups, size).max()) + 1
    if any(MEASURES[name].of_neighbours for name in wanted):
        k = checked_neighbours(k, size - 1, size)

    every = [*sides[0].values(), *sides[1].values()]
    inputs = list({id(space): space for space in every}.values())
    place = {id(space): number for number, space in enumerate(inputs)}
    of_a, of_b = ([place[id(space)] for space in side.values()] for side in sides)
    cells = [(min(a, b), max(a, b)) for a in of_a for b in of_b]
    shape = (len(wanted), len(of_a), len(of_b))
    measurement = _Measurement(inputs, list(dict.fromkeys(cells)), wanted, k, options)

    def values(layout: Layout) -> Floats:
        found = measurement.found(layout)
        return np.array([[found[name].get(cell, np.nan) for cell in cells] for name in wanted]).reshape(shape)

    def of_half(rows: Any) -> Floats:
        if len(rows) < max(_FEWEST, measurement.least_items):
            raise OptionError(
                f"errors=True measures halves of the items, one of {len(rows)}, too few for k={k}: give more items, "
                "fewer neighbours, or errors=False."
            )
        return values(Layout(rows, rows))

    similarity = values(Layout.everyone(size))
    _warn_constant(measurement.constant(Layout.everyone(size)), sides, (of_a, of_b))
    stderr = halves_stderr(of_half, size, splits=SPLITS, groups=groups, seed=seed) if errors else None
    attributes = {
        "n": size - 1,
        "n_items": size,
        "n_groups": n_groups,
        "T": [1 if isinstance(x, np.ndarray) else x.n_tokens for x in (every[0], every[len(of_a)])],
        "k": k,
        "metric": metric,
        "backend": options.backend,
        "seed": seed,
        "splits": SPLITS if errors else 0,
    }
    return _labelled(wanted, sides, similarity, stderr, attributes)


def _checked_measures(measures: Sequence[str] | None, metric: str) -> list[str]:
    """Names of the measures asked for."""
    there = [name for name, of in MEASURES.items() if metric in of.metrics]
    if measures is None:
        return there
    wanted = [measures] if isinstance(measures, str) else list(measures)
    for name in wanted:
        check_option("measures", name, MEASURES)
        if name not in there:
            raise OptionError(
                f"measures={name!r} is not an option with metric={metric!r}: choose among {', '.join(there)}."
            )
    if not wanted or len(set(wanted)) < len(wanted):
        raise OptionError(f"measures={measures!r} is not an option: give different ones of {', '.join(there)}.")
    return wanted


class _Measurement:
    """Pairs of spaces that are measured on all items, and on halves of them."""

    def __init__(
        self, inputs: Sequence[Input], cells: Sequence[Pair], wanted: Sequence[str], k: int, options: Options
    ) -> None:
        self._inputs, self._cells, self._k = inputs, cells, k
        self._wanted = set(wanted)
        self._spaces = [distances(space, options.metric, options.backend) for space in inputs]
        to_hold = sum(space.to_hold for space in self._spaces)
        if options.errors and to_hold <= options.memory // 2:
            # What is measured 80 times over is not to be read as often.
            for space in self._spaces:
                space.hold()
            options = replace(options, memory=options.memory - to_hold)
        self._options = options
        self._roots = options.metric == "euclidean"
        self._halved = all(space.symmetric for space in self._spaces)
        self._whole = options.metric == "hamming"
        self._centres: dict[tuple[int, bool], float] = {}

    @property
    def least_items(self) -> int:
        """How many items the neighbours asked for need."""
        return self._k + 2 if any(MEASURES[name].of_neighbours for name in self._wanted) else 0

    def constant(self, layout: Layout) -> set[int]:
        """Places of the spaces in which all items are alike."""
        return {place for place, space in enumerate(self._spaces) if is_constant(space, layout)}

    def found(self, layout: Layout) -> _Found:
        """Every measure of every pair of spaces that vary."""
        constant = self.constant(layout)
        cells = [cell for cell in self._cells if not constant.intersection(cell)]
        found: _Found = {name: {} for name in self._wanted}
        if self._options.backend == "numpy":
            parts = [self._by_oracle(cells, layout)]
        else:
            parts = [self._by_walk(some, layout) for some in _batches(cells, lambda some: self._fits(some, layout))]
        for part in parts:
            for name in self._wanted:
                found[name] |= part[name]
        return found

    def _walk(self, cells: Sequence[Pair], layout: Layout) -> tuple[Walk, list[int]]:
        places = sorted({place for cell in cells for place in cell})
        steps = [[self._spaces[place] for place in places]]
        return Walk(steps, layout, memory=self._options.memory, threads=self._options.threads), places

    def _fits(self, cells: Sequence[Pair], layout: Layout) -> bool:
        walk, places = self._walk(cells, layout)
        return walk.fits([*self._reducers(cells, places).values()])

    def _reducers(self, cells: Sequence[Pair], places: Sequence[int]) -> dict[str, Any]:
        """Reducers of the first walk, by what they are for."""
        number = {place: row for row, place in enumerate(places)}
        pairs = [(number[a], number[b]) for a, b in cells]
        spaces = [self._spaces[place] for place in places]
        reducers: dict[str, Reducer] = {}
        if self._wanted & {"mutual_knn", "overlap", "cknna"}:
            slopes = None
            if "cknna" in self._wanted:
                slopes = [2 / space.greatest if space.greatest else 0.5 for space in spaces]
            reducers["neighbours"] = Neighbourhoods(pairs, len(spaces), k=self._k, slopes=slopes)
        for name, root in (("cka", False), ("rsa_pearson", self._roots)):
            if name in self._wanted and f"products {root}" not in reducers:
                values = [Values(self._centre(place, root), root) for place in places]
                reducers[f"products {root}"] = Products(pairs, values, halved=self._halved)
        if "rsa_spearman" in self._wanted:
            greatest = [space.greatest or 0 for space in spaces]
            by_sorting = SortedDistances(pairs, len(spaces), halved=self._halved)
            reducers["ranks"] = DistanceCounts(greatest) if self._whole else by_sorting
        return reducers

    def _by_walk(self, cells: Sequence[Pair], layout: Layout) -> _Found:
        walk, places = self._walk(cells, layout)
        reducers = self._reducers(cells, places)
        self._check_sorting(walk, reducers, layout)
        walk.feed([*reducers.values()])
        found: dict[str, dict[Pair, float]] = {}
        if "neighbours" in reducers:
            common = reducers["neighbours"].result(threads=self._options.threads)
            for name in ("mutual_knn", "overlap", "cknna"):
                found[name] = {pair: getattr(of, name) for pair, of in common.items()}
        if "cka" in self._wanted:
            found["cka"] = debiased_cka(reducers["products False"].result())
        if "rsa_pearson" in self._wanted:
            found["rsa_pearson"] = pearson(reducers[f"products {self._roots}"].result())
        if "rsa_spearman" in self._wanted and not self._whole:
            found["rsa_spearman"] = reducers["ranks"].result()
        elif "rsa_spearman" in self._wanted:
            tables = [Values(table=table) for table in reducers["ranks"].result()]
            number = {place: row for row, place in enumerate(places)}
            second = Products([(number[a], number[b]) for a, b in cells], tables, halved=self._halved)
            walk.feed([second])
            found["rsa_spearman"] = cosines(second.result().products)
        return {
            name: {(places[a], places[b]): value for (a, b), value in of_name.items()}
            for name, of_name in found.items()
        }

    def _check_sorting(self, walk: Walk, reducers: Mapping[str, Any], layout: Layout) -> None:
        ranks = reducers.get("ranks")
        others = [reducer for reducer in reducers.values() if reducer is not ranks]
        if isinstance(ranks, SortedDistances) and walk.fits(others) and not walk.fits([*others, ranks]):
            raise OptionError(
                f"measures='rsa_spearman' sorts all distances of floats, {ranks.n_bytes(layout) / 2**20:.0f} MiB for "
                f"2 spaces of {layout.n_items} items: give more memory, or leave it out."
            )

    def _centre(self, place: int, root: bool) -> float:
        """A number near the distances of a space that depends on neither blocks nor which items are measured."""
        space = self._spaces[place]
        if space.greatest is not None:
            return float(space.greatest // 2)
        if (place, root) not in self._centres:
            row = _row(space)
            self._centres[place, root] = float((np.sqrt(row) if root else row).mean())
        return self._centres[place, root]

    def _by_oracle(self, cells: Sequence[Pair], layout: Layout) -> _Found:
        own = np.ix_(layout.queries, layout.queries)
        d = {place: self._all_distances(place)[own] for cell in cells for place in cell}
        apart = {place: similar.pairs_of_items(np.sqrt(x) if self._roots else x) for place, x in d.items()}
        ranks = {place: similar.average_ranks(x) for place, x in apart.items()}
        slope = {place: 2 / (self._spaces[place].greatest or 4) for place in d}
        found: _Found = {name: {} for name in MEASURES}
        for a, b in cells:
            found["cka"][a, b] = similar.cka(d[a], d[b])
            found["rsa_pearson"][a, b] = similar.pearson(apart[a], apart[b])
            found["rsa_spearman"][a, b] = similar.pearson(ranks[a], ranks[b])
            if self.least_items:
                found["overlap"][a, b] = similar.overlap(d[a], d[b], self._k)
                found["mutual_knn"][a, b] = similar.mutual_knn(d[a], d[b], self._k)
                found["cknna"][a, b] = similar.cknna(d[a], d[b], self._k, (slope[a], slope[b]))
        return found

    def _all_distances(self, place: int) -> Numbers:
        space: Any = self._inputs[place]
        if isinstance(space, np.ndarray):
            return space
        if self._whole:
            return oracle.hamming(space.bits())
        return (oracle.euclidean if self._roots else oracle.cosine)(space.points())


def _row(space: Distances) -> Floats:
    """Distances from the first item to all others."""
    row = np.zeros((1, space.n_items), space.dtype)
    space.fill(row, np.zeros(1, np.int64), np.arange(space.n_items), triangle=False, threads=1, panel_bytes=2**20)
    return row[0, 1:].astype(np.float64)


def _warn_constant(
    constant: set[int], sides: Sequence[Mapping[str, Input]], places: tuple[Sequence[int], Sequence[int]]
) -> None:
    for side, names, of_side in zip("AB", sides, places, strict=True):
        for name, place in zip(names, of_side, strict=True):
            if place in constant:
                warnings.warn(
                    f"All items of space {name} of {side} are alike: how alike it is to others is undefined (NaN).",
                    ConstantSpaceWarning,
                    stacklevel=3,
                )


def _labelled(
    wanted: Sequence[str],
    sides: Sequence[Mapping[str, Input]],
    similarity: Floats,
    stderr: Floats | None,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    import xarray as xr

    over = ("measure", "a", "b")
    variables: dict[str, Any] = {"similarity": (over, similarity)}
    if stderr is not None:
        variables["stderr"] = (over, stderr)
        variables["low"] = (over, similarity - Z_95 * stderr)
        variables["high"] = (over, similarity + Z_95 * stderr)
    coords = {
        "measure": np.array(wanted, dtype=object),
        "a": np.array(list(sides[0]), dtype=object),
        "b": np.array(list(sides[1]), dtype=object),
        "symmetric": ("measure", [MEASURES[name].symmetric for name in wanted]),
        "larger_is_more_alike": ("measure", [MEASURES[name].larger_is_more_alike for name in wanted]),
    }
    return xr.Dataset(variables, coords, result_attributes(attributes))
