"""The kernels as plain Python: the same numbers, and lines that a measurement of coverage sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.measure.kernels import plain_kernels


@pytest.mark.slow
def test_kernels_give_what_they_give_as_plain_python(tmp_path: Path) -> None:
    path = tmp_path / "numbers.npz"
    subprocess.run(
        [sys.executable, "-m", "tests.measure.kernels.plain_kernels", str(path)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        check=True,
    )
    wanted = plain_kernels.numbers()
    with np.load(path) as plain:
        assert set(plain.files) == set(wanted)
        for name, values in wanted.items():
            np.testing.assert_allclose(plain[name], values, rtol=1e-10, atol=1e-12, err_msg=name)
