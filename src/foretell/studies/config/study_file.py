"""A study as it is written down: what may stand in its file, what it defaults to, what is wrong with it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from foretell.exceptions import InputError, StudyError
from foretell.representations.store.recordings import TokenRule
from foretell.studies.config.comparisons import Comparison, comparisons
from foretell.studies.config.presets import preset_mapping, preset_names
from foretell.studies.config.sections import Choice, Count, MapMeasure, Measure, PairsOf, Rules, Section, models_of
from foretell.studies.config.validation import did_you_mean, faults
from foretell.studies.config.yaml_file import read_mapping

_LEVEL = 0.05
_MOST_FAULTS = 20  # told at once


class StudyOfPairs(Section):
    """What every study says: pairs, and the models that read them."""

    title: Annotated[str, Field(max_length=400)] | None = None
    question: Annotated[str, Field(max_length=2000)] | None = None
    pairs: PairsOf
    model: Choice
    measure: Measure = Measure()

    @property
    def recordings(self) -> tuple[tuple[str, str], ...]:
        """What of A and of B is compared, a recording each: in every way that the study asks for."""
        raise NotImplementedError

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Everything that it compares."""
        return comparisons(self.pairs.sides, tuple(models_of(self.model)), self.recordings)

    @model_validator(mode="after")
    def _different(self) -> Self:
        seen: dict[Any, str] = {}
        for one in self.comparisons:
            before = seen.setdefault((one.sides, one.models, one.tokens), one.name)
            if before != one.name:
                raise ValueError(f"{before!r} and {one.name!r} are the same comparison: name each once")
            if one.is_of_itself:
                raise ValueError(
                    f"pairs.sides are {one.sides[0]!r} twice, through one model: name two sides, or two models"
                )
        return self

    def to_yaml(self) -> str:
        """The whole study, defaults written out, as the text of a study file."""
        said = self.model_dump(mode="json")
        said = {"study": said.pop("study"), **said}
        text: str = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100)
        return text


class _LayerStudy(StudyOfPairs):
    """A study of layers, for some tokens."""

    tokens: Rules = (("last 20", "last 20"),)

    @property
    def recordings(self) -> tuple[tuple[str, str], ...]:
        """The tokens of either side."""
        return self.tokens

    @model_validator(mode="after")
    def _enough_permutations(self) -> Self:
        n_tests = 2 * len(self.comparisons)
        if 0 < self.measure.null < n_tests / _LEVEL - 1:
            raise ValueError(
                f"measure.null: with {self.measure.null} permutations none of {n_tests} least values, corrected "
                f"for their number, could be told from shuffled pairs: give {round(n_tests / _LEVEL)} or more, or 0"
            )
        return self


class DepthStudy(_LayerStudy):
    """The study `depth`: at which depth a representation of one side foretells that of the other."""

    study: Literal["depth"]


class MapStudy(_LayerStudy):
    """The study `map`: which layer of one side's model foretells which layer of the other's."""

    study: Literal["map"]
    measure: MapMeasure = MapMeasure()


def _last_tokens(text: str) -> str:
    rule = TokenRule.parse(text)
    if rule.of != "last" or rule.mean:
        raise InputError(f"{text!r} is not the last tokens of a text: write 'last T', as in 'last 20'")
    return str(rule)


_LastTokens = Annotated[str, AfterValidator(_last_tokens)]


class _TokenStudy(StudyOfPairs):
    """A study of single tokens, the same number of either side."""

    tokens: _LastTokens = "last 20"
    measure: Measure = Measure(null=200)

    @property
    def recordings(self) -> tuple[tuple[str, str], ...]:
        """The last tokens, of both sides."""
        return ((self.tokens, self.tokens),)

    @model_validator(mode="after")
    def _nothing_beside(self) -> Self:
        if self.measure.beside:
            raise ValueError("measure.beside: other measures are of the studies depth and map; controls shows them all")
        return self

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens."""
        count = TokenRule.parse(self.tokens).n_tokens
        assert count is not None  # noqa: S101 - the last tokens are so many
        return count


class _SeveralTokensStudy(_TokenStudy):
    """A study of tokens beside each other."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.n_tokens < 2:
            raise ValueError(f"tokens: {self.tokens!r} is a single token: keep two or more to compare one with another")
        return self


class TokensStudy(_SeveralTokensStudy):
    """The study `tokens`: over how many tokens meaning is spread."""

    study: Literal["tokens"]
    counts: Annotated[tuple[Count, ...], Field(strict=False, min_length=1, max_length=20)] = (1, 10, 20)
    layer: Annotated[int, Field(ge=0)] | None = None
    greedy: Annotated[int, Field(ge=0)] = 10

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        for name, most in (("counts", max(self.counts)), ("greedy", self.greedy)):
            if most > self.n_tokens:
                raise ValueError(f"{name}: {most} tokens are more than {self.tokens!r} keeps")
        if self.greedy and self.measure.convention != "adjusted":
            raise ValueError("greedy: positions are chosen by the convention 'adjusted': choose it, or greedy: 0")
        return self


class TokenPairsStudy(_SeveralTokensStudy):
    """The study `token-pairs`: which token foretells which, at some depths."""

    study: Literal["token-pairs"]
    depths: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1, strict=False)], ...], Field(strict=False, min_length=1, max_length=20)
    ] = (0.0, 0.5, 1.0)
    measure: Measure = Measure(null=0)


class ControlsStudy(_TokenStudy):
    """The study `controls`: whether a result stands when what should not matter is changed, and what should, is."""

    study: Literal["controls"]
    subsamples: Annotated[int, Field(ge=0, le=1000)] = 20


Study = DepthStudy | MapStudy | TokensStudy | TokenPairsStudy | ControlsStudy

_STUDIES: dict[str, type[Study]] = {
    "depth": DepthStudy,
    "map": MapStudy,
    "tokens": TokensStudy,
    "token-pairs": TokenPairsStudy,
    "controls": ControlsStudy,
}


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
    if isinstance(study, StudyOfPairs):
        return study.study, study
    if isinstance(study, Mapping):
        checked = study_from(study, source="study")
        return checked.study, checked
    if str(study) in preset_names():
        name = str(study)
        return name, study_from(preset_mapping(name), source=f"preset {name}")
    path = Path(study)
    # Unlike `Path.exists`, this takes a name that is too long for one that is not there.
    if not os.path.exists(path) and path.suffix not in {".yaml", ".yml"} and os.sep not in str(study):
        presets = preset_names()
        raise StudyError(
            f"{str(study)!r} is neither a study file nor a preset"
            f"{did_you_mean(str(study), presets) or '.'} Presets: {', '.join(presets)}."
        )
    return path.stem, study_from(read_mapping(path), source=str(path))


def study_from(mapping: Mapping[str, Any], *, source: str) -> Study:
    """Check what a study file says; `source` names the file in the errors of a `StudyError`."""
    kind = mapping.get("study")
    # A file that names no study is checked as one of depth, which says that it has to.
    model = _STUDIES.get(kind, DepthStudy) if isinstance(kind, str) else DepthStudy
    if isinstance(kind, str) and kind not in _STUDIES:
        guess = did_you_mean(kind, tuple(_STUDIES))
        raise StudyError(
            f"{source}: study: {kind!r} is not a choice{guess or '.'} Choose one of {', '.join(map(repr, _STUDIES))}"
        )
    try:
        return model.model_validate(dict(mapping))
    except ValidationError as error:
        lines = itertools.islice(faults(error, model, mapping), _MOST_FAULTS)
        raise StudyError("\n".join(f"{source}: {line}" for line in lines)) from error
