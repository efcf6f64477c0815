"""Sections of a study file: pairs, models, tokens, and how the imbalance is measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    model_validator,
)

from foretell.cluster.nodes import Replica
from foretell.exceptions import InputError, check_option
from foretell.measure.similarity.measures import MEASURES
from foretell.representations.store.recordings import Recording


def _without_nul(name: str) -> str:
    if "\0" in name:
        raise InputError("a name holds no NUL, which no file's name can have: leave it out")
    return name


Name = Annotated[str, Field(min_length=1, max_length=400)]
_Place = Annotated[Name, AfterValidator(_without_nul)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]

_NO_TEXT = re.compile("[\\0\\ud800-\\udfff]")


class Section(BaseModel):
    """Part of a study file: no unknown keys, no conversions ("900" is not 900), never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _pairs(value: Any) -> Any:
    """A list of pairs, where one pair is given."""
    if isinstance(value, list | tuple) and not value:
        raise InputError("there are none: write a pair as in [en, es], or a list of pairs")
    return [value] if isinstance(value, list | tuple) and isinstance(value[0], str) else value


_Pair = Annotated[tuple[Name, Name], Field(strict=False)]
_Sides = Annotated[
    tuple[_Pair, ...],
    Field(strict=False, max_length=400),
    BeforeValidator(_pairs),
    PlainSerializer(lambda pairs: [list(pair) for pair in pairs] if len(pairs) > 1 else list(pairs[0])),
]


def _plain_options(value: dict[str, Any]) -> dict[str, Any]:
    """Options as `load_pairs` takes them and a study file can hold them: YAML also makes dates, bytes and sets."""
    for name, one in value.items():
        fault = _fault_of(one)
        if fault:
            raise InputError(
                f"{name!r} holds {fault}: write a text in quotes, a number, true, false, or lists of these"
            )
    return value


def _fault_of(value: Any) -> str:
    """What of a value, or within it, is no plain one."""
    if isinstance(value, dict):
        return next(filter(None, map(_fault_of, (*value, *value.values()))), "")
    if isinstance(value, list | tuple):
        return next(filter(None, map(_fault_of, value)), "")
    if isinstance(value, str):
        return "half a letter, or a NUL" if _NO_TEXT.search(value) else ""
    return "" if value is None or isinstance(value, bool | int | float | PurePath) else f"a {type(value).__name__}"


