"""The map study: every layer of one side's model against every layer of the other's, both ways."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foretell.exceptions import StudyError
from foretell.measure.compare import imbalance_matrix
from foretell.measure.contrasts import contrast
from foretell.measure.crossfit import cross_fit
from foretell.studies.sides import attributes, prepare

if TYPE_CHECKING:
    import xarray as xr

    from foretell.studies.config import MapStudy

__all__ = ["measure_map"]

_LOG = logging.getLogger(__name__)


def measure_map(study: MapStudy, *, stores: Path, progress: bool = False) -> xr.Dataset:
    """Carry out a map study.

    Parameters
    ----------
    study : MapStudy
    stores : Path
        Folder of the stores of activations (`foretell.studies.sides.prepare`).
    progress : bool
        Whether to show bars.

    Returns
    -------
    Dataset
        The matrix over the numbered layers of both models, with the attributes of a study (`docs/result.md`). Besides:
        `best` (direction, side), the best pair of layers in each direction; `best_value` and `best_stderr` (direction),
        its value cross-fitted: chosen on one half of the items, valued on the other, both ways, with `best_n`
        candidates; `together` (side), the pair where both directions together are lowest, and there `asymmetry` and
        `asymmetry_stderr`, of a to b less b to a.
    """
    import xarray as xr

    pairs, a, b = prepare(study, k=study.measure.k, stores=stores, progress=progress, halves=True)
    _LOG.info("Measuring %d x %d layers both ways on %d items", len(a.layers), len(b.layers), len(pairs))
    how = {
        "k": study.measure.k,
        "convention": study.measure.convention,
        "groups": pairs.groups,
        "seed": study.measure.seed,
    }
    spaces_a, spaces_b = a.spaces(), b.spaces()
    found = imbalance_matrix(spaces_a, spaces_b, null=study.measure.null, **how)  # type: ignore[arg-type]
    values = found["imbalance"].to_numpy()
    if not np.isfinite(values).any(axis=(1, 2)).all():
        raise StudyError("No pair of layers has a value: all items look alike on one of the sides.")
    best = [np.unravel_index(np.nanargmin(of_direction), of_direction.shape) for of_direction in values]
    together = np.unravel_index(np.nanargmin(values.sum(axis=0)), values[0].shape)
    joint = (a.layers[together[0]], b.layers[together[1]])
    # Scores of that pair alone: its asymmetry, with its error.
    pair = imbalance_matrix({joint[0]: spaces_a[joint[0]]}, {joint[1]: spaces_b[joint[1]]}, **how)  # type: ignore[arg-type]
    asymmetry = contrast(pair, {("a_to_b", *joint): 1, ("b_to_a", *joint): -1})
    fitted = cross_fit(spaces_a, spaces_b, curve=False, **how)  # type: ignore[arg-type]
    of_best = [fitted[str(direction)] for direction in found["direction"].to_numpy()]
    more = xr.Dataset(
        {
            "best": (("direction", "side"), [[a.layers[s], b.layers[t]] for s, t in best]),
            "best_value": ("direction", [one.value for one in of_best]),
            "best_stderr": ("direction", [one.stderr for one in of_best]),
            "best_n": ("direction", [min(one.n) for one in of_best]),
            "together": ("side", list(joint)),
            "asymmetry": asymmetry[0],
            "asymmetry_stderr": asymmetry[1],
        },
        coords={"side": ["a", "b"]},
    )
    labelled = found.merge(more).assign_coords(relative_depth_a=("a", a.depths), relative_depth_b=("b", b.depths))
    said = attributes(study, pairs, a, b, str(found.attrs.get("versions", "{}")))
    return labelled.assign_attrs(found.attrs).assign_attrs(said)
