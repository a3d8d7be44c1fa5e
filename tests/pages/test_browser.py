"""The page in a real browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cdedge.pages.comparison import TrackerOnPage, write_comparison
from cdedge.pages.device import write_device_page
from cdedge_runtime.model.contract import Tap
from tests.conftest import make_spec

from .devices import make_device, make_pictures
from .trackers import make_evaluation
from .webdriver import Browser

_ROWS = "return [...document.querySelectorAll('section:has(#sequences) tbody tr')].map(r => r.cells[0].textContent)"
_ORDERS = "return [...document.querySelectorAll('section:has(#sequences) th')].map(h => h.getAttribute('aria-sort'))"
_WIDTHS = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    names = ("Seq2", "seq10", "Ant")
    trackers = [
        TrackerOnPage(make_evaluation(n, d, names=names)) for n, d in (("ours", 0.5), ("a-peer-of-a-long-name", 1))
    ]
    trackers.append(TrackerOnPage(make_evaluation("partial", 2, names=names[:2])))
    path = tmp_path / "report.html"
    write_comparison(path, trackers, title="Report", facts={"Machine": "m" * 200}, failures=())
    return path


def test_a_click_on_a_heading_sorts_the_sequences(browser: Browser, report: Path) -> None:
    browser.open(report, width_px=1280)
    heading = "//section[h2[@id='sequences']]//th[button='{}']/button"
    assert browser.run(_ROWS) == ["Ant", "Seq2", "seq10"]
    assert browser.run(_ORDERS)[0] == "ascending"
    browser.click(heading.format("ours"))
    assert browser.run(_ROWS) == ["Seq2", "seq10", "Ant"]
    assert browser.run(_ORDERS)[2] == "descending"
    browser.click(heading.format("ours"))
    assert browser.run(_ROWS) == ["Ant", "seq10", "Seq2"]
    assert browser.run(_ORDERS)[2] == "ascending"
    browser.click(heading.format("Sequence"))
    assert browser.run(_ROWS) == ["Ant", "Seq2", "seq10"]
    assert browser.run(_ORDERS)[:3] == ["ascending", None, None]
    assert browser.console() == []


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_a_sequence_without_a_score_stays_last(browser: Browser, report: Path, order: str) -> None:
    browser.open(report, width_px=1280)
    for _ in range(2):
        browser.click("//section[h2[@id='sequences']]//th[button='partial']/button")
        if order in browser.run(_ORDERS):
            break
    assert browser.run(_ROWS)[-1] == "Ant"


@pytest.mark.parametrize("width_px", [320, 390, 1280])
def test_the_page_itself_never_scrolls_sideways(browser: Browser, report: Path, width_px: int) -> None:
    browser.open(report, width_px=width_px)
    needed, there = browser.run(_WIDTHS)
    assert needed <= there <= width_px


@pytest.mark.parametrize("width_px", [320, 390, 1280])
def test_the_device_page_fits_and_draws_every_picture(browser: Browser, tmp_path: Path, width_px: int) -> None:
    names = tuple(Tap(name, tuple(range(64)), 128) for name in ("11", "12"))
    made = make_pictures(128, kept=64)
    kept, whole = ({tap.name: maps["11"] for tap in names} for maps in (made.kept, made.whole))
    pictures = replace(made, kept=kept, whole=whole)
    shown = make_device(tmp_path, name="m" * 60, spec=make_spec(taps=names), pictures=pictures)
    write_device_page(tmp_path / "page.html", shown)
    browser.open(tmp_path / "page.html", width_px=width_px)
    needed, there = browser.run(_WIDTHS)
    assert needed <= there <= width_px
    assert browser.run("return [...document.images].filter(i => !(i.complete && i.naturalWidth)).length") == 0
    assert browser.run("return document.images.length") == 1 + 2 * 128
    assert browser.console() == []


def test_the_console_shows_what_the_policy_forbids(browser: Browser, report: Path) -> None:
    browser.open(report, width_px=1280)
    assert browser.console() == []
    browser.run("const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i)")
    assert "Content Security Policy" in " ".join(browser.console())
