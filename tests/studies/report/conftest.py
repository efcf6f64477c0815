"""A run whose texts mean harm, and a browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from foretell.measure.results.result_files import load_result, save_result
from foretell.studies.report.page import write_report
from tests.studies.conftest import Runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = (
    "<script>window.harmed = 1</script>",
    '"><img src=x onerror="window.harmed = 2">',
    "</script><script>window.harmed = 3</script>",
    "<!-- <script>",
    "مرحبا بالعالم: كيف حالك اليوم؟",
    "👩‍👩‍👧‍👦 family 🇺🇳 flag",
    "long " * 2000,
    "line\nbreak\ttab",
    "javascript:alert(1)",
    "${window.harmed = 4} {{window.harmed = 5}}",
)
"""Texts as a data set might hold them."""


@pytest.fixture(scope="session")
def hostile(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose title, answer, names and texts mean harm."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    shutil.copytree(runs["depth"].folder, folder)
    study = folder / "study.yaml"
    said = yaml.safe_load(study.read_text(encoding="utf-8")) | {"title": "</title><script>alert('title')</script>"}
    study.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    summary["paragraph"] = "<script>window.harmed = 6</script>" + summary["paragraph"]
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    (near,) = (folder / "neighbours").glob("*.nc")
    found = load_result(near)
    for end in "ab":
        texts = found[f"text_{end}"].to_numpy().astype(object)
        texts[: len(HOSTILE)] = HOSTILE
        found[f"text_{end}"] = ("item", np.array(texts, object))
    save_result(found, near)
    (result,) = (folder / "results").glob("*.nc")
    measured = load_result(result)
    harm = "<img src=x onerror='window.harmed = 7'>"
    save_result(measured.assign_attrs(side_b=harm, model_a=harm, data=harm), result)
    write_report(folder, folder / "report.html")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium is installed (apt-get install chromium): the page is not opened in a browser")
    with sync_api.sync_playwright() as playwright:
        # Within a container Chromium's own sandbox cannot be set up.
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
