"""Reads a YAML mapping written by a person, and refuses what would silently mean something else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from foretell.exceptions import InputError, StudyError
from foretell.files import read_bounded

_LARGEST = 2**17
_LONGEST_NUMBER = 100


class _Loader(yaml.SafeLoader):
    """The safe loader, less some surprises.

    A key given twice is an error (the last would win), aliases are refused (a few lines of them can stand
    for gigabytes), keys are words even where YAML has a meaning for them (`null`), only `true` and
    `false` are booleans (`no` is Norwegian), and numbers have no more digits than one can print.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not allowed here: write the value out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > _LONGEST_NUMBER:
            raise yaml.MarkedYAMLError(problem="a number of so many digits means nothing", problem_mark=node.start_mark)
        return int(super().construct_yaml_int(node))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
            if key.value in mapping:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            mapping[key.value] = self.construct_object(value, deep=deep)
        return mapping


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_BOOLEAN = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"^(?:true|false)$"), ["t", "f"])


def parse_mapping(text: str, *, source: str) -> dict[str, Any]:
    """The mapping that a YAML text holds.

    Parameters
    ----------
    text : str
        One YAML document.
    source : str
        What to call it in errors: a file's name.

    Raises
    ------
    StudyError
        If it is not YAML (naming line and column), repeats a key, uses aliases, or is not a mapping.
    """
    try:
        # A subclass of SafeLoader: it builds plain values and nothing else.
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
        raise StudyError(f"{source}: {where}{error.problem or 'not YAML'}") from error
    except (yaml.YAMLError, ValueError, AttributeError) as error:  # the last: of what is tagged as a time and is none
        raise StudyError(f"{source}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise StudyError(f"{source}: nested too deeply for a study file.") from None
    if not isinstance(loaded, dict):
        found = "nothing" if loaded is None else f"a {type(loaded).__name__}"
        raise StudyError(f"{source}: holds {found}, not keys and values: start with 'study: depth'.")
    return loaded


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds; raises `StudyError` as `parse_mapping`, or if unreadable."""
    try:
        text = read_bounded(path, _LARGEST, "study file").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: not a text file in UTF-8 (byte {error.start}).") from error
    except InputError as error:
        raise StudyError(str(error)) from error
    return parse_mapping(text, source=str(path))
