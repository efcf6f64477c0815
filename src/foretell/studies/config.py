"""A study as it is written down: what may stand in its file, what it defaults to, what is wrong with it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WrapSerializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from foretell.exceptions import StudyError
from foretell.representations.tokens import TokenRule
from foretell.studies.presets import preset_mapping, preset_names
from foretell.studies.yaml_file import read_mapping

__all__ = [
    "DepthStudy",
    "LayerStudy",
    "MapStudy",
    "Measure",
    "ModelOf",
    "PairsOf",
    "Study",
    "load_study",
    "study_from",
]

Name = Annotated[str, Field(min_length=1, max_length=400)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class _Section(BaseModel):
    """Part of a study file: no unknown keys, no conversions ("900" is not 900), never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PairsOf(_Section):
    """Which pairs of items, and how many of them."""

    data: Name | Annotated[list[Name], Field(min_length=1, max_length=100)]
    sides: Annotated[tuple[Name, Name], Field(strict=False)]
    options: dict[str, Any] = {}
    items: Annotated[int, Field(ge=3, le=10**9)] | None = 900
    seed: Seed = 0


class ModelOf(_Section):
    """A model and how it is run."""

    name: Name
    revision: Name | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Name = "auto"
    device_map: Literal["auto"] | None = None
    trust_remote_code: bool = False

    def options(self) -> dict[str, Any]:
        """What `load_model` takes beside the name, where it is not the default."""
        return self.model_dump(exclude={"name"}, exclude_defaults=True)


class Measure(_Section):
    """How the Information Imbalance is measured."""

    k: Count = 1
    convention: Literal["adjusted", "paper", "glielmo"] = "adjusted"
    null: Annotated[int, Field(ge=0, le=10**5)] = 1000
    seed: Seed = 0


class MapMeasure(Measure):
    """The same of a map, whose null takes every pair of layers."""

    null: Annotated[int, Field(ge=0, le=10**5)] = 200


def _both(value: Any) -> Any:
    """One for each side, where one is given for both."""
    return value if isinstance(value, list | tuple) else (value, value)


def _once(pair: Any) -> Any:
    """One where both sides have the same, as it is written."""
    first, second = pair
    return first if first == second else [first, second]


def _model(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _model_as_written(model: ModelOf) -> Any:
    return {"name": model.name, **model.options()} if model.options() else model.name


def _token_rule(rule: str) -> str:
    return str(TokenRule.parse(rule))


_Model = Annotated[ModelOf, BeforeValidator(_model), PlainSerializer(_model_as_written)]
_Rule = Annotated[str, AfterValidator(_token_rule)]
_OfBoth = (BeforeValidator(_both), WrapSerializer(lambda pair, write: _once(write(pair))))


class LayerStudy(_Section):
    """What every study of layers says: pairs, a model a side, tokens, and how to measure."""

    title: Annotated[str, Field(max_length=400)] | None = None
    question: Annotated[str, Field(max_length=2000)] | None = None
    pairs: PairsOf
    model: Annotated[tuple[_Model, _Model], Field(strict=False), *_OfBoth]
    tokens: Annotated[tuple[_Rule, _Rule], Field(strict=False), *_OfBoth] = ("last 20", "last 20")

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.pairs.sides[0] == self.pairs.sides[1] and self.model[0] == self.model[1]:
            raise ValueError(
                f"pairs.sides are {self.pairs.sides[0]!r} twice, through one model: name two sides, or two models"
            )
        return self

    def to_yaml(self) -> str:
        """The whole study, defaults written out, as the text of a study file."""
        said = self.model_dump(mode="json")
        said = {"study": said.pop("study"), **said}
        text: str = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100)
        return text


class DepthStudy(LayerStudy):
    """The study `depth`: at which depth a representation of one side foretells that of the other."""

    study: Literal["depth"]
    measure: Measure = Measure()


class MapStudy(LayerStudy):
    """The study `map`: which layer of one side's model foretells which layer of the other's."""

    study: Literal["map"]
    measure: MapMeasure = MapMeasure()


Study = DepthStudy | MapStudy

