"""Foretell measures how well one neural representation foretells another.

>>> import numpy as np, foretell
>>> rng = np.random.default_rng(0)
>>> a = rng.standard_normal((200, 64))
>>> foretell.information_imbalance(a, a).a_to_b
0.0
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# What is logged goes where the application that uses the library wants it, and else nowhere.
logging.getLogger("foretell").addHandler(logging.NullHandler())

# Public name -> module that defines it. They are loaded on first use, so that `import foretell` costs
# nothing and needs none of the extras.
_HOME = {
    "information_imbalance": "foretell.measure.compare",
    "imbalance_matrix": "foretell.measure.compare",
    "imbalance_curve": "foretell.measure.compare",
    "imbalance_by_n": "foretell.measure.by_n",
    "token_curve": "foretell.measure.by_token",
    "token_map": "foretell.measure.by_token",
    "similarity_matrix": "foretell.measure.similarity",
    "Imbalance": "foretell.measure.imbalance",
    "load_result": "foretell.measure.result_file",
    "save_result": "foretell.measure.result_file",
    "connected": "foretell.cluster",
    "contrast": "foretell.measure.contrasts",
    "cross_fit": "foretell.measure.crossfit",
    "halves_stderr": "foretell.measure.halves",
    "Points": "foretell.measure.points",
    "Bits": "foretell.measure.bits",
    "Replica": "foretell.cluster",
    "Space": "foretell.measure.space",
    "align": "foretell.measure.space",
    "Pairs": "foretell.representations.data",
    "Picture": "foretell.representations.data",
    "load_model": "foretell.representations.models",
    "load_pairs": "foretell.representations.data",
    "select_pairs": "foretell.representations.selection",
    "extract": "foretell.representations.extraction",
    "import_activations": "foretell.representations.imported",
    "open_store": "foretell.representations.store",
    "run": "foretell.studies.run",
    "semantic_layers": "foretell.studies.semantic",
    "similarity_curve": "foretell.measure.similarity",
    "item_imbalance": "foretell.measure.by_item",
    "holm": "foretell.measure.multiple",
    "contrast_p_value": "foretell.measure.multiple",
    "greedy_tokens": "foretell.measure.greedy",
    "plan": "foretell.studies.plan",
    "diagnose": "foretell.studies.diagnose.diagnosing",
    "Diagnosis": "foretell.studies.diagnose.findings",
    "Answer": "foretell.studies.answer",
    "Plan": "foretell.studies.plan",
    "write_report": "foretell.studies.page.render",
}

__all__ = [
    "Answer",
    "Bits",
    "Diagnosis",
    "Imbalance",
    "Pairs",
    "Picture",
    "Plan",
    "Points",
    "Replica",
    "Space",
    "__version__",
    "align",
    "connected",
    "contrast",
    "contrast_p_value",
    "cross_fit",
    "diagnose",
    "extract",
    "greedy_tokens",
    "halves_stderr",
    "holm",
    "imbalance_by_n",
    "imbalance_curve",
    "imbalance_matrix",
    "import_activations",
    "information_imbalance",
    "item_imbalance",
    "load_model",
    "load_pairs",
    "load_result",
    "open_store",
    "plan",
    "run",
    "save_result",
    "select_pairs",
    "semantic_layers",
    "similarity_curve",
    "similarity_matrix",
    "token_curve",
    "token_map",
    "write_report",
]

if TYPE_CHECKING:
    from foretell.cluster import Replica, connected
    from foretell.measure.bits import Bits
    from foretell.measure.by_item import item_imbalance
    from foretell.measure.by_n import imbalance_by_n
    from foretell.measure.by_token import token_curve, token_map
    from foretell.measure.compare import imbalance_curve, imbalance_matrix, information_imbalance
    from foretell.measure.contrasts import contrast
    from foretell.measure.crossfit import cross_fit
    from foretell.measure.greedy import greedy_tokens
    from foretell.measure.halves import halves_stderr
    from foretell.measure.imbalance import Imbalance
    from foretell.measure.multiple import contrast_p_value, holm
    from foretell.measure.points import Points
    from foretell.measure.result_file import load_result, save_result
    from foretell.measure.similarity import similarity_curve, similarity_matrix
    from foretell.measure.space import Space, align
    from foretell.representations.data import Pairs, Picture, load_pairs
    from foretell.representations.extraction import extract
    from foretell.representations.imported import import_activations
    from foretell.representations.models import load_model
    from foretell.representations.selection import select_pairs
    from foretell.representations.store import open_store
    from foretell.studies.answer import Answer
    from foretell.studies.diagnose.diagnosing import diagnose
    from foretell.studies.diagnose.findings import Diagnosis
    from foretell.studies.page.render import write_report
    from foretell.studies.plan import Plan, plan
    from foretell.studies.run import run
    from foretell.studies.semantic import semantic_layers


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"foretell has no {name!r}: its public names are {', '.join(sorted(_HOME))}.")
    try:
        value = getattr(importlib.import_module(home), name)
    except ModuleNotFoundError as error:
        from foretell.exceptions import MissingDependencyError, install

        if (error.name or "").startswith("foretell"):
            raise
        raise MissingDependencyError(
            f"foretell.{name} needs {error.name}, which is not installed: {install('studies,hf')}."
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
