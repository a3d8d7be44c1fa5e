"""The page in real browsers, with a real mouse, pen or finger."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cdedge.choosing import page
from cdedge_runtime.box import Box
from cdedge_runtime.sources.demo import Clip
from cdedge_runtime.sources.frames import Frame, Source, demo_source
from cdedge_runtime.targets import Targets, open_targets
from tests.conftest import Done, MovingSquare
from tests.pages.webdriver import Browser, chromium

from .client import ask
from .serving import Stub, numbered, serving

_READY = "return picture !== null && !failures && state.status"
_PLACE = "const r = canvas.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]"
_WIDTHS = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
Start = Callable[[], Browser]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(chromium(tmp_path_factory.mktemp("profile")))


@pytest.fixture(scope="module")
def browser(start: Start) -> Browser:
    return start()


@pytest.fixture
def tracked(tiny_model: Path) -> Targets:
    return open_targets(tiny_model, threads=1)


def draw(browser: Browser, box: Box, kind: str = "mouse") -> None:
    """Drag a box of the frame's own pixels."""
    left, top, width, height = browser.run(_PLACE)
    frame_width, frame_height = browser.run("return [state.width_px, state.height_px]")
    scale = min(width / frame_width, height / frame_height)
    x0, y0 = left + (width - frame_width * scale) / 2, top + (height - frame_height * scale) / 2
    start = (x0 + box.x * scale, y0 + box.y * scale)
    browser.drag(start, (start[0] + box.width * scale, start[1] + box.height * scale), kind=kind)


def seen_box(browser: Browser, index: int = 0) -> tuple[int, Box]:
    frame, box = browser.run(f"return [state.frame, state.targets[{index}].box]")
    return int(frame), Box(*box)


@pytest.mark.parametrize(("width_px", "kind"), [(1280, "mouse"), (390, "touch")])
def test_a_drag_on_the_demo_clip_is_followed(browser: Browser, tracked: Targets, width_px: int, kind: str) -> None:
    with serving(demo_source(), tracked) as running:
        browser.visit(running.address, width_px=width_px)
        browser.wait(_READY)
        browser.console()  # what the page before this one still said of its server that is gone
        draw(browser, Clip().box(0), kind)
        for least in (10, 40, 70):
            browser.wait(f"return state.frame > {least} && state.targets.length === 1")
            frame, box = seen_box(browser)
            assert box.iou(Clip().box(frame)) > 0.4, frame
        assert browser.run("return document.querySelector('#targets output').textContent").startswith("score ")
        needed, there = browser.run(_WIDTHS)
        assert needed <= there <= width_px
        assert browser.console() == []


def leaving() -> Source:
    """The moving square for 40 frames, and then only the ground it moved over."""
    clip = MovingSquare(40, speed=(1, 1))
    ground = clip.frame(0)
    ground[50:70, 40:64] = ground[20:40, 100:124]

    def frames() -> Iterator[Frame]:
        yield from (clip.frame(i) for i in range(40))
        yield from (ground for _ in range(80))

    return Source("leaving", frames, count=120, fps=40.0)


def test_the_score_falls_when_the_target_goes(browser: Browser, tracked: Targets) -> None:
    with serving(leaving(), tracked) as running:
        browser.visit(running.address, width_px=1280)
        browser.wait(_READY)
        draw(browser, MovingSquare().box(0))
        browser.wait("return state.frame >= 25")
        there = browser.run("return state.targets[0].score")
        browser.wait("return state.status === 'ended'")
        gone, lost = browser.run("return [state.targets[0].score, state.targets[0].lost]")
        assert gone < there / 2
        assert lost
        assert browser.run("return document.querySelector('#targets .found').textContent") == "lost"
        assert "end of the recording" in browser.run("return document.getElementById('hint').textContent")


def test_targets_are_drawn_again_paused_removed_and_all_forgotten(browser: Browser) -> None:
    with serving(numbered(100_000, fps=50.0), Stub()) as running:
        browser.visit(running.address, width_px=1280)
        browser.wait(_READY)
        draw(browser, Box(10, 10, 20, 20))
        browser.wait("return state.targets.length === 1 && state.status === 'running'")
        draw(browser, Box(40, 30, 20, 20))
        browser.wait("return state.targets.length === 2")
        browser.click("//button[@id='pause']")
        browser.wait("return state.status === 'paused'")
        browser.click("//li[@data-id='1']//button[text()='Draw again']")
        draw(browser, Box(20, 30, 16, 16))
        browser.wait("return Math.abs(state.targets[0].box[1] - 30) < 1 && state.targets.length === 2")
        browser.click("//li[@data-id='2']//button[text()='Remove']")
        browser.wait("return document.querySelectorAll('#targets li').length === 1")
        browser.click("//button[text()='Play']")
        browser.wait("return state.status === 'running'")
        browser.click("//button[text()='Start over']")
        browser.wait("return state.status === 'waiting' && state.frame === 0 && state.targets.length === 0")


