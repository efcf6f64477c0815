"""Whether distances are of what they should be: similarities in their place, signs of numbers above 0, lengths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foretell.exceptions import InputError
from foretell.measure.array_types import Floats, Items
from foretell.measure.spaces.bits import Bits
from foretell.measure.spaces.floats import PointSpace
from foretell.measure.spaces.given_distances import GivenDistances
from foretell.measure.spaces.libraries import as_array
from foretell.studies.diagnose.findings import Finding
from foretell.studies.diagnose.side_contents import is_collapsed, positive
from foretell.studies.diagnose.sides import Given

__all__ = ["find_metric"]

SIMILARITIES = 0.9
"""Share of rows whose diagonal is above the middle of the others from which a matrix is of similarities."""

NORMS = 0.5
"""Share of the mean squared Euclidean distance that differences of length make, from which that is said."""

_MARKED = 10.0


def find_metric(side: Given, rows: Items, metric: str) -> Iterator[Finding]:
    """Look for a metric that does not fit what was given.

    Parameters
    ----------
    side : Given
    rows : ndarray of int64
        Items.
    metric : str
    """
    if metric == "precomputed":
        yield from _similarities(side)
    elif metric == "hamming":
        yield from _one_sided(side, rows)
    elif metric == "euclidean":
        yield from _norms(side, rows)


def _similarities(side: Given) -> Iterator[Finding]:
    """An item is no farther from itself than from others, and no less similar."""
    for name, space in side.spaces.items():
        if not isinstance(space, GivenDistances):
            continue
        d = space.data
        own = np.diag(d).astype(np.float64)
        others = d[~np.eye(len(d), dtype=bool)].reshape(len(d), -1).astype(np.float64)
        least, middle, top = others.min(axis=1), np.median(others, axis=1), others.max(axis=1)
        # A diagonal far beyond all else was put there so that nothing is its own neighbour: that proves nothing.
        marked = ~np.isfinite(own) | (own - top > _MARKED * (top - least))
        farther = float(((own > middle) & ~marked).mean())
        if farther >= SIMILARITIES:
            yield Finding(
                "wrong_metric",
                f"{side.letter} ({name}) holds similarities, not distances: items are farther from themselves than "
                "from others.",
                {
                    "rows whose diagonal is above the middle of the others": f"{farther:.1%}",
                    "rows whose diagonal is above all others": f"{(own > top).mean():.1%}",
                    "mean of the diagonal, of the rest": f"{own.mean():.3g}, {others.mean():.3g}",
                },
                "give distances: the greatest similarity less each, such as 1 - cosine",
            )


def _one_sided(side: Given, rows: Items) -> Iterator[Finding]:
    """Signs of floats that are nearly all above 0, or below, though they differ."""
    for name, given in side.raw.items():
        x = _floats(given, rows)
        if x is None:
            continue
        share = positive(Bits.from_activations(x))
        centred = positive(Bits.from_activations(x - np.median(x, axis=0)))
        if is_collapsed(share) and not is_collapsed(centred):
            yield Finding(
                "wrong_metric",
                f"Signs are taken of numbers of {side.letter} ({name}) that are nearly all on one side of 0.",
                {
                    "share of positive numbers": f"{share:.1%}",
                    "share above their dimension's median": f"{centred:.1%}",
                    "mean, standard deviation over items": f"{x.mean():.3g}, {x.std(axis=0).mean():.3g}",
                },
                "subtract each dimension's median or mean over the items first, or choose metric='euclidean'",
            )


def _norms(side: Given, rows: Items) -> Iterator[Finding]:
    """Euclidean distances of which most is a difference in length: neighbours are then items as long, not alike."""
    for name, space in side.spaces.items():
        if not isinstance(space, PointSpace):
            continue
        x = space.points(rows).astype(np.float64)
        lengths = np.linalg.norm(x, axis=1)
        spread = float(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean())
        share = float(lengths.var()) / spread if spread else 0.0
        if share > NORMS:
            low, high = np.quantile(lengths, (0.05, 0.95))
            yield Finding(
                "wrong_metric",
                f"Euclidean distances in {side.letter} ({name}) are mostly differences in length of the vectors.",
                {
                    "share of the mean squared distance": f"{share:.1%}",
                    "lengths, 5 % and 95 % quantile": f"{low:.3g}, {high:.3g}",
                },
                "choose metric='cosine', or scale every item to length 1",
            )


def _floats(given: object, rows: Items) -> Floats | None:
    """Floats that were given, of shape (rows, dimensions), or None of anything else."""
    try:
        x = as_array(given)
    except InputError:
        return None
    if x.dtype.kind != "f" or x.ndim < 2:
        return None
    return np.asarray(x[rows].reshape(len(rows), -1), np.float64)
