"""Hostile files of every kind: read, or refused in one line. `make fuzz` gives each reader thousands."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.exceptions import ForetellError, StudyError
from foretell.studies.config.study_file import load_study
from tests.hostile.child import case
from tests.hostile.fuzz import make_material, tally
from tests.hostile.readers import HARM, READERS

FEW = 12
SLOW = ("results", "stores' metadata", "stores' arrays", "summary and health of runs", "study files of runs")


@pytest.mark.parametrize("name", [name for name in READERS if name not in HARM])
def test_a_few_of_each_kind(name: str, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    pytest.importorskip("safetensors")
    reader = READERS[name]
    whole = make_material(tmp_path, [name]) / name.replace(" ", "-")
    targets = sorted(path for path in whole.rglob(reader.spoiled) if path.is_file())
    outcomes: set[str] = set()
    for number in range(FEW // 4 if name in SLOW else FEW):
        rng = Random(f"{name}:{number}")  # noqa: S311
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        target = folder / rng.choice(targets).relative_to(whole)
        target.write_bytes(case(reader, target.read_bytes(), rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                reader.read(folder, target)
                outcomes.add("read")
            except ForetellError as error:
                outcomes.add("refused" if 1 <= len(str(error).splitlines()) <= reader.lines else f"said {error!r}")
    assert outcomes <= {"read", "refused"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda of: st.lists(of, max_size=4) | st.dictionaries(st.text(max_size=8), of, max_size=4),
    max_leaves=8,
)
KEYS = ("title", "question", "pairs", "model", "measure", "tokens", "layers", "null", "choose", "stores")


@settings(max_examples=60)
@given(
    study=st.sampled_from(["depth", "map", "tokens", "token-pairs", "controls", "x"]) | VALUES,
    keys=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
)
def test_any_values_in_a_study(study: object, keys: dict[str, object]) -> None:
    with pytest.raises(StudyError) as caught:
        load_study({"study": study, **keys})
    assert 1 <= len(str(caught.value).splitlines()) <= 20


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dies", "ended with -11"),
        ("fills the memory", "MemoryError"),
        ("opens another file", "breach: open /etc/passwd"),
        ("reaches for the network", "breach: socket."),
        ("raises", "KeyError"),
        pytest.param("never ends", "did not end within 5 s", marks=pytest.mark.slow),
    ],
)
def test_harm_is_seen(name: str, says: str, tmp_path: Path) -> None:
    """The process that reads hostile files tells of what must not happen; a dead one is replaced."""
    found = tally(name, 3, make_material(tmp_path, [name]))
    assert found.faults
    assert all(says in fault for fault in found.faults), found.faults
    assert found.outcomes["fault"] == len(found.faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in READERS if name not in HARM])
def test_more_in_a_bounded_process(name: str, tmp_path: Path) -> None:
    found = tally(name, 20, make_material(tmp_path, [name]))
    assert found.faults == []
    assert found.outcomes["read"] + found.outcomes["refused"] == 20