def test_a_box_drawn_to_nothing_chooses_nothing(browser: Browser) -> None:
    with serving(numbered(100_000, fps=50.0), Stub()) as running:
        browser.visit(running.address, width_px=1280)
        browser.wait(_READY)
        draw(browser, Box(10, 10, 0, 0))
        assert "at least 6 px" in browser.wait("return document.getElementById('notice').textContent")
        draw(browser, Box(10, 10, 30, 1))
        assert ask(running.address, path="state").value["targets"] == []
        assert not running.viewers.holding()


def test_a_box_is_typed_in_pixels_and_shares(browser: Browser) -> None:
    with serving(numbered(1), Stub()) as running:
        browser.visit(running.address, width_px=390)
        browser.wait(_READY)
        assert "80 × 60" in browser.run("return document.getElementById('size').textContent")
        browser.run("numbers.value = '25%, 12, 10%, 9'; typed.requestSubmit()")
        assert browser.wait("return state.targets[0]?.box") == [20, 12, 8, 9]


def test_two_browsers_choose_and_see_both_and_one_vanishes(browser: Browser, start: Start) -> None:
    other = start()
    with serving(numbered(100_000, fps=50.0), Stub()) as running:
        for one in (browser, other):
            one.visit(running.address, width_px=1280)
            one.wait(_READY)
        draw(browser, Box(10, 10, 20, 20))
        other.wait("return state.targets.length === 1")
        draw(other, Box(40, 30, 20, 20))
        for one in (browser, other):
            one.wait("return state.targets.length === 2 && state.viewers === 2")
        os.kill(other.process, signal.SIGKILL)
        browser.wait("return state.viewers === 1", timeout_s=30)
        frame = browser.run("return state.frame")
        browser.wait(f"return state.frame > {frame} + 20 && state.targets.length === 2")


def test_the_page_comes_back_when_the_device_does(browser: Browser) -> None:
    with serving(numbered(100_000, fps=50.0), Stub()) as running:
        port = int(running.address.split(":")[2].strip("/"))
        browser.visit(running.address, width_px=390)
        browser.wait(_READY)
    browser.wait("return document.getElementById('status').textContent === 'not connected'")
    with serving(numbered(100_000, fps=50.0), Stub(), port=port, first=lambda _: Box(1, 1, 20, 20)):
        browser.wait(f"{_READY} === 'running' && state.targets.length === 1")
        assert browser.run("return document.getElementById('hint').textContent") == ""


def test_a_slow_browser_gets_smaller_pictures(browser: Browser) -> None:
    clip = Clip()
    large = [clip.frame(i).repeat(3, axis=0).repeat(3, axis=1) for i in range(10)]
    with serving(Source("large", lambda: iter(large * 500), fps=25.0), Stub()) as running:
        browser.visit(running.address, width_px=1280)
        browser.wait(_READY)
        assert browser.run("return picture.width") >= 640
        browser.network(kilobytes_per_second=60)
        try:
            ask(running.address, "POST", "play")
            browser.wait("return picture.width <= 320", timeout_s=40)
        finally:
            browser.network(kilobytes_per_second=None)


def test_select_in_the_browser(browser: Browser, cdedge: Callable[..., Done], monkeypatch, square_folder: Path) -> None:
    said: list[str] = []
    monkeypatch.setattr(page, "say", said.append)
    wrong: list[BaseException] = []

    def user() -> None:
        try:
            while not said:
                time.sleep(0.01)
            address = next(word for word in said[0].split() if word.startswith("http"))
            browser.visit(address, width_px=390)
            browser.wait(_READY)
            browser.console()  # what the page before this one still said
            assert browser.run("return agree.disabled")
            draw(browser, Box(20, 20, 40, 40))
            browser.wait("return state.targets.length === 1")
            draw(browser, Box(40, 50, 24, 20))
            browser.wait("return Math.abs(state.targets[0].box[0] - 40) < 1 && state.targets.length === 1")
            browser.click("//button[text()='Use this box']")
            browser.wait("return document.getElementById('done') !== null")
            time.sleep(1.5)  # a page that still asks would find nobody meanwhile, and say so
            browser.run("window.dispatchEvent(new Event('resize'))")
            assert browser.console() == []
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            wrong.append(error)

    hand = threading.Thread(target=user)
    hand.start()
    done = cdedge("select", square_folder, "--page")
    hand.join()
    assert wrong == []
    numbers = [float(word) for word in done.stdout.removeprefix("--box ").split(",")]
    assert numbers == pytest.approx([41, 51, 24, 20], abs=0.6)


@pytest.mark.parametrize("width_px", [320, 390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_and_its_words_can_be_read(browser: Browser, width_px: int, dark: bool) -> None:
    with serving(numbered(100_000, fps=50.0), Stub(), first=lambda _: Box(10, 10, 20, 20)) as running:
        browser.visit(running.address, width_px=width_px, dark=dark)
        browser.wait(_READY)
        needed, there = browser.run(_WIDTHS)
        assert needed <= there <= width_px
        ground, ink = browser.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        light = [sum(int(n) for n in colour[4:-1].split(",")) for colour in (ground, ink)]
        assert abs(light[0] - light[1]) > 450
        assert (light[0] < light[1]) == dark
