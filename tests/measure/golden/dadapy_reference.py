"""Records what DADApy gives for `return_information_imbalace` on data without ties.

It needs an environment of its own, since DADApy wants an older numpy than Foretell:

    python -m venv dadapy-env && dadapy-env/bin/pip install dadapy==0.3.4
    dadapy-env/bin/python tests/measure/golden/dadapy_reference.py

`DATA` is read by the test too, so that both measure the same numbers.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECORD = Path(__file__).with_suffix(".json")
DATA: list[dict[str, Any]] = [
    {"seed": 0, "n_items": 60, "dims": 3, "noise": 0.5, "k": 1},
    {"seed": 1, "n_items": 60, "dims": 3, "noise": 0.5, "k": 3},
    {"seed": 2, "n_items": 250, "dims": 6, "noise": 2.0, "k": 1},
    {"seed": 3, "n_items": 250, "dims": 6, "noise": 0.1, "k": 5},
]


def data(case: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two Gaussian clouds of the same items: one has all the dimensions of the other and noise of its own."""
    rng = np.random.default_rng(case["seed"])
    a = rng.standard_normal((case["n_items"], case["dims"]))
    b = a[:, :2] + case["noise"] * rng.standard_normal((case["n_items"], 2))
    return a, b


def main() -> None:
    """Measure every case and write the record."""
    from dadapy import MetricComparisons

    cases = []
    for case in DATA:
        a, b = data(case)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (a_to_b, _), (b_to_a, _) = MetricComparisons(a).return_information_imbalace(b, k=case["k"])
        cases.append({**case, "a_to_b": float(a_to_b), "b_to_a": float(b_to_a)})
    RECORD.write_text(json.dumps({"dadapy": version("dadapy"), "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
