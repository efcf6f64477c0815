"""Foretell's own errors and warnings.

Every message says what was given, where, and what to do about it, in one line.
"""

from __future__ import annotations

import importlib
import inspect
import operator
import os
import warnings
from collections.abc import Iterable
from types import ModuleType
from typing import Any

__all__ = [
    "AlignmentError",
    "ClusterError",
    "ConstantSpaceWarning",
    "FetchError",
    "ForetellError",
    "ForetellWarning",
    "InputError",
    "MissingDependencyError",
    "OptionError",
    "StoreError",
    "StudyError",
    "TieOrderWarning",
    "UnfinishedStoreError",
    "WriteError",
]

_LONGEST = 300  # of what a library says


class ForetellError(Exception):
    """Base of every error that Foretell raises on purpose."""


class InputError(ForetellError, ValueError):
    """The data cannot be measured as given: shapes, types, non-finite values, constant spaces."""


class AlignmentError(InputError):
    """Two spaces do not hold the same items in the same order."""


class OptionError(InputError):
    """An option has a value that it cannot have; the message lists the valid ones."""


class ClusterError(ForetellError):
    """A cluster cannot be reached, has not what is asked of it, or lost its workers again and again."""


class StoreError(ForetellError):
    """A store of activations is missing, damaged, of another version, or holds something else."""


class UnfinishedStoreError(StoreError):
    """A store whose making was stopped before it had its items."""


class WriteError(ForetellError):
    """A file cannot be written: the disk is full, or the folder read-only."""


class StudyError(ForetellError, ValueError):
    """A study file is wrong; the message names the path inside it."""


class FetchError(ForetellError):
    """A built-in model or data set could not be fetched, or is not what it should be."""


class MissingDependencyError(ForetellError, ImportError):
    """A library that belongs to one of Foretell's extras is not installed."""


class ForetellWarning(UserWarning):
    """Base of every warning that Foretell gives."""


class ConstantSpaceWarning(ForetellWarning):
    """All items of a space are identical: predicting from it is 1, predicting it is undefined (NaN)."""


class TieOrderWarning(ForetellWarning):
    """Ties were broken by item order, as the `glielmo` convention does: the value depends on that order."""


_PACKAGE = os.path.dirname(__file__) + os.sep


def warn(message: str, category: type[ForetellWarning]) -> None:
    """Warn, and name as the place the line outside Foretell that called it."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def check_option(name: str, value: object, valid: Iterable[Any]) -> None:
    """Raise `OptionError` unless `value` is one of `valid`, which the message lists."""
    choices = list(valid)
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise OptionError(f"{name}={value!r} is not an option: choose one of {', '.join(map(repr, choices))}.")


def checked_count(name: str, number: object, *, least: int) -> int:
    """Return `number` as an int, or raise `OptionError` unless it is a whole number of `least` or more."""
    if isinstance(number, bool) or not hasattr(number, "__index__") or operator.index(number) < least:
        raise OptionError(f"{name}={number!r} is not an option: give a whole number of {least} or more.")
    return operator.index(number)


def one_line(error: BaseException) -> str:
    """What an error of a library says, as a part of a message of one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def install(extras: str) -> str:
    """How extras are installed, for a message."""
    return f"pip install 'foretell[{extras}]' (in a clone: pip install '.[{extras}]')"


def require(module: str, extra: str | None) -> ModuleType:
    """Import `module`, or say which extra of Foretell brings it; None for a library that Foretell itself needs."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module  # of a part of a library, the library; or one that the library itself lacks
        remedy = f"pip install {missing}" if extra is None else install(extra)
        raise MissingDependencyError(f"This needs {missing}, which is not installed: {remedy}.") from error
