"""The page in a real browser: it loads without an error or a request, and does what its controls say."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from foretell.measure.results.result_files import load_result
from tests.studies.conftest import Runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}


@dataclass
class Opened:
    """A page that is open, with what it complained of and asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Any]]:
    """Open a file; at the end it must have complained of nothing and asked for nothing."""
    every: list[Opened] = []

    @contextmanager
    def opened(path: Path, **options: Any) -> Iterator[Opened]:
        settings: dict[str, Any] = {"viewport": WIDE, "accept_downloads": True} | options
        context = browser.new_context(**settings)
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda message: found.errors.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("request", lambda request: found.requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
        every.append(found)
        yield found
        page.wait_for_timeout(50)
        context.close()

    yield opened
    for found in every:
        assert found.errors == []
        # The file itself, and pictures that it holds.
        assert [url for url in found.requests[1:] if not url.startswith(("data:", "blob:"))] == []


def _trace_names(page: Page, chart: str) -> list[str]:
    names: list[str] = page.evaluate(
        f"document.getElementById('{chart}').data.filter((one) => one.name).map((one) => one.name)"
    )
    return names


class TestCurves:
    def test_both_directions_then_one(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["depth"].folder / "report.html") as found:
            assert _trace_names(found.page, "curve-chart") == [
                "shuffled pairs, en → es",
                "English predicts Spanish",
                "Spanish predicts English",
            ]
            found.page.check("input[name=direction][value=b_to_a]")
            assert _trace_names(found.page, "curve-chart") == ["shuffled pairs", "Spanish predicts English"]
            label = found.page.get_attribute("#curve-chart", "aria-label") or ""
            assert "Spanish predicts English: least" in label
            assert "English predicts Spanish" not in label

    def test_values_are_the_results(self, open_page: Callable[..., Any], runs: Runs) -> None:
        result = runs["depth"].answer.result
        with open_page(runs["depth"].folder / "report.html") as found:
            drawn = "document.getElementById('curve-chart').data.find((one) => one.name === 'English predicts Spanish')"
            assert np.array_equal(found.page.evaluate(f"{drawn}.y"), result["imbalance"].to_numpy()[0])
            hover = found.page.evaluate(f"{drawn}.text")
            value, error = (float(result[name][0, 2]) for name in ("imbalance", "stderr"))
            assert f"layer 2 (depth 0.50)<br>English predicts Spanish: {value:.3f} ± {error:.3f}" in hover[2]

    def test_other_measures(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["depth"].folder / "report.html") as found:
            found.page.get_by_label("Measure").select_option("cka")
            drawn = found.page.evaluate("document.getElementById('curve-chart').data.at(-1).y")
            similar = runs["depth"].answer.result["similarity"].sel(measure="cka").to_numpy()
            assert np.array_equal(drawn, similar)
            assert found.page.locator("input[name=direction]").count() == 0
            best = int(np.argmax(similar))
            label = found.page.get_attribute("#curve-chart", "aria-label") or ""
            assert f"CKA: greatest {similar[best]:.3f}" in label
            assert f"at layer {best} " in label

    def test_pairs_models_and_all_together(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["several depths"].folder / "report.html") as found:
            assert found.text("#table-title") == "Numbers of English (A), Spanish (B); tiny"
            found.page.get_by_label("Sides").select_option("English and French")
            assert "French" in found.text("#table-title")
            found.page.get_by_label("Models").select_option("tiny-2")
            assert found.text("#table-title") == "Numbers of English (A), French (B); tiny-2"
            found.page.get_by_label("All results together").check()
            assert _trace_names(found.page, "curve-chart") == [
                f"English and {language}, {model}: en → {code}"
                for model in ("tiny", "tiny-2")
                for language, code in (("Spanish", "es"), ("French", "fr"))
            ]

    def test_the_item_and_the_keyboard_stay_when_the_result_changes(
        self, open_page: Callable[..., Any], runs: Runs
    ) -> None:
        with open_page(runs["several depths"].folder / "report.html") as found:
            found.page.locator("#items button").nth(6).click()
            item = found.text("#item h3")
            found.page.get_by_label("Models").focus()
            found.page.get_by_label("Models").select_option("tiny-2")
            assert found.text("#item h3") == item
            assert found.page.evaluate("document.activeElement.name") == "Models"

    def test_of_a_control_that_is_a_null_the_null_is_drawn_beside_others(
        self, open_page: Callable[..., Any], runs: Runs
    ) -> None:
        with open_page(runs["controls"].folder / "report.html") as found:
            found.page.get_by_label("All results together").check()
            drawn = "document.getElementById('curve-chart').data.find((one) => one.name === 'pairs_shuffled').y"
            null = runs["controls"].answer.results["pairs_shuffled"]["null"].sel(quantile=0.5, direction="a_to_b")
            assert np.array_equal(found.page.evaluate(drawn), null.to_numpy())


class TestMaps:
    def test_a_click_on_a_cell_changes_the_sections(self, open_page: Callable[..., Any], runs: Runs) -> None:
        result = runs["map"].answer.result
        with open_page(runs["map"].folder / "report.html") as found:
            before = found.text("#section-a-title"), found.text("#cell")
            # The cell of layer 1 of A and layer 5 of B, wherever it is drawn.
            x, y = found.page.evaluate(
                """() => {
                  const box = document.getElementById('map-chart');
                  const place = box.getBoundingClientRect(), of = box._fullLayout;
                  return [place.x + of.xaxis._offset + of.xaxis.d2p(5), place.y + of.yaxis._offset + of.yaxis.d2p(1)];
                }"""
            )
            found.page.mouse.move(x, y)
            found.page.mouse.click(x, y)
            found.page.wait_for_selector("#cell:has-text('layer of English by tiny 1,')")
            value, error = (float(result[name].sel(direction="a_to_b", a=1, b=5)) for name in ("imbalance", "stderr"))
            assert f"en by tiny → es by deep: {value:.3f} ± {error:.3f}" in found.text("#cell")
            assert (found.text("#section-a-title"), found.text("#cell")) != before
            assert found.text("#section-a-title") == "Along layer of English by tiny, at layer of Spanish by deep 5"
            drawn = found.page.evaluate("document.getElementById('section-b').data.find((one) => one.name).y")
            assert np.array_equal(drawn, result["imbalance"].sel(direction="a_to_b", a=1).to_numpy())

    def test_the_same_by_keyboard(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["map"].folder / "report.html") as found:
            box = found.page.locator("#map-controls").get_by_label("layer of English by tiny")
            box.select_option("0")
            box.focus()
            found.page.keyboard.press("ArrowDown")
            assert found.text("#cell").startswith("layer of English by tiny 1,")
            # The list is drawn anew, and keeps the keyboard.
            found.page.keyboard.press("ArrowDown")
            assert found.text("#cell").startswith("layer of English by tiny 2,")
            found.page.get_by_role("button", name="Best pair").click()
            best = runs["map"].answer.result["best"].sel(direction="a_to_b").to_numpy()
            assert found.text("#cell").startswith(
                f"layer of English by tiny {best[0]}, layer of Spanish by deep {best[1]}."
            )

    def test_directions_are_different_maps(self, open_page: Callable[..., Any], runs: Runs) -> None:
        result = runs["map"].answer.result
        with open_page(runs["map"].folder / "report.html") as found:
            for direction in ("b_to_a", "a_to_b"):
                found.page.check(f"input[name=direction][value={direction}]")
                drawn = found.page.evaluate("document.getElementById('map-chart').data[0].z")
                assert np.array_equal(drawn, result["imbalance"].sel(direction=direction).to_numpy())
                scale = found.page.evaluate(
                    "(({ zmin, zmax }) => [zmin, zmax])(document.getElementById('map-chart').data[0])"
                )
                assert scale == [float(result["imbalance"].min()), float(result["imbalance"].max())]


class TestNumbers:
    @pytest.mark.parametrize("name", ["depth", "map", "tokens"])
    def test_the_csv_is_the_results(self, open_page: Callable[..., Any], runs: Runs, name: str, tmp_path: Path) -> None:
        with open_page(runs[name].folder / "report.html") as found:
            for button in found.page.locator("#downloads button").all():
                with found.page.expect_download() as started:
                    button.click()
                started.value.save_as(tmp_path / started.value.suggested_filename)
        saved = list(tmp_path.glob("*.csv"))
        assert saved
        for file in saved:
            mine, theirs = (
                list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
                for path in (file, runs[name].folder / "results" / file.name)
            )
            assert mine[0] == theirs[0]
            assert len(mine) == len(theirs)
            for row, other in zip(mine[1:], theirs[1:], strict=True):
                assert [_value(cell) for cell in row] == [_value(cell) for cell in other]

    def test_the_table_can_be_read(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["depth"].folder / "report.html") as found:
            found.page.get_by_text("Show the table").click()
            found.page.wait_for_selector("#table tbody tr")
            assert found.page.locator("#table tbody tr").count() == 10
            assert "imbalance" in found.text("#table thead")


def _value(cell: str) -> object:
    """Numbers by value, so that 1e-07 is 1e-7."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return "nan" if np.isnan(number) else number


class TestNeighbours:
    def test_items_their_neighbours_and_ranks(self, open_page: Callable[..., Any], runs: Runs) -> None:
        near = next(iter(runs["depth"].answer.neighbours.values()))
        with open_page(runs["depth"].folder / "report.html") as found:
            found.page.locator("#items button").nth(4).click()
            assert found.text("#item h3") == "Item made-up-4"
            for direction, end in enumerate("ab"):
                rows = found.page.locator(f"#near-{end} li")
                assert rows.count() == 5
                of = near.isel(direction=direction, query=4)
                for number, row in enumerate(rows.all()):
                    neighbour = int(of["neighbour"][number])
                    assert str(near[f"text_{end}"].to_numpy()[neighbour]) in row.inner_text()
                    rank = float(of["neighbour_rank"][number])
                    assert row.locator("b").inner_text() == (f"{rank:.0f}" if rank.is_integer() else f"{rank:.1f}")

    def test_words_find_items(self, open_page: Callable[..., Any], runs: Runs) -> None:
        texts = next(iter(runs["depth"].answer.neighbours.values()))["text_a"].to_numpy()
        word = texts[7].split()[2]
        with open_page(runs["depth"].folder / "report.html") as found:
            found.page.fill("#query", word.upper())
            shown = found.page.locator("#items button").all_inner_texts()
            count = int(found.text("#count").split()[0])
            assert 0 < count < 60
            assert texts[7] in shown
            found.page.fill("#query", "no such word anywhere")
            assert found.text("#count").startswith("0 of 60")
            assert not found.page.is_visible("#chosen")
            found.page.fill("#query", "")
            assert found.text("#count").startswith("60 of 60")
            assert found.page.is_visible("#chosen")

    def test_those_that_fail_most_come_first(self, open_page: Callable[..., Any], runs: Runs) -> None:
        near = next(iter(runs["depth"].answer.neighbours.values()))
        cost = near["neighbour_rank"].isel(place=0).sum("direction").to_numpy()
        with open_page(runs["depth"].folder / "report.html") as found:
            found.page.get_by_label("Order").select_option("worst")
            first = found.text("#item h3").removeprefix("Item made-up-")
            assert cost[int(first)] == cost.max()
            found.page.get_by_label("Order").select_option("best")
            first = found.page.locator("#items button").first.inner_text()
            assert first == near["text_a"].to_numpy()[int(np.argmin(cost))]


class TestEverywhere:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            *((name, {"viewport": NARROW}) for name in ("depth", "several maps", "token-pairs", "controls", "tokens")),
            ("several depths", {}),
            ("map", {"color_scheme": "dark"}),
        ],
    )
    def test_it_fits_and_complains_of_nothing(
        self, open_page: Callable[..., Any], runs: Runs, name: str, options: dict[str, Any]
    ) -> None:
        with open_page(runs[name].folder / "report.html", **options) as found:
            wide = found.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= options.get("viewport", WIDE)["width"]

    def test_dark_is_dark_and_light_is_light(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["depth"].folder / "report.html") as found:
            look = (
                "[getComputedStyle(document.body).backgroundColor, "
                "document.getElementById('curve-chart').layout.font.color]"
            )
            light = found.page.evaluate(look)
            found.page.emulate_media(color_scheme="dark")
            found.page.wait_for_timeout(200)
            dark = found.page.evaluate(look)
            assert light == ["rgb(255, 255, 255)", "#1f2328"]
            assert dark == ["rgb(20, 23, 26)", "#e8eaed"]

    def test_all_controls_are_reached_by_the_keyboard(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["several maps"].folder / "report.html") as found:
            reached: set[str] = set()
            for _ in range(120):
                found.page.keyboard.press("Tab")
                reached.add(
                    found.page.evaluate(
                        "(({ id, localName, name, textContent }) =>"
                        " id || name || (localName === 'button' ? textContent : localName))(document.activeElement)"
                    )
                )
            assert {"Order", "Models", "direction", "Best pair", "query", "copy", "summary", "study"} <= reached

    def test_every_chart_and_control_has_a_name(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(runs["map"].folder / "report.html") as found:
            unnamed = found.page.evaluate(
                """() => [...document.querySelectorAll('select, input, [role=img]')].filter((one) =>
                  one.offsetParent !== null && !(one.labels && one.labels.length) && !one.getAttribute('aria-label')
                  && !one.closest('svg')).map((one) => one.outerHTML.slice(0, 80))"""
            )
            assert unnamed == []

    def test_the_study_is_copied(self, open_page: Callable[..., Any], runs: Runs) -> None:
        with open_page(
            runs["depth"].folder / "report.html", permissions=["clipboard-read", "clipboard-write"]
        ) as found:
            found.page.click("#copy")
            found.page.wait_for_selector("#copy:has-text('Copied')")
            copied = found.page.evaluate("navigator.clipboard.readText()")
            assert copied == (runs["depth"].folder / "study.yaml").read_text(encoding="utf-8")


def test_harm_comes_to_nothing(open_page: Callable[..., Any], hostile: Path) -> None:
    with open_page(hostile / "report.html") as found:
        page = found.page
        for number in range(10):
            page.locator("#items button").nth(number).click()
        page.fill("#query", "<script>")
        page.locator("#items button").first.click()
        page.fill("#query", "")
        page.hover("#curve-chart .nsewdrag")
        assert page.evaluate("window.harmed") is None
        assert page.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]
        arabic = page.locator("#items .text", has_text="مرحبا").first
        assert arabic.evaluate("(one) => getComputedStyle(one).direction") == "rtl"


def test_hostile_data_fit_a_narrow_screen(open_page: Callable[..., Any], hostile: Path) -> None:
    with open_page(hostile / "report.html", viewport=NARROW) as found:
        found.page.locator("#items button").nth(6).click()
        assert found.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_a_result_file_alone(open_page: Callable[..., Any], runs: Runs, tmp_path: Path) -> None:
    from foretell.studies.report.page import write_report

    (file,) = (runs["depth"].folder / "results").glob("*.nc")
    alone = tmp_path / "alone.nc"
    alone.write_bytes(file.read_bytes())
    assert load_result(alone) is not None
    with open_page(write_report(alone, tmp_path / "page.html")) as found:
        assert not found.page.is_visible("#neighbours")
        assert not found.page.is_visible("#health")
        assert found.page.is_visible("#curve-chart")
