"""Names of the arrays that pass between modules."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Ints = NDArray[np.int64]

Items = NDArray[np.int64]
"""Places of items in their space."""

Numbers = NDArray[Any]
