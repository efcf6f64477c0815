"""From spaces to the measures beside the imbalance, of pairs of spaces: in as few passes as memory allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from foretell.exceptions import OptionError
from foretell.measure.distances.backends import METRICS, distances, distances_from, is_constant
from foretell.measure.imbalance.estimation.request import Options
from foretell.measure.pairwise.passes import Pair, batches
from foretell.measure.pairwise.reduction import PairwiseReduction, Reducer
from foretell.measure.similarity.correlations import DistanceCounts, SortedDistances, cosines, debiased_cka, pearson
from foretell.measure.similarity.distance_products import Products, Values
from foretell.measure.similarity.shared_neighbours import Neighbourhoods
from foretell.measure.spaces.inputs import Input
from foretell.measure.spaces.queries import Layout


@dataclass(frozen=True)
class Measure:
    """Of what a measure can be taken. All are symmetric, and larger for spaces that are more alike."""

    metrics: Sequence[str] = METRICS
    of_neighbours: bool = False


MEASURES: Mapping[str, Measure] = {
    # Distances that somebody else has made have no inner products behind them that we could know of.
    "cka": Measure(metrics=("hamming", "euclidean", "cosine")),
    "mutual_knn": Measure(of_neighbours=True),
    "overlap": Measure(of_neighbours=True),
    # Euclidean distances do not tell inner products, which depend on where the origin is.
    "cknna": Measure(metrics=("hamming", "cosine"), of_neighbours=True),
    "rsa_pearson": Measure(),
    "rsa_spearman": Measure(),
}

_Found = dict[str, dict[Pair, float]]


class Measurement:
    """Pairs of spaces that are measured on all items, and on halves of them."""

    def __init__(
        self, inputs: Sequence[Input], cells: Sequence[Pair], wanted: Sequence[str], k: int, options: Options
    ) -> None:
        self._cells, self._k = cells, k
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

    def found(self, layout: Layout, constant: set[int]) -> _Found:
        """Every measure of every pair of spaces that vary."""
        cells = [cell for cell in self._cells if not constant.intersection(cell)]
        found: _Found = {name: {} for name in self._wanted}
        for some in batches(cells, lambda some: self._n_blocks(some, layout)):
            part = self._by_pass(some, layout)
            for name in self._wanted:
                found[name] |= part[name]
        return found

    def _reduction(self, cells: Sequence[Pair], layout: Layout) -> tuple[PairwiseReduction, list[int]]:
        places = sorted({place for cell in cells for place in cell})
        steps = [[self._spaces[place] for place in places]]
        options = self._options
        return PairwiseReduction(steps, layout, memory=options.memory, threads=options.threads), places

    def _n_blocks(self, cells: Sequence[Pair], layout: Layout) -> int:
        reduction, places = self._reduction(cells, layout)
        blocks = reduction.blocks([*self._reducers(cells, places).values()])
        return blocks.count if blocks is not None else 0

    def _reducers(self, cells: Sequence[Pair], places: Sequence[int]) -> dict[str, Any]:
        """Reducers of the first pass, by what they are for."""
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

    def _by_pass(self, cells: Sequence[Pair], layout: Layout) -> _Found:
        reduction, places = self._reduction(cells, layout)
        reducers = self._reducers(cells, places)
        self._check_sorting(reduction, reducers, layout)
        reduction.run([*reducers.values()])
        found: dict[str, dict[Pair, float]] = {}
        if "neighbours" in reducers:
            found |= reducers["neighbours"].result(threads=self._options.threads)
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
            reduction.run([second])
            found["rsa_spearman"] = cosines(second.result().products)
        return {
            name: {(places[a], places[b]): value for (a, b), value in of_name.items()}
            for name, of_name in found.items()
        }

    def _check_sorting(self, reduction: PairwiseReduction, reducers: Mapping[str, Any], layout: Layout) -> None:
        ranks = reducers.get("ranks")
        others = [reducer for reducer in reducers.values() if reducer is not ranks]
        if isinstance(ranks, SortedDistances) and reduction.blocks(others) and not reduction.blocks([*others, ranks]):
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
            row = distances_from(space, 0, np.arange(1, space.n_items)).astype(np.float64)
            self._centres[place, root] = float((np.sqrt(row) if root else row).mean())
        return self._centres[place, root]
