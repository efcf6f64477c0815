"""What goes on between this process and a worker: answers, what was raised, deaths."""

from __future__ import annotations

import logging
import os
from typing import Any

from foretell.exceptions import ClusterError, require

RETRIES = 3
"""How often a task is given to another worker because one died."""

PATIENCE = 1.0
"""Seconds after which it is looked whether nodes came or went."""

SAY_AFTER = 30.0
"""Seconds without a worker after which that is said."""

_LOG = logging.getLogger(__name__)


def ray_of_here() -> Any:
    """The module, or the error of one that is missing."""
    return require("ray", "ray")


class WorkerDiedError(Exception):
    """The worker of a task is gone."""


def hide_gpus() -> None:
    """Leave the GPUs of the node to those that were given one: Ray hides none from the others."""
    if not ray_of_here().get_gpu_ids():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def got(reference: Any, what: str) -> Any:
    """An answer; what the work raised; or `WorkerDiedError`."""
    exceptions = require("ray.exceptions", "ray")
    try:
        return ray_of_here().get(reference)
    except exceptions.RayTaskError as error:
        raised = error.cause if isinstance(error.cause, Exception) else error
        _LOG.info("%s failed:\n%s", what, error)  # where in the worker
        raised.add_note(f"In {what}.")
        raise raised from None
    except exceptions.RayError as error:
        raise WorkerDiedError(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error


def say_death(what: str, tries: int, death: WorkerDiedError, *, most: int = RETRIES) -> None:
    """Log a death, or raise where there were too many."""
    if tries > most:
        raise ClusterError(f"{what} was given to {tries} workers, and each died ({death}): look at their logs.")
    _LOG.warning("%s is given to another worker: the last one died (%s)", what, death)
