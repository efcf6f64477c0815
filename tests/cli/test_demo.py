"""The depth study for real: the demo's model and sentences, fewer of them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.measure.inference.item_data import items_of
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import cached
from tests.conftest import DEMO_STUDY, DemoRun
from tests.options import under

pytestmark = pytest.mark.model


def documented_attributes() -> set[str]:
    text = (Path(__file__).parents[2] / "docs" / "result.md").read_text(encoding="utf-8")
    lines = [line.split("|")[1] for line in text.split("## Attributes")[1].splitlines() if line.startswith("| `")]
    return {name for line in lines for name in re.findall(r"`(\w+)`", line)}


def test_meaning_is_shared_and_most_so_inside(demo_run: DemoRun) -> None:
    result = demo_run.result
    assert (result["imbalance"] < result["null"].sel(quantile=0.025)).all()
    null = result["null"]
    assert ((null.sel(quantile=0.025) < 1) & (null.sel(quantile=0.975) > 1)).all()
    weights: dict[tuple[str, str], float] = {}
    for direction, found in foretell.semantic_layers(result).items():
        assert found.p_value is not None
        assert found.p_value <= 0.01
        assert 0.2 < found.relative_depth < 0.9
        weights |= {(direction, found.layer): 1, (direction, "0"): -1}
    # Both directions together: there are few items here.
    tested = foretell.contrast(result, weights)
    value, error = tested.value, tested.stderr
    assert value < -2 * error


def test_the_result_has_all_that_the_schema_names(demo_run: DemoRun) -> None:
    attrs = foretell.load_result(demo_run.folder / "results" / "en-es.nc").attrs
    assert documented_attributes() <= set(attrs)
    assert attrs["n_groups"] == len(set(demo_run.en.groups or ()))
    assert attrs["revision_a"] == demo_run.en.info.model_revision
    assert list(attrs["T"]) == [20, 20]
    assert {"foretell", "torch", "transformers", "numba"} <= set(json.loads(attrs["versions"]))
    assert list(items_of(demo_run.result).ids) == list(demo_run.en.ids)


def test_two_arrays_of_the_same_bits_give_the_same_numbers(demo_run: DemoRun) -> None:
    space_a, space_b = (store.space(15) for store in (demo_run.en, demo_run.es))
    ii = foretell.information_imbalance(space_a, space_b)
    at_15 = demo_run.result["imbalance"].sel(layer=15).values
    assert at_15.tolist() == [ii.a_to_b, ii.b_to_a]
    unpacked = [space.bits().unpack().reshape(60, -1) for space in (space_a, space_b)]
    assert under(backend="numpy").information_imbalance(*unpacked).a_to_b == pytest.approx(ii.a_to_b, abs=1e-12)


def test_the_final_norm_changes_no_distance(demo_run: DemoRun) -> None:
    # An RMS norm scales and flips whole columns: `final` says what the last block says, in other signs.
    flipped = demo_run.en.space("30").bits().unpack() ^ demo_run.en.space("final").bits().unpack()
    assert (flipped == flipped[:1, :1]).all()
    assert 0 < flipped[0, 0].sum() < 576
    last, final = (
        foretell.information_imbalance(demo_run.en.space(layer), demo_run.es.space(layer)) for layer in ("30", "final")
    )
    assert last == final


def test_a_rerun_loads_no_model_and_changes_no_byte(demo_run: DemoRun, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [path for path in demo_run.folder.rglob("*") if path.is_file() and "stores" not in path.parts]
    assert {path.name for path in files} >= {
        *("en-es.nc", "en-es.csv", "summary.txt", "study.yaml"),
        *("layers.csv", "asymmetries.csv", "items-en-es.csv", "depth.png", "depth.pdf", "plane.png", "plane.pdf"),
    }
    before = {path: path.read_bytes() for path in files}
    monkeypatch.setattr(
        "foretell.representations.loading.load_model.load",
        lambda *_, **__: pytest.fail("the model was loaded although the stores are complete"),
    )
    again = foretell.run(DEMO_STUDY, out=demo_run.folder)
    xr.testing.assert_identical(again.result, demo_run.result)
    # netCDF files hold times of their own; all else is the same to the byte.
    assert {path.suffix for path in files if path.read_bytes() != before[path]} <= {".nc"}


def test_the_summary_says_which_way(demo_run: DemoRun) -> None:
    text = (demo_run.folder / "summary.txt").read_text(encoding="utf-8")
    assert "English predicts Spanish (en → es)" in text
    assert "60 items in" in text
    assert "Apache-2.0" in text


def test_the_readme_s_many_layers(demo_run: DemoRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code, as it stands there, on the demo of fewer items."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = (one for one in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if 'run("demo"' in one)
    asked: list[tuple[object, ...]] = []

    def run(*given: object, **options: object) -> object:
        asked.append((*given, *options))
        return demo_run.answer

    monkeypatch.setattr(foretell, "run", run)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert asked == [("demo", "out", "progress")]
    paragraph, layer, _, difference = printed.getvalue().splitlines()
    assert paragraph == demo_run.answer.summary.paragraph
    assert layer == foretell.semantic_layers(demo_run.result)["a_to_b"].layer
    wanted = foretell.contrast(demo_run.result, {("a_to_b", "15"): 1, ("a_to_b", "0"): -1})
    assert difference == str(wanted)


@pytest.mark.slow
def test_the_whole_demo(tmp_path: Path) -> None:
    """What the README shows: inner layers below both ends by two standard errors, the null at 1 within its error."""
    if any(cached(part) is None for part in PARTS.values()):
        pytest.skip("the demo's parts are not in the cache: `foretell data fetch` brings them")
    from typer.testing import CliRunner

    from foretell.cli.app import app

    done = CliRunner().invoke(app, ["demo", "--out", os.fspath(tmp_path)])
    assert done.exit_code == 0, done.output
    result = foretell.load_result(tmp_path / "results" / "en-es.nc")
    assert result.attrs["n_items"] == 900
    for direction, found in foretell.semantic_layers(result).items():
        for end in ("0", "30"):
            tested = foretell.contrast(result, {(direction, found.layer): 1, (direction, end): -1})
            value, error = tested.value, tested.stderr
            assert value < -2 * error, (direction, end)
        assert found.regions
    null = result["null"]
    assert (null.sel(quantile=0.025) < 1).all()
    assert (null.sel(quantile=0.975) > 1).all()
    assert np.isfinite(result["stderr"]).all()
