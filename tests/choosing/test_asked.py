"""The box of a command: read, looked at, shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge.choosing.asked import Asked, box_in, find_now, finder
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.sources.frames import Source, open_source

FRAME = (200, 400, 3)


def still(**changes: object) -> Source:
    source = Source("still", lambda: iter([np.zeros(FRAME, np.uint8)]))
    return dataclasses.replace(source, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "origin", "box"),
    [
        ("10,20,30,40", 0, Box(10, 20, 30, 40)),
        ("10,20,30,40", 1, Box(9, 19, 30, 40)),
        ("40%,30%,10%,12%", 1, Box(160, 60, 40, 24)),
        (" 40% , 20,.5%,4e1", 0, None),
        ("40%,20,10%,40.5", 0, Box(160, 20, 40, 40.5)),
        ("-5,+5,10.,.5", 0, Box(-5, 5, 10, 0.5)),
    ],
)
def test_pixels_count_from_the_origin_and_shares_from_the_edge(text: str, origin: int, box: Box | None) -> None:
    if box is None:
        with pytest.raises(Usage, match="four numbers"):
            box_in(text, FRAME, origin)
    else:
        assert box_in(text, FRAME, origin) == box


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,3,4,5", "", "1%%,2,3,4", "1 2 3 4"])
def test_a_text_that_is_no_box_is_refused_before_a_frame_is_read(text: str) -> None:
    def unread() -> None:
        raise AssertionError("read")

    with pytest.raises(Usage, match="four numbers"):
        finder(Asked(text), still(frames=unread))


def test_what_looks_wrong_is_said_with_the_frames_size_and_the_box_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_now(Asked("5,10,390,180"), still()) == Box(5, 10, 390, 180)
    said = " ".join(capsys.readouterr().err.split())
    assert "warning" in said
    assert "400x200" in said
    assert "more than half of the frame" in said
    assert find_now(Asked("10,20,30,40"), still()) == Box(10, 20, 30, 40)
    assert capsys.readouterr().err == ""


def test_of_a_live_source_no_frame_is_taken_to_look_at_a_box() -> None:
    def unread() -> None:
        raise AssertionError("read")

    camera = still(live=True, frames=unread)
    assert find_now(Asked("10,20,30,40"), camera) == Box(10, 20, 30, 40)
    assert find_now(Asked(None), camera) is None
    with pytest.raises(Usage, match="give pixels"):
        find_now(Asked("10%,20,30,40"), camera)


def test_the_preview_shows_the_box_that_is_used(tmp_path: Path) -> None:
    out = tmp_path / "seen.png"
    assert find_now(Asked("100,50,60,40", preview=out), still()) == Box(100, 50, 60, 40)
    with_box = cv2.imread(str(out))
    find_now(Asked(None, preview=out), still(first_box=Box(100, 50, 60, 40)))
    assert np.array_equal(cv2.imread(str(out)), with_box)
    find_now(Asked("300,50,60,40", preview=out), still())
    assert not np.array_equal(cv2.imread(str(out)), with_box)
    with pytest.raises(BadInput, match="no box to preview in its 400x200 frame"):
        find_now(Asked(None, preview=out), still())


def test_typed_or_drawn_but_not_both() -> None:
    with pytest.raises(Usage, match="--select and --box"):
        finder(Asked("1,2,30,40", select=True), open_source(None))


@pytest.mark.parametrize(
    ("text", "origin", "meant", "inside"),
    [
        ("205,4,300,69", 0, "205,4,95,65", "205,4,195,69"),
        ("200,4,300,69", 1, "200,4,100,65", "200,4,201,69"),
    ],
)
def test_corners_typed_as_a_box_are_refused_with_what_they_mean(
    text: str, origin: int, meant: str, inside: str
) -> None:
    with pytest.raises(Usage) as told:
        find_now(Asked(text), still(origin=origin))
    assert f"leaves the 400x200 frame, and looks like corners x1,y1,x2,y2. If so, give --box {meant};" in str(
        told.value
    )
    assert str(told.value).endswith(f"--box {inside}")
    assert find_now(Asked(inside), still(origin=origin)) is not None


def test_what_cannot_be_tracked_is_an_error_and_no_warning_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match="at least 1 px"):
        find_now(Asked("10,20,30,-5"), still())
    assert capsys.readouterr().err == ""


def test_the_next_command_has_the_box_as_it_was_given_or_drawn_and_no_other() -> None:
    found = Box(9, 19, 30, 40)
    assert Asked("10,20,30,40").words(found, 1) == ["--box", "10,20,30,40"]
    assert Asked(None, select=True).words(found, 1) == ["--box", "10,20,30,40"]
    assert Asked(None).words(found, 1) == []  # the source said it, and will again
