"""Functions of Foretell called under options: ``under(threads=2).imbalance_matrix(x, y)``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import foretell

__all__ = ["call", "under"]


class _Under:
    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(foretell, name)

        @wraps(function)
        def called(*arguments: Any, **named: Any) -> Any:
            with foretell.set_options(**self._options):
                return function(*arguments, **named)

        return called


def under(**options: Any) -> Any:
    """The functions of `foretell`, each called within ``set_options(**options)``."""
    return _Under(options)


OPTIONS = ("threads", "memory", "backend", "cluster")


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function; what is an option of `set_options` among its named arguments is set for that time."""
    options = {name: named.pop(name) for name in OPTIONS if name in named}
    with foretell.set_options(**options):
        return function(*arguments, **named)
