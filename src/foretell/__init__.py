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
from typing import Any

from foretell.version import __version__

# What is logged goes where the application that uses the library wants it, and else nowhere.
logging.getLogger("foretell").addHandler(logging.NullHandler())

# Public name -> module that defines it. They are loaded on first use, so that `import foretell` costs
# nothing and needs none of the extras. Type checkers and editors find them in `__init__.pyi`.
_HOME = {
    "information_imbalance": "foretell.measure.imbalance.information_imbalance",
    "imbalance_matrix": "foretell.measure.imbalance.information_imbalance",
    "imbalance_curve": "foretell.measure.imbalance.information_imbalance",
    "imbalance_by_n": "foretell.measure.imbalance.by_n",
    "token_curve": "foretell.measure.imbalance.by_token",
    "token_map": "foretell.measure.imbalance.by_token",
    "similarity_matrix": "foretell.measure.similarity.similarity_matrix",
    "Imbalance": "foretell.measure.imbalance.information_imbalance",
    "load_result": "foretell.measure.results.result_files",
    "save_result": "foretell.measure.results.result_files",
    "to_frame": "foretell.measure.results.schema",
    "set_options": "foretell.options",
    "contrast": "foretell.measure.inference.contrasts",
    "cross_validate": "foretell.measure.imbalance.cross_validation",
    "halves_stderr": "foretell.measure.inference.halves",
    "FloatSpace": "foretell.measure.spaces.floats",
    "BinarySpace": "foretell.measure.spaces.bits",
    "Replica": "foretell.cluster.nodes",
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
    "greedy_tokens": "foretell.measure.imbalance.greedy_tokens",
    "plan": "foretell.studies.planning.plan",
    "diagnose": "foretell.studies.diagnose.diagnose",
    "Diagnosis": "foretell.studies.diagnose.findings",
    "Answer": "foretell.studies.answer",
    "Plan": "foretell.studies.planning.plan",
    "write_report": "foretell.studies.report.page",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - type checkers read `__init__.pyi`


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
