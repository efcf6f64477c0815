"""How the measure's kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled", "compiled_sums"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a kernel on its first call, once a machine; it lets go of the GIL, so kernels run side by side."""
    return cast(Function, njit(nogil=True, cache=True)(function))


def compiled_sums(function: Function) -> Function:
    """Compile a kernel whose sums of floats may be taken several terms at a time.

    How many is settled when the kernel is compiled, so the same numbers always have the same sum.
    """
    return cast(Function, njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})(function))
