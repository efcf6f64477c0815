from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from foretell.exceptions import StudyError
from foretell.studies.config import DepthStudy, load_study, study_from
from foretell.studies.presets import preset_names


def _mapping(**changed: Any) -> dict[str, Any]:
    least: dict[str, Any] = {"study": "depth", "pairs": {"data": "d", "sides": ["en", "es"]}, "model": "m"}
    return least | changed


def test_defaults() -> None:
    _, study = load_study(_mapping())
    assert (study.pairs.items, study.pairs.seed, study.tokens) == (900, 0, ("last 20", "last 20"))
    assert study.measure.model_dump() == {"k": 1, "convention": "adjusted", "null": 1000, "seed": 0}


def test_every_preset_is_valid_and_asks_a_question() -> None:
    assert "depth" in preset_names()
    for preset in preset_names():
        name, study = load_study(preset)
        assert name == preset
        assert study.question
        assert study.question.endswith("?")


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    _, study = load_study(_mapping(title="A – ü: #1", pairs={"data": "d", "sides": ["no", "zh-Hans"], "items": None}))
    path = tmp_path / "again.yaml"
    path.write_text(study.to_yaml(), encoding="utf-8")
    assert load_study(path) == ("again", study)


def test_a_study_is_frozen() -> None:
    _, study = load_study("depth")
    with pytest.raises(ValueError, match="frozen"):
        study.tokens = ("last 1", "last 1")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"toknes": "last 2"}, "toknes: unknown key; did you mean 'tokens'? Valid keys: study, title"),
        ({"xyz": 1}, "xyz: unknown key. Valid keys: study, title"),
        (
            {"pairs": {"data": "d", "sides": ["en", "es"], "sede": 1}},
            "pairs.sede: unknown key; did you mean 'seed'? Valid keys: data, sides, options, items",
        ),
        ({"pairs": {"data": "d", "sides": ["en", 3]}}, "pairs.sides[1]: 3: input should be a valid string"),
        ({"pairs": {"data": "d", "sides": ["en"]}}, "pairs.sides[1]: missing"),
        ({"pairs": {"data": "d", "sides": ["en", "es", "fr"]}}, "is not a pair: write two"),
        ({"pairs": {"data": "d", "sides": "en"}}, "pairs.sides: 'en' is not a pair: write two"),
        ({"pairs": {"data": "d", "sides": ["en", "en"]}}, "the study: pairs.sides are 'en' twice, through one model"),
        ({"model": ["m", "n", "o"]}, "is not a pair: write two"),
        ({"model": ["m", {"name": "n", "dtype": "int8"}]}, "model[1].dtype: 'int8' is not a choice"),
        ({"model": {"name": "m", "dtipe": "float16"}}, "unknown key; did you mean 'dtype'? Valid keys: name, revision"),
        ({"model": {"name": "m", "dtype": "int8"}}, "'int8' is not a choice. Choose 'float32', 'bfloat16' or"),
        ({"pairs": {"data": "d", "sides": ["en", "es"], "items": "9"}}, "pairs.items: '9': input should be"),
        ({"pairs": None}, "pairs: None is not a section"),
        ({"measure": {"convention": "papr"}}, "'papr' is not a choice. Choose 'adjusted', 'paper' or 'glielmo'"),
        ({"measure": {"k": True}}, "measure.k: True: input should be a valid integer"),
        ({"measure": {"null": -1}}, "measure.null: -1: input should be greater than or equal to 0"),
        ({"tokens": "20"}, "tokens: tokens='20' is not a token rule: write 'last T'"),
        ({"study": "tokens"}, "study: 'tokens' is not a choice. Choose 'depth' or 'map'"),
        ({"study": "dept"}, "study: 'dept' is not a choice; did you mean 'depth'?"),
        ({"model": "m" * 500}, "model.name: '"),
    ],
)
def test_a_fault_names_file_path_and_choices(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError) as raised:
        study_from(_mapping(**changed), source="mine.yaml")
    message = str(raised.value)
    assert says in message
    assert message.startswith("mine.yaml: ")
    assert "\n" not in message
    assert len(message) < 200


def test_one_line_a_fault() -> None:
    with pytest.raises(StudyError) as raised:
        load_study({"study": "depth", "pairs": {"data": 1}, "extra": 2})
    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == [
        "pairs.data",
        "pairs.sides",
        "model",
        "extra",
    ]


def test_neither_preset_nor_file() -> None:
    with pytest.raises(StudyError, match=r"'dept' is neither .*; did you mean 'depth'\? Presets: depth"):
        load_study("dept")
    with pytest.raises(StudyError, match=r"absent\.yaml: cannot be read: No such file"):
        load_study("absent.yaml")


def test_a_checked_study_passes_through() -> None:
    study = DepthStudy.model_validate(_mapping())
    assert load_study(study) == ("depth", study)


def test_one_for_both_sides_or_one_each() -> None:
    _, study = load_study(_mapping(study="map", model=["m", {"name": "n", "device": "cpu"}], tokens=["last 5", "all"]))
    assert [model.name for model in study.model] == ["m", "n"]
    assert study.model[1].options() == {"device": "cpu"}
    assert study.tokens == ("last 5", "all")
    assert study.measure.null == 200
    assert load_study(_mapping(study="map", measure={"k": 3}))[1].measure.null == 200
    said = study.to_yaml()
    assert "model:\n- m\n- name: n\n  device: cpu\n" in said
    assert study_from(yaml.safe_load(said), source="again") == study
    _, same = load_study(_mapping(study="map", pairs={"data": "d", "sides": ["en", "en"]}, model=["m", "n"]))
    assert same.pairs.sides == ("en", "en")
    assert "tokens: last 20\n" in same.to_yaml()