class PairsOf(Section):
    """Which pairs of items, and how many of them."""

    data: _Place | Annotated[list[_Place], Field(min_length=1, max_length=100)]
    sides: _Sides
    options: Annotated[dict[str, Any], AfterValidator(_plain_options)] = {}
    only: _Place | None = None
    items: Annotated[int, Field(ge=3, le=10**9)] | None = 900
    seed: Seed = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Every side once, in the order in which they are met."""
        return tuple(dict.fromkeys(side for pair in self.sides for side in pair))


class ReplicaOf(Section):
    """What a worker that holds a model is given of a node of a cluster."""

    num_cpus: Annotated[float, Field(gt=0, le=4096)] = 1
    num_gpus: Annotated[float, Field(ge=0, le=4096)] = 0
    resources: dict[Name, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    def replica(self) -> Replica:
        """As a cluster takes it."""
        return Replica(self.num_cpus, self.num_gpus, self.resources)


class ModelOf(Section):
    """A model and how it is run, or stores that hold what it made already."""

    name: Name
    revision: Name | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Name = "auto"
    device_map: Literal["auto"] | None = None
    random_weights: Seed | None = None
    trust_remote_code: bool = False
    stores: dict[str, _Place] | None = None
    replica: ReplicaOf | None = None

    def options(self) -> dict[str, Any]:
        """What `load_model` takes beside the name, where it is not the default."""
        return self.model_dump(exclude={"name", "stores", "replica"}, exclude_defaults=True)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # stores are a mapping, which has none of its own

    @model_validator(mode="after")
    def _either(self) -> ModelOf:
        if self.stores is not None and (self.options() or self.replica or not self.stores):
            raise ValueError(
                "with stores nothing is run: give a store for each side, as in {en: en.zarr, es: es.zarr}, and no "
                "other key but the name"
            )
        return self


def _model(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _model_as_written(model: ModelOf) -> Any:
    more = model.options() | model.model_dump(include={"stores", "replica"}, exclude_defaults=True)
    return {"name": model.name, **more} if more else model.name


_Model = Annotated[ModelOf, BeforeValidator(_model), PlainSerializer(_model_as_written)]


class EachOf(Section):
    """Several models, of which each stands there in turn."""

    each: Annotated[tuple[_Model, ...], Field(strict=False, min_length=1, max_length=100)]


def _form_of_one(value: Any) -> str:
    return "each" if isinstance(value, EachOf) or (isinstance(value, dict) and "each" in value) else "model"


def _form(value: Any) -> str:
    return "sides" if isinstance(value, list | tuple) else _form_of_one(value)


_One = Annotated[
    Annotated[_Model, Tag("model")] | Annotated[EachOf, Tag("each")],
    Discriminator(_form_of_one),
]
Choice = Annotated[
    Annotated[_Model, Tag("model")]
    | Annotated[EachOf, Tag("each")]
    | Annotated[tuple[_One, _One], Field(strict=False), Tag("sides")],
    Discriminator(_form),
]
"""A model for both sides, or one a side, and wherever one stands `{each: [...]}` for several in turn."""


def models_of(
    choice: ModelOf | EachOf | tuple[ModelOf | EachOf, ModelOf | EachOf],
) -> Iterator[tuple[ModelOf, ModelOf]]:
    """Models of A and of B: of every comparison that a choice stands for."""
    if isinstance(choice, tuple):
        yield from product(*(_each(one) for one in choice))
    else:
        yield from ((one, one) for one in _each(choice))


def _each(one: ModelOf | EachOf) -> tuple[ModelOf, ...]:
    return one.each if isinstance(one, EachOf) else (one,)


def one_rule(text: str) -> str:
    """A recording of all layers, in its usual form."""
    recording = Recording.parse(text)
    if recording.layers is not None:
        raise InputError(f"{text!r} is of some layers, and a study measures all of them: leave out 'at ...'")
    return str(recording)


def _rules(value: Any) -> Any:
    """Rules of A and of B, of every one that stands for itself."""
    several = value["each"] if isinstance(value, dict) and set(value) == {"each"} else [value]
    if not isinstance(several, list | tuple) or not several:
        raise InputError("write a rule, a pair of them as in [mean, all], or {each: [...]} of either")
    return tuple(tuple(one) if isinstance(one, list | tuple) else (one, one) for one in several)


def _rules_as_written(several: Any) -> Any:
    written = [pair[0] if pair[0] == pair[1] else list(pair) for pair in several]
    return written[0] if len(written) == 1 else {"each": written}


_Rule = Annotated[str, AfterValidator(one_rule)]
Rules = Annotated[
    tuple[Annotated[tuple[_Rule, _Rule], Field(strict=False)], ...],
    Field(strict=False, max_length=20),
    BeforeValidator(_rules),
    PlainSerializer(_rules_as_written),
]
"""What is kept of either side: one recording for both, one a side, or several of either in turn."""


def _measure_name(name: str) -> str:
    check_option("beside", name, MEASURES)
    return name


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise InputError("one is named twice: name each once")
    return names


Beside = Annotated[
    tuple[Annotated[str, AfterValidator(_measure_name)], ...], Field(strict=False), AfterValidator(_each_once)
]
"""Names of other measures, of the same spaces."""


class Measure(Section):
    """How the Information Imbalance is measured, and what is shown beside it."""

    k: Count = 1
    convention: Literal["adjusted", "paper", "glielmo"] = "adjusted"
    null: Annotated[int, Field(ge=0, le=10**5)] = 1000
    seed: Seed = 0
    beside: Beside = ()
    beside_k: Count = 10


class MapMeasure(Measure):
    """The same of a map, whose null takes every pair of layers."""

    null: Annotated[int, Field(ge=0, le=10**5)] = 200
