"""Records what DADApy gives on its own published examples, from data made by their recipes.

The example is that of DADApy's tutorial on the Information Imbalance and of its tests: a Gaussian cloud in three
dimensions that is thin along z, all of it against each choice of coordinates. The tutorial draws 1,000 points with a
standard deviation of .01 along z (an early version 2,000 with .1) and sets no seed; the tests read 100 points from a
file, and what they expect of them is `PUBLISHED`.

Run it as `dadapy_reference.py` is run: it needs the same environment.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECORD = Path(__file__).with_suffix(".json")
COORDINATES = ([0], [1], [2], [0, 1], [0, 2], [1, 2])
DATA: list[dict[str, Any]] = [
    {"seed": 0, "n_items": 1000, "thin": 0.01, "k": 1},
    {"seed": 1, "n_items": 1000, "thin": 0.01, "k": 10},
    {"seed": 2, "n_items": 2000, "thin": 0.1, "k": 1},
]
PUBLISHED = {
    "from_all": (0.144, 0.15, 0.968, 0.02, 0.1426, 0.1492),
    "to_all": (0.5978, 0.5128, 0.9696, 0.02, 0.6208, 0.5434),
}
"""What DADApy's tests expect of 100 points, for each of `COORDINATES`: from all three to them, and back."""


def data(case: dict[str, Any]) -> NDArray[np.float64]:
    """A Gaussian cloud, thin along z."""
    rng = np.random.default_rng(case["seed"])
    return rng.standard_normal((case["n_items"], 3)) * (1, 1, case["thin"])


def main() -> None:
    """Measure every case and write the record."""
    from dadapy import MetricComparisons

    cases = []
    for case in DATA:
        x = data(case)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # All places of neighbours are kept: of those beyond `maxk` DADApy makes the ranks up.
            found = MetricComparisons(x, maxk=len(x) - 1).return_inf_imb_full_selected_coords(
                [list(one) for one in COORDINATES], k=case["k"]
            )
        cases.append({**case, "from_all": found[0].tolist(), "to_all": found[1].tolist()})
    RECORD.write_text(json.dumps({"dadapy": version("dadapy"), "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
