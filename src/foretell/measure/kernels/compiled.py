"""How the measure's kernels are compiled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

_log = logging.getLogger(__name__)


def compiled(function: Function) -> Function:
    """Compile a kernel on its first call, once a machine; it lets go of the GIL, so kernels run side by side."""
    return _compiled(function)


def compiled_sums(function: Function) -> Function:
    """Compile a kernel whose sums of floats may be taken several terms at a time.

    How many is settled when the kernel is compiled, so the same numbers always have the same sum.
    """
    return _compiled(function, fastmath={"reassoc", "contract"})


def _compiled(function: Function, **options: Any) -> Function:
    try:
        return cast(Function, njit(nogil=True, cache=True, **options)(function))
    except RuntimeError as error:  # neither the package's folder nor one of the user's can be written to
        _log.info("%s is compiled by every process anew (%s): NUMBA_CACHE_DIR says where to keep it", function, error)
        return cast(Function, njit(nogil=True, **options)(function))
