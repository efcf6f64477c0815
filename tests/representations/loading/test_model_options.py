"""The options of models: the public function and what carries them inside say the same."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import foretell
from foretell.exceptions import OptionError
from foretell.representations.models.base import ModelOptions

GIVEN: dict[str, Any] = {
    "revision": "main",
    "dtype": "float16",
    "device": "cpu",
    "device_map": {"": "cpu"},
    "trust_remote_code": True,
    "allow_pickle": True,
    "random_weights": 7,
    "cache": Path("cache"),
}


def test_load_model_has_the_same_options_and_defaults() -> None:
    parameters = inspect.signature(foretell.load_model).parameters
    of_model = {name: one.default for name, one in parameters.items() if name not in ("name", "modality")}
    assert of_model == {field.name: field.default for field in fields(ModelOptions)}
    assert of_model.keys() == GIVEN.keys()


@pytest.mark.parametrize("without", ["device", "device_map"])  # which exclude each other
def test_load_model_passes_every_option_on(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("foretell.representations.loading.load_model.load", lambda *of: calls.append(of))
    given = {name: value for name, value in GIVEN.items() if name != without}
    foretell.load_model("a", modality="image", **given)
    assert calls == [("a", "image", ModelOptions(**given))]
    assert all(getattr(ModelOptions(), name) != value for name, value in given.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "dtype='int8' is not an option: choose one of 'float32', 'bfloat16', 'float16', 'auto'"),
        ({"random_weights": -1}, "random_weights=-1 is not an option: give a whole number of 0 or more"),
        ({"device": "cpu", "device_map": "auto"}, "device='cpu' and device_map='auto' exclude each other"),
        ({"dtyp": "float16"}, "'dtyp' is not an option of models: choose among revision, dtype, device"),
    ],
)
def test_what_is_no_option_is_refused_before_anything_is_looked_for(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ModelOptions.of(options)
