"""The depth study: the imbalance of layer l of one side against layer l of the other, both ways."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.exceptions import StudyError
from foretell.measure.compare import imbalance_curve
from foretell.studies.sides import attributes, prepare

if TYPE_CHECKING:
    import xarray as xr

    from foretell.representations.models import Model
    from foretell.studies.config import DepthStudy

__all__ = ["measure_depth"]

_LOG = logging.getLogger(__name__)


def measure_depth(study: DepthStudy, *, stores: Path, progress: bool = False) -> xr.Dataset:
    """Carry out a depth study.

    Parameters
    ----------
    study : DepthStudy
    stores : Path
        Folder of the stores of activations (`foretell.studies.sides.prepare`).
    progress : bool
        Whether to show bars.

    Returns
    -------
    Dataset
        The curve over the numbered layers, with the attributes of a study (`docs/result.md`).

    Raises
    ------
    StudyError
        If the models of the two sides have different numbers of layers.
    """
    pairs, a, b = prepare(study, k=study.measure.k, stores=stores, progress=progress, check=_check_layers)
    _LOG.info("Measuring %d layers both ways on %d items", len(a.layers), len(pairs))
    curve = imbalance_curve(
        a.spaces(),
        b.spaces(),
        k=study.measure.k,
        convention=study.measure.convention,
        null=study.measure.null,
        seed=study.measure.seed,
        groups=pairs.groups,
    )
    labelled = curve.assign_coords(relative_depth=("layer", a.depths))
    return labelled.assign_attrs(attributes(study, pairs, a, b, str(curve.attrs.get("versions", "{}"))))


def _check_layers(a: Model, b: Model) -> None:
    if a.n_blocks != b.n_blocks:
        raise StudyError(
            f"model: {a.info.id} has {a.n_blocks} blocks and {b.info.id} {b.n_blocks}, so that their layers do not go "
            "in pairs: choose `study: map`, which takes every layer against every other."
        )
