"""What is wrong with a study file, in lines that people can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

# What pydantic puts into the path of a fault to say which of several forms it looked at.
_FORMS = ("model", "each", "sides")


def faults(error: ValidationError, model: type[BaseModel], mapping: Mapping[str, Any]) -> Iterator[str]:
    """One line a fault: the path inside the file, what is wrong, what would be right.

    Parameters
    ----------
    error : ValidationError
        Of `model`, for `mapping`.
    """
    said: set[str] = set()
    found = error.errors(include_url=False)
    for fault in found:
        # A list of which some parts are wrong is not called too short besides.
        if fault["type"] == "too_short" and any(
            one["loc"][: len(fault["loc"])] == fault["loc"] != one["loc"] for one in found
        ):
            continue
        loc = _as_written(fault["loc"], mapping)
        line = f"{_path(loc)}: {_message(fault, loc, model)}"
        if _path(loc) not in said:
            said.add(_path(loc))
            yield line


def did_you_mean(given: str, valid: tuple[str, ...]) -> str:
    """A guess at what was meant, to be put into a message, or nothing."""
    close = difflib.get_close_matches(given, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _as_written(loc: tuple[int | str, ...], mapping: Mapping[str, Any]) -> tuple[int | str, ...]:
    """The path to a fault in the file, where some have one value in place of a list of them."""
    first = loc[:1]
    if first == ("tokens",):
        return _in_tokens(loc, mapping.get("tokens"))
    if loc[:2] == ("pairs", "data"):
        return loc[:2]  # what follows are the two forms that it may have
    if loc[:2] == ("pairs", "sides") and len(loc) > 2:
        sides = mapping["pairs"]["sides"]
        return (*loc[:2], *(loc[2:] if isinstance(sides[0], list | tuple) else loc[3:]))
    if first == ("model",):
        keys = [part for place, part in enumerate(loc[1:], start=1) if not _is_form(loc, place)]
        return (*first, *keys)
    return loc


def _in_tokens(loc: tuple[int | str, ...], given: Any) -> tuple[int | str, ...]:
    """Where in tokens: they are read as a list of pairs, whichever way they are written."""
    if isinstance(given, dict) and set(given) == {"each"}:
        rule = given["each"][loc[1]] if len(loc) > 1 and isinstance(loc[1], int) else None
        return ("tokens", "each", *(loc[1:] if isinstance(rule, list | tuple) else loc[1:2]))
    return ("tokens", *loc[2:]) if isinstance(given, list | tuple) else loc[:1]


def _is_form(loc: tuple[int | str, ...], place: int) -> bool:
    """Whether a part of a path names a form: what follows `model`, or a number within a pair of models."""
    before = loc[place - 1]
    return loc[place] in _FORMS and (place == 1 or (isinstance(before, int) and "each" not in loc[1:place]))


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "the study"


def _message(fault: ErrorDetails, loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    given = repr(fault["input"])
    given = given if len(given) <= 60 else given[:57] + "..."
    context = fault.get("ctx", {})
    match fault["type"]:
        case "too_long" if context["max_length"] > 2:
            message = f"{given} has more than {context['max_length']} parts"
        case "too_short":
            message = f"{given} is empty: write one or more"
        case "tuple_type" if "each" in loc or loc[:1] not in (("tokens",), ("pairs",)):
            message = f"{given} is not a list: write it as in [a, b]"
        case "tuple_type" | "too_long":
            message = f"{given} is not a pair: write two, one a side, as in [en, es]"
        case "missing":
            message = "missing: it has no default"
        case "extra_forbidden":
            # Where several stand in turn, the list of them is all that there may be.
            keys = ("each",) if fault["loc"][-2:-1] == ("each",) else _keys_at(loc[:-1], model)
            guess = did_you_mean(str(loc[-1]), keys)
            message = f"unknown key{guess or '.'} Valid keys: {', '.join(keys)}"
        case "literal_error":
            message = f"{given} is not a choice. Choose {context['expected']}"
        case "value_error":
            message = str(context["error"])
        case "model_type":
            message = f"{given} is not a section: write its keys, indented, on lines of their own"
        case _:
            message = f"{given}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return message


def _keys_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that the section at a path may have."""
    section: type[BaseModel] = model
    for part in loc:
        annotation = section.model_fields[str(part)].annotation if isinstance(part, str) and part != "each" else section
        section = _section_in(annotation) or section
    names = tuple(section.model_fields)
    return ("study", *(name for name in names if name != "study")) if "study" in names else names


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation is of; of several forms, the first."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)
