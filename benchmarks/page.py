"""The page at its largest: six maps of 61 x 61 layers, neighbours of 5,000 items; size, time to load, script errors.

    .venv/bin/python benchmarks/page.py [--out FOLDER]

Needs Chromium (`apt-get install chromium`) and playwright. Time runs from the request for the file to when the page can
be used, its first chart being drawn, and to when the others are drawn too; nine loads, the median is shown. Bars: 6 MB
and the data, 2 s, no error.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from playwright.sync_api import sync_playwright

from foretell.studies.report.contents import Contents, Said, Shown
from foretell.studies.report.page import page_of

N_LAYERS, N_ITEMS, N_PAIRS, K = 61, 5000, 6, 5
LOADS = 9


def main() -> None:
    """Make the page, open it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="keep the page in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = (options.out or Path(folder)).resolve() / "largest.html"
        path.write_text(page_of(_contents()), encoding="utf-8")
        empty = len(page_of(Contents((Said("empty"),), ())).encode())
        size = path.stat().st_size
        print(f"{size / 1e6:.1f} MB, of which {empty / 1e6:.1f} MB are the page without data (bar: 6 MB)")
        times, errors, requests = _opened(path)
    usable, drawn = zip(*times, strict=True)
    print(f"usable after {statistics.median(usable):.2f} s ({min(usable):.2f} to {max(usable):.2f}; bar: 2 s)")
    print(f"all is drawn after {statistics.median(drawn):.2f} s ({min(drawn):.2f} to {max(drawn):.2f})")
    print(f"{len(errors)} script errors, {len(requests)} requests beside the file itself")


def _opened(path: Path) -> tuple[list[tuple[float, float]], list[str], list[str]]:
    times, errors, requests = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(LOADS):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-drawn]", timeout=60_000)
            ready, drawn = (
                float(page.evaluate(f"document.documentElement.dataset.{name}")) / 1000 for name in ("ready", "drawn")
            )
            times.append((ready, drawn))
            context.close()
        browser.close()
    return times, errors, [url for url in requests if url != path.as_uri()]


def _contents() -> Contents:
    rng = np.random.default_rng(0)
    languages = ["de", "es", "fr", "it", "pl", "ru"][:N_PAIRS]
    return Contents((Said("The largest page"),), tuple(_shown(rng, languages)))


def _shown(rng: np.random.Generator, languages: list[str]) -> Iterator[Shown]:
    words = np.array([f"word{number}" for number in range(3000)], object)
    texts = {side: [" ".join(rng.choice(words, 12)) for _ in range(N_ITEMS)] for side in ("en", *languages)}
    for language in languages:
        attrs = {
            "n": N_ITEMS - 1, "n_items": N_ITEMS, "n_groups": N_ITEMS, "T": 20, "k": 1, "convention": "adjusted",
            "metric": "hamming", "backend": "numba", "side_a": "en", "side_b": language, "model_a": "a", "model_b": "b",
            "layer_a": "30", "layer_b": "30", "data": "made up",
        }  # fmt: skip
        shape = (2, N_LAYERS, N_LAYERS)
        variables = {
            name: (("direction", "a", "b"), rng.random(shape))
            for name in ("imbalance", "stderr", "low", "high", "p_value")
        }
        variables["null"] = (("quantile", "direction", "a", "b"), rng.random((3, *shape)))
        names = [str(layer) for layer in range(N_LAYERS)]
        coords = {"direction": ["a_to_b", "b_to_a"], "a": names, "b": names, "quantile": [0.025, 0.5, 0.975]}
        near = xr.Dataset(
            {
                "neighbour": (("direction", "query", "place"), rng.integers(0, N_ITEMS, (2, N_ITEMS, K), np.int32)),
                "neighbour_rank": (("direction", "query", "place"), rng.random((2, N_ITEMS, K), np.float32)),
                "query_number": ("query", np.arange(N_ITEMS, dtype=np.int32)),
                "text_a": ("item", np.array(texts["en"], object)),
                "text_b": ("item", np.array(texts[language], object)),
            },
            {"item": [f"item {number}" for number in range(N_ITEMS)]},
            attrs,
        )
        yield Shown(f"en-{language}", xr.Dataset(variables, coords, attrs), neighbours=near)


if __name__ == "__main__":
    main()
