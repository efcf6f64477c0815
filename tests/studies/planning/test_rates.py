"""Rates of this machine: measured once, kept, and solved from trials."""

from __future__ import annotations

from pathlib import Path

import pytest

from foretell.measure.similarity.measures import MEASURES
from foretell.studies.planning import rates
from foretell.studies.planning.rates import Rates, measured_rates
from foretell.studies.planning.work import Work, curve


def test_rates_are_measured_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path))
    monkeypatch.setattr(rates, "_COMPILING_SECONDS", 1e9)
    found, measured_now = measured_rates()
    assert measured_now
    assert set(curve(100, cells=1, bits=64)) | {f"{name} of pairs" for name in MEASURES} <= set(found.seconds)
    assert all(seconds >= 0 for seconds in found.seconds.values())
    assert found.seconds["figures"] + found.seconds["panels"] > 0.01
    assert found.file_bytes["pages"] > 10**6
    few, many = (found.seconds_for(curve(n, cells=20, bits=10**6, permutations=100)) for n in (1000, 4000))
    assert 0 < few < many
    monkeypatch.setattr(rates, "_trials", lambda: pytest.fail("measured again"))
    assert measured_rates() == (found, False)


def test_where_code_is_compiled_trials_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path))
    monkeypatch.setattr(rates, "_COMPILING_SECONDS", 0.0)
    slow_then_fast = iter([(9.0, {"calls": 70.0}, {"pages": 2.0}), (0.5, {"calls": 1.0}, {"pages": 2.0})])
    monkeypatch.setattr(rates, "_trials", lambda: next(slow_then_fast))
    found, _ = measured_rates()
    assert (found.seconds, found.start_seconds) == ({"calls": 1.0}, 0.5)
    assert not list(tmp_path.rglob("*.json"))


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(rates, "_trials", lambda: (0.5, {"calls": 1.0}, {"pages": 2.0}))
    assert measured_rates()[1]


def test_rates_explain_the_times_of_trials() -> None:
    known = {"calls": 0.01, "bits": 2e-13, "rankings": 1e-9}
    works = [Work(calls=1), Work(calls=1, bits=10**11), Work(calls=2, rankings=10**8, bits=10**10)]
    timed = [(sum(work[name] * known[name] for name in known), work) for work in works]
    solved = rates._solved(timed)
    assert solved == pytest.approx(known, rel=1e-6)
    sums = Rates(solved, {"calls": 2.0}, 0.0, 0)
    assert [sums.seconds_for(work) for work in works] == pytest.approx([seconds for seconds, _ in timed])
    assert sums.bytes_for(works[2]) == 4


def test_no_rate_is_below_zero() -> None:
    timed = [(1.0, Work(calls=1)), (0.9, Work(calls=1, bits=10))]
    solved = rates._solved(timed)
    assert solved["bits"] == 0
    assert 0.9 < solved["calls"] < 1
