"""Choosing as a user does it: in a window, on the page (in a browser: tests/serve), as a picture with a ruler."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from cdedge.choosing import page, window
from tests.conftest import Done
from tests.serve.client import ask

Run = Callable[..., Done]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[int, int, int, int]], None]:
    """Have a display, and a user who draws this in the window."""

    def draw(box: tuple[int, int, int, int]) -> None:
        monkeypatch.setattr(window, "can_show", lambda: True)
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "resizeWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "destroyWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "selectROI", lambda *_, **__: box)

    return draw


def test_the_window_prints_the_option_in_the_sequences_own_numbering(cdedge: Run, drawn, square_folder: Path) -> None:
    drawn((40, 50, 24, 20))
    done = cdedge("select", square_folder)
    assert (done.returncode, done.stdout) == (0, "--box 41,51,24,20\n")
    assert "200x160" in done.stderr
    answer = json.loads(cdedge("select", square_folder, "--json").stdout)
    assert answer["schema"] == "cdedge.select/1"
    assert answer["box"] == [41, 51, 24, 20]
    assert (answer["width_px"], answer["height_px"], answer["warnings"]) == (200, 160, [])


def test_nothing_drawn_is_one_line(cdedge: Run, drawn, square_folder: Path) -> None:
    drawn((0, 0, 0, 0))
    done = cdedge("select", square_folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().splitlines()[-1] == "cdedge: no target was chosen in Square"


def test_a_drawn_box_is_looked_at(cdedge: Run, drawn, square_folder: Path) -> None:
    drawn((0, 0, 190, 150))
    done = cdedge("select", square_folder, "--json")
    assert "more than half of the frame" in done.stderr
    assert len(json.loads(done.stdout)["warnings"]) == 1


def test_select_inside_track(cdedge: Run, drawn, tiny_model: Path, square_video: Callable[[int], Path]) -> None:
    drawn((40, 50, 24, 20))
    done = cdedge("track", tiny_model, square_video(6), "--select", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["boxes"][0] == [40, 50, 24, 20]


@pytest.mark.parametrize("command", [("export", "--layers", "11"), ("plan", "--layers", "11", "--channels", "0.5")])
def test_select_inside_commands_of_the_desk(
    cdedge: Run, drawn, command: tuple[str, ...], square_video: Callable[[int], Path], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    drawn((60, 50, 0, 0))
    done = cdedge(command[0], square_video(6), *command[1:], "--select", "-o", tmp_path / "out.onnx")
    assert done.returncode == 2
    assert "no target was chosen" in done.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_the_picture_with_a_ruler(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "ruler.png"
    done = cdedge("select", square_folder, "--png", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert "200x160" in done.stderr
    plain = out.read_bytes()
    answer = json.loads(cdedge("select", square_folder, "--png", out, "--box", "10%,10%,30%,30%", "--json").stdout)
    assert answer["box"] == [21, 17, 60, 48]
    assert out.read_bytes() != plain
    assert cdedge("select", square_folder, "--box", "1,2,30,40").returncode == 2


def test_shares_are_understood_where_a_box_is(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    done = cdedge("track", tiny_model, square_folder, "--box", "20%,31.25%,12%,12.5%", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["boxes"][0] == [41, 51, 24, 20]
    bench = cdedge("bench", tiny_model, square_folder, "--box", "20%,31.25%,12%,12.5%", "--threads", 1, "--json")
    assert json.loads(bench.stdout)["request"]["box"] == [40, 50, 24, 20]


def test_a_missing_box_is_asked_for_with_the_frames_size(
    cdedge: Run, tiny_model: Path, square_video: Callable[[int], Path]
) -> None:
    assert "200x160" in cdedge("track", tiny_model, square_video(5)).stderr


def test_the_page_ends_when_the_box_is_agreed_to(
    cdedge: Run, monkeypatch: pytest.MonkeyPatch, square_folder: Path
) -> None:
    told: list[str] = []
    monkeypatch.setattr(page, "say", told.append)

    def user() -> None:
        while not told:
            time.sleep(0.01)
        found = re.search(r"http://127\.0\.0\.1:\d+/", told[0])
        assert found is not None
        assert ask(found[0], "POST", "agree").status == 409  # the first frame is not there, or no box is
        while ask(found[0], "POST", "targets", {"box": [40, 50, 24, 20]}).status != 200:
            time.sleep(0.01)
        assert ask(found[0], "POST", "agree").status == 200

    browser = threading.Thread(target=user)
    browser.start()
    done = cdedge("select", square_folder, "--page")
    browser.join()
    assert (done.returncode, done.stdout) == (0, "--box 41,51,24,20\n"), done.stderr


def test_a_machine_without_a_display_asks_in_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not window.can_show()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "QT")
    assert window.can_show()
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    assert not window.can_show()


@pytest.mark.parametrize("given", [["--select"], ["--target", "40,50,24,20"]])
def test_what_comes_next_has_the_box_that_was_drawn_or_given(
    cdedge: Run, drawn, given: list[str], tiny_model: Path, square_video: Callable[[int], Path], tmp_path: Path
) -> None:
    drawn((40, 50, 24, 20))
    done = cdedge("track", tiny_model, square_video(6), *given, "-o", tmp_path / "boxes.csv")
    (following,) = re.findall(r"^next: cdedge (.*)$", done.stderr, re.MULTILINE)
    assert following == f"bench {tiny_model} {tmp_path / 'square.avi'} --box 40,50,24,20"
