"""What Foretell promises: its public names, what they take and give, and which sections their documentation has.

`python -m tests.public_api` writes it to `tests/public-api.txt`, which the tests hold the code against.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpydoc.docscrape import ClassDoc, FunctionDoc, NumpyDocString
from numpydoc.validate import validate

import foretell
from foretell import exceptions, figures

GOLDEN = Path(__file__).with_name("public-api.txt")

GIVEN = (
    "foretell.measure.inference.contrasts.Contrast",
    "foretell.measure.imbalance.cross_validation.CrossValidated",
    "foretell.measure.inference.minimum.Region",
    "foretell.representations.store.reader.Store",
    "foretell.studies.diagnose.findings.Finding",
    "foretell.studies.planning.plan.Step",
    "foretell.measure.imbalance.semantic_layers.SemanticLayers",
    "foretell.studies.summaries.summary.Summary",
)
"""Types without a public name of their own that public functions give."""

COMPLETE = {"GL08", "SS01", "PR01", "PR02", "PR07", "RT01", "RT03", "YD01"}
"""numpydoc's names of what a function's documentation may not lack: itself, a summary, every parameter and no other,
what each is, what is returned or yielded and what that is."""


def described() -> str:
    """Everything public, one thing a paragraph."""
    names = [f"foretell.{name}" for name in foretell.__all__ if name != "__version__"]
    drawn = [f"foretell.figures.{name}" for name in figures.__all__]
    things = [*sorted(names), *GIVEN, *drawn, *(f"foretell.exceptions.{name}" for name in exceptions.__all__)]
    return "\n\n".join("\n".join(_described(name, thing_named(name))) for name in things) + "\n"


def thing_named(name: str) -> Any:
    """What has a name with dots."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def lacking(name: str) -> list[str]:
    """What the documentation of a public thing lacks, in words."""
    thing = thing_named(name)
    if not inspect.isclass(thing):
        return [
            text for code, text in validate(f"{thing.__module__}.{thing.__qualname__}")["errors"] if code in COMPLETE
        ]
    documented = _documented(_of_class(thing))
    taken = [] if _is_protocol(thing) else [n for n in inspect.signature(thing).parameters if n not in documented]
    methods = [n for n, member in _members(thing) if not (inspect.getdoc(member) or "").strip()]
    return [*(f"{n} is not documented" for n in taken), *(f"{n} has no summary" for n in methods)]


def _described(name: str, thing: Any) -> Iterator[str]:
    if not inspect.isclass(thing):
        yield f"function {name}"
        yield from _signature(thing)
        yield _sections(FunctionDoc(thing))
        return
    bases = ", ".join(base.__name__ for base in thing.__bases__ if base.__module__.startswith("foretell"))
    yield f"class {name}({bases})" if bases else f"class {name}"
    if issubclass(thing, Exception):
        return
    if not _is_protocol(thing):
        yield from _signature(thing)
    for member_name, member in _members(thing):
        if isinstance(member, property):
            yield f"    .{member_name} -> {_written(inspect.signature(member.fget).return_annotation)}"  # type: ignore[arg-type]
        else:
            taken = ", ".join(_parameters(member))
            yield f"    .{member_name}({taken}) -> {_written(inspect.signature(member).return_annotation)}"
    yield _sections(_of_class(thing))


def _signature(thing: Any) -> Iterator[str]:
    yield from (f"    {parameter}" for parameter in _parameters(thing))
    if not inspect.isclass(thing):
        yield f"    -> {_written(inspect.signature(thing).return_annotation)}"


_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def _parameters(thing: Any) -> Iterator[str]:
    """Each with its type and default; a star of its own before those that are given by name."""
    before: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and before not in (
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        ):
            yield "*"
        before = parameter.kind
        typed = "" if parameter.annotation is parameter.empty else f": {_written(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        yield f"{_STARS.get(parameter.kind, '')}{parameter.name}{typed}{default}"


def _members(thing: type) -> Iterator[tuple[str, Any]]:
    for name, member in sorted(vars(thing).items()):
        if not name.startswith("_") and (isinstance(member, property | classmethod | staticmethod) or callable(member)):
            yield name, member if isinstance(member, property) else getattr(thing, name)


def _of_class(thing: type) -> ClassDoc:
    """As it is written, without what numpydoc would add of members."""
    return ClassDoc(thing, config={"show_class_members": False})


def _sections(documentation: NumpyDocString) -> str:
    named = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")
    return f"    documents {', '.join(name for name in named if documentation[name]) or 'nothing further'}"


def _documented(documentation: NumpyDocString) -> set[str]:
    entries = [*documentation["Parameters"], *documentation["Attributes"]]
    return {name.strip() for entry in entries for name in entry.name.split(",")}


def _written(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else "nothing stated"


def _is_protocol(thing: type) -> bool:
    return bool(getattr(thing, "_is_protocol", False))


if __name__ == "__main__":
    GOLDEN.write_text(described(), encoding="utf-8")
    sys.stdout.write(f"{GOLDEN}\n")