_STUDIES: dict[str, type[DepthStudy | MapStudy]] = {"depth": DepthStudy, "map": MapStudy}


def load_study(study: str | Path | Mapping[str, Any] | Study) -> tuple[str, Study]:
    """Find, read and check a study.

    Parameters
    ----------
    study : str, Path, mapping or a study
        The name of a preset, the path of a YAML file, what such a file says, or a study already checked.

    Returns
    -------
    tuple of str and study
        Its name (of the preset or the file; else the kind of study) and the study.

    Raises
    ------
    StudyError
        If there is no such preset or file, or if it is wrong: one line a fault, each naming the file and
        the path inside it.
    """
    if isinstance(study, LayerStudy):
        return study.study, study
    if isinstance(study, Mapping):
        checked = study_from(study, source="study")
        return checked.study, checked
    if str(study) in preset_names():
        name = str(study)
        return name, study_from(preset_mapping(name), source=f"preset {name}")
    path = Path(study)
    if not path.exists() and path.suffix not in {".yaml", ".yml"} and os.sep not in str(study):
        presets = preset_names()
        raise StudyError(
            f"{str(study)!r} is neither a study file nor a preset"
            f"{_did_you_mean(str(study), presets) or '.'} Presets: {', '.join(presets)}."
        )
    return path.stem, study_from(read_mapping(path), source=str(path))


def study_from(mapping: Mapping[str, Any], *, source: str) -> Study:
    """Check what a study file says; `source` names the file in the errors of a `StudyError`."""
    kind = mapping.get("study")
    # A file that names no study is checked as one of depth, which says that it has to.
    model = _STUDIES.get(kind, DepthStudy) if isinstance(kind, str) else DepthStudy
    if isinstance(kind, str) and kind not in _STUDIES:
        guess = _did_you_mean(kind, tuple(_STUDIES))
        raise StudyError(
            f"{source}: study: {kind!r} is not a choice{guess or '.'} Choose {' or '.join(map(repr, _STUDIES))}"
        )
    try:
        return model.model_validate(dict(mapping))
    except ValidationError as error:
        faults = [f"{source}: {line}" for line in _faults(error, model, mapping)]
        raise StudyError("\n".join(faults)) from error


def _faults(error: ValidationError, model: type[LayerStudy], mapping: Mapping[str, Any]) -> Iterator[str]:
    """One line a fault: the path inside the file, what is wrong, what would be right."""
    said: set[str] = set()
    for fault in error.errors(include_url=False):
        loc = fault["loc"]
        if loc[:1] in (("model",), ("tokens",)) and not isinstance(mapping.get(str(loc[0])), list | tuple):
            loc = (loc[0], *loc[2:])  # said once, for both sides
        elif loc[:2] == ("pairs", "data"):
            loc = loc[:2]  # what follows are the two forms that it may have
        line = f"{_path(loc)}: {_message(fault, model)}"
        if _path(loc) not in said:
            said.add(_path(loc))
            yield line


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "the study"


def _message(fault: ErrorDetails, model: type[LayerStudy]) -> str:
    given = repr(fault["input"])
    given = given if len(given) <= 60 else given[:57] + "..."
    context = fault.get("ctx", {})
    match fault["type"]:
        case "tuple_type" | "too_long":
            message = f"{given} is not a pair: write two, one a side, as in [en, es]"
        case "missing":
            message = "missing: it has no default"
        case "extra_forbidden":
            keys = _keys_at(fault["loc"][:-1], model)
            guess = _did_you_mean(str(fault["loc"][-1]), keys)
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


def _keys_at(loc: tuple[int | str, ...], model: type[LayerStudy]) -> tuple[str, ...]:
    """The keys that the section at a path may have."""
    section: type[BaseModel] = model
    for part in loc:
        if part == "model":
            return tuple(ModelOf.model_fields)
        annotation = section.model_fields[str(part)].annotation
        section = annotation if isinstance(annotation, type) else section
    names = tuple(section.model_fields)
    return ("study", *(name for name in names if name != "study")) if "study" in names else names


def _did_you_mean(given: str, valid: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(given, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
