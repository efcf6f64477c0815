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

from foretell.version import __version__

# What is logged goes where the application that uses the library wants it, and else nowhere.
logging.getLogger("foretell").addHandler(logging.NullHandler())

# Public name -> module that defines it. They are loaded on first use, so that `import foretell` costs
# nothing and needs none of the extras.
_HOME = {
    "information_imbalance": "foretell.measure.imbalance.information_imbalance",
    "imbalance_matrix": "foretell.measure.imbalance.information_imbalance",
    "imbalance_curve": "foretell.measure.imbalance.information_imbalance",
    "imbalance_by_n": "foretell.measure.imbalance.by_n",
    "token_curve": "foretell.measure.imbalance.by_token",
    "token_map": "foretell.measure.imbalance.by_token",
    "similarity_matrix": "foretell.measure.similarity.similarity_matrix",
    "Imbalance": "foretell.measure.results.two_spaces",
    "load_result": "foretell.measure.results.result_files",
    "save_result": "foretell.measure.results.result_files",
    "to_frame": "foretell.measure.results.schema",
    "set_options": "foretell.options",
    "contrast": "foretell.measure.inference.contrasts",
    "cross_fit": "foretell.measure.imbalance.cross_validation",
    "halves_stderr": "foretell.measure.inference.halves",
    "Points": "foretell.measure.spaces.floats",
    "Bits": "foretell.measure.spaces.bits",
    "Replica": "foretell.cluster.replica",
    "Space": "foretell.measure.spaces.space",
    "align": "foretell.measure.spaces.space",
    "Pairs": "foretell.representations.data.pairs",
    "Picture": "foretell.representations.data.pictures",
    "load_model": "foretell.representations.loading.load_model",
    "load_pairs": "foretell.representations.loading.load_pairs",
    "select_pairs": "foretell.representations.extraction.selection",
    "extract": "foretell.representations.extraction.extract",
    "import_activations": "foretell.representations.imported.import_activations",
    "open_store": "foretell.representations.store.reader",
    "run": "foretell.studies.run",
    "load_run": "foretell.studies.run_folder",
    "semantic_layers": "foretell.measure.imbalance.semantic_layers",
    "similarity_curve": "foretell.measure.similarity.similarity_matrix",
    "item_imbalance": "foretell.measure.imbalance.by_item",
    "holm": "foretell.measure.inference.p_values",
    "contrast_p_value": "foretell.measure.inference.p_values",
    "greedy_tokens": "foretell.measure.imbalance.greedy_tokens",
    "plan": "foretell.studies.planning.plan",
    "diagnose": "foretell.studies.diagnose.diagnose",
    "Diagnosis": "foretell.studies.diagnose.findings",
    "Answer": "foretell.studies.answer",
    "Plan": "foretell.studies.planning.plan",
    "write_report": "foretell.studies.report.page",
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
    "load_run",
    "open_store",
    "plan",
    "run",
    "save_result",
    "select_pairs",
    "semantic_layers",
    "set_options",
    "similarity_curve",
    "similarity_matrix",
    "to_frame",
    "token_curve",
    "token_map",
    "write_report",
]

if TYPE_CHECKING:
    from foretell.cluster.replica import Replica
    from foretell.measure.imbalance.by_item import item_imbalance
    from foretell.measure.imbalance.by_n import imbalance_by_n
    from foretell.measure.imbalance.by_token import token_curve, token_map
    from foretell.measure.imbalance.cross_validation import cross_fit
    from foretell.measure.imbalance.greedy_tokens import greedy_tokens
    from foretell.measure.imbalance.information_imbalance import (
        imbalance_curve,
        imbalance_matrix,
        information_imbalance,
    )
    from foretell.measure.imbalance.semantic_layers import semantic_layers
    from foretell.measure.inference.contrasts import contrast
    from foretell.measure.inference.halves import halves_stderr
    from foretell.measure.inference.p_values import contrast_p_value, holm
    from foretell.measure.results.result_files import load_result, save_result
    from foretell.measure.results.schema import to_frame
    from foretell.measure.results.two_spaces import Imbalance
    from foretell.measure.similarity.similarity_matrix import similarity_curve, similarity_matrix
    from foretell.measure.spaces.bits import Bits
    from foretell.measure.spaces.floats import Points
    from foretell.measure.spaces.space import Space, align
    from foretell.options import set_options
    from foretell.representations.data.pairs import Pairs
    from foretell.representations.data.pictures import Picture
    from foretell.representations.extraction.extract import extract
    from foretell.representations.extraction.selection import select_pairs
    from foretell.representations.imported.import_activations import import_activations
    from foretell.representations.loading.load_model import load_model
    from foretell.representations.loading.load_pairs import load_pairs
    from foretell.representations.store.reader import open_store
    from foretell.studies.answer import Answer
    from foretell.studies.diagnose.diagnose import diagnose
    from foretell.studies.diagnose.findings import Diagnosis
    from foretell.studies.planning.plan import Plan, plan
    from foretell.studies.report.page import write_report
    from foretell.studies.run import run
    from foretell.studies.run_folder import load_run


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
