"""From the public function to the kernels it is a short way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.measure.distances import cpu
from foretell.measure.imbalance.estimation import tallies
from foretell.measure.kernels import packing
from tests.options import call

MOST_FRAMES = 8
KERNELS = ((packing, "_pack"), (cpu, "add_columns"), (tallies, "nearest"), (tallies, "rank_entries"))


def frames_below(function: Callable[..., Any]) -> int:
    """Frames on the stack from that of a function down to the caller of this one's caller, both counted."""
    frame, count = sys._getframe(2), 1
    while frame.f_code is not function.__code__:
        assert frame.f_back is not None
        frame, count = frame.f_back, count + 1
    return count


@pytest.mark.parametrize(("module", "kernel"), KERNELS)
def test_the_first_call_of_a_kernel_is_within_eight_frames(
    module: ModuleType, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: Callable[..., Any] = getattr(module, kernel)
    depths: list[int] = []

    def watched(*arguments: Any) -> Any:
        depths.append(frames_below(foretell.information_imbalance))
        return measured(*arguments)

    monkeypatch.setattr(module, kernel, watched)
    a, b = np.random.default_rng(0).standard_normal((2, 100, 64))
    call(foretell.information_imbalance, a, b, threads=1)
    assert 0 < depths[0] <= MOST_FRAMES
