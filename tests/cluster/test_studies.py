"""Studies and commands on a cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from typer.testing import CliRunner

import foretell
from foretell.cli.app import app
from foretell.exceptions import StudyError
from foretell.measure.imbalance.estimation import measurement
from foretell.representations.extraction import model_run
from foretell.studies.config.study_file import study_from
from tests.cluster.conftest import SHARD_ITEMS, Loopback
from tests.options import under


def test_a_study_gives_what_it_gives_here(
    nodes: Loopback, study: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "SPREAD_FROM", 1)
    monkeypatch.setattr(model_run, "_WINDOW_ITEMS", SHARD_ITEMS)
    alone = foretell.run(study, out=tmp_path / "alone")
    shared = under(cluster="auto").run(study, out=tmp_path / "shared")
    for name, result in alone.results.items():
        xr.testing.assert_identical(shared.results[name], result)
    assert shared.summary.paragraph == alone.summary.paragraph
    stores = [sorted((tmp_path / run / "stores").glob("*.zarr")) for run in ("alone", "shared")]
    assert [place.name for place in stores[0]] == [place.name for place in stores[1]]


@pytest.mark.slow
def test_the_command(nodes: Loopback, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(study_from(study, source="here").to_yaml())
    given = ["run", str(tmp_path / "study.yaml"), "--out", str(tmp_path / "run"), "--cluster", nodes.address]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "Plan:" not in done.output
    assert (tmp_path / "run" / "report.html").is_file()


class TestTheStudyFile:
    def test_what_a_worker_is_given(self, study: dict[str, Any]) -> None:
        study["model"]["replica"] = {"num_cpus": 4, "num_gpus": 0.5, "resources": {"highmem": 1}}
        checked = study_from(study, source="here")
        (comparison,) = checked.comparisons
        replica = comparison.models[0].replica
        assert replica is not None
        assert replica.replica() == foretell.Replica(4, 0.5, {"highmem": 1})
        assert "num_gpus: 0.5" in checked.to_yaml()
        assert comparison.models[0].options() == {}

    @pytest.mark.parametrize("wrong", [{"num_cpus": 0}, {"num_gpus": -1}, {"gpus": 1}, {"resources": {"a": 0}}])
    def test_wrong(self, study: dict[str, Any], wrong: dict[str, Any]) -> None:
        study["model"]["replica"] = wrong
        with pytest.raises(StudyError, match=r"replica"):
            study_from(study, source="here")


class TestTheExtractCommand:
    @pytest.mark.slow
    def test_it_fills_a_store(
        self, nodes: Loopback, study: dict[str, Any], tiny_model_folder: Path, tmp_path: Path
    ) -> None:
        given = ["extract", "--model", str(tiny_model_folder), "--data", str(tmp_path / "pairs.tsv")]
        given += ["--side", "left", "--sides", "left,right", "--tokens", "last 3", "--out", str(tmp_path / "left.zarr")]
        done = CliRunner().invoke(app, [*given, "--cluster", "auto", "--replica", "cpus=1"])
        assert done.exit_code == 0, done.output
        assert foretell.open_store(tmp_path / "left.zarr").is_complete

    def test_a_replica_that_says_nothing(self, study: dict[str, Any], tiny_model_folder: Path, tmp_path: Path) -> None:
        given = ["extract", "--model", str(tiny_model_folder), "--data", str(tmp_path / "pairs.tsv"), "--side", "left"]
        done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "x.zarr"), "--replica", "one gpu"])
        assert done.exit_code == 2
        assert "NAME=N" in re.sub(r"\s+", " ", done.output)
